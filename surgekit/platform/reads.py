"""All that is read of one platform."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from surgekit import clock
from surgekit.errors import TargetError
from surgekit.platform.client import NoReplyError
from surgekit.platform.columns import Columns
from surgekit.platform.ledger_http import HttpLedger
from surgekit.platform.orders import MOST_S, Looked, Orders
from surgekit.platform.ours import QUARTER_S, WIDE_S, Ours
from surgekit.platform.session import Session
from surgekit.platform.sql import SqlRead
from surgekit.platform.stock import Figures, Stock
from surgekit.safety import Origin
from surgekit.target.reading import MISSING, compile_path, look
from surgekit.target.schema import Target
from surgekit.target.signing.schema import zone
from surgekit.target.step import Request


class Platform:
    """Reads of one platform. Use as a context manager. ``secrets``: name → value of the target's secrets.

    Everything that can be wrong with the reads on paper is said at once: raises ``ConfigError``, and ``ConsentError`` for a
    database that is not on this machine.
    """

    def __init__(
        self, target: Target, place: Origin, run_id: str, *, secrets: Mapping[str, str] | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self._target = target
        self._place = place
        self._session = Session(target, place, run_id, secrets or {}, tls)
        reads = target.reads
        where = zone(reads.ledger.timezone if reads.ledger is not None else "UTC")
        self._zone = where
        self._stock = None if reads.stock is None else Stock(self._session, reads.stock, where)
        self._order = None if reads.order is None else Orders(self._session, reads.order, where)
        self._by_http = None if reads.ledger is None or reads.ledger.request is None else HttpLedger(self._session, reads.ledger)
        self._by_sql = None if reads.ledger is None or reads.ledger.sql is None else SqlRead(self._session, reads.ledger.sql, where, "reads.ledger.sql")
        if reads.ledger is not None:
            self._columns()

    def __enter__(self) -> Platform:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.client.close()
        for each in (self._by_sql, self._stock):
            if each is not None:
                each.close()

    def preflight(self) -> None:
        """Raises ``TargetError`` when nothing answers, or not over TLS as it should; when a shadow tenant does not send the run's
        mark back; and when the ledger's database cannot be read."""
        self._knock()
        self._check_echo()
        if self._by_sql is not None:
            self._by_sql.try_out(clock.utc().timestamp())

    def _knock(self) -> None:
        where = f"{self._place.scheme}://{self._place.netloc}"
        # localhost is ::1 and 127.0.0.1, and most servers listen on one of them only.
        for number, address in enumerate(self._place.addresses, 1):
            self._session.client.address = address
            try:
                self._session.client.send(Request("GET", b"/", (), b""), where)
                return
            except NoReplyError as error:
                if error.how == "connect" and number < len(self._place.addresses):
                    continue
                raise TargetError(f"{where}: {_SENTENCES[error.how].format(why=error.why)}") from None
            except TargetError:
                return  # an answer that is too large is one

    def _check_echo(self) -> None:
        echo = self._target.safety.echo
        if echo is None:
            return
        document = self._session.get("echo")
        if echo.path is not None:
            found: Any = look(document.data, compile_path(echo.path, "safety.echo.path"))
            where = f"at {echo.path!r}"
        else:
            found, where = document.header(echo.header or ""), f"in the header {echo.header}"
        if found != self._session.run_id:
            told = "nothing" if found in (MISSING, None) else "something else"
            raise TargetError(
                f"safety.echo: the mark of this run should come back {where}, and {told} did: marked traffic would reach the real tenant, so nothing is sent"
            )

    def stock(self) -> dict[str, Figures] | None:
        """SKU → ``total``, ``unsold`` (units, or None where the platform does not say) and ``word`` (``in_stock``, ``sold_out``);
        None where the target file describes no such read. Raises ``TargetError`` where it does and the platform cannot tell."""
        return None if self._stock is None else self._stock.figures()

    def ledger(self, salt: str, *, start_s: float | None = None) -> Iterator[dict[str, Any]]:
        """The platform's own orders as rows of the table ``ledger``, card codes as digests.

        ``start_s``: the run's start (UNIX time); orders that were made before it cannot be this run's, and are left out where the
        ledger says when they were made. What has a key of this run is never left out. Raises ``TargetError``, also after the last
        row: where no row has a needed column, and where the time zone is not the ledger's.
        """
        columns, ours = self._columns(), self._ours(start_s)
        assert self._by_http is not None or self._by_sql is not None
        rows = self._by_sql.rows(start_s) if self._by_sql is not None else self._by_http.rows() if self._by_http is not None else ()
        for row in rows:
            told = columns.told(row, salt, start_s)
            if ours.takes(told) or not ours.before(told):
                yield told
        columns.check()
        ours.check_zone()
        if self._by_sql is not None and self._by_sql.since and start_s is not None:
            long = clock.utc().timestamp() - start_s > QUARTER_S
            if not ours.keys or (long and not ours.timed):
                self._check_since(self._by_sql, start_s)

    def _check_since(self, query: SqlRead, start_s: float) -> None:
        """Raises ``TargetError`` where ``:since`` leaves out orders of this run: in a wrong time zone it is hours too late."""
        columns = self._columns()

        def own(since_s: float) -> Ours:
            ours = self._ours(start_s)
            for row in query.rows(since_s):
                ours.takes(columns.told(row, "", start_s))
            return ours

        wide = own(start_s - WIDE_S)
        if not wide.keys:
            return
        hidden = wide.keys - own(start_s).keys  # read after it: an order that comes in between is in this one only
        if hidden:
            wide.check_zone()
            raise TargetError(
                f"reads.ledger.timezone: :since leaves out {len(hidden):,} of this run's own orders; it is the run's start in that zone, and the times there are of another"
            )

    def _ours(self, start_s: float | None) -> Ours:
        return Ours(self._session.run_id, start_s, self._zone)

    def orders(self, keys: Iterable[str], salt: str, *, start_s: float | None = None, most_s: float = MOST_S) -> Looked:
        """Single orders by their keys, as ``reads.order`` says, for ``most_s`` at most. What goes wrong is told in it."""
        if self._order is None:
            return Looked(wrong="the target file describes no read of single orders")
        return self._order.look_up(keys, salt, start_s, most_s=most_s)

    def _columns(self) -> Columns:
        ledger = self._target.reads.ledger
        assert ledger is not None
        return Columns(ledger.columns, self._zone, "reads.ledger.columns")


_SENTENCES = {
    "connect": "nothing answers there ({why}); is the platform running, and is base_url right?",
    "tls": "the TLS certificate is not accepted: {why}; base_url must name a host that it is valid for",
    "timeout": "connected, but no answer within 10 s",
    "broken": "does not speak HTTP as expected: {why}",
}
