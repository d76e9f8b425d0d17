"""The processes of one run, started in the order in which they need each other and ended in the other."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from surgekit.children import READY_S, Child
from surgekit.fleet import HEAD_START_S, Fleet, Muster
from surgekit.profile.schema import Profile
from surgekit.report.validity import CLOCK_ERROR_MS
from surgekit.safety import Permit
from surgekit.target import private
from surgekit.target.schema import Target
from surgekit.world import World, start_cardshop, start_edge

LOGINS_S = 600.0
"""So long may the accounts take that have to log in before the surge."""


class Crew:
    """Use as a context manager: whatever was started is ended with it."""

    def __init__(
        self, run: Path, target: Target, profile: Profile, seed: int, salt: str, stock: dict[str, int], *,
        run_id: str = "", permit: Permit | None = None, secrets: Mapping[str, str] | None = None,
    ) -> None:
        self._run = run
        self._target = target
        self._profile = profile
        self._seed = seed
        self._salt = salt
        self._stock = stock
        self._run_id = run_id
        self._permit = permit
        self._secrets = dict(secrets or {})
        self._secrets_env = private.to_env(self._secrets)
        self.world: World | None = None
        self.platform: Child | None = None
        self.engines: list[Child] = []
        self.base_url = target.base_url or ""
        self._scratch: Path | None = None

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            for child in (*self.engines, self.platform, self.edge):
                if child is not None:
                    child.end()
            if self.world is not None:
                self.world.control.close()
        finally:
            if self._scratch is not None:
                shutil.rmtree(self._scratch, ignore_errors=True)

    @property
    def edge(self) -> Child | None:
        return None if self.world is None else self.world.child

    def pids(self) -> dict[str, list[int]]:
        """Part → process ids."""
        parts: dict[str, list[Child | None]] = {
            "engine": [*self.engines],
            "platform": [self.platform],
            "edge": [self.edge],
        }
        return {name: [pid for child in children if child is not None for pid in child.pids] for name, children in parts.items()}

    @property
    def gateway_act(self) -> str | None:
        """Where a buyer pays at the gateway that SurgeKit plays by the target's notice."""
        gateway = None if self.world is None else self.world.addresses.get("gateway")
        return f"{gateway}/act" if gateway and self._target.edge.gateway.notify is not None else None

    def start_platform(self) -> None:
        """Start the edge where SurgeKit plays a part of it or puts a link into it, and the platform where SurgeKit runs it. Raises ``RunError``."""
        if not (self._target.plays or self._target.links):
            return
        logs = self._run / "logs"
        self.world = start_edge(
            self._target, self._seed, self._salt, logs, event_log=self._run / "spool" / "edge.jsonl",
            permit_json=None if self._permit is None else self._permit.to_json(), run_id=self._run_id, secrets=self._secrets,
        )  # fmt: skip
        if self._target.start is None:
            return
        self._scratch = Path(tempfile.mkdtemp(prefix="surgekit-"))  # card codes stay out of the run folder
        self.platform, self.base_url = start_cardshop(
            self._target, self.world, self._seed, logs,
            accounts=self._profile.buyers.accounts, stock=self._stock, scratch=self._scratch,
        )  # fmt: skip

    def start_engines(self, asked: Muster, *, web: int | None, waiting: Callable[[str], None] | None = None) -> None:
        """Start an engine for each shard, ready to go: every account that has to log in beforehand has. Raises ``RunError``.

        One engine is a process. Several are a fleet, to which the run speaks as to one; ``waiting`` is told who is waited for.
        """
        if asked.shards > 1 or asked.remote:
            self.engines.append(Fleet(self._run, asked, web=web, env=self._secrets_env, clock_error_ms=CLOCK_ERROR_MS, waiting=waiting))
        else:
            args = [str(self._run), *(() if web is None else ("--web", str(web)))]
            self.engines.append(Child("surgekit.engine", args, self._run / "logs" / "engine-0.log", env=self._secrets_env))
        logins = self._target.setup is not None and self._target.setup.when == "before"
        for engine in self.engines:
            engine.ready(LOGINS_S if logins else READY_S)

    @property
    def head_start_s(self) -> float:
        """So long before the first possible arrival do the engines have to hear of the start."""
        return max((engine.head_start_s for engine in self.engines if isinstance(engine, Fleet)), default=HEAD_START_S)

    def go(self, t0: float) -> None:
        """All engines start at ``t0`` on the host's clock."""
        for engine in self.engines:
            engine.tell(f"start {t0!r}")
