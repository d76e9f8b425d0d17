"""What every fault is: two questions that a link asks, answered without I/O."""

from __future__ import annotations

from typing import ClassVar, Literal

from surgekit.edge.config import Strict


class Fault(Strict):
    """A fault that does nothing. Its fields are the fields of the control port's request.

    a connection comes, or lives ──▶ cuts_connections?
    a request was read ──▶ supplier ──▶ its reply ──▶ hold_s, then on to the platform
    """

    link: Literal["supplier"]

    cuts_connections: ClassVar[bool] = False
    """While the fault is active, new connections are reset and live ones are cut."""

    def hold_s(self, seed: int, name: str, index: int) -> float:  # noqa: ARG002 - a fault need not hold anything
        """Seconds that the reply to a request is held back, a pure function of its arguments.

        ``name`` is the fault's own, ``index`` counts the requests read since it was injected, from 0.
        """
        return 0.0
