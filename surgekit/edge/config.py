"""What the stand-ins do when nothing is broken: the file behind ``--config``. No secret is in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from surgekit.errors import ConfigError
from surgekit.target.schema import Duplicates, Notice
from surgekit.target.signing import Dialect

Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]


class Strict(BaseModel):
    """Frozen, and a field that nobody knows is an error rather than a silent default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Spread(Strict):
    """A log-normal duration: its median in milliseconds, and the standard deviation of its logarithm."""

    median: float = Field(ge=0, le=86_400_000, allow_inf_nan=False)
    sigma: float = Field(default=0.0, ge=0, le=3, allow_inf_nan=False)


class SupplierConfig(Strict):
    """``slots`` orders are in service at once; a ``later_share`` of them is only "processing" in the first answer.

    Callbacks are tried again after each of ``callback_retries_s``, every wait divided by ``compress``.
    """

    latency_ms: Spread = Spread(median=40, sigma=0.35)
    slots: int = Field(default=64, ge=1, le=100_000)
    later_share: float = Field(default=0.0, ge=0, le=1)
    later_s: Seconds = 0.8
    callback_retries_s: tuple[Seconds, ...] = (60, 60, 60, 60, 60)
    compress: float = Field(default=60, gt=0, allow_inf_nan=False)


class GatewayConfig(Strict):
    """Notices come ``notify_delay_ms`` after the payment, then by the retry schedule divided by ``compress``.

    ``at_once``: requests under way at the same time. ``notify``: what an acted payment's notice looks like; without it
    no payment can be acted.
    """

    notify_delay_ms: Spread = Spread(median=60, sigma=0.4)
    notify_retries_s: tuple[Seconds, ...] = (15, 15, 30, 180, 600, 1200)
    compress: float = Field(default=60, gt=0, allow_inf_nan=False)
    duplicates: Duplicates | None = None
    at_once: int = Field(default=256, ge=1, le=10_000)
    notify: Notice | None = None


class EdgeConfig(Strict):
    """Everything has a default: an empty file is a good one.

    ``plays``: the parts that are started. ``upstream``: (host, port) of a real supplier behind the link. ``permit``: what ``surgekit.safety`` permitted, where notices go; without one they
    go to this machine only. ``vars`` and ``signing`` are those of the target file that the notice uses.
    """

    plays: tuple[Literal["supplier", "gateway"], ...] = ("supplier", "gateway")
    run_id: str = Field(default="", pattern=r"^[A-Za-z0-9._-]{0,64}$")
    upstream: tuple[str, int] | None = None
    permit: Mapping[str, Any] | None = None
    vars: Mapping[str, str | int | float | bool | None] = Field(default_factory=dict)
    signing: Mapping[str, Dialect] = Field(default_factory=dict)
    supplier: SupplierConfig = SupplierConfig()
    gateway: GatewayConfig = GatewayConfig()


def load(path: Path | None) -> EdgeConfig:
    """Read the JSON file at ``path`` (None: the defaults). Raises ConfigError naming the file and the field."""
    if path is None:
        return EdgeConfig()
    try:
        return EdgeConfig.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"cannot read the edge's configuration {path}: {error.strerror}") from error
    except ValidationError as error:
        raise ConfigError(f"{path}: {one_sentence(error)}") from error


def one_sentence(error: ValidationError) -> str:
    """The first complaint as ``field.path: what is wrong``."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(step) for step in first["loc"])
    return f"{where}: {first['msg']}" if where else first["msg"]
