"""A draft from a browser's recording of one order."""

from __future__ import annotations

import heapq
import re
from typing import Any

from surgekit.errors import ConfigError
from surgekit.target.draft import names, seen, sources
from surgekit.target.draft.private import private_values, scrubbed
from surgekit.target.draft.recording import Entry, recorded
from surgekit.target.draft.stations import Stations, stations
from surgekit.target.draft.weaving import Bought, Weaver
from surgekit.target.draft.writing import Noted, bare, check, todo, written

_PRICE = re.compile(r"[0-9]{1,9}(\.[0-9]{1,2})?")
_HOLE = re.compile(r"\{([a-z][a-z0-9_]*)[|}]")
_SKU = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,59}")


def from_har(source: str, name: str) -> str:
    """The draft of a target file, as YAML. ``name`` is the recording's, for messages.

    Raises ``ConfigError``: no recording, no order in it, or recorded without what the platform answered.
    """
    recording = recorded(source, name)
    found = stations(recording.entries)
    if found is None:
        raise ConfigError(
            f"{name}: none of its {len(recording.entries):,} requests looks like the one that submits an order; "
            "record the whole of one purchase, or use surgekit targets new without a file"
        )
    same = [each for each in recording.entries if each.origin == found.submit.origin]
    if not found.submit.said and not found.submit.location:
        raise ConfigError(f"{name}: the reply to {found.submit.title} has no content; save the recording again as HAR with content")
    return _Drafter(same, found).draft(name, recording.left_out, len(recording.entries) - len(same))


def _bought(found: Stations) -> Bought:
    bought = Bought()
    tried = [found.submit, *reversed(found.before), *([found.quote] if found.quote else [])]
    for entry in tried:
        for name, value in entry.fields:
            kind = names.role(name)
            if kind == "sku" and bought.sku is None and _SKU.fullmatch(str(value)):
                bought.sku = str(value)
            if kind == "qty" and bought.qty is None and re.fullmatch(r"[1-9][0-9]{0,3}", str(value)):
                bought.qty = str(value)
    if bought.sku is None:
        for entry in tried:  # /products/42/buy
            match = re.search(r"(?i)/(?:products?|goods|items?|commodit(?:y|ies)|sku|catalogue)[A-Za-z\-]*/([A-Za-z0-9_\-]{1,60})(?:/|$)", entry.path)
            if match is not None and any(each.isdigit() for each in match[1]):
                bought.sku = match[1]
                break
    return bought


class _Drafter:
    def __init__(self, entries: list[Entry], found: Stations) -> None:
        self._entries, self._found = entries, found
        self._bought = _bought(found)
        # What the last look for the card gave is for nobody: a later step would come before it in the target file.
        giving = [each for each in entries if each is not found.poll]
        self._stations = {each.number for each in [*found.before, found.submit, *found.pay]}
        self._weaver = Weaver(giving, found.submit.origin, self._bought, found.login, self._stations)
        self._open: list[str] = []

    def draft(self, name: str, left_out: int, elsewhere: int) -> str:
        """The whole file."""
        found, weaver = self._found, self._weaver
        made = self._woven()
        steps, setup = self._steps(made)
        poll = found.poll is not None
        amount = seen.amount_of(found.submit)
        product: dict[str, Any] = {"sku": self._bought.sku or "TODO-1", "price_fen": self._price(amount[1] if amount else None)}
        if self._bought.vars:
            product["vars"] = dict(sorted(self._bought.vars.items()))
        shop = re.sub(r"[^A-Za-z0-9.\-]", "-", found.submit.origin.partition("://")[2])[:60].strip("-") or "my-platform"
        draft: dict[str, Any] = {
            "schema": "surgekit.target/1", "name": todo(shop, "a name of your own"),
            "base_url": check(found.submit.origin, "where the recording was made; a host elsewhere is loaded only with its owner's consent"),
        }  # fmt: skip
        if weaver.secrets:
            draft["secrets"] = {word: todo({"env": f"SHOP_{word.upper()}"}, f"set this variable; {what}") for word, what in sorted(weaver.secrets.items())}
        draft["catalogue"] = [Noted(product, "", ("TODO: the recorded product; add the others, hottest first, and check the price (in fen)",))]
        if setup:
            draft["accounts"] = todo({"prefix": "buyer-"}, "accounts that exist, such as csv: accounts.csv; its columns are {account.…}")
        draft["cookies"] = Noted("account" if setup else "order", "the jar is the account's" if setup else "every order is a new visitor's")
        if setup:
            draft["setup"] = {"steps": setup, "when": "before"}
        draft["steps"] = steps
        if poll:
            draft["statuses"] = self._statuses()
        self._say(poll)
        head = [f"A draft made from {name} by surgekit targets new. It loads, and it is not finished:",
                "CHECK marks what was guessed, TODO what one recording cannot tell. surgekit targets schema explains every field.",
                "Cookies, passwords, tokens, phones, addresses and cards of the recording are not in it: {secret.…} and {buyer.…} stand for them.", "",
                f"{found.submit.title} submits the order",
                *(f"{each.title} pays" for each in found.pay), *([f"{found.poll.title} looks for the card (recorded {len(found.polls)} times)"] if found.poll else []),
                f"left out: {left_out} requests for static files and analytics, {elsewhere} to other hosts"]  # fmt: skip
        private = private_values(self._entries)
        foot = scrubbed([f"TODO: {each}" for each in self._open], private)
        return written(scrubbed(draft, private), head=scrubbed(head, private), foot=foot, name=name)

    def _woven(self) -> dict[int, dict[str, Any]]:
        """All steps, the last first, so that what a later one needs is known when an earlier one is made."""
        found, by_number = self._found, {each.number: each for each in self._entries}
        wanted = self._stations | {each.number for each in (found.quote, found.poll) if each is not None}
        self._number()
        made: dict[int, dict[str, Any]] = {}
        waiting = [-number for number in wanted]
        heapq.heapify(waiting)
        while waiting:
            number = -heapq.heappop(waiting)
            if number in made:
                continue
            known = set(self._weaver.providers)
            made[number] = self._weaver.step(by_number[number])
            for more in sorted((self._weaver.providers | known) - set(made)):
                heapq.heappush(waiting, -more)
        return made

    def _number(self) -> None:
        """Have the submission's reply give ``order_no``."""
        submit, number = self._found.submit, self._found.number
        source = sources.found(number, "order_no", [submit]) if number is not None else None
        if source is not None:
            self._weaver.keep(source, "order_no")

    def _finished(self, number: int, step: dict[str, Any], extra: dict[str, Any]) -> Any:
        entry = next(each for each in self._entries if each.number == number)
        keeps = self._weaver.keeps.get(number, {})
        step["replies"] = seen.rules(entry, keeps)
        told = self._weaver.told.get(number, {})
        kept = {word: Noted(each["json"] if list(each) == ["json"] else each, f"from {told[word]}") for word, each in keeps.items()}
        if kept or extra:
            step["extract"] = {**kept, **extra}
        return step

    def _steps(self, made: dict[int, dict[str, Any]]) -> tuple[dict[str, Any], list[Any]]:
        found, keeps = self._found, self._weaver.keeps
        setup: list[Any] = []
        prepare: list[Any] = []
        paying: list[Any] = []
        steps: dict[str, Any] = {}
        poll = found.poll.number if found.poll is not None else None
        for number in sorted(made):
            if number in (found.submit.number, poll):
                continue
            if found.quote is not None and number == found.quote.number and number not in keeps and not self._needs_preparing(made[number]):
                steps["quote"] = self._finished(number, made[number], {})
            else:
                where = setup if number <= found.login else prepare if number < found.submit.number else paying
                where.append(self._finished(number, made[number], {}))
        if prepare:
            steps["prepare"] = prepare
        extra: dict[str, Any] = {}
        if "order_no" not in keeps.get(found.submit.number, {}):
            placeholder = {"json": "order_no"} if found.submit.values else {"regex": "TODO-order-number-([0-9]+)"}
            extra["order_no"] = todo(placeholder, "where does the reply say the order's number? until then every order counts as unknown")
        amount = seen.amount_of(found.submit)
        if amount is not None:
            extra["amount_fen"] = amount[0]
        steps["submit"] = self._finished(found.submit.number, made[found.submit.number], extra)
        if paying:
            steps["pay"] = {found.way: Noted(paying, f"CHECK: as recorded; is it the buyer's {'balance' if found.way == 'balance' else 'way to the gateway'}?")}
        if poll is not None and found.poll is not None:
            state, cards = seen.status_of(found.poll), seen.cards_of(found.poll)
            last: dict[str, Any] = {"status": check(state[0], "the order's state") if state else
                                    check({"regex": "TODO-state-([a-z]+)", "optional": True, "default": "delivered"}, "no state was found; a good reply counts as delivered")}  # fmt: skip
            if cards is not None:
                last["cards"] = check(cards, "where the cards are")
            steps["poll"] = self._finished(poll, made[poll], last)
        return steps, setup

    def _needs_preparing(self, step: dict[str, Any]) -> bool:
        given = {word for number, each in self._weaver.keeps.items() if number > self._found.login for word in each}
        return bool(given & set(_HOLE.findall(str(bare(step)))))

    def _statuses(self) -> dict[str, Any]:
        states = [state[1] for state in (seen.status_of(each) for each in self._found.polls) if state is not None]
        words = [word for word in (seen.status_word(each) for each in states) if word is not None]
        if not words:
            return {"delivered": todo(["delivered"], "the state of an order whose card is there")}
        meaning = names.statuses((word, word) for word in words)
        meaning.setdefault("delivered", [words[-1]])
        meaning = {kind: [word for word in each if kind == "delivered" or word not in meaning["delivered"]] for kind, each in meaning.items()}
        return {kind: check(each, f"recorded in turn: {', '.join(dict.fromkeys(words))}") for kind, each in sorted(meaning.items()) if each}

    def _price(self, told: int | None) -> int:
        for name, value in self._found.submit.fields:
            if names.role(name) == "amount" and _PRICE.fullmatch(str(value)):
                told = round(float(value) * 100) if "." in str(value) else int(float(value))
        return max(1, (told or 100) // max(1, int(self._bought.qty or 1)))

    def _say(self, poll: bool) -> None:
        found = self._found
        if not found.pay and not found.foreign:
            self._open.append("steps.pay: nothing in the recording pays; leave it out if orders are paid as they are submitted")
        if found.foreign:
            self._open += [
                f"paying goes on at {', '.join(found.foreign[:2])}: SurgeKit plays that gateway; describe its notice in edge.gateway.notify,",
                "  its signature in signing, and end steps.pay.gateway with  act: {order_no: '{order_no}', amount: …}",
            ]
        if not poll:
            self._open.append("steps.poll: nothing in the recording looks for the card")
        if "{order.key}" not in str(self._weaver.step(found.submit)):
            self._open.append("steps.submit sends no key of the buyer's own, so an order whose reply is lost cannot be found again; is there a field for one?")
        self._open.append("replies: the recording shows one order that went well; add what sold out, throttled and refused look like")
        self._open.append("reads.stock and reads.ledger: how are stock and orders read? without a ledger oversell cannot be judged")
