"""Whether a reply is an answer at all: error pages come with HTTP 200 too, and an error has no orders in it either.

What a target file says with ``replies`` decides. Where it says nothing, a list with something in it speaks for itself; of an empty
one, what stands beside it is looked at, and null says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from surgekit.errors import TargetError
from surgekit.target.reading import Path

ADVICE: Final = "say with replies which reply is a good one"
FLAGS: Final = frozenset({"success", "ok", "status"})
CODES: Final = frozenset({"code", "status", "status_code", "statuscode", "errcode", "err_code", "error_code", "errorcode", "errno", "ret"})
ERRORS: Final = frozenset({"error", "errors", "err", "exception"})
WORDS: Final = FLAGS | CODES | ERRORS
"""Names, in lower case, by which platforms say how it went."""
_NO = frozenset({"false", "error", "fail", "failed", "failure", "fatal"})
_NOTHING = frozenset({"", "0", "none", "null", "ok", "false", "success", "no"})


def check_empty(data: Any, path: Path, what: str) -> None:
    """Nothing stands at ``path``, and no rule says that the reply is a good one. Raises ``TargetError`` where it says beside it that it
    is an error."""
    said = complaint(data, path)
    if said is not None:
        raise TargetError(f"{what}: nothing in the reply, and beside it {said}, which looks like an error; {ADVICE}")


def complaint(data: Any, path: Path) -> str | None:
    """The words with which a reply calls itself an error, or may do so, such as ``code: 500``; or None. Codes that are known to mean that
    all is well are 0, 1 and 200 to 299; of any other nobody knows."""
    for name, value in verdict(data, path).items():
        key = name.rpartition(".")[2].lower()
        text = "" if value is None else str(value).strip().lower()
        number = int(text) if text.lstrip("-").isdecimal() and len(text) < 10 and not isinstance(value, bool) else None
        denied = key in FLAGS and (value is False or text in _NO or (number == 0 and key != "status"))
        coded = key in CODES and number is not None and not (number in (0, 1) or 200 <= number < 300)
        if denied or coded or (key in ERRORS and text not in _NOTHING and value not in ([], {})):
            return f"{name}: {repr(value)[:60]}"
    return None


def verdict(data: Any, path: Path) -> dict[str, Any]:
    """What a reply says of itself, on the way down to ``path``: dotted name → value."""
    told: dict[str, Any] = {}
    before = ""
    for step in (*path, None):
        if not isinstance(data, Mapping):
            break
        told |= {f"{before}{name}": value for name, value in data.items() if str(name).lower() in WORDS and name != step}
        before += f"{step}."
        data = data.get(step)
    return told


def beside(data: Any, path: Path) -> Any:
    """The reply without what stands at ``path``."""
    if not path:
        return None
    if isinstance(data, Mapping):
        return {name: beside(value, path[1:]) if name == path[0] else value for name, value in data.items()}
    if isinstance(data, list) and isinstance(path[0], int):
        return [beside(value, path[1:]) if number == path[0] else value for number, value in enumerate(data)]
    return data
