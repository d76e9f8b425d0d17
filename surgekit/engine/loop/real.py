"""The interpreter's own threads and locks, where gevent has put its own in their place. Nothing of gevent is imported for it."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any


def real(module: str, name: str) -> Any:
    """``module.name`` as it was before anything was patched."""
    monkey = sys.modules.get("gevent.monkey")
    return getattr(import_module(module), name) if monkey is None else monkey.get_original(module, name)
