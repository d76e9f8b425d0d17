"""What of a recording may stand in no draft, and the last look for it before a draft is handed out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from surgekit.target.draft import names
from surgekit.target.draft.recording import Entry
from surgekit.target.draft.writing import Noted

EMAIL = re.compile(r"[^@\s/]+@[^@\s/]+\.[A-Za-z]{2,}")
PHONE = re.compile(r"(\+?86[- ]?)?1[3-9][0-9]{9}")
_THEIRS = frozenset({"json", "form", "query", "multipart"})
_OURS = frozenset({"schema", "class", "cookies", "when", "env", "as"})
_HOLE = re.compile(r"(\{[a-z][a-z0-9_.|]*\})")


def scrubbed(draft: Any, private: list[str]) -> Any:
    """The draft with every text in ``private`` taken out, wherever it may have got in. Holes stay."""

    def clean(word: str) -> str:
        parts = _HOLE.split(word)
        for number in range(0, len(parts), 2):
            for secret in private:
                parts[number] = parts[number].replace(secret, "TODO")
        return "".join(parts)

    def walk(each: Any, theirs: bool) -> Any:
        """``theirs``: inside a body, where names are the recording's and not those of target files."""
        if isinstance(each, Noted):
            return Noted(walk(each.value, theirs), clean(each.note), tuple(clean(line) for line in each.above))
        if isinstance(each, Mapping):
            return {
                clean(str(name)) if theirs else name: inner if name in _OURS and not theirs else walk(inner, theirs or name in _THEIRS)
                for name, inner in each.items()
            }
        if isinstance(each, list):
            return [walk(inner, theirs) for inner in each]
        return clean(each) if isinstance(each, str) else each

    return walk(draft, False)


def private_values(entries: list[Entry]) -> list[str]:
    """Values of the recording that may stand in no draft, longest first: cookies, tokens, passwords, phones, addresses, cards."""
    found: set[str] = set()
    for entry in entries:
        found |= {value for _, value in entry.cookies_sent} | set(entry.cookies.values())
        for name, value in entry.headers:
            if name.lower() == "cookie":
                found |= {part.partition("=")[2].strip() for part in value.split(";")}
            elif name.lower() in ("authorization", "proxy-authorization"):
                found |= {value, value.partition(" ")[2]}
            elif names.role(name) in names.PRIVATE:
                found.add(value)
        named = [(name, str(value)) for name, value in entry.fields]
        named += [(next((step for step in reversed(path) if isinstance(step, str)), ""), str(value)) for path, value in entry.values]
        found |= {value for name, value in named if names.role(name) in names.PRIVATE or EMAIL.fullmatch(value) or PHONE.fullmatch(value)}
    return sorted((each for each in found if _secretive(each)), key=lambda each: (-len(each), each))


def _secretive(word: str) -> bool:
    return 4 <= len(word) <= 4000 and not re.fullmatch(r"[0-9]{1,5}|[a-z]{1,9}|[A-Za-z_-]{1,7}", word)
