"""What is said of the order's own way: which step went wrong, and in what words; and what it cost."""

from __future__ import annotations

from collections.abc import Sequence

from surgekit.check.finding import Exchange, Finding, Walked
from surgekit.target.schema import Statuses, Target

GOOD = ("ok", "queued")
QUOTE = "quote"
"""An order goes on after a quote that nobody understood."""
MOST_QUOTED = 160
UNSAID = "statuses does not say what that means (unpaid, paid, delivered, refunded or failed?)"


def meaning(told: Exchange) -> str:
    """Why a reply counts as it does, in words; the empty text where it is simply good."""
    kind, reason, status = told["class"], told["reason"] or "", told["status"]
    if told["error"]:
        return f"nothing was sent: {told['error']}" if kind == "not_sent" else f"no reply ({told['error']}), so that it may have had an effect"
    if kind == "not_sent":
        return reason.replace("act: ", "the acted gateway refuses it: ", 1) or "it had no effect"
    if kind == "unknown":
        if 300 <= status < 400:
            return f"no rule fits this redirect (HTTP {status})"
        if reason == "empty_reply":
            return f"an empty reply (HTTP {status}), and no rule fits it"
        if reason == "odd_reply" or reason.startswith("http_"):
            return f"no rule fits this reply (HTTP {status})"
        if reason.startswith("no_"):
            return f"a rule says ok (HTTP {status}), and extract finds no {reason.removeprefix('no_')} in it"
        return f"{reason or 'unknown'} (HTTP {status})"
    if kind == "paid_undelivered":
        return f"a rule says that it is paid and has no card (HTTP {status})"
    return "" if kind in GOOD else f"a rule says {kind} (HTTP {status})"


def wrong_step(seen: Sequence[Exchange]) -> Exchange | None:
    """The step at which it went wrong: the first whose last reply was no good one."""
    last = {each["step"]: each for each in seen}
    wrong = [each for each in last.values() if each["class"] not in GOOD]
    return next((each for each in wrong if each["step"] != QUOTE), wrong[0] if wrong else None)


def in_words(told: Exchange) -> str:
    """``pay: no rule fits this reply (HTTP 200)``."""
    return f"{told['step']}: {meaning(told)}"


def outcome(walked: Walked, seen: Sequence[Exchange], shop: Target, patience_s: float) -> Finding:
    """How the order went."""
    words = [word for word in ("accepted", "paid", "confirmed") if walked[word]] or ["not accepted"]
    number = f"order {walked['order_no']}: " if walked["order_no"] else ""
    got = f", {_count(walked['cards'])}" if walked["cards"] else ""
    wrong = wrong_step(seen)
    if walked["outcome"] == "confirmed":
        aside = f"; but {in_words(wrong)}" if wrong is not None else ""
        return Finding("order", "ok", f"{number}{', '.join(words)}{got} after {walked['seconds']} s{aside}")
    how = f"{walked['outcome']}" + (f" ({walked['reason']})" if walked["reason"] else "")
    told = [f"{number}{', '.join(words)}, and then {how}"]
    if wrong is not None:
        told.insert(0, in_words(wrong) + _quoted(wrong))
    if walked["status"]:
        told.append(f"its last status was {walked['status']!r}{_status(walked, seen, shop.statuses)}")
    if shop.admin is not None and walked["reason"] == "deadline" and shop.admin.after >= patience_s:
        told.append(f"admin.after is {shop.admin.after:g} s, and a buyer has patience for {patience_s:g} s")
    return Finding("order", "bad", "; ".join(told))


def _quoted(told: Exchange) -> str:
    """What the reply said, where that is short; of a page there is more above."""
    said = str(told["reply"] or "")
    return f", {said}" if said[:1] in ("{", "[") and len(said) <= MOST_QUOTED else ""


def _status(walked: Walked, seen: Sequence[Exchange], words: Statuses) -> str:
    status = walked["status"]
    if status in words.delivered:
        kept = next((each["kept"] for each in reversed(seen) if "cards" in each["kept"]), None)
        return ", which is delivered" + (", and cards finds nothing" if kept is not None and kept["cards"] is None else "")
    for name in ("unpaid", "paid", "refunded", "failed"):
        if status in getattr(words, name):
            return f", which is {name}"
    return f", and {UNSAID}"


def price(walked: Walked, seen: Sequence[Exchange], shop: Target) -> list[Finding]:
    """Whether the platform wants what the catalogue says."""
    product = next(each for each in shop.catalogue if each.sku == walked["sku"])
    listed, wanted = product.price_fen * walked["qty"], walked["amount_fen"]
    if not walked["accepted"]:
        return []
    if wanted is None:
        given = next((each["kept"]["amount_fen"] for each in reversed(seen) if each["kept"].get("amount_fen")), None)
        if given is None:
            return []
        advice = "a text; as: whole?" if given.isdigit() else "no whole number of fen; as: yuan?"
        return [Finding("price", "bad", f"amount_fen is {given!r}, {advice}")]
    if wanted == listed:
        return []
    if wanted * 100 == listed:
        return [Finding("price", "bad", f"amount_fen is {wanted} where the catalogue says {listed} fen; as: yuan?")]
    if wanted == listed * 100:
        return [Finding("price", "bad", f"amount_fen is {wanted} where the catalogue says {listed} fen; it is in fen already: without as: yuan?")]
    return [Finding("price", "open", f"quoted {wanted} fen, the catalogue says {listed}")]


def cards(walked: Walked) -> list[Finding]:
    """Whether the buyer got as many cards as were bought. More than that may be what the shop sells, and may be one card taken apart."""
    found, qty = walked["cards"], walked["qty"]
    if not walked["confirmed"] or not found or found == qty:
        return []
    return [Finding("cards", "bad" if found < qty else "open", f"{_count(found)} for a quantity of {qty}; does cards take them apart as they are (as: lines)?")]


def _count(cards: int) -> str:
    return "1 card" if cards == 1 else f"{cards} cards"
