"""Who places an order: the buyer, the buyer's account on the platform, what was told at its login, and the cookies."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import gevent
from gevent.event import Event
from gevent.pool import Pool

from surgekit import secretive
from surgekit.arrivals.buyers import Buyer
from surgekit.errors import TargetError
from surgekit.model import Order, ReplyClass
from surgekit.redact import LEAST
from surgekit.target.cookies import Jar
from surgekit.target.plan import Plan
from surgekit.target.schema import Target
from surgekit.target.step import Read, StepPlan

Send = Callable[[StepPlan, Mapping[str, Any], Jar | None], Read]
"""Sends a step for nobody's order."""
NETWORK = ipaddress.ip_network("198.18.0.0/15")
"""Buyers' addresses, as a proxy would tell them: reserved for benchmarks (RFC 2544), so they belong to nobody."""


@dataclass(slots=True)
class Member:
    """One account: its row of the accounts file, and after its login the values and cookies of it."""

    values: dict[str, Any]
    jar: Jar = field(default_factory=Jar)
    ready: Event = field(default_factory=Event)
    begun: bool = False
    failed: str | None = None


class Members:
    """The accounts of a run. An account logs in once, however many orders it places and however many wait for it."""

    def __init__(
        self, target: Target, plan: Plan, buyers: list[Buyer], rows: list[dict[str, str]] | None, known: Mapping[str, Any], send: Send,
        *, shard: tuple[int, int] = (0, 1),
    ) -> None:
        self._target = target
        self._plan = plan
        self._send = send
        # An account that logs in belongs to one shard: two engines would log it in twice, and many shops end the first login then.
        self._shard = shard if target.setup is not None else (0, 1)
        self.known = dict(known)
        self._buyers = buyers
        self._rows = rows
        self._members: dict[int, Member] = {}
        self._products: dict[str, dict[str, Any]] = {
            product.sku: {"order.price_fen": product.price_fen, **{f"product.{name}": value for name, value in product.vars.items()}}
            for product in target.catalogue
        }
        self._deliverer = Member({})

    def _index(self, buyer: int) -> int:
        # Rows beyond the number of buyers have nobody who uses them.
        accounts = len(self._buyers) if self._rows is None else min(len(self._rows), len(self._buyers))
        index, (own, shards) = buyer % accounts, self._shard
        index += own - index % shards
        return index if index < accounts else index - shards if index >= shards else buyer % accounts

    def _member(self, index: int) -> Member:
        if index not in self._members:
            buyer = self._buyers[index]
            row = self._rows[index] if self._rows is not None else {}
            account = row.get("account", next(iter(row.values()), buyer.account))
            self._members[index] = Member(
                {
                    **self.known, "buyer.account": account, "buyer.name": buyer.name, "buyer.phone": buyer.phone, "buyer.email": buyer.email,
                    "buyer.ip": str(NETWORK[index % NETWORK.num_addresses]), "buyer.index": index,
                    **{f"account.{name}": value for name, value in row.items()},
                }
            )  # fmt: skip
        return self._members[index]

    def values(self, order: Order, key: str) -> dict[str, Any]:
        """Every name that ``order`` has before its first step. Ask after the login: what that told is in here."""
        product = self._products[order.sku]
        way: Mapping[str, Any] = self._target.ways.get("balance" if order.pay_by == "balance" else "gateway", {})
        values = {
            **self._member(self._index(order.buyer)).values, **product, **{f"way.{name}": value for name, value in way.items()}, "order.key": key, "order.seq": order.seq, "order.sku": order.sku,
            "order.qty": order.qty, "order.pay_by": order.pay_by, "order.buyer_class": order.buyer_class,
            "order.total_fen": product["order.price_fen"] * order.qty,
        }  # fmt: skip
        for name, composed in self._plan.composed.items():
            values[name] = composed.render(values)
        return values

    def private(self, order: Order) -> list[object]:
        """What is told of the order's account and may not be shown: its row of the accounts file, without the account itself.

        A figure or two, as of a level, count only in a column whose name says so, such as ``pin``.
        """
        values = self._member(self._index(order.buyer)).values
        row = {name: value for name, value in values.items() if name.startswith("account.") and value != values["buyer.account"]}
        return [value for name, value in row.items() if len(str(value)) >= LEAST or secretive.kind(name.removeprefix("account."))]

    def jar(self, order: Order) -> Jar | None:
        """The cookies of ``order``: its account's, a new visitor's, or none."""
        kind = self._target.jar
        if kind == "none":
            return None
        if kind == "account":
            return self._member(self._index(order.buyer)).jar
        return self._member(self._index(order.buyer)).jar.copy()

    def login(self, order: Order) -> str | None:
        """Set the order's account up where that has not been done; why it failed, or None. Waits for another order that does it."""
        return self._set_up(self._member(self._index(order.buyer)), self._plan.setup)

    def login_all(self, buyers: Iterable[int]) -> None:
        """Set up every account of ``buyers`` before the surge. Raises ``TargetError`` with the first that fails."""
        setup = self._target.setup
        if setup is None or setup.when != "before":
            return
        members = [self._member(index) for index in sorted({self._index(buyer) for buyer in buyers})]
        pool = Pool(setup.at_once)
        for member in members:
            pool.spawn(self._set_up, member, self._plan.setup)
        pool.join()
        failed = [member for member in members if member.failed is not None]
        if failed:
            raise TargetError(
                f"setup: {len(failed)} of {len(members)} accounts could not be set up; the first, {failed[0].values['buyer.account']}: {failed[0].failed}"
            )

    @property
    def delivery(self) -> tuple[StepPlan, float]:
        """How the person behind the counter delivers, and how long after the payment."""
        assert self._target.admin is not None
        assert self._plan.deliver is not None
        return self._plan.deliver, self._target.admin.after

    def admin(self) -> tuple[dict[str, Any], Jar, str | None]:
        """The person who delivers: (values, cookies, why the login failed or None)."""
        if not self._deliverer.begun:
            self._deliverer.values.update(self.known)
        failed = self._set_up(self._deliverer, self._plan.admin_setup)
        return self._deliverer.values, self._deliverer.jar, failed

    def _set_up(self, member: Member, steps: tuple[StepPlan, ...]) -> str | None:
        if member.begun:
            member.ready.wait()
            return member.failed
        member.begun = True
        member.failed = "it was cut off"  # until it is known otherwise, should this greenlet be killed
        try:
            member.failed = self._walk(member, steps)
        finally:
            member.ready.set()
        return member.failed

    def _walk(self, member: Member, steps: tuple[StepPlan, ...]) -> str | None:
        for step in steps:
            read = self._send(step, member.values, None if self._target.jar == "none" else member.jar)
            if read.kind is not ReplyClass.OK:
                return f"{step.name}: {read.reason}"
            member.values.update(read.values)
            gevent.sleep(0)
        return None
