"""The walk is told whatever becomes of the engine, and no longer waited for than it can take."""

from __future__ import annotations

import queue
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from check_story import exchange, shop, walked

from surgekit.check import walk

DELIVER = {"request": "POST /d", "replies": [{"class": "ok", "path": "c", "equals": 1}]}


class Engine:
    """Says ``lines``; then it is gone (None), or says nothing more (Empty)."""

    def __init__(self, *lines: dict[str, Any] | None) -> None:
        self._lines = list(lines)
        self.waited: list[float] = []
        self.ends = 0
        self.said = self

    def __call__(self, *_: object, **__: object) -> Engine:
        return self

    def ready(self) -> None:
        pass

    def get(self, timeout: float) -> dict[str, Any] | None:
        self.waited.append(timeout)
        if not self._lines:
            raise queue.Empty
        return self._lines.pop(0)

    def last_words(self) -> str:
        return "ended with status 1: ValueError: odd (more in /tmp/gone/engine-0.log)"

    def end(self) -> None:
        self.ends += 1


def story(engine: Engine, monkeypatch: pytest.MonkeyPatch, **more: Any) -> tuple[walk.Story, list[str]]:
    monkeypatch.setattr(walk, "Child", engine)
    told: Any = SimpleNamespace(target=shop(**more), secrets={}, profile=SimpleNamespace(buyers=SimpleNamespace(patience=12.0)))
    found, going = walk.Story(), list[str]()
    walk.walk(Path(), told, "game", "balance", found, lambda each: going.append(each["step"]))
    assert engine.ends
    return found, going


def said(number: int, step: str, reply: str) -> dict[str, Any]:
    return exchange(step, reply=reply) | {"number": number}


def test_what_is_said_again_takes_the_place_of_what_was_said_first(monkeypatch: pytest.MonkeyPatch) -> None:
    found, going = story(Engine(said(0, "submit", "CARD"), said(1, "poll", "<cards>"), said(0, "submit", "<cards>"), walked()), monkeypatch)
    assert [(each["step"], each["reply"]) for each in found.seen] == [("submit", "<cards>"), ("poll", "<cards>")]
    assert going == ["submit", "poll"]
    assert found.walked is not None


def test_an_engine_that_dies_leaves_what_it_said(monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = story(Engine(said(0, "submit", "a"), None), monkeypatch)
    assert [each["step"] for each in found.seen] == ["submit"]
    assert found.walked is None
    assert found.why == "the engine gave up: ended with status 1: ValueError: odd"  # its log is gone with the run folder


def test_an_engine_that_hangs_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = story(Engine(said(0, "submit", "a")), monkeypatch)
    assert [each["step"] for each in found.seen] == ["submit"]
    assert found.why == "the engine has said nothing for 92 s, longer than a buyer waits"


def test_a_person_who_delivers_late_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    poll = {"request": "GET /o", "replies": [{"class": "ok", "path": "c", "equals": 1}], "extract": {"status": "s"}}
    steps = {"submit": {"request": "POST /o", "replies": [{"class": "ok", "path": "c", "equals": 1}]}, "poll": poll}
    engine = Engine(walked())
    story(engine, monkeypatch, steps=steps, admin={"deliver": DELIVER, "after": "10m"})
    assert engine.waited == [600 + 92]
