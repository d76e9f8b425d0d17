"""One or a few orders of a target file through the engine's own parts: client, members, walk and surge, as its process builds them.

The network is real; waits are not: a surge here is at once where it would have slept to.
"""

from __future__ import annotations

import gc
import textwrap
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import spool_story
import yaml
from contract_gateway import Gateway
from contract_shop import CardShop, Manners

from surgekit import clock
from surgekit.arrivals.buyers import buyers
from surgekit.engine.history.spool import Log
from surgekit.engine.http.client import Client
from surgekit.engine.loop import Loop
from surgekit.engine.order.budget import Purse
from surgekit.engine.order.buyer import Shop, Told
from surgekit.engine.order.members import Members
from surgekit.engine.order.walk import walker
from surgekit.engine.surge import Surge
from surgekit.model import Order
from surgekit.profile.schema import Buyers
from surgekit.safety import origin, permitted, resolved
from surgekit.target import load, private
from surgekit.target.plan import compile_plan
from surgekit.target.reading import Reply

RUN_ID = "ab12cd"
HEAD: dict[str, Any] = {
    "schema": "surgekit.target/1", "name": "shop", "catalogue": [{"sku": "game-100", "price_fen": 1234}],
    "timeouts": {"connect": "5s", "reply": "5s"},
}  # fmt: skip


class QuickSurge(Surge):
    """Waits are over at once, and what they would have lasted has passed; ``slept`` has until when each was to be.

    Whoever waits for the earliest moment goes on first, and nobody does while replies to others are on their way.
    """

    def __init__(self, *args: Any, client: Client, **told: Any) -> None:
        self._under_way = 0
        self._until: list[float] = []
        client.ask, client.send = self._counted(client.ask), self._counted(client.send)  # type: ignore[method-assign]
        super().__init__(*args, client=client, **told)
        self.slept: list[float] = []

    def _counted(self, work: Callable[..., Coroutine[Any, Any, Reply]]) -> Any:
        async def counted(*told: Any) -> Reply:
            self._under_way += 1
            try:
                return await work(*told)
            finally:
                self._under_way -= 1

        return counted

    async def sleep_until(self, at_s: float) -> None:
        self._until.append(at_s)
        try:
            await self.loop.pause()
            while at_s > self.now() and (self._under_way or at_s > min(self._until)):
                await self.loop.sleep_until(self.loop.now() + 0.0005)
        finally:
            self._until.remove(at_s)
        left = at_s - self.now()
        if left > 0:
            self.slept.append(at_s)
            self.begin(self._start - left)


def order(seq: int = 0, **told: Any) -> Order:
    given = {
        "seq": seq, "shard": 0, "intended_s": 0.0, "sku": "game-100", "qty": 1, "buyer": 0, "buyer_class": "retail", "pay_by": "balance",
        "phase": "only", "browses": False, "double_click": False, "think_quote_s": 0.0, "think_pay_s": 0.0,
    }  # fmt: skip
    return Order(**(given | told))


@dataclass
class Counter:
    """A target file, and the engine's parts that were made of it."""

    folder: Path
    shop: CardShop
    surge: QuickSurge
    members: Members
    record: dict[str, Any]
    """The target as ``run.json`` would have it."""
    log: Log
    shard: int
    gateway: Gateway | None = None

    def buy(self, seq: int = 0, **told: Any) -> Told:
        """One order to its end."""
        return self.surge.loop.run_until(self.surge.one(order(seq, **told), clock.now()))

    def surged(self) -> None:
        """The whole schedule, to its end."""
        gc.freeze()  # a surge begins with looking through all that there is, and there is much more of that here than in an engine
        self.surge.loop.run_until(self.surge.run(clock.now()))
        assert self.surge.over

    def rows(self, table: str) -> list[dict[str, Any]]:
        if not self.surge.over:  # else the log is closed
            self.log.wait()
        return spool_story.rows(self.folder / "spool", table, self.shard, run_id=RUN_ID)

    def classes(self, step: str = "submit") -> list[str]:
        """What the replies to ``step`` were taken for."""
        return [row["class"] for row in self.rows("requests") if row["step"] == step]


class Opening:
    """Opens shops and counters for one test, and closes them after it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._close: list[Callable[[], None]] = []
        self._shard = 0
        """Each counter has a spool of its own."""

    def shop(self, manners: Mapping[str, Manners]) -> CardShop:
        made = CardShop(manners)
        self.closes(made.close)
        return made

    def closes(self, close: Callable[[], None]) -> None:
        """``close`` is called after the test."""
        self._close.append(close)

    def counter(
        self, text: str, shop: CardShop | Mapping[str, Manners], *, orders: Sequence[Order] = (), **habits: Any
    ) -> Counter:
        """``text``: a target file; what it leaves out is that of ``HEAD``, and the platform is ``shop``."""
        if not isinstance(shop, CardShop):
            shop = self.shop(shop)
        path = self.folder / "shop.yaml"
        given = yaml.safe_load(textwrap.dedent(text))
        path.write_text(textwrap.dedent(text) + "\n" + yaml.safe_dump({key: HEAD[key] for key in HEAD.keys() - given.keys()} | {"base_url": shop.url}))
        target = load(str(path))
        plan, rows, told = compile_plan(target), private.accounts(target), private.secrets(target)
        permit, gateway, gateway_act = permitted(origin(shop.url), None), None, None
        if target.edge.gateway.notify is not None:
            gateway = Gateway(target, permit, told, RUN_ID, self.folder / "edge.jsonl")
            gateway_act = f"{gateway.url}/act"
            self._close.append(gateway.close)
        known = {"run.id": RUN_ID, "target.base_url": shop.url, "gateway_act": gateway_act, **private.names(target, told)}
        people = buyers(20, 1, locale="zh_CN", prefix=target.accounts.prefix)
        loop = Loop()
        members = Members(target, plan, people, rows, known, lambda *asked: surge.for_nobody(*asked), loop=loop)  # noqa: PLW0108 - made later
        given_habits = {"classes": {"retail": {"share": 1}}, "retry": {"most": 0}} | habits
        solver = target.steps.captcha.solver if target.steps is not None and target.steps.captcha is not None else None
        client = Client(
            loop, permit, connect_s=target.timeouts.connect, reply_s=target.timeouts.reply,
            keep_alive_s=target.timeouts.keep_alive, run_id=RUN_ID, known=known,
            beside=[resolved(origin(url)) for url in (gateway_act, solver) if url],
        )  # fmt: skip
        (self.folder / "spool").mkdir(exist_ok=True)
        log, self._shard = Log(self.folder / "spool", self._shard), self._shard + 1
        surge = QuickSurge(
            orders, loop=loop, walk=walker(Shop(plan, target.statuses, Buyers.model_validate(given_habits), "salt"), members), client=client,
            log=log, purse=Purse(target.safety.budget, {each.sku: each.price_fen for each in target.catalogue}),
            run_id=RUN_ID, bound=100, places=plan.submit,
        )  # fmt: skip
        self._close += [loop.close, client.close, log.close]
        record = {"target": private.hidden(target).model_dump(mode="json", by_alias=True)}
        return Counter(self.folder, shop, surge, members, record, log, self._shard - 1, gateway)

    def close(self) -> None:
        for each in reversed(self._close):
            each()
