"""A shipped target driven by hand: one order's values, requests as their receiver reads them, and replies as the shop gives them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from surgekit.edge.notice import NoticePlan, Payment
from surgekit.safety.address import Origin
from surgekit.safety.permit import Permit
from surgekit.target import load
from surgekit.target.plan import Plan, compile_plan
from surgekit.target.reading import Reply
from surgekit.target.schema import Target
from surgekit.target.signing import Signer
from surgekit.target.step import Read, Request, StepPlan

KEY = "a1b2c3-0000007"
STAMP_MS = 1_700_000_000_000
HERE = Permit(Origin("http", "127.0.0.1", 8080, ("127.0.0.1",)), "loopback")


@dataclass
class Buyer:
    """One order on its way through a target; ``values`` grow with what its steps extract."""

    name: str
    target: Target = field(init=False)
    plan: Plan = field(init=False)
    values: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.target = load(self.name)
        self.plan = compile_plan(self.target)
        product = self.target.catalogue[0]
        self.values = {
            "run.id": "a1b2c3", "target.base_url": "http://127.0.0.1:8080", "order.key": KEY, "order.seq": 7, "order.sku": product.sku,
            "order.qty": 1, "order.pay_by": "gateway", "order.buyer_class": "retail", "order.price_fen": product.price_fen,
            "order.total_fen": product.price_fen, "buyer.account": "buyer-0001", "buyer.name": "张三", "buyer.phone": "13800000000",
            "buyer.email": "buyer-0001@example.invalid", "buyer.ip": "10.0.0.7", "buyer.index": 0, "time.s": STAMP_MS // 1000,
            "time.ms": STAMP_MS, "nonce": "00112233445566778899",
        }  # fmt: skip
        self.values |= {f"product.{name}": value for name, value in product.vars.items()}
        self.values |= {f"vars.{name}": value for name, value in self.target.vars.items()}
        self.values |= {f"secret.{name}": f"{name}-of-the-test" for name in self.target.secrets}
        self.values |= {f"way.{name}": value for name, value in self.target.ways.get("gateway", {}).items()}
        self.values |= {name: made.render(self.values) for name, made in self.plan.composed.items()}

    def sends(self, step: StepPlan | None) -> Request:
        assert step is not None
        return step.request(self.values)

    def hears(self, step: StepPlan | None, reply: Reply) -> Read:
        """What the reply means; an ok one is taken along."""
        assert step is not None
        read = step.read(reply)
        if read.reason is None:
            self.values.update(read.values)
        return read

    def notice(self, amount_fen: int, **told: str) -> tuple[str, str, dict[str, str]]:
        """Method, path and parameters of the gateway's notice for this order."""
        notify = self.target.edge.gateway.notify
        assert notify is not None
        assert notify.sign is not None
        signer = Signer(notify.sign, self.target.signing[notify.sign], "t")
        fixed = {name: value for name, value in self.values.items() if name.startswith(("vars.", "secret."))}
        plan = NoticePlan(notify, signer, fixed, HERE)
        paid = Payment(0, "G0000000001", str(self.values["order_no"]), amount_fen, datetime(2026, 11, 25, tzinfo=UTC))
        message = plan.message(paid, told)
        place, _, query = message.url.removeprefix("http://127.0.0.1:8080").partition("?")
        return message.method, place, dict(parse_qsl(query, keep_blank_values=True))

    def acked(self, status: int, body: str) -> bool:
        notify = self.target.edge.gateway.notify
        assert notify is not None
        fixed = {name: value for name, value in self.values.items() if name.startswith(("vars.", "secret."))}
        return NoticePlan(notify, None, fixed, HERE).acked(status, body.encode())


def fields(raw: bytes) -> dict[str, str]:
    """A form or query as a server reads it."""
    return dict(parse_qsl(raw.decode(), keep_blank_values=True))


def header(request: Request, name: str) -> str | None:
    return next((value.decode() for key, value in request.headers if key.decode().lower() == name.lower()), None)


def said(data: Any, status: int = 200) -> Reply:
    """A reply in JSON."""
    body = json.dumps(data, ensure_ascii=False).encode()
    return Reply(status, body, 0.0, 0.1, headers={"content-type": "application/json; charset=utf-8"})


def page(html: str, status: int = 200, **headers: str) -> Reply:
    """A reply that is a page."""
    return Reply(status, html.encode(), 0.0, 0.1, headers={"content-type": "text/html; charset=UTF-8", **headers})


def epay_sign(params: dict[str, str], key: str) -> str:
    """The dialect's signature, written down a second time: what the target files say is held against it."""
    kept = sorted((name, value) for name, value in params.items() if value and name not in ("sign", "sign_type"))
    return hashlib.md5(("&".join(f"{name}={value}" for name, value in kept) + key).encode(), usedforsecurity=False).hexdigest()
