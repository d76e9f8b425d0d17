"""What arrives: the shape of a surge, who buys, what, and how they behave."""

from surgekit.profile.load import load, scaled
from surgekit.profile.schema import Profile

__all__ = ["Profile", "load", "scaled"]
