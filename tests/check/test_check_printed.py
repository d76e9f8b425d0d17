"""What ``targets check`` prints of the exchanges."""

from __future__ import annotations

import pytest
from check_story import exchange

from surgekit.cli.targets_check import _show_all


def printed(capsys: pytest.CaptureFixture[str], *seen: dict[str, object]) -> str:
    _show_all(list(seen))
    return capsys.readouterr().out


def test_polls_that_say_the_same_are_shown_once_with_their_number(capsys: pytest.CaptureFixture[str]) -> None:
    polls = [exchange("poll", reply=f'{{"status": 0, "now": {1790000000 + second}, "at": "23:10:{second}"}}', ms=second) for second in range(10, 23)]
    text = printed(capsys, exchange("submit"), *polls, exchange("poll", reply='{"status": 2}'))
    assert text.count("poll: GET /poll") == 2
    assert text.count("(12 more like this)") == 1
    assert text.index("1790000010") < text.index("(12 more like this)") < text.index('{"status": 2}')


@pytest.mark.parametrize("other", [{"status": 500}, {"class": "unknown"}, {"kept": {"status": "1"}}, {"reply": "[1]"}, {"url": "/other"}, {"error": "timeout"}])
def test_a_poll_that_differs_is_shown(other: dict[str, object], capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, exchange("poll"), {**exchange("poll"), **other})
    assert text.count("poll: GET /") == 2
    assert "more like this" not in text


def test_other_exchanges_are_never_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, exchange("poll"), exchange("deliver"), exchange("poll"))
    assert [line.partition(":")[0] for line in text.splitlines() if "GET" in line] == ["poll", "deliver", "poll"]


def test_nothing_found_is_not_shown_as_something_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, exchange("poll", kept={"status": "0", "cards": None}))
    assert "    cards = nothing found\n" in text


def test_a_word_of_ours_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert "  = unknown (odd_reply): no rule fits this reply (HTTP 200)\n" in printed(capsys, exchange("pay", "unknown", "odd_reply"))
    assert "  = ok\n" in printed(capsys, exchange("pay"))
