"""The notice of an acted payment, compiled once: the target file's ``edge.gateway.notify`` in, requests out.

It is compiled as every other step of a target is, so that holes, forms and signatures mean the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

from surgekit.edge.callbacks import Message
from surgekit.edge.config import EdgeConfig
from surgekit.errors import ConfigError
from surgekit.safety import Permit
from surgekit.target.holes import GIVEN
from surgekit.target.pattern import Pattern
from surgekit.target.schema import Notice, Step
from surgekit.target.signing import Signer
from surgekit.target.step import StepPlan, stamps

ZONE = timezone(timedelta(hours=8))
"""``{pay.time}`` is written in UTC+8, as the trade's gateways write it, whatever zone a dialect's own timestamp has."""
_QUERY = "!$%&'()*+,/:;=?@[]~"
WHERE = "edge.gateway.notify"


@dataclass(frozen=True, slots=True)
class Payment:
    """One captured payment. ``index`` counts the orders that the gateway has heard of, from 0."""

    index: int
    trade_no: str
    order_no: str
    amount_fen: int
    at: datetime

    def values(self) -> dict[str, Any]:
        """What a notice can say of it."""
        return {
            "pay.order_no": self.order_no,
            "pay.trade_no": self.trade_no,
            "pay.amount": f"{self.amount_fen // 100}.{self.amount_fen % 100:02d}",
            "pay.amount_fen": self.amount_fen,
            "pay.time": f"{self.at.astimezone(ZONE):%Y-%m-%d %H:%M:%S}",
        }


class NoticePlan:
    """Raises ``ConfigError`` where the notice uses what nothing gives. ``fields``: what ``act`` must give beyond the amount."""

    def __init__(self, notice: Notice, signer: Signer | None, fixed: Mapping[str, Any], permit: Permit | None) -> None:
        method, place = notice.request.split(" ", 1)
        self._url = place[1:-1] if place.startswith("{") else None
        if self._url is None and permit is None:
            raise ConfigError(
                f"{WHERE}.request: it is not known yet where the platform will be, so {place} cannot be sent there; take the address from"
                " what the platform says, such as POST {pay.notify_url}"
            )
        base = "" if permit is None else f"{permit.place.scheme}://{permit.place.netloc}"
        self._base = base
        self._fixed = {**fixed, "target.base_url": base}
        self._plan = StepPlan("notice", _step(notice, f"{method} {'{notice_url}' if self._url else place}"), WHERE, signer=signer)
        needs = self._plan.needs - {"notice_url"} | ({self._url} if self._url else set())
        self.fields = frozenset(word for word in needs if word.startswith("pay.")) - GIVEN
        unknown = sorted(word for word in needs - self._fixed.keys() if not word.startswith("pay."))
        if unknown:
            known = ", ".join(sorted(GIVEN | self._fixed.keys()))
            raise ConfigError(f"{WHERE}: nothing gives {{{unknown[0]}}}; known here: {known}, and {{pay.…}} for each field of act")
        self._ack = Pattern(notice.ack)

    def message(self, payment: Payment, told: Mapping[str, str]) -> Message:
        """The request, stamped and signed now. ``told``: the fields of ``act``. Raises ``ConfigError``."""
        values: dict[str, Any] = {**self._fixed, **{f"pay.{name}": value for name, value in told.items()}, **payment.values()}
        for word in sorted(self.fields - values.keys()):
            raise ConfigError(f"{WHERE}: nothing gives {{{word}}}; act has no field {word.removeprefix('pay.')}")
        said = ""
        if self._url is not None:
            values["notice_url"], _, said = str(values[self._url]).partition("#")[0].partition("?")
        values |= stamps()
        made = self._plan.request(values)
        url, _, query = made.url.decode().partition("?")
        # What the platform wrote into its address stays in front of what the gateway adds, and is not signed.
        query = "&".join(each for each in (quote(said, safe=_QUERY, errors="replace"), query) if each)
        url = f"{url}?{query}" if query else url
        headers = tuple((name.decode(), value.decode()) for name, value in made.headers)
        has_body = bool(made.body) or made.method == "POST"
        return Message(made.method, url if self._url else self._base + url, headers, made.body if has_body else None)

    def acked(self, status: int, body: bytes) -> bool:
        """Whether the platform has understood: status 200, and ``ack`` in the body without the blanks around it."""
        return status == 200 and self._ack.found(body.decode("utf-8-sig", "replace").strip())


def _step(notice: Notice, request: str) -> Step:
    """The notice as a step. What is answered to it is judged by ``acked``; the rule is there because every step has one."""
    return Step.model_validate(
        {
            "request": request, "headers": notice.headers, "query": notice.query or {}, "form": notice.form, "json": notice.json_,
            "replies": [{"class": "ok", "matches": notice.ack}],
        }
    )  # fmt: skip


def plan(config: EdgeConfig, secret: Mapping[str, str], permit: Permit | None) -> NoticePlan | None:
    """The notice that the configuration describes, if it does. Raises ``ConfigError``."""
    notice = config.gateway.notify
    if notice is None:
        return None
    signer = None
    if notice.sign is not None:
        if notice.sign not in config.signing:
            raise ConfigError(f"{WHERE}.sign: no dialect {notice.sign!r} in signing")
        signer = Signer(notice.sign, config.signing[notice.sign], f"signing.{notice.sign}")
    fixed: dict[str, Any] = {"run.id": config.run_id}
    fixed |= {f"vars.{name}": value for name, value in config.vars.items()}
    fixed |= {f"secret.{name}": value for name, value in secret.items()}
    return NoticePlan(notice, signer, fixed, permit)
