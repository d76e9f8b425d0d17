"""Holes of a target file outside its steps: keys, tokens and addresses, and the notice of an acted payment. Checked with the file, so that
none is found empty in the middle of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from surgekit.errors import ConfigError
from surgekit.target import template
from surgekit.target.schema import Act, Notice, Target
from surgekit.target.signing import Signer

GIVEN = frozenset({"pay.order_no", "pay.trade_no", "pay.amount", "pay.amount_fen", "pay.time"})
"""What a notice can say of every payment; the rest is what ``act`` gives."""
NOTICE = "edge.gateway.notify"


def told(names: Iterable[str], have: frozenset[str], at: str, *, stamps: frozenset[str] = frozenset()) -> None:
    """Raises ``ConfigError`` for the first of ``names`` that is neither in ``have`` nor one of ``stamps``."""
    for word in sorted(frozenset(names) - have - stamps):
        raise ConfigError(f"{at}: nothing gives {{{word}}}; known here: {', '.join(sorted(have | stamps)) or 'no names at all'}")


def check_holes(target: Target, where: str, fixed: frozenset[str], composed: frozenset[str], signers: Mapping[str, Signer], stamps: frozenset[str]) -> None:
    """``fixed``: secrets and vars that are the same for every order; ``composed``: the vars that are not; ``stamps``: the names that are
    new for every request. Raises ``ConfigError``."""
    for at, text in _texts(target):
        told(template.text_template(text, f"{where}: {at}").names, fixed, f"{where}: {at}")
    for at, value in _as_they_are(target):
        if template.has_holes(value):
            raise ConfigError(f"{where}: {at}: is sent as it is, so nothing fills {str(value)[:60]!r}; write the hole where the value is used, or into vars")
    for name, signer in signers.items():
        own = {word for word in signer.needs if word.startswith(("secret.", "vars."))}  # of the others, the steps that it signs tell
        told(own, fixed | composed, f"{where}: signing.{name}")
    if target.edge.gateway.notify is not None:
        _check_notice(target, target.edge.gateway.notify, where, fixed | {"run.id", "target.base_url"}, signers, stamps)


def _texts(target: Target) -> Iterator[tuple[str, str]]:
    """(where, text) of everything that is filled with secrets and vars alone."""
    reads, edge = target.reads, target.edge
    queries = {"reads.stock": reads.stock and reads.stock.sql, "reads.ledger": reads.ledger and reads.ledger.sql}
    texts = {
        "safety.consent": target.safety.consent, "edge.supplier.key": edge.supplier.key, "edge.gateway.key": edge.gateway.key,
        **{f"{name}.sql.url": query.url for name, query in queries.items() if query},
    }  # fmt: skip
    for at, text in texts.items():
        if text is not None:
            yield at, text


def _as_they_are(target: Target) -> Iterator[tuple[str, object]]:
    """(where, value) of what stands in for a hole, and has none itself."""
    for number, product in enumerate(target.catalogue):
        yield from ((f"catalogue[{number}].vars.{name}", value) for name, value in product.vars.items())
    for way, given in target.ways.items():
        yield from ((f"ways.{way}.{name}", value) for name, value in given.items())
    for dialect, spec in target.signing.items():
        yield from ((f"signing.{dialect}.also.{into}", value) for into, value in spec.also.items())
    if target.steps is not None and target.steps.captcha is not None:
        yield "steps.captcha.fixed", target.steps.captcha.fixed


def _check_notice(target: Target, notice: Notice, where: str, fixed: frozenset[str], signers: Mapping[str, Signer], stamps: frozenset[str]) -> None:
    at = f"{where}: {NOTICE}"
    if notice.sign is not None and notice.sign not in signers:
        raise ConfigError(f"{at}.sign: no dialect {notice.sign!r} in signing; there are {', '.join(sorted(signers)) or 'none'}")
    used = set(signers[notice.sign].needs) if notice.sign is not None else set()
    place = notice.request.split(" ", 1)[1]
    used |= {place[1:-1]} if place.startswith("{") else template.url_template(place, f"{at}.request").names
    for name, value in notice.headers.items():
        used |= template.header_template(value, f"{at}.headers.{name}").names
    for part, data in (("query", notice.query), ("form", notice.form), ("json", notice.json_)):
        used |= template.Data(data or {}, f"{at}.{part}").names
    paid = {word for word in used if word.startswith("pay.")}
    told(used - paid, fixed | GIVEN, at, stamps=stamps)
    for way, steps in (target.steps.pay if target.steps is not None else {}).items():
        for number, step in enumerate(steps):
            if isinstance(step, Act):
                for word in sorted(paid - GIVEN - {f"pay.{name}" for name in step.act}):
                    field = word.removeprefix("pay.")
                    raise ConfigError(f"{at}: nothing gives {{{word}}}; steps.pay.{way}[{number}].act has no field {field}")
