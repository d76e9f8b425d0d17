"""One headline, and for each measure what to try next."""

from __future__ import annotations

from typing import Any

import pytest

from surgekit.report.advice import add_words


def result(status: str = "broke", validity: str = "valid", **blame: Any) -> dict[str, Any]:
    """Three measures that all ended like this."""
    broke = status == "broke"
    told = {
        "status": status, "at_s": 31.0 if broke else None, "at_rate": 68.4 if broke else None, "observed": 0.5,
        "blame": {"name": "platform", "kind": "hop"} | blame,
    }  # fmt: skip
    return {
        "limits": {"confirm_ms": 3000.0, "late_share": 0.05, "error_share": 0.02, "oversold": 1},
        "breakdown": {"confirm_latency": dict(told), "oversell": told | {"observed": 7}, "error_rate": dict(told)},
        "validity": {"status": validity},
    }


def worded(**told: Any) -> dict[str, Any]:
    given = result(**told)
    add_words(given)
    return given


def test_the_headline_says_what_broke_and_at_what_rate() -> None:
    assert worded()["headline"]["en"] == (
        "Confirmation latency broke at 68 orders/s; oversell broke at 68 orders/s; error rate broke at 68 orders/s"
    )


def test_what_held_names_no_rate() -> None:
    assert worded(status="held")["headline"]["en"] == "Confirmation latency held; oversell held; error rate held"


@pytest.mark.parametrize("status", ["broke", "held", "undecided"])
def test_a_void_run_has_one_headline_whatever_it_shows(status: str) -> None:
    assert worded(status=status, validity="void")["headline"] == worded(validity="void")["headline"]
    assert worded(status=status, validity="void")["headline"] != worded(status=status)["headline"]


def test_limits_and_observations_are_in_words() -> None:
    told = worded()["breakdown"]
    assert [(each["limit_text"]["en"], each["observed_text"]["en"]) for each in told.values()] == [
        ("5% later than 3 s", "up to 50% later than 3 s"),
        ("1 orders beyond stock", "7 orders beyond stock"),
        ("2% of orders met an error", "up to 50% of orders"),
    ]


@pytest.mark.parametrize("status", ["held", "undecided"])
def test_only_what_broke_has_something_to_try(status: str) -> None:
    assert [each["try_next"] for each in worded(status=status)["breakdown"].values()] == [None] * 3


@pytest.mark.parametrize(
    ("blame", "word"),
    [
        ({"name": "platform"}, "inside the platform"),
        ({"name": "gateway"}, "ask the gateway"),
        ({"name": "client"}, "the generator is the bottleneck"),
        ({"name": "supplier-slow", "kind": "fault"}, "call the supplier outside the transaction"),
        ({"name": "not attributable", "kind": "none"}, "run it again with a lower --peak"),
    ],
    ids=lambda given: given["name"] if isinstance(given, dict) else "",
)
def test_what_to_try_depends_on_what_is_to_blame(blame: dict[str, str], word: str) -> None:
    assert word in worded(**blame)["breakdown"]["confirm_latency"]["try_next"]["en"]


def test_every_word_is_there_in_both_languages() -> None:
    told = worded()
    texts = [told["headline"], *(each[key] for each in told["breakdown"].values() for key in ("limit_text", "observed_text", "try_next"))]
    assert all(set(text) == {"en", "zh"} and text["en"] != text["zh"] for text in texts)
