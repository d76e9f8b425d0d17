"""The platform under test, described as data. No I/O in here."""

from surgekit.target.load import load
from surgekit.target.schema import Target

__all__ = ["Target", "load"]
