"""The texts that many records share: each is written once, and a record has its number."""

from __future__ import annotations

from typing import Final

from surgekit.engine.history.live import Live
from surgekit.eventlog.records import MOST_CODES, OTHER, line
from surgekit.model import Outcome

MOST_WORDS: Final = 60_000
MOST_LETTERS: Final = 8 << 20
"""Words, and letters in them, that are told apart: a reason may have a platform's own message in it, a new one each time."""
_WITHOUT_REASON: Final = 65_000
"""Codes up to here are for requests of each step and class without their reason, the last ones for those of any step."""


class Words:
    """Codes of the words of one shard. ``lines`` are the new ones, to be written before the first record that has them."""

    def __init__(self, live: Live, first: int = 0) -> None:
        self.of_requests: dict[tuple[str, str, str | None], int] = {}
        """Step, class and reason → code. What is not there yet is asked for by ``request``."""
        self.of_orders: dict[tuple[str, str | None, str | None], int] = {}
        """Outcome, reason and status → code. What is not there yet is asked for by ``order``."""
        self.lines: list[bytes] = []
        self._live = live
        self._next = first
        self._letters = 0

    def request(self, step: str, kind: str, reason: str | None) -> int:
        """The code of a word. With too many of them it goes without its reason, and in the end without its step."""
        for word, most in (((step, kind, reason), MOST_WORDS), ((step, kind, OTHER), _WITHOUT_REASON), ((OTHER, kind, OTHER), MOST_CODES)):
            code = self.of_requests.get(word)
            if code is not None:
                return code
            code = self._new(*word, most)
            if code is not None:
                self.of_requests[word] = code
                self._live.request_word(code, *word)
                return code
        raise AssertionError("too few codes")

    def order(self, outcome: Outcome, reason: str | None, status: str | None) -> tuple[int, bool]:
        """The code of a word, and whether it says all: with too many of them, it is that of the outcome alone."""
        for word, most in (((outcome, reason, status), MOST_WORDS), ((outcome, None, None), MOST_CODES)):
            code = self.of_orders.get(word)
            if code is None:
                code = self._new(*word, most)
                if code is not None:
                    self.of_orders[word] = code
                    self._live.order_word(code, outcome, word[1])
            if code is not None:
                return code, word == (outcome, reason, status)
        raise AssertionError("too few codes")

    def _new(self, a: str, b: str | None, c: str | None, most: int) -> int | None:
        code = self._next
        if code >= most:
            return None
        told = line([code, a, b, c])
        if most == MOST_WORDS and self._letters + len(told) > MOST_LETTERS:
            return None
        self._next += 1
        self._letters += len(told)
        self.lines.append(told)
        return code
