"""``python -m surgekit.edge``: options in, one ready line out."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from surgekit import lifeline
from surgekit.edge.control import TOKEN_ENV
from surgekit.edge.process import Options, Stopper, serve
from surgekit.errors import ConfigError, SurgeKitError
from surgekit.safety import is_loopback

SECRETS_ENV = "SURGEKIT_SECRETS"
SUPPLIER_KEY_ENV = "SURGEKIT_SUPPLIER_KEY"
GATEWAY_KEY_ENV = "SURGEKIT_GATEWAY_KEY"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(message)


def options(argv: Sequence[str]) -> Options:
    """Read the command line. Raises ConfigError."""
    parser = _Parser(prog="python -m surgekit.edge", description="Supplier and payment gateway stand-ins.")
    parser.add_argument("--host", default="127.0.0.1")
    for port in ("supplier", "link", "gateway", "control"):
        parser.add_argument(f"--{port}-port", type=int, default=0, metavar="PORT", help="0: a free one")
    parser.add_argument("--log", type=Path, metavar="FILE.jsonl", help="event log, appended to; none without it")
    parser.add_argument("--seed", type=int, default=1, help="of latencies, delays and card codes")
    parser.add_argument("--salt", default="", help="of the card digests; without it a random one")
    parser.add_argument("--supplier-key", help=f"signs the supplier's form dialect; better in {SUPPLIER_KEY_ENV}, where only you see it")
    parser.add_argument("--gateway-key", help=f"signs the gateway's epay dialect; better in {GATEWAY_KEY_ENV}")
    parser.add_argument("--config", type=Path, metavar="FILE.json")
    given = vars(parser.parse_args(argv))
    if given["seed"] < 0:
        raise ConfigError("--seed must not be negative")
    if given["host"] != "localhost" and not is_loopback(given["host"]):
        raise ConfigError(f"--host {given['host']}: the stand-ins listen on this machine only, such as 127.0.0.1")
    given["salt"] = given["salt"] or secrets.token_hex(16)
    given["supplier_key"] = given["supplier_key"] or os.environ.get(SUPPLIER_KEY_ENV) or "supplier-key"
    given["gateway_key"] = given["gateway_key"] or os.environ.get(GATEWAY_KEY_ENV) or "gateway-key"
    return Options(**given, token=os.environ.get(TOKEN_ENV, ""), secrets=_secrets())


def _secrets() -> dict[str, str]:
    """The target's secrets, name → value. Raises ConfigError."""
    try:
        found = json.loads(os.environ.get(SECRETS_ENV) or "{}")
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ConfigError(f"{SECRETS_ENV}: a JSON object of texts is wanted")
    return found


def _announce(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def main(argv: Sequence[str]) -> int:
    """Run until stopped. The exit code: 0, or 1 after one sentence about what failed."""
    stopper = Stopper()
    lifeline.hold(on_end=stopper.stop_and_wait)
    announced = False

    def ready(line: dict[str, Any]) -> None:
        nonlocal announced
        announced = True
        _announce(line)

    try:
        asyncio.run(serve(options(argv), stopper, ready))
    except SurgeKitError as error:
        if not announced:
            _announce({"ready": False, "error": str(error)})
        sys.stderr.write(f"surgekit edge: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
