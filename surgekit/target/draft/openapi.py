"""A draft from an OpenAPI document (3.0, 3.1) or a Swagger 2.0 one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from surgekit.errors import ConfigError
from surgekit.target.draft import answers, listing, names
from surgekit.target.draft.bodies import Sender
from surgekit.target.draft.document import Document, mapping, parsed, rows, text
from surgekit.target.draft.operations import Operation, chosen, operations, options
from surgekit.target.draft.writing import Noted, check, todo, written

NOWHERE = "http://127.0.0.1:8080"
"""A base URL where there is none to be known."""
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-]+(:[0-9]{1,5})?|https?://\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")
_STATIONS = {"quote": "asks the price", "submit": "submits the order", "pay": "pays", "poll": "looks for the card", "stock": "tells the stock",
             "list": "lists orders"}  # fmt: skip


def from_openapi(source: str, name: str) -> str:
    """The draft of a target file, as YAML. ``name`` is the document's, for messages.

    Raises ``ConfigError``: not such a document, or nothing in it that submits an order.
    """
    data = parsed(source, name)
    if not isinstance(data, Mapping) or not ("openapi" in data or "swagger" in data):
        raise ConfigError(f"{name}: not an OpenAPI document; it has neither openapi: nor swagger: at the top")
    document = Document(data)
    origin, prefix = _where(document)
    found = operations(document, prefix)
    best = chosen(found)
    if "submit" not in best:
        raise ConfigError(
            f"{name}: none of its {len(found):,} operations looks like the one that submits an order; surgekit targets new without a file asks instead"
        )
    return _Drafter(document, {kind: row[0] for kind, row in best.items()}).draft(origin, best, name)


def _where(document: Document) -> tuple[Noted, str]:
    """(base URL, path that all paths begin with)."""
    if "swagger" in document.data:
        host, base = text(document.data.get("host")), text(document.data.get("basePath"))
        schemes = [each for each in rows(document.data.get("schemes")) if each in ("http", "https")]
        url = f"{'https' if 'https' in schemes or not schemes else 'http'}://{host}{base}" if host else base
    else:
        first = mapping(next(iter(rows(document.data.get("servers"))), {}))
        url = text(first.get("url"))
        for name, each in mapping(first.get("variables")).items():
            url = url.replace(f"{{{name}}}", text(mapping(each).get("default")))
    try:
        parts = urlsplit(url)
        place, path = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", parts.path.rstrip("/")
    except ValueError:
        place, path = "", ""
    path = path if re.fullmatch(r"(/[A-Za-z0-9._~\-]+)*", path) else ""
    if _ORIGIN.fullmatch(place):
        return check(place, "from the document's servers; a host elsewhere is loaded only with its owner's consent"), path
    return todo(NOWHERE, "where the platform runs"), path


class _Drafter:
    """Puts one draft together."""

    def __init__(self, document: Document, best: Mapping[str, Operation]) -> None:
        self._document = document
        self._best = best
        self._send = Sender(document)
        self._open: list[str] = []

    def draft(self, origin: Noted, best: Mapping[str, tuple[Operation, list[Operation]]], name: str) -> str:
        """The whole file."""
        headers = self._security()
        steps = self._steps()
        poll, listed = self._best.get("poll"), self._best.get("list")
        meaning = self._statuses([each for each in (poll, listed, self._best["submit"]) if each is not None])
        reads = listing.reads(self._best.get("stock"), listed, self._open)
        title = text(mapping(self._document.data.get("info")).get("title"))
        draft: dict[str, Any] = {"schema": "surgekit.target/1", "name": todo(names.slug(title, "my-platform").replace("_", "-"), "a name of your own")}
        if title:
            draft["about"] = names.literal(title[:100])
        draft["base_url"] = origin
        if self._send.vars:
            draft["vars"] = {word: todo("TODO", what) for word, what in self._send.vars.items()}
        if self._send.secrets:
            draft["secrets"] = {word: todo({"env": f"SHOP_{word.upper()}"}, f"set this variable; {what}") for word, what in self._send.secrets.items()}
        draft["catalogue"] = [Noted({"sku": "TODO-1", "price_fen": 100, "stock": 0}, "TODO: the products, hottest first, prices in fen")]
        if headers:
            draft["headers"] = headers
        draft["steps"] = steps
        if meaning:
            draft["statuses"] = meaning
        if reads:
            draft["reads"] = reads
        head = [f"A draft made from {name} by surgekit targets new. It loads, and it is not finished:",
                "CHECK marks what was guessed, TODO what the document does not say. surgekit targets schema explains every field.", ""]  # fmt: skip
        for kind, (each, others) in sorted(best.items(), key=lambda pair: list(_STATIONS).index(pair[0])):
            head.append(f"{each.title} {_STATIONS[kind]}" + (f"; also possible: {', '.join(other.title for other in others[:2])}" if others else ""))
        return written(draft, head=head, foot=[f"TODO: {each}" for each in self._open], name=name)

    def _steps(self) -> dict[str, Any]:
        best, steps = self._best, {}
        if "quote" in best:
            steps["quote"] = self._whole("quote", best["quote"], None, {})
        submit = best["submit"]
        number = answers.order_no(submit)
        path = names.path_text(number.path) if number is not None else None
        keep: dict[str, Any] = {"order_no": path if path is not None else todo("order_no", "where the order's number stands in the reply")}
        if number is not None and names.role(number.name) != "order_no":
            keep["order_no"] = check(path, "by its name")
        amount = answers.amount(submit)
        if amount is not None:
            keep["amount_fen"] = amount
        address = self._address(submit) if "pay" not in best else None
        if address is not None:
            keep["pay_url"] = address
        steps["submit"] = self._whole("submit", submit, number, keep)
        if "key" not in submit.given and "{order.key}" not in str(steps["submit"]):
            self._open.append("steps.submit sends no key of the buyer's own, so an order whose reply is lost cannot be found again; is there a field for one?")
        if "pay" in best:
            ways = ("gateway", "balance")
            steps["pay"] = {way: self._pay(best["pay"], way) for way in ways}
        else:
            self._open.append("steps.pay: the document has no operation that pays; leave it out if orders are paid as they are submitted")
        if "poll" in best:
            steps["poll"] = self._poll(best["poll"])
        else:
            self._open.append("steps.poll: the document has no operation that reads one order")
        return steps

    def _whole(self, station: str, each: Operation, wanted: Any, keep: dict[str, Any], way: str = "gateway") -> dict[str, Any]:
        step = self._send.step(station, each, way)
        step["replies"] = answers.rules(each, wanted)
        if keep:
            step["extract"] = keep
        return step

    def _pay(self, each: Operation, way: str) -> list[Any]:
        address = self._address(each) if way == "gateway" else None
        steps: list[Any] = [Noted(self._whole("pay", each, None, {"pay_url": address} if address is not None else {}, way), f"CHECK: paying by {way}")]
        if address is not None:
            steps.append(check({"request": "GET {pay_url}", "replies": [check({"class": "ok", "path": "code", "equals": 1}, "what the gateway answers")]},
                               "SurgeKit's stand-in gateway; the platform must send its buyers there"))  # fmt: skip
        return steps

    def _address(self, each: Operation) -> str | None:
        leaf = answers.of_role(each, "pay_url")
        return names.path_text(leaf.path) if leaf is not None and -1 not in leaf.path else None

    def _poll(self, each: Operation) -> dict[str, Any]:
        status, cards = answers.of_role(each, "status"), answers.of_role(each, "cards")
        path = names.path_text(status.path) if status is not None else None
        keep: dict[str, Any] = {"status": path if path is not None else todo("status", "where the order's state stands in the reply")}
        where = names.path_text(cards.path) if cards is not None else None
        if cards is not None and where is not None:
            keep["cards"] = {"json": where, "optional": True} if cards.kind == "array" else check({"json": where, "as": "lines", "optional": True}, "a card each line")
        else:
            self._open.append("steps.poll.extract.cards: the document does not say where the cards are")
        return self._whole("poll", each, status, keep)

    def _statuses(self, shown: list[Operation]) -> dict[str, Any]:
        for each in shown:
            leaf = answers.of_role(each, "status")
            known = options(leaf) if leaf is not None else []
            found = names.statuses(known)
            if found.get("delivered"):
                return {kind: check(values, "of " + ", ".join(f"{value} {word}" if str(value) != word else word for value, word in known[:20]))
                        for kind, values in found.items()}  # fmt: skip
        if "poll" not in self._best:
            return {}
        return {"paid": todo(["paid"], "status words after payment"), "delivered": todo(["delivered"], "status words when the card is there")}

    def _security(self) -> dict[str, Any]:
        """The headers that the document's security schemes ask for."""
        data = self._document.data
        schemes = mapping(mapping(data.get("components")).get("securitySchemes")) or mapping(data.get("securityDefinitions"))
        asked = [*rows(self._best["submit"].told.get("security", data.get("security")))]
        wanted = [word for each in asked[:1] for word in mapping(each)] or ([] if asked else list(schemes)[:1])
        headers: dict[str, Any] = {}
        for word in wanted[:4]:
            scheme = self._document.seen(schemes.get(word))
            kind, place, field = text(scheme.get("type")), text(scheme.get("in")), text(scheme.get("name"))
            if kind == "apiKey" and place == "header" and re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,80}", field):
                headers[field] = check(self._send.secret(field, f"sent in {field}"), f"security scheme {word}")
            elif kind == "apiKey" and place == "cookie" and re.fullmatch(r"[A-Za-z0-9_.\-]{1,80}", field):
                headers["Cookie"] = check(f"{field}={self._send.secret(field, f'the cookie {field}')}", f"security scheme {word}; or log in with setup")
            elif kind == "basic" or (kind == "http" and text(scheme.get("scheme")).lower() == "basic"):
                headers["Authorization"] = check(f"Basic {self._send.secret('basic', 'Base64 of name:password')}", f"security scheme {word}")
            elif kind in ("http", "oauth2", "openIdConnect"):
                headers["Authorization"] = check(f"Bearer {self._send.secret('token', 'a token for all buyers; or log in with setup')}", f"security scheme {word}")
            elif kind:
                self._open.append(f"security scheme {word} ({kind} in {place or 'no place'}) is not in this draft; add it to each step")
        return headers
