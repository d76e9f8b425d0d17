"""The gateway that SurgeKit plays, in a thread of this process, of what its process is made of."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from surgekit.edge import gateway, notice
from surgekit.edge.callbacks import Callbacks
from surgekit.edge.client import Client
from surgekit.edge.config import EdgeConfig
from surgekit.edge.log import EventLog
from surgekit.edge.serving import WebServer, bind, url
from surgekit.edge.till import Till
from surgekit.safety import Permit
from surgekit.target import Target
from surgekit.world import edge_config


class Gateway:
    """Acts the payments of ``target``. ``close`` waits until every notice is at its end."""

    def __init__(self, target: Target, permit: Permit, secrets: Mapping[str, str], run_id: str, log: Path) -> None:
        self._config = EdgeConfig.model_validate_json(json.dumps(edge_config(target, permit.to_json(), run_id)))
        self._permit, self._secrets, self._run_id = permit, secrets, run_id
        self.path = log
        self._ready = threading.Event()
        self._over: asyncio.Event
        self._loop: asyncio.AbstractEventLoop
        self.url = ""
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        assert self._ready.wait(10)

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        log = EventLog(self.path, "salt")
        callbacks = Callbacks(log, client=Client(5.0, permit=self._permit, run_id=self._run_id))
        till = Till(self._config.gateway, 7, log, callbacks, self._run_id)
        sock = bind("127.0.0.1", 0)
        self.url = url(sock)
        told = notice.plan(self._config, self._secrets, self._permit)
        server = WebServer(gateway.app(till, "key-of-nobody", self.url, told), sock)
        await server.ready()
        self._ready.set()
        await self._over.wait()
        await server.stop()
        await callbacks.close()
        log.close()

    def close(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._over.set)
            self._thread.join(10)

    def rows(self, event: str) -> list[dict[str, Any]]:
        """What its log has of ``event``, after its end."""
        self.close()
        rows = [json.loads(line) for line in self.path.read_text().splitlines()]
        return [row for row in rows if row["event"] == event]
