"""A connection to the platform's database that cannot write: on this machine only, read-only for the database itself too."""

from __future__ import annotations

import os
import re
import socket
import sqlite3
from collections.abc import Callable, Mapping
from datetime import tzinfo
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import Connection, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from surgekit import clock
from surgekit.errors import ConfigError, ConsentError
from surgekit.safety import System, is_loopback
from surgekit.target import private

STATEMENT_S: Final = 120.0
"""A statement that takes longer is ended, by the database itself."""
CONNECT_S: Final = 5
_OPTIONS: Final = {"sqlite": set[str](), "postgresql": {"host", "sslmode"}, "mysql": {"unix_socket", "charset"}}
_FORMS: Final = "write sqlite:////path/to/file, postgresql://user:{secret.…}@127.0.0.1/name or mysql://user:{secret.…}@127.0.0.1/name"
_LEADING_OFF: Final = ("PGHOSTADDR", "PGSERVICE", "PGSERVICEFILE", "PGOPTIONS")
"""With these, PostgreSQL's client goes elsewhere than its address says, or is told what the session may do."""


def filled(written: str, known: Mapping[str, object], where: str) -> str:
    """``written`` with its holes filled. What stands before the @ is a name or a password, and may have any characters."""
    user, at, rest = written.rpartition("@")
    quoted = {name: quote(str(value), safe="") for name, value in known.items()}
    return (private.filled(user, quoted, where) or "") + at + (private.filled(rest, known, where) or "")


def engine(written: str, known: Mapping[str, object], zone: tzinfo, where: str) -> Engine:
    """An engine whose every connection reads only. Nothing is connected yet. ``where``: the field of the target file.

    Raises ``ConfigError``, or ``ConsentError`` for a database elsewhere; no message has the address in it, since passwords do.
    """
    place = filled(written, known, where)
    try:
        return _engine(place, zone)
    except (ConfigError, ConsentError) as error:
        raise type(error)(f"{where}: {error}") from None


def ender(conn: Connection, over: Callable[[], bool]) -> Callable[[], None]:
    """Ends what ``conn`` is doing, called from another thread; it may be called again. What was running raises then.

    SQLite asks ``over`` by itself, and ends as soon as that is true; its statements are ended after ``STATEMENT_S`` here, too.
    """
    made: Any = conn.connection.driver_connection
    kind = conn.dialect.name
    if kind == "sqlite":
        until = clock.now() + STATEMENT_S
        made.set_progress_handler(lambda: int(over() or clock.now() > until), 10_000)
        return lambda: None
    if kind == "postgresql":
        return lambda: made.cancel_safe(timeout=1.0)

    def cut() -> None:
        # PyMySQL's own close would wake nobody who waits for a reply.
        if made._sock is not None:
            made._sock.shutdown(socket.SHUT_RDWR)

    return cut


def _engine(place: str, zone: tzinfo) -> Engine:
    try:
        url = make_url(place)
    except (ArgumentError, ValueError):
        raise ConfigError(f"not the address of a database; {_FORMS}") from None
    kind = url.get_backend_name()
    make = {"sqlite": _sqlite, "postgresql": _postgresql, "mysql": _mysql}.get(kind)
    if make is None:
        raise ConfigError(f"{kind} is not known; {_FORMS}")
    for name in sorted(set(url.query) - _OPTIONS[kind]):
        raise ConfigError(f"no option {name} here; known: {', '.join(sorted(_OPTIONS[kind])) or 'none'}")
    return make(url, zone)


def _sqlite(url: URL, _zone: tzinfo) -> Engine:
    if url.host or not url.database or url.database == ":memory:":
        raise ConfigError("a file is wanted, as in sqlite:////path/to/file")
    place = f"file:{quote(url.database)}?mode=ro"

    def connect() -> sqlite3.Connection:
        made = sqlite3.connect(place, uri=True, timeout=CONNECT_S, check_same_thread=False)
        made.text_factory = lambda given: given.decode("utf-8", "replace")
        made.execute("PRAGMA query_only=ON")
        return made

    return create_engine("sqlite://", creator=connect, poolclass=NullPool)


def _postgresql(url: URL, zone: tzinfo) -> Engine:
    set_here = [name for name in _LEADING_OFF if os.environ.get(name)]
    if set_here:
        raise ConfigError(f"{' and '.join(set_here)} in the environment would change where it leads; unset before the run")
    hosts = _places(url, "host", 5432, "postgresql")
    ms = round(STATEMENT_S * 1000)
    said = f"-c default_transaction_read_only=on -c statement_timeout={ms} -c lock_timeout={ms} -c TimeZone={_posix_zone(zone)}"
    args: dict[str, Any] = {"host": hosts, "connect_timeout": CONNECT_S, "options": said, "application_name": "surgekit"}
    made = url.set(drivername="postgresql+psycopg", host=None, query={key: each for key, each in url.query.items() if key == "sslmode"})
    try:
        return create_engine(made, connect_args=args, poolclass=NullPool, execution_options={"postgresql_readonly": True})
    except ModuleNotFoundError:
        raise ConfigError("PostgreSQL needs psycopg: pip install 'surgekit[postgres]'") from None


def _mysql(url: URL, zone: tzinfo) -> Engine:
    hosts = _places(url, "unix_socket", 3306, "mysql")
    args: dict[str, Any] = {"connect_timeout": CONNECT_S, "read_timeout": STATEMENT_S, "charset": url.query.get("charset", "utf8mb4")}
    args |= {"unix_socket": hosts} if hosts.startswith("/") else {"host": hosts.split(",")[0]}
    made = url.set(drivername="mysql+pymysql", host=None, query={})
    try:
        found = create_engine(made, connect_args=args, poolclass=NullPool)
    except ModuleNotFoundError:
        raise ConfigError("MySQL needs PyMySQL: pip install 'surgekit[mysql]'") from None
    event.listen(found, "connect", _set_mysql(zone))
    return found


def _set_mysql(zone: tzinfo) -> Callable[[Any, Any], None]:
    offset = clock.utc().astimezone(zone).strftime("%z")

    def tune(dbapi: Any, _record: Any) -> None:
        with dbapi.cursor() as cursor:
            cursor.execute("SET SESSION TRANSACTION READ ONLY")
            cursor.execute("SET time_zone = %s", (f"{offset[:3]}:{offset[3:5]}",))

    return tune


def _places(url: URL, socket: str, port: int, kind: str) -> str:
    """Where to connect to: the path of a socket, or addresses of this machine, joined by commas."""
    path = url.query.get(socket)
    if path is not None:
        # Several, an abstract name or a mix of paths and hosts would all lead somewhere else.
        if url.host or not isinstance(path, str) or re.fullmatch(r"/[^,@]*", path) is None:
            raise ConsentError(f"{socket} has to be the path of one socket on this machine, and no host beside it")
        return path
    if not url.host or "," in url.host:
        raise ConfigError(f"name one host, as in {kind}://user@127.0.0.1/name, or a socket, as in {kind}:///name?{socket}=/run/…")
    if is_loopback(url.host):
        return url.host
    try:
        found = System().addresses(url.host, url.port or port)
    except (OSError, UnicodeError):
        found = ()
    if not found or not all(map(is_loopback, found)):
        raise ConsentError("the database is not on this machine, and SurgeKit reads no other's; use an export by HTTP instead")
    return ",".join(dict.fromkeys(found))


def _posix_zone(zone: tzinfo) -> str:
    name = str(getattr(zone, "key", "")) or clock.utc().astimezone(zone).strftime("%z")
    if name[0] not in "+-":
        return name
    # POSIX counts to the west: +08:00 is <+08:00>-08:00 there.
    offset = f"{name[:3]}:{name[3:5]}"
    return f"<{offset}>{'-' if name[0] == '+' else '+'}{offset[1:]}"
