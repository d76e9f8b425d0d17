"""What a run tells while it goes on. The terminal implements it; tests and JSON output use the silent one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from surgekit.profile.schema import Profile
from surgekit.target.schema import Target


class Show(Protocol):
    """Called by ``run`` as things happen."""

    def planned(self, profile: Profile, target: Target, run: Path, seed: int) -> None: ...

    def waiting(self, text: str) -> None: ...

    def progress(self, t_s: float, counts: dict[str, Any], faults: list[str]) -> None: ...

    def settling(self) -> None: ...

    def finished(self, run: Path) -> None: ...


class Silent:
    """Says nothing."""

    def planned(self, profile: Profile, target: Target, run: Path, seed: int) -> None:
        """Nothing."""

    def waiting(self, text: str) -> None:
        """Nothing."""

    def progress(self, t_s: float, counts: dict[str, Any], faults: list[str]) -> None:
        """Nothing."""

    def settling(self) -> None:
        """Nothing."""

    def finished(self, run: Path) -> None:
        """Nothing."""
