"""What is shown of a body: of a page what stands on it, without styles and scripts; of anything else its beginning.

    <style>…</style><div class="row"><td class="zt3">缺货</td></div>   ─▶   <td class="zt3"> 缺货
    <input type="text" name="csrf" value="661d…" style="…">          ─▶   <input name="csrf" value="<hidden>">
"""

from __future__ import annotations

from typing import Any

from lxml import etree

from surgekit import secretive
from surgekit.redact import Redactor
from surgekit.target import page
from surgekit.target.reading import Document, Reply

MOST_SHOWN = 600
"""Characters of a body that are shown."""
MOST_OF_PAGE = 1200
"""Characters of a page's: what matters stands behind its menu."""
MOST_READ = 16 << 10
"""Characters of it that are looked through for what has to be hidden: far more than are shown, so that no value is cut in two there."""
_LEFT_OUT = frozenset({"head", "style", "script", "noscript", "template", "svg", "iframe"})
_ALWAYS = frozenset({"form", "input", "textarea", "select", "button", "a", "img"})
"""Elements that say something without a word in them."""
_TOLD = ("id", "class", "name", "value", "href", "src", "action")
_MOST_OF_VALUE = 100


def body(reply: Reply, hidden: Redactor) -> tuple[str, int]:
    """A reply's body without secrets, and how many characters of it to show."""
    if _no_text(reply.body):
        return f"({len(reply.body):,} bytes that are no text)", MOST_SHOWN
    document = Document(reply)
    raw = document.text
    if not is_page(raw, document.header("content-type") or ""):
        return _line(hidden.text(raw[:MOST_READ])), MOST_SHOWN
    hidden.text(raw[:MOST_READ])  # a token in a script may be sent or shown later under another name
    tree = document.page
    found = [] if tree is None else tree.found(page.selector("body"))
    if not found:
        return _line(hidden.text(raw[:MOST_READ])), MOST_SHOWN
    return _line(hidden.text(_of_page(found[0], hidden)[:MOST_READ])), MOST_OF_PAGE


def sent(raw: bytes, hidden: Redactor) -> str:
    """The body of a request without secrets."""
    return f"({len(raw):,} bytes that are no text)" if _no_text(raw) else _line(hidden.text(raw[:MOST_READ].decode("utf-8", "replace")))


def cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most] + " …"


def is_page(text: str, content_type: str) -> bool:
    """Many PHP shops send JSON as text/html, so that what it begins with counts more."""
    begin = text.lstrip("\ufeff \t\r\n")[:200].lower()
    if not begin or begin[0] in "{[":
        return False
    return "html" in content_type.lower() or begin.startswith(("<!doctype html", "<html", "<head", "<body"))


def _no_text(raw: bytes) -> bool:
    text = raw[:MOST_READ].decode("utf-8", "replace")
    return sum(not (char.isprintable() or char.isspace()) for char in text) > len(text) // 10


def _line(text: str) -> str:
    return " ".join(text.split())


def _of_page(root: Any, hidden: Redactor) -> str:
    """The text of a page, and of its tags those that say where to find it."""
    parts: list[str] = []
    inside = 0  # of what is left out
    for event, each in etree.iterwalk(root, events=("start", "end")):
        if each.tag in _LEFT_OUT:
            inside += 1 if event == "start" else -1
            if event == "end" and not inside:
                parts.append(each.tail or "")
        elif inside:
            continue
        elif event == "start":
            text = each.text or ""
            named = _secret(each)
            if named is not None and text.strip():
                text = hidden.value(named, text.strip())
            parts += [_tag(each, bool(text.strip())), "" if each.tag == "textarea" else text]
        elif each is not root:
            parts.append(f" {each.tail or ''}")
    return " ".join(parts)


def _secret(element: Any) -> str | None:
    """A name of ``element`` that says it holds a card or the like; not of a box around others, which Bootstrap calls a card too."""
    if any(child.tag != "br" for child in element):
        return None
    names = [str(element.get(name)) for name in ("id", "name") if element.get(name)] + str(element.get("class") or "").split()
    return next((each for each in names if secretive.kind(each) not in (None, "captcha")), None)


def _tag(element: Any, has_text: bool) -> str:
    attributes = {name: str(element.get(name)) for name in _TOLD if element.get(name)}
    attributes |= {str(name): str(value) for name, value in element.attrib.items() if str(name).startswith("data-") and value}
    if element.tag == "textarea" and (element.text or "").strip():
        attributes["value"] = str(element.text).strip()
    if not attributes or not (has_text or "id" in attributes or element.tag in _ALWAYS or len(attributes.keys() - {"class"}) > 0):
        return ""
    written = " ".join(f'{name}="{value[:_MOST_OF_VALUE]}"' for name, value in attributes.items())
    return f"<{element.tag} {written}>"
