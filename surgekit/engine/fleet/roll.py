"""A worker as the master knows it, and whether it is at a place from where it can work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from surgekit.engine.fleet import messages
from surgekit.engine.fleet.clocks import Clock
from surgekit.engine.fleet.history import Inbox
from surgekit.safety import is_loopback, origin
from surgekit.safety.address import is_localhost


@dataclass(slots=True)
class Worker:
    """One that has a shard."""

    client: str
    shard: int
    host: str
    pid: int
    local: bool
    heard: float
    clock: Clock = field(default_factory=Clock)
    inbox: Inbox | None = None
    left: int = 0
    """Bytes of its history that were still to come, as it said last."""
    ready: bool = False
    said: float = 0.0
    """When it was last told something that may have to be said again."""
    pinged: float = 0.0
    burst_at: float = 0.0
    done: dict[str, Any] | None = None
    lost: str | None = None
    """Why it was given up."""
    finished: bool = False
    """It is done, its clock was looked at once more, and it may leave."""


def no_place(hello: Mapping[str, Any], plan: Mapping[str, Any]) -> str | None:
    """Why a worker that says ``hello`` cannot work by ``plan``: what runs on this machine's loopback, another machine does not reach. None where it can."""
    if hello.get("machine") == messages.machine():
        return None
    near = (plan.get("permit") or {}).get("how") == "loopback"
    for what, url in (("the platform", plan.get("base_url")), ("the payment gateway", plan.get("gateway_act"))):
        if not url:
            continue
        host = origin(str(url)).host
        if is_loopback(host) or is_localhost(host) or (near and what == "the platform"):
            return f"{what} is at {url}, which is another place on {hello.get('host')}; give the target an address that all machines reach"
    return None
