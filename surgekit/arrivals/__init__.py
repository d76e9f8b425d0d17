"""Who arrives when, and what they want: a pure function of (profile, seed, shard)."""

from surgekit.arrivals.rate import RateCurve
from surgekit.arrivals.schedule import Schedule, Shard, schedule

__all__ = ["RateCurve", "Schedule", "Shard", "schedule"]
