"""The orders of a run as columns, and what each of them says about latency and errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from surgekit.arrivals import RateCurve
from surgekit.arrivals.rate import Floats
from surgekit.arrivals.schedule import curve
from surgekit.eventlog import folder
from surgekit.profile import Profile
from surgekit.profile.schema import Limits

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class History:
    """Columns of equal length, one entry an order in order of arrival. Times in seconds; absent ones are NaN.

    ``watched_s`` is how long an order was watched: from the intended time to its confirmation, or to where the buyer (or the
    engine) ended, less the buyer's own pauses. ``accept_s`` likewise, to the platform's acceptance (NaN without one).
    """

    profile: Profile
    rate: RateCurve
    seq: NDArray[np.int64]
    intended_s: Floats
    started_s: Floats
    accept_s: Floats
    confirmed_s: Floats
    watched_s: Floats
    sent: Bools
    errors: Bools
    finished_otherwise: Bools
    lost_sight: Bools
    unsent: Bools
    tried: Bools

    def unseen(self) -> Bools:
        """Orders that an error ended and that tell nothing about latency: where there are only these, nobody can call it held."""
        return self.errors & ~self.late()[2]

    @property
    def limits(self) -> Limits:
        return self.profile.limits

    def late(self) -> tuple[Bools, Bools, Bools]:
        """(late for certain, late perhaps, belongs in here?) against ``limits.confirm``.

        An order that broke off with an error before the limit is an error and not late; one whose engine was lost before
        the limit may have been either.
        """
        watched, seen, belongs = self.latency()
        late = belongs & (watched > self.limits.confirm)
        perhaps = belongs & ~seen & ~late & self.lost_sight
        return late, perhaps, seen | late | perhaps

    def latency(self) -> tuple[Floats, Bools, Bools]:
        """(seconds watched, event seen?, belongs in here?) of confirmation, from the intended time.

        Orders that ended without a confirmation to wait for (sold out, refused, refunded, provably failed) are not in
        here: they are counted elsewhere. Orders that nobody saw end are, as censored: their latency is larger than what
        was watched.
        """
        seen = ~np.isnan(self.confirmed_s)
        waiting = self.sent & ~self.finished_otherwise & ~seen
        return self.watched_s, seen, seen | waiting


def read(db: duckdb.DuckDBPyConnection, plan: Mapping[str, Any]) -> History:
    """The orders of the run behind ``db``. Raises ``RunError``."""
    profile, _ = folder.shape(plan)
    columns = db.execute(
        """
        SELECT seq, intended_s, started_s, accepted_s, confirmed_s, ended_s, paused_s, browsed_s, sent_s IS NOT NULL AS sent, errors > 0 AS errors,
               seen IN ('rejected', 'failed') AND confirmed_s IS NULL AS finished_otherwise,
               split_part(coalesce(reason, ''), ',', 1) IN ('aborted', 'engine_died', 'engine_error') AS lost_sight,
               reason IN ('unsent', 'budget') AS unsent
        FROM orders ORDER BY intended_s, seq
        """
    ).fetchnumpy()

    def floats(name: str) -> Floats:
        return np.ma.filled(np.ma.asarray(columns[name], dtype=np.float64), np.nan)

    def bools(name: str) -> Bools:
        return np.ma.filled(np.ma.asarray(columns[name]), False).astype(np.bool_)

    intended, confirmed, ended = floats("intended_s"), floats("confirmed_s"), floats("ended_s")
    watched = np.where(np.isnan(confirmed), ended, confirmed) - intended - floats("paused_s")
    lost = bools("lost_sight")
    return History(
        profile=profile,
        rate=curve(profile),
        seq=np.asarray(columns["seq"], dtype=np.int64),
        intended_s=intended,
        started_s=floats("started_s"),
        accept_s=floats("accepted_s") - intended - floats("browsed_s"),
        confirmed_s=confirmed,
        watched_s=np.nan_to_num(watched, nan=0.0),
        sent=bools("sent") | lost,
        errors=bools("errors"),
        finished_otherwise=bools("finished_otherwise"),
        lost_sight=lost,
        unsent=bools("unsent"),
        # A refused connection is an order that its buyer tried to make, though not a byte of it was sent.
        tried=(~np.isnan(floats("started_s")) | lost) & ~bools("unsent"),
    )
