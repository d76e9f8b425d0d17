"""What an order is told by a reply: the rules of a step, compiled."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from surgekit.model import ReplyClass
from surgekit.target import page
from surgekit.target.pattern import Pattern
from surgekit.target.reading import (
    MISSING,
    MOST_TEXT,
    UNREAD,
    Document,
    Found,
    Names,
    Path,
    compile_path,
    finder,
    names_of,
)
from surgekit.target.schema import ReplyRule

Fits = Callable[[Document], bool]
Answer = tuple[ReplyClass, str | None]
MOST_STATUSES: Final = 1000
"""So many different ones are remembered; there are 500 that mean anything."""


class Classifier:
    """The reply rules of a step, compiled: for each status, those that can fit, each as one function that looks at what it asks for."""

    __slots__ = ("_by_status", "_given", "_rules")

    def __init__(self, rules: Sequence[ReplyRule], where: str) -> None:
        self._given = rules
        self._rules = [_compiled(rule, f"{where}.replies[{number}]") for number, rule in enumerate(rules)]
        self._by_status: dict[int, tuple[tuple[Fits, Answer], ...]] = {}

    def classify(self, document: Document) -> Answer:
        """The class, and a reason where the order did not get on: error word, ``http_500``, ``odd_reply``…"""
        reply = document.reply
        if reply.error is not None:
            return (ReplyClass.NOT_SENT if reply.effect_free else ReplyClass.UNKNOWN), reply.error
        status = reply.status
        rules = self._by_status.get(status)
        for fits, answer in self._of(status) if rules is None else rules:
            if fits(document):
                return answer
        if status >= 400:
            return ReplyClass.UNKNOWN, f"http_{status}"
        return ReplyClass.UNKNOWN, "odd_reply" if reply.body else "empty_reply"

    def firsts(self) -> dict[int, tuple[Names, Any]]:
        """status → (names, value), for each status where the first rule that can fit says ok as soon as the object that is the body has
        this value under these names."""
        plain = [_plainly_ok(rule) for rule in self._given]
        found: dict[int, tuple[Names, Any]] = {}
        for status in range(100, 600):
            first = next((number for number, (statuses, _, _) in enumerate(self._rules) if statuses is None or status in statuses), None)
            told = None if first is None else plain[first]
            if told is not None:
                found[status] = told
        return found

    def _of(self, status: int) -> tuple[tuple[Fits, Answer], ...]:
        rules = tuple((fits, answer) for statuses, fits, answer in self._rules if statuses is None or status in statuses)
        if len(self._by_status) < MOST_STATUSES:
            self._by_status[status] = rules
        return rules


def _compiled(rule: ReplyRule, where: str) -> tuple[frozenset[int] | range | None, Fits, Answer]:
    """(statuses that it can fit, None: all; what looks at the rest; what it means)."""
    statuses: frozenset[int] | range | None = None
    if rule.status is not None:
        statuses = frozenset({rule.status} if isinstance(rule.status, int) else rule.status)
    elif rule.class_ is ReplyClass.OK:
        # A success and an error in one reply contradict each other, unless the target file says that they go together.
        statuses = range(400)
    answer = rule.class_, None if rule.class_ is ReplyClass.OK else rule.class_.value
    return statuses, _all(list(_conditions(rule, where))), answer


def _plainly_ok(rule: ReplyRule) -> tuple[Names, Any] | None:
    """(names, value) where ``rule`` asks for nothing else, means ok."""
    if rule.class_ is not ReplyClass.OK or rule.path is None or rule.model_fields_set - {"class_", "status", "path", "equals"}:
        return None
    names = names_of(compile_path(rule.path, ""))
    if names is None or rule.equals is None:
        return None
    return names, rule.equals


def _all(conditions: Sequence[Fits]) -> Fits:
    match conditions:
        case [one]:
            return one
        case [one, other]:
            return lambda document: one(document) and other(document)
        case _:
            return lambda document: all(fits(document) for fits in conditions)


def _conditions(rule: ReplyRule, where: str) -> Iterator[Fits]:
    """What ``rule`` asks of a reply besides its status; the cheapest first."""
    path = None if rule.path is None else compile_path(rule.path, f"{where}.path")
    allowed = [rule.equals] if rule.in_ is None and "equals" in rule.model_fields_set else rule.in_
    matches = None if rule.matches is None else Pattern(rule.matches)
    if rule.content_type is not None:
        yield _of_type(rule.content_type.lower())
    if rule.location is not None:
        yield _in_header("location", Pattern(rule.location))
    if path is not None and allowed is not None:
        yield _one_of(path, allowed)
    if rule.css is not None:
        yield _on_page(page.selector(rule.css), matches)
    elif matches is not None and rule.header is not None:
        yield _in_header(rule.header.lower(), matches)
    elif matches is not None and path is not None and allowed is None:
        yield _in_value(finder(path), matches)
    elif matches is not None:
        yield lambda document: matches.found(document.text)


def _of_type(wanted: str) -> Fits:
    return lambda document: (document.header("content-type") or "").partition(";")[0].strip().lower() == wanted


def _in_header(name: str, pattern: Pattern) -> Fits:
    return lambda document: pattern.found(document.header(name) or "")


def _one_of(path: Path, allowed: Sequence[Any]) -> Fits:
    """Whether the value at ``path`` is one of ``allowed``. 0 and False are equal in Python; on the wire they are not."""
    find = finder(path)
    if len(allowed) == 1 and allowed[0] is not None and not isinstance(allowed[0], bool):
        (wanted,) = allowed
        if len(path) == 1 and isinstance(path[0], str):
            return _named(path[0], wanted)

        def the_one(document: Document) -> bool:
            value = find(document)
            return value == wanted and type(value) is not bool

        return the_one
    numbers = frozenset(each for each in allowed if isinstance(each, int | float) and not isinstance(each, bool))
    by_type: dict[type, frozenset[Any]] = {
        str: frozenset(each for each in allowed if isinstance(each, str)), int: numbers, float: numbers,
        bool: frozenset(each for each in allowed if isinstance(each, bool)), type(None): frozenset({None} & set(allowed)),
    }  # fmt: skip

    def among(document: Document) -> bool:
        value = find(document)
        return type(value) in by_type and value in by_type[type(value)]  # not there: a list, which has no hash, and what is missing

    return among


def _named(name: str, wanted: Any) -> Fits:
    """``the_one`` for what stands under ``name`` in the object that is the body: nearly all rules."""

    def fits(document: Document) -> bool:
        data = document.json
        if data is UNREAD:
            data = document.read_json()
        if type(data) is not dict:
            return False
        value = data.get(name, MISSING)
        return value == wanted and type(value) is not bool

    return fits


def _on_page(css: page.Selector, matches: Pattern | None) -> Fits:
    """Whether the page has such an element, and one with the text where that is asked for too."""

    def fits(document: Document) -> bool:
        found = document.page
        return found is not None and any(matches is None or matches.found(text) for text in found.texts(css))

    return fits


def _in_value(find: Found, pattern: Pattern) -> Fits:
    def fits(document: Document) -> bool:
        value = find(document)
        if value is MISSING:
            return False
        return pattern.found((value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))[:MOST_TEXT])

    return fits
