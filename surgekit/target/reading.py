"""Reading replies: what a body says, and what an order is told by it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from surgekit.errors import ConfigError
from surgekit.model import ReplyClass
from surgekit.target.schema import ReplyRule

Path = tuple[str | int, ...]
MISSING = object()
_STEP = re.compile(r"\.?([^.\[\]]+)|\[([0-9]{1,9})\]")
MOST_TEXT = 16_384
"""Characters of a body that ``matches`` looks at: an error page says what it is in its first lines, and a pattern that
backtracks must not hold up the load for long."""


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
    """The body as JSON, or ``MISSING``.

    Stricter than Python: a name given twice in one object, NaN, and numbers beyond float are no JSON that two readers
    would read alike, so nothing may be concluded from them.
    """
    try:
        return json.loads(body, object_pairs_hook=_once, parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError):
        return MISSING


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _no_number(word: str) -> Any:
    raise ValueError(word)


def _finite(word: str) -> float:
    value = float(word)
    if math.isinf(value):
        raise ValueError(word)
    return value


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
        self._regex = None if rule.matches is None else re.compile(rule.matches)

    def fits(self, reply: Reply, data: Any) -> bool:
        if self._statuses is not None:
            if reply.status not in self._statuses:
                return False
        elif self.kind is ReplyClass.OK and reply.status >= 400:
            # A success and an error in one reply contradict each other, unless the target file says that they go together.
            return False
        if self._allowed is not None and self._path is not None:
            value = look(data, self._path)
            # 0 and False are equal in Python; on the wire they are not.
            if not any(value == allowed and isinstance(value, bool) == isinstance(allowed, bool) for allowed in self._allowed):
                return False
        if self._regex is not None:
            text = reply.body[: 4 * MOST_TEXT].decode("utf-8", "replace")
            if self._path is not None and self._allowed is None:
                value = look(data, self._path)
                if value is MISSING:
                    return False
                text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            if self._regex.search(text[:MOST_TEXT]) is None:
                return False
        return True
