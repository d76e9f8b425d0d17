"""Reading replies: what a body says, and what an order is told by it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from surgekit.errors import ConfigError
from surgekit.model import ReplyClass
from surgekit.target.schema import ReplyRule

Path = tuple[str | int, ...]
MISSING = object()
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one request, or why nothing did.

    ``error`` is None for a complete reply, else a word such as ``timeout`` or ``reset``. ``effect_free`` says that the
    request provably never reached the platform. ``sent_s`` and ``done_s`` are seconds from the run's start.
    """

    status: int
    body: bytes
    sent_s: float | None
    done_s: float
    error: str | None = None
    effect_free: bool = False
    headers: Mapping[str, str] | None = None


def compile_path(text: str, where: str) -> Path:
    """``data.items[0].code`` or ``$.data…`` → its steps; the empty path is the whole body."""
    rest = text.removeprefix("$").removeprefix(".")
    steps: list[str | int] = []
    at = 0
    while at < len(rest):
        match = _STEP.match(rest, at)
        if match is None:
            raise ConfigError(f"{where}: {text!r} is not a path; write data.order_no or data.items[0].code")
        steps.append(int(match[2]) if match[2] is not None else match[1])
        at = match.end()
    return tuple(steps)


def look(data: Any, path: Path) -> Any:
    """The value at ``path``, or ``MISSING``."""
    for step in path:
        if isinstance(data, dict) and isinstance(step, str):
            data = data.get(step, MISSING)
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            data = data[step]
        else:
            return MISSING
        if data is MISSING:
            return MISSING
    return data


def parsed(body: bytes) -> Any:
    """The body as JSON, or ``MISSING``."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return MISSING


class Classifier:
    """The reply rules of a step, compiled."""

    __slots__ = ("_rules",)

    def __init__(self, rules: Sequence[ReplyRule], where: str) -> None:
        self._rules = [_Rule(rule, f"{where}.replies[{number}]") for number, rule in enumerate(rules)]

    def classify(self, reply: Reply, data: Any) -> tuple[ReplyClass, str | None]:
        """The class, and a reason where the order did not get on: error word, ``http_500``, ``odd_reply``…"""
        if reply.error is not None:
            return (ReplyClass.NOT_SENT if reply.effect_free else ReplyClass.UNKNOWN), reply.error
        for rule in self._rules:
            if rule.fits(reply, data):
                return rule.kind, None if rule.kind is ReplyClass.OK else rule.kind.value
        if not reply.body:
            return ReplyClass.UNKNOWN, f"http_{reply.status}" if reply.status >= 400 else "empty_reply"
        return ReplyClass.UNKNOWN, f"http_{reply.status}" if reply.status >= 400 else "odd_reply"


class _Rule:
    __slots__ = ("_allowed", "_path", "_regex", "_statuses", "kind")

    def __init__(self, rule: ReplyRule, where: str) -> None:
        self.kind = rule.class_
        self._statuses = None if rule.status is None else {rule.status} if isinstance(rule.status, int) else set(rule.status)
        self._path = None if rule.path is None else compile_path(rule.path, f"{where}.path")
        self._allowed: list[Any] | None = rule.in_
        if self._allowed is None and "equals" in rule.model_fields_set:
            self._allowed = [rule.equals]
        self._regex = None if rule.matches is None else re.compile(rule.matches.encode())

    def fits(self, reply: Reply, data: Any) -> bool:
        if self._statuses is not None and reply.status not in self._statuses:
            return False
        if self._allowed is not None and self._path is not None:
            value = look(data, self._path)
            # 0 and False are equal in Python; on the wire they are not.
            if not any(value == allowed and isinstance(value, bool) == isinstance(allowed, bool) for allowed in self._allowed):
                return False
        if self._regex is not None:
            text = reply.body
            if self._path is not None and self._allowed is None:
                value = look(data, self._path)
                if value is MISSING:
                    return False
                text = str(value).encode()
            if self._regex.search(text) is None:
                return False
        return True
