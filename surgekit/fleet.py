"""A master and its workers as the controller sees them: one engine in several processes, on several machines."""

from __future__ import annotations

import os
import queue
import secrets
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from surgekit import clock
from surgekit.children import READY_S, Child
from surgekit.errors import ConfigError, RunError

TOKEN_ENV = "SURGEKIT_TOKEN"  # noqa: S105 - the name of a variable
LEAST_TOKEN = 16
PORT = 5557
"""Where workers look for a master that was not given another port: as Locust's do."""
JOIN_S = 600.0
"""So long may workers of other machines take to join."""
HEAD_START_S = 0.5
"""Between "ready" and the first possible arrival, so that every process hears of the start in time."""


def token_from(file: Path | None, environ: Mapping[str, str] = os.environ) -> str | None:
    """The token that master and workers share, out of a file or the environment; None where there is none. Raises ``ConfigError``."""
    if file is not None:
        try:
            told, where = file.read_text(encoding="utf-8").strip(), str(file)
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"--token-file {file}: cannot be read: {getattr(error, 'strerror', None) or 'no text in UTF-8'}") from None
    elif environ.get(TOKEN_ENV):
        told, where = environ[TOKEN_ENV].strip(), TOKEN_ENV
    else:
        return None
    if len(told) < LEAST_TOKEN:
        raise ConfigError(f"{where}: a token has {LEAST_TOKEN} characters at least; make one with: openssl rand -hex 16")
    return told


def place(text: str, option: str, *, port: int = PORT) -> tuple[str, int]:
    """``HOST[:PORT]`` → (host, port), IPv6 in brackets or alone. Raises ``ConfigError``."""
    host, colon, number = text.rpartition(":")
    if text.startswith("[") and "]" in text:
        host, _, rest = text[1:].partition("]")
        colon, number = rest[:1], rest[1:]
        if rest and colon != ":":
            host = ""
    elif text.count(":") != 1:
        host, colon, number = text, "", ""
    if not host or host.strip("*") != host or any(char.isspace() or char in "/@[]" for char in host):
        raise ConfigError(f"{option} {text}: write HOST or HOST:PORT, an IPv6 address in brackets before a port")
    if colon and not (number.isascii() and number.isdecimal() and 1 <= int(number) <= 65535):
        raise ConfigError(f"{option} {text}: a port is a number from 1 to 65535")
    return host, int(number) if colon else port


@dataclass(frozen=True, slots=True)
class Muster:
    """How many work for a run. ``remote``: so many join from elsewhere, at ``listen``. ``token`` as ``token_from`` found it."""

    local: int = 1
    remote: int = 0
    listen: tuple[str, int] = ("127.0.0.1", 0)
    token: str | None = None

    @property
    def shards(self) -> int:
        return self.local + self.remote


def muster(local: int, remote: int, listen: str | None, token_file: Path | None) -> Muster:
    """As the command line asks for. Raises ``ConfigError``."""
    if not local + remote:
        raise ConfigError("--workers 0: nobody would send anything; say with --remote how many join from elsewhere")
    if not remote:
        if listen is not None:
            raise ConfigError("--listen: nobody is waited for; say with --remote how many join from elsewhere")
        return Muster(local)
    return Muster(local, remote, place(listen or "127.0.0.1", "--listen"), token_from(token_file))


class Fleet(Child):
    """The master, and around it the workers that run on this machine. Use as any child; ``ready`` waits for all, wherever they are."""

    def __init__(
        self, run: Path, asked: Muster, *, web: int | None, env: Mapping[str, str], clock_error_ms: float, waiting: Callable[[str], None] | None = None,
    ) -> None:  # fmt: skip
        """``waiting`` is told, in one sentence, what this run waits for, and how others join it. ``clock_error_ms``: whoever's clock is known less well is
        refused."""
        self._run = run
        self._asked = asked
        self._waiting = waiting or (lambda _: None)
        self._token_file = run / "join-token"
        token = asked.token or secrets.token_hex(16)
        self._told_token = f"the token is in {TOKEN_ENV} or --token-file here"
        if asked.remote and asked.token is None:
            self._told_token = f"the token is in {self._token_file}"
            try:
                with os.fdopen(os.open(self._token_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                    file.write(token + "\n")
            except OSError as error:
                raise RunError(f"{self._token_file}: cannot be written: {error.strerror}") from None
        host, port = asked.listen
        args = [str(run), "--local", str(asked.local), "--listen", host, "--port", str(port), "--clock-error-ms", str(clock_error_ms)]
        super().__init__(
            "surgekit.engine.fleet.master", [*args, *(() if web is None else ("--web", str(web)))], run / "logs" / "engine-master.log",
            env={**env, TOKEN_ENV: token},
        )  # fmt: skip
        self.head_start_s = HEAD_START_S
        self.workers: list[Child] = []
        for shard in range(asked.local):
            worker = Child("surgekit.engine.fleet.worker", ["--shard", str(shard)], run / "logs" / f"engine-{shard}.log", env={TOKEN_ENV: token})
            self.workers.append(worker)
            self.tell(f"own {shard} {worker.pid}")
            threading.Thread(target=self._mind, args=(shard, worker), name=f"worker-{shard}-said", daemon=True).start()

    @property
    def pids(self) -> list[int]:
        return [self.pid, *(worker.pid for worker in self.workers)]

    def _mind(self, shard: int, worker: Child) -> None:
        """Tell the master when a worker has gone: it would notice itself, but seconds later."""
        why = None
        while (told := worker.said.get()) is not None:
            why = told.get("error") or why
        with suppress(Exception):
            worker.process.wait(timeout=5)
        self.tell(f"gone {shard} {why or worker.last_words()}".replace("\n", " "))

    def ready(self, most_s: float = READY_S) -> dict[str, Any]:
        """Wait until every worker is. Raises ``RunError``."""
        asked = self._asked
        whole_s = most_s + (JOIN_S if asked.remote else 0.0)
        until = clock.now() + whole_s
        missing = asked.remote
        while True:
            try:
                told = self.said.get(timeout=max(0.0, until - clock.now()))
            except queue.Empty:
                self.end()
                if missing:
                    raise RunError(f"{missing} of {asked.remote} workers have not joined in {whole_s:.0f} s; start them with: surgekit worker --join") from None
                raise RunError(f"the workers are not ready after {whole_s:.0f} s; see {self._run / 'logs'}") from None
            if told is None or told.get("ready") is False:
                self.end()
                raise RunError(f"the load engine: {(told or {}).get('error') or self.last_words()}")
            if "listening" in told:
                self._listening(int(told["listening"]))
            elif "joined" in told:
                missing -= 1
                self._waiting(f"{told['joined']} has joined ({told['cores']} cores)" + (f"; {missing} more to come" if missing else ""))
            elif "left" in told:
                missing += 1
                self._waiting(f"{told['left']} has left: {told['why']}; {missing} more to come")
            else:
                self.head_start_s = HEAD_START_S + 10 * float(told.get("way_s") or 0.0)
                return told

    def _listening(self, port: int) -> None:
        host = self._asked.listen[0]
        near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
        for worker in self.workers:
            worker.tell(f"join {_written(near, port)}")
        if self._asked.remote:
            count = f"{self._asked.remote} worker{'s' if self._asked.remote > 1 else ''}"
            there = "THIS-MACHINE" if host in ("0.0.0.0", "::") else host  # noqa: S104 - compared, not bound
            self._waiting(f"waiting for {count} to join: {TOKEN_ENV}=… surgekit worker --join {_written(there, port)}; {self._told_token}")

    def end(self) -> None:
        """The workers have no run without their master, so they end with it."""
        self._token_file.unlink(missing_ok=True)
        for child in self.workers:
            if child.process.stdin is not None and not child.process.stdin.closed:
                with suppress(OSError):
                    child.process.stdin.close()
        super().end()
        for child in self.workers:
            child.end()


def _written(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
