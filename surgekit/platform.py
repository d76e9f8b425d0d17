"""The control plane: is the platform there, and what does it say of its stock and its orders? Reads only."""

from __future__ import annotations

import contextlib
import json
import ssl
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeGuard
from urllib.parse import quote

import httpx

from surgekit.digest import card_digests
from surgekit.errors import TargetError
from surgekit.safety import Origin
from surgekit.target.reading import MISSING, compile_path, look
from surgekit.target.schema import Target

MOST_PAGES = 100_000
MOST_FIELDS = 30
"""Named in a message."""
NEEDED: tuple[Literal["order_no", "order_key", "status"], ...] = ("order_no", "order_key", "status")
"""Columns without which a ledger says nothing; the target's schema demands them too."""


class Platform:
    """Reads of one platform. Use as a context manager."""

    def __init__(self, target: Target, place: Origin, run_id: str) -> None:
        self._target = target
        self._place = place
        self._address = place.addresses[0]
        self._client = httpx.Client(
            timeout=httpx.Timeout(10.0, connect=target.timeouts.connect),
            headers={"X-Surge-Run": run_id, "Host": place.netloc},
            trust_env=False,  # a proxy from the environment would carry the reads to another host
        )

    def __enter__(self) -> Platform:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def preflight(self) -> None:
        """Raises ``TargetError`` when nothing answers, or not over TLS as it should."""
        where = f"{self._place.scheme}://{self._place.netloc}"
        try:
            # localhost is ::1 and 127.0.0.1, and most servers listen on one of them only.
            for address in self._place.addresses[:-1]:
                self._address = address
                with contextlib.suppress(httpx.ConnectError):
                    self._request("/")
                    return
            self._address = self._place.addresses[-1]
            self._request("/")
        except httpx.ConnectError as error:
            cause = _cause(error)
            if isinstance(cause, ssl.SSLError) or "CERTIFICATE" in str(error) or "SSL" in str(error):
                why = getattr(cause, "verify_message", None) or str(error)
                raise TargetError(
                    f"{where}: the TLS certificate is not accepted: {why}; base_url must name a host that it is valid for"
                ) from None
            raise TargetError(f"{where}: nothing answers there ({error}); is the platform running, and is base_url right?") from None
        except httpx.TimeoutException:
            raise TargetError(f"{where}: connected, but no answer within 10 s") from None
        except httpx.HTTPError as error:
            raise TargetError(f"{where}: does not speak HTTP as expected: {error}") from None

    def _request(self, path: str) -> httpx.Response:
        """GET ``path`` from the address that was checked; looking the name up again could lead elsewhere."""
        host = f"[{self._address}]" if ":" in self._address else self._address
        extensions = {"sni_hostname": self._place.host} if self._place.scheme == "https" else {}
        return self._client.get(f"{self._place.scheme}://{host}:{self._place.port}{path}", extensions=extensions)

    def stock(self) -> dict[str, dict[str, int]] | None:
        """SKU → figures ``total`` and ``unsold``; None where the target file describes no such read.

        Raises ``TargetError`` where it does and the platform cannot tell.
        """
        read = self._target.reads.stock
        if read is None:
            return None
        items = self._get(read.request, {}, read.items)
        if not isinstance(items, dict):
            raise TargetError(f"reads.stock: no mapping at {read.items!r} in the reply")
        known = set(self._target.skus)
        found = {}
        for sku, figures in items.items():
            if sku not in known or not isinstance(figures, dict):
                continue
            total, unsold = figures.get(read.total), figures.get(read.unsold)
            if not _whole(total) or not _whole(unsold):
                raise TargetError(f"reads.stock: {sku}: {read.total} and {read.unsold} are not both whole numbers of at most 64 bits")
            found[sku] = {"total": total, "unsold": unsold}
        return found

    def ledger(self, salt: str) -> Iterator[dict[str, Any]]:
        """The platform's own orders, card codes as digests.

        Raises ``TargetError``, also after the last row: where no row has a field that the columns name.
        """
        read = self._target.reads.ledger
        assert read is not None
        after: Any = 0
        rows_at, next_at = compile_path(read.rows, "reads.ledger.rows"), compile_path(read.next, "reads.ledger.next")
        unseen = {name: read.columns[name] for name in NEEDED}
        fields: set[str] = set()
        for _ in range(MOST_PAGES):
            data = self._get(read.request, {"after": after}, "")
            rows, after_this = look(data, rows_at), look(data, next_at)
            if not isinstance(rows, list):
                raise TargetError(f"reads.ledger: no list at {read.rows!r} in the reply")
            for row in rows:
                if not isinstance(row, dict):
                    raise TargetError("reads.ledger: a row is not an object")
                fields.update(row)
                if unseen:
                    unseen = {name: column for name, column in unseen.items() if column not in row}
                yield _ledger_row(row, read.columns, salt)
            if after_this is None or after_this is MISSING or after_this == after:
                if fields and unseen:
                    # With a misspelt name every order would pass for one that the platform never had, so for one without effect.
                    name, column = next(iter(unseen.items()))
                    raise TargetError(
                        f"reads.ledger.columns.{name}: no row has a field {column!r}; there are {', '.join(sorted(fields)[:MOST_FIELDS])}"
                    )
                return
            after = after_this
        raise TargetError(f"reads.ledger: more than {MOST_PAGES:,} pages; does {read.next!r} ever end?")

    def _get(self, request: str, values: Mapping[str, Any], path: str) -> Any:
        url = request.split(" ", 1)[1]
        for name, value in values.items():
            url = url.replace("{" + name + "}", quote(str(value), safe=""))
        try:
            reply = self._request(url)
            data = json.loads(reply.content)
        except httpx.HTTPError as error:
            raise TargetError(f"GET {url}: {type(error).__name__}: {error}") from None
        except ValueError:
            raise TargetError(f"GET {url}: HTTP {reply.status_code}, and the body is not JSON") from None
        found = look(data, compile_path(path, "reads"))
        if found is MISSING:
            raise TargetError(f"GET {url}: nothing at {path!r} in the reply")
        return found


def _ledger_row(row: Mapping[str, Any], columns: Mapping[Any, str], salt: str) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name, column in columns.items():
        value = row.get(column)
        if name == "cards":
            cards = value if isinstance(value, list) else []
            told["card_digests"] = card_digests((str(card) for card in cards), salt)
        elif name in ("order_no", "order_key", "sku", "status"):
            told[name] = None if value is None else str(value)
        else:
            told[name] = value if _whole(value) else None
    return told


def _whole(value: Any) -> TypeGuard[int]:
    """Whether a table can hold it as a number: no fraction, no truth value, no more than 64 bits."""
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def _cause(error: BaseException) -> BaseException | None:
    """The innermost cause."""
    seen: BaseException | None = error
    while seen is not None and (seen.__cause__ or seen.__context__) is not None:
        seen = seen.__cause__ or seen.__context__
    return seen
