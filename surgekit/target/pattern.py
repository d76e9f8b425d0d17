"""Regular expressions of target files, in RE2's language: no pattern takes longer than the text is long.

Python's own ``re`` can take hours over one odd reply, and the patterns here meet whatever a platform under stress sends. What RE2
has not (look-ahead, back-references) is told when the file is loaded.
"""

from __future__ import annotations

import re2

MOST_PATTERN = 2000
_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.max_mem = 4 << 20
_HINTS = {
    "invalid perl operator": "look-ahead and look-behind are not known here (patterns must take linear time); write it without",
    "invalid escape sequence": "this escape is not known here; back-references such as \\1 are not either",
}


class Pattern:
    """A compiled pattern. Raises ``ValueError`` with what is wrong with it.

    ``.`` takes no line break unless ``(?s)`` is given; ``^`` and ``$`` are the ends of the text unless ``(?m)`` is.
    """

    __slots__ = ("_compiled", "groups")

    def __init__(self, text: str) -> None:
        if len(text) > MOST_PATTERN:
            raise ValueError(f"a pattern of more than {MOST_PATTERN} characters; write a shorter one")
        try:
            self._compiled = re2.compile(text.encode(), options=_OPTIONS)
        except (re2.error, UnicodeEncodeError) as error:
            why = error.args[0] if error.args else error
            told = why.decode("utf-8", "replace") if isinstance(why, bytes) else str(why)
            hint = next((hint for word, hint in _HINTS.items() if told.startswith(word)), None)
            raise ValueError(f"not a regular expression: {told}" + (f"; {hint}" if hint else "")) from None
        self.groups = int(self._compiled.groups)

    def found(self, text: str) -> bool:
        """Whether it occurs in ``text``."""
        return self._compiled.search(_utf8(text)) is not None

    def first(self, text: str) -> str | None:
        """The first group of the first occurrence (the whole of it where there are no groups); None: there is none."""
        match = self._compiled.search(_utf8(text))
        return None if match is None else self._told(match)

    def every(self, text: str, most: int) -> list[str]:
        """As ``first``, of up to ``most`` occurrences."""
        found = []
        for match in self._compiled.finditer(_utf8(text)):
            found.append(self._told(match))
            if len(found) >= most:
                break
        return found

    def _told(self, match: re2._Match) -> str:
        group = match.group(1 if self.groups else 0)
        return "" if group is None else group.decode("utf-8", "replace")


def _utf8(text: str) -> bytes:
    # JSON can carry half a surrogate pair, which no encoding has.
    return text.encode("utf-8", "replace")
