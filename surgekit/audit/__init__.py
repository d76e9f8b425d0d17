"""The audit: each way a card platform loses goods or money, as one SQL file over the run folder."""

from surgekit.audit.check import audit, invariants

__all__ = ["audit", "invariants"]
