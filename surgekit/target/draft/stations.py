"""Which requests of a recording are the stations of an order."""

from __future__ import annotations

import re
from dataclasses import dataclass

from surgekit.target.draft import names, seen, sources
from surgekit.target.draft.operations import GOODS, NOT_BUYING, ORDER, PAY, QUOTE
from surgekit.target.draft.recording import Entry

MOST_BEFORE = 12
MOST_PAYING = 4
_LOGIN = names.several("login signin sign session sessions auth register signup passport token 登录 注册")
_CERTAIN = re.compile(r"log[-_]?in|(?<!de)sign[-_]?(in|up)|regist|passport|登录|注册")
_BASKET = names.several("cart basket address shipping checkout coupon add")
_BALANCE = re.compile(r"(?i)balance|wallet|credit|余额|钱包")


@dataclass(frozen=True, slots=True)
class Stations:
    """Numbers of entries. ``login`` is -1 where nobody logs in; ``way`` is how was paid."""

    submit: Entry
    login: int
    before: list[Entry]
    quote: Entry | None
    pay: list[Entry]
    way: str
    poll: Entry | None
    polls: list[Entry]
    number: str | None
    foreign: list[str]


def logs_in(entry: Entry) -> bool:
    """Whether a request looks like a login or a registration, so that whatever it sends may be somebody's."""
    said, typed = names.words(entry.path), "password" in entry.roles
    about_orders = entry.roles & {"sku", "qty", "order_no", "pay_by", "amount", "key"}
    return _CERTAIN.search(entry.path.lower()) is not None or (bool(said & _LOGIN) and typed) or (bool(said & _LOGIN or typed) and not about_orders)


def points(entry: Entry) -> int:
    """How much a request looks like the submission of an order."""
    if entry.method not in ("POST", "PUT") or entry.status >= 400:
        return -99
    said = names.words(entry.path)
    last = names.words(entry.path.rstrip("/").rpartition("/")[2])
    called = next((str(value) for name, value in entry.fields if name == "operationName"), "")
    said |= names.words(called)
    score = 3 * bool(said & ORDER) + 2 * bool(last & ORDER) + bool(said & {"create", "submit", "place", "trade"})
    score += 3 * bool("sku" in entry.roles) + bool("qty" in entry.roles) + bool(entry.roles & {"email", "contact", "key"})
    score += 3 * bool(number_of(entry) is not None) - 4 * bool(said & (NOT_BUYING | QUOTE)) - 3 * bool(said & PAY and not said & ORDER)
    return score - 3 * bool("password" in entry.roles and said & _LOGIN) - 3 * bool(said & {"cart", "basket"} and not said & {"submit", "place", "order", "orders"})


def number_of(entry: Entry) -> str | None:
    """The order's number in the reply: in its JSON, its redirect, its text."""
    top = seen.envelope(entry)
    named = [(path, value) for path, value in entry.values if names.role(seen.leaf_name(path)) == "order_no"]
    named = named or [(path, value) for path, value in entry.values
                      if names.squeezed(seen.leaf_name(path)) in ("id", "no", "sn", "uuid") and names.words(entry.path) & ORDER]  # fmt: skip
    fit = [(path, value) for path, value in named if (top is None or path != (top[0],)) and str(value).strip()]
    if fit:
        return str(min(fit, key=lambda pair: (any(isinstance(step, int) for step in pair[0]), "trade" in seen.leaf_name(pair[0]).lower(), len(pair[0])))[1])
    if entry.location and 300 <= entry.status < 400:
        match = re.search(r"(?i)(?:orders?|trade|pay|bill|checkout|thanks?|success|detail)[A-Za-z_\-]*(?:/|\?[A-Za-z_\-]{1,30}=|/[a-z\-]{1,20}/)([A-Za-z0-9\-]{3,60})(?:[/?&#.]|$)",
                          entry.location)  # fmt: skip
        return match[1] if match is not None and any(each.isdigit() for each in match[1]) else None
    return sources.number_in_page(entry) if entry.page is not None else None


def stations(entries: list[Entry]) -> Stations | None:
    """None: nothing in the recording submits an order."""
    scored = [(points(each), each.number, each) for each in entries]
    best = max(scored, default=None, key=lambda row: row[:2])
    if best is None or best[0] < 4:
        return None
    submit = best[2]
    same = [each for each in entries if each.origin == submit.origin]
    foreign = list(dict.fromkeys(each.origin for each in entries if each.origin != submit.origin and each.number > submit.number))
    early = [each for each in same if each.number < submit.number and each.status < 400]
    login = max((each.number for each in early if each.method == "POST" and "password" in each.roles), default=-1)
    posts = [each for each in early if each.method != "GET" and not names.words(each.path) & {"search", "logout", "captcha"}]
    posts = list({each.shape: each for each in posts}.values())[-MOST_BEFORE:]
    asked = [each for each in early if each.number > login and names.words(each.path) & QUOTE and not names.words(each.path) & _BASKET]
    asked = [each for each in asked if each.method == "POST" or each.roles & {"sku", "qty"}]
    quote = asked[-1] if asked else None
    number = number_of(submit)
    after = [each for each in same if each.number > submit.number and each.status < 400]
    polls = _polls(after, number)
    until = polls[0].number if polls else submit.number + 10**9
    pay = [each for each in after if _pays(each, number) and each not in polls and (each.number < until or each.method != "GET")]
    pay = list({each.shape: each for each in pay}.values())[:MOST_PAYING]
    way = "balance" if any(_BALANCE.search(f"{each.path} {[value for _, value in each.fields]}") for each in [submit, *pay]) else "gateway"
    return Stations(submit, login, [each for each in posts if each is not quote], quote, pay, way, polls[-1] if polls else None, polls, number, foreign)


def _carries(entry: Entry, number: str | None) -> bool:
    if number is None:
        return "order_no" in entry.roles
    return number in entry.path.split("/") or any(str(value) == number for _, value in entry.fields)


def _pays(entry: Entry, number: str | None) -> bool:
    said = names.words(entry.path)
    if said & NOT_BUYING:
        return False
    if entry.method == "GET":
        return bool(said & PAY) and _carries(entry, number) and not said & {"status", "state", "query", "check", "result"}
    return bool(said & PAY) or (_carries(entry, number) and "pay_by" in entry.roles)


def _polls(after: list[Entry], number: str | None) -> list[Entry]:
    """The requests that looked for the card, all of one shape."""
    groups: dict[tuple[str, ...], list[Entry]] = {}
    for each in after:
        groups.setdefault(each.shape, []).append(each)
    best: tuple[int, int, list[Entry]] | None = None
    for place, group in enumerate(groups.values()):
        last, said = group[-1], names.words(group[-1].path)
        score = 2 * _carries(last, number) + bool(said & ORDER) + bool(said & {"status", "query", "result", "poll", "state"}) + bool(len(group) > 1)
        score += 2 * (seen.status_of(last) is not None) + 3 * (seen.cards_of(last) is not None) + bool(last.method == "GET") + 2 * bool(last.values)
        score -= 3 * bool(said & PAY and last.method != "GET") + 3 * bool(said & GOODS and not said & ORDER) + 4 * bool(said & NOT_BUYING)
        if score >= 5 and (seen.status_of(last) is not None or seen.cards_of(last) is not None) and (best is None or score > best[0]):
            best = (score, place, group)
    return best[2] if best is not None else []
