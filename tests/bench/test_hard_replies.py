"""Every awkward reply is called what it is, and the bench would see it if one were not."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from surgekit.target.reading import Reply
from tests.bench import hard_replies, hard_replies_fuzz
from tests.bench.__main__ import names
from tests.bench.hard_replies_forms import FORMS, WHOLE, Form

MOST_GROWTH_MIB = 64.0
MOST_PEAK_MIB = 128.0
"""A reply of the largest size, in parts, whole and unpacked, and what the form itself takes."""


def test_each_form_is_called_what_it_is_and_nothing_hangs_or_grows() -> None:
    result = json.loads(json.dumps(hard_replies.run(True)))
    assert result["wrong"] == [], hard_replies.table(result)
    assert result["right"] == result["forms"] == len(FORMS) >= 60
    assert (result["hangs"], result["crashes"]) == (0, 0)
    assert result["fuzz"] >= 100
    assert result["rss_growth_mib"] < MOST_GROWTH_MIB
    assert result["peak_mib"] < MOST_PEAK_MIB
    assert f"{len(FORMS)} of {len(FORMS)} forms right" in hard_replies.table(result)


@pytest.mark.parametrize(("wrongs", "right", "second"), [(0, True, False), (1, True, True), (2, False, False)])
def test_what_is_right_only_at_the_second_try_is_counted(monkeypatch: pytest.MonkeyPatch, wrongs: int, right: bool, second: bool) -> None:
    server = hard_replies.Server({}, "")
    asked: list[str] = []

    def planted(name: str, number: int) -> str:
        asked.append(name)
        return "planted" if number == 0 and asked.count(name) <= wrongs else ""

    first = FORMS[0].name
    monkeypatch.setattr(hard_replies, "tried", lambda _, form: (planted(form.name, int(form.name != first)), (None, "")))
    rows, faults = hard_replies.formed(server)
    assert (rows[0]["right"], rows[0]["second_try"], len(faults)) == (right, second, int(not right))
    assert not any(row["second_try"] for row in rows[1:])

    asked.clear()
    monkeypatch.setattr(hard_replies, "mutated", lambda _, number: planted(str(number), number))
    monkeypatch.setattr(hard_replies, "control", lambda *_: {})
    number, again, faults = hard_replies.fuzz(server, 0.02)
    assert number > 0
    assert (again, len(faults)) == (int(second), int(not right))
    told = {"forms": 1, "right": 1, "wrong": [], "fuzz": number, "hangs": 0, "crashes": 0, "rss_growth_mib": 0, "peak_mib": 0, "rows": rows[:1]}
    text = hard_replies.table(told | {"second_try": {"forms": [first] * second, "fuzz": again}})
    assert text.endswith(f"right only at the second try: {int(second)} forms, {int(second)} mutated replies")
    assert ("at the second try" in text.splitlines()[2]) == second


def test_each_form_has_a_name_of_its_own() -> None:
    assert len({form.name for form in FORMS}) == len(FORMS)


def test_the_command_knows_it() -> None:
    assert "hard-replies" in names()


@pytest.fixture(scope="module")
def server() -> Iterator[hard_replies.Server]:
    with hard_replies.serving() as found:
        yield found


def _raises(*_: object, **__: object) -> Reply:
    raise KeyError("planted")


def _sleeps(*_: object, **__: object) -> Reply:
    time.sleep(1)
    return Reply(200, b"ok", 0.0, 0.0)


def _says_ok(*_: object, **__: object) -> Reply:
    return Reply(200, b"ok", 0.0, 0.0)


@pytest.mark.parametrize(
    ("fault", "what"), [(_raises, "Traceback"), (_sleeps, "hang"), (_says_ok, "error None instead of truncated")], ids=["an exception", "sleep", "a wrong reply"]
)
def test_a_fault_that_is_planted_is_found(server: hard_replies.Server, monkeypatch: pytest.MonkeyPatch, fault: Callable[..., Reply], what: str) -> None:
    sound = hard_replies.ask
    form = next(form for form in FORMS if form.name == "too_short")

    def planted(port: int, asked: Form, *, tls: str | None = None) -> Reply:
        return sound(port, asked, tls=tls) if asked.path.startswith("/control/") else fault()

    assert hard_replies.tried(server, form)[0] == ""
    monkeypatch.setattr(hard_replies, "ask", planted)
    monkeypatch.setattr(hard_replies, "FORM_S", 0.5)
    assert hard_replies.tried(server, form)[0].startswith(what)


@pytest.mark.parametrize(
    ("name", "changed", "what"),
    [
        ("too_long", {"again": True}, "the connection was not used again"),
        ("sound", {"again": False}, "the connection was used again"),
        ("sound", {"status": 201}, "status 200 instead of 201"),
        ("sound", {"body": b"no"}, "body b'ok' (2 bytes) instead of b'no' (2)"),
        ("closed_under_a_read", {"heard": 1}, "heard 2 times instead of 1"),
        ("fin_at_once", {"error": ("reset", None)}, "error closed instead of reset or None"),
    ],
)
def test_each_thing_that_a_form_asks_for_is_looked_at(server: hard_replies.Server, name: str, changed: dict[str, object], what: str) -> None:
    form = next(form for form in FORMS if form.name == name)
    told = {each: getattr(form, each) for each in Form.__dataclass_fields__} | changed
    assert hard_replies.tried(server, Form(**told))[0] == what


def test_a_mutated_reply_is_the_same_each_time_and_told_from_the_truth() -> None:
    made = next(each for each in map(hard_replies_fuzz.case, range(200)) if each.kind == "cut" and each.end == "close" and not hard_replies_fuzz.truth(each.data))
    assert made == next(each for each in map(hard_replies_fuzz.case, range(200)) if each.data == made.data)
    assert not hard_replies_fuzz.wrong(made, Reply(0, b"", 0.0, 0.0, "truncated"))
    assert hard_replies_fuzz.wrong(made, Reply(0, b"", 0.0, 0.0, "surprise"))
    assert hard_replies_fuzz.wrong(made, Reply(200, b"", 0.0, 0.0))


def test_what_is_sound_may_not_be_turned_down() -> None:
    made = hard_replies_fuzz.Case("sound", WHOLE, (), "close")
    assert hard_replies_fuzz.truth(WHOLE) == (200, b"ok")
    assert hard_replies_fuzz.wrong(made, Reply(0, b"", 0.0, 0.0, "garbage"))
    assert hard_replies_fuzz.wrong(made, Reply(200, b"no", 0.0, 0.0))
    assert not hard_replies_fuzz.wrong(made, Reply(200, b"ok", 0.0, 0.0))
