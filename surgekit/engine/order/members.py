"""Who places an order: the buyer, the buyer's account on the platform, what was told at its login, and the cookies."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from surgekit import secretive
from surgekit.arrivals.buyers import Buyer
from surgekit.engine.loop import Loop, Task
from surgekit.errors import TargetError
from surgekit.model import Order, ReplyClass
from surgekit.redact import LEAST
from surgekit.target.cookies import Jar
from surgekit.target.plan import Plan
from surgekit.target.schema import Target
from surgekit.target.step import Read, StepPlan

Send = Callable[[StepPlan, Mapping[str, Any], Jar | None], Awaitable[Read]]
"""Sends a step for nobody's order."""
NETWORK = ipaddress.ip_network("198.18.0.0/15")
"""Buyers' addresses, as a proxy would tell them: reserved for benchmarks (RFC 2544), so they belong to nobody."""


@dataclass(slots=True)
class Member:
    """One account: its row of the accounts file, and after its login the values and cookies of it. ``ordering``: those of its values that its
    orders need."""

    values: dict[str, Any]
    jar: Jar = field(default_factory=Jar)
    setting_up: Task[str | None] | None = None
    ordering: dict[str, Any] = field(default_factory=dict)


class Members:
    """The accounts of a run. An account logs in once, however many orders it places and however many wait for it.

    ``all_names``: orders are asked for by code that may use any name, and not only by the plan's steps.
    """

    def __init__(
        self, target: Target, plan: Plan, buyers: list[Buyer], rows: list[dict[str, str]] | None, known: Mapping[str, Any], send: Send,
        *, loop: Loop, shard: tuple[int, int] = (0, 1), all_names: bool = False,
    ) -> None:
        self._target = target
        self._plan = plan
        self._jar = target.jar
        self.keeps_cookies = target.jar != "none"
        self.shares_cookies = target.jar == "account"
        """What one order's reply sets, another order of the account sends."""
        self._send = send
        self._loop = loop
        self._names = None if all_names else plan.names
        # An account that logs in belongs to one shard: two engines would log it in twice, and many shops end the first login then.
        self._shard = shard if target.setup is not None else (0, 1)
        self.known = dict(known)
        self._buyers = buyers
        self._rows = rows
        self._wants_more = self._names is None or not self._names.isdisjoint(("order.seq", "order.total_fen"))
        self._members: dict[int, Member] = {}
        self._of_buyer: dict[int, Member] = {}
        self._bases: dict[tuple[str, str, str], dict[str, Any]] = {}
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

    def _of(self, buyer: int) -> Member:
        member = self._of_buyer.get(buyer)
        if member is None:
            member = self._of_buyer[buyer] = self._member(self._index(buyer))
        return member

    def _member(self, index: int) -> Member:
        if index not in self._members:
            buyer = self._buyers[index]
            row = self._rows[index] if self._rows is not None else {}
            account = row.get("account", next(iter(row.values()), buyer.account))
            member = self._members[index] = Member(
                {
                    **self.known, "buyer.account": account, "buyer.name": buyer.name, "buyer.phone": buyer.phone, "buyer.email": buyer.email,
                    "buyer.ip": str(NETWORK[index % NETWORK.num_addresses]), "buyer.index": index,
                    **{f"account.{name}": value for name, value in row.items()},
                }
            )  # fmt: skip
            member.ordering = self._needed(member.values)
        return self._members[index]

    def _needed(self, values: dict[str, Any]) -> dict[str, Any]:
        """What of ``values`` an order may be asked for."""
        return values if self._names is None else {name: value for name, value in values.items() if name in self._names}

    def own_of(self, buyer: int) -> dict[str, Any] | None:
        """The values of this buyer's account that orders may be asked for; None where it comes with cookies. Not to be changed."""
        member = self._of_buyer.get(buyer) or self._of(buyer)
        return None if self.keeps_cookies and not member.jar.empty else member.ordering

    def visit(self, order: Order, key: str) -> tuple[dict[str, Any], Jar | None, Callable[[Order], Jar | None]]:
        """``values`` of ``order``, its cookies, and where it has others from for another attempt."""
        member = self._of(order.buyer)
        return self._values(member, order, key), self._jar_of(member), self.jar

    def values(self, order: Order, key: str) -> dict[str, Any]:
        """Every name that ``order`` has before its first step. Ask after the login: what that told is in here."""
        return self._values(self._of(order.buyer), order, key)

    def _values(self, member: Member, order: Order, key: str) -> dict[str, Any]:
        kind = order.sku, order.pay_by, order.buyer_class
        base = self._bases.get(kind)
        if base is None:
            base = self._bases[kind] = self.known_of(*kind)
        values = {**member.ordering, **base} if member.ordering else base.copy()
        values["order.key"] = key
        values["order.qty"] = order.qty
        if self._wants_more:
            values["order.seq"] = order.seq
            values["order.total_fen"] = base["order.price_fen"] * order.qty
        for name, composed in self._plan.composed.items():
            values[name] = composed.render(values)
        return values

    def known_of(self, sku: str, pay_by: str, buyer_class: str) -> dict[str, Any]:
        """What all orders of one product, way to pay and class of buyers have in common."""
        product = self._products[sku]
        way: Mapping[str, Any] = self._target.ways.get("balance" if pay_by == "balance" else "gateway", {})
        base = {
            **product, **{f"way.{name}": value for name, value in way.items()},
            "order.sku": sku, "order.pay_by": pay_by, "order.buyer_class": buyer_class,
        }  # fmt: skip
        return {**self._needed(base), "order.price_fen": product["order.price_fen"]}

    def private(self, order: Order) -> list[object]:
        """What is told of the order's account and may not be shown: its row of the accounts file, without the account itself.

        A figure or two, as of a level, count only in a column whose name says so, such as ``pin``.
        """
        values = self._of(order.buyer).values
        row = {name: value for name, value in values.items() if name.startswith("account.") and value != values["buyer.account"]}
        return [value for name, value in row.items() if len(str(value)) >= LEAST or secretive.kind(name.removeprefix("account."))]

    def jar(self, order: Order) -> Jar | None:
        """The cookies of ``order``: its account's, a new visitor's, or none."""
        return self._jar_of(self._of(order.buyer))

    def _jar_of(self, member: Member) -> Jar | None:
        if self._jar == "none":
            return None
        if self._jar == "account":
            return member.jar
        return Jar() if member.jar.empty else member.jar.copy()

    async def login(self, order: Order) -> str | None:
        """Set the order's account up where that has not been done; why it failed, or None. Waits for another order that does it."""
        return await self._set_up(self._of(order.buyer), self._plan.setup)

    async def login_all(self, buyers: Iterable[int]) -> None:
        """Set up every account of ``buyers`` before the surge. Raises ``TargetError`` with the first that fails."""
        setup = self._target.setup
        if setup is None or setup.when != "before":
            return
        members = [self._member(index) for index in sorted({self._index(buyer) for buyer in buyers})]
        failed: list[tuple[str, str]] = []
        waiting = iter(members)

        async def one_after_the_other() -> None:
            for member in waiting:
                why = await self._set_up(member, self._plan.setup)
                if why is not None:
                    failed.append((member.values["buyer.account"], why))

        for each in [self._loop.spawn(one_after_the_other()) for _ in range(setup.at_once)]:
            await each.wait()
        if failed:
            account, why = min(failed)
            raise TargetError(f"setup: {len(failed)} of {len(members)} accounts could not be set up; the first, {account}: {why}")

    @property
    def delivery(self) -> tuple[StepPlan, float]:
        """How the person behind the counter delivers, and how long after the payment."""
        assert self._target.admin is not None
        assert self._plan.deliver is not None
        return self._plan.deliver, self._target.admin.after

    async def admin(self) -> tuple[dict[str, Any], Jar, str | None]:
        """The person who delivers: (values, cookies, why the login failed or None)."""
        if self._deliverer.setting_up is None:
            self._deliverer.values.update(self.known)
        failed = await self._set_up(self._deliverer, self._plan.admin_setup)
        return self._deliverer.values, self._deliverer.jar, failed

    async def _set_up(self, member: Member, steps: tuple[StepPlan, ...]) -> str | None:
        # A task of its own: whoever began to wait for it may be ended, and others still want the account.
        if member.setting_up is None:
            member.setting_up = self._loop.spawn(self._walk(member, steps))
        return await member.setting_up.wait()

    async def _walk(self, member: Member, steps: tuple[StepPlan, ...]) -> str | None:
        for step in steps:
            read = await self._send(step, member.values, None if self._target.jar == "none" else member.jar)
            if read.kind is not ReplyClass.OK:
                return f"{step.name}: {read.reason}"
            member.values.update(read.values)
            await self._loop.pause()
        member.ordering = self._needed(member.values)
        return None
