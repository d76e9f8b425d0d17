"""What becomes of a mutated file: a sentence for its writer, or something that can be run. Nothing else will do."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import fuzz_rich
from fuzz_files import Mutant, bases, mutant

from surgekit import profile, run, safety, target
from surgekit.arrivals.schedule import curve, schedule
from surgekit.errors import MOST_LINE, ConfigError, ConsentError, SurgeKitError, TargetError
from surgekit.profile import Profile
from surgekit.safety.resolver import Texts
from surgekit.target import private
from surgekit.target.plan import compile_plan
from surgekit.target.schema import Target
from surgekit.target.step import StepPlan

MOST_SAID = 45_000
"""Characters of an error: a file that is wrong everywhere is told so in twenty lines."""
MOST_DRAWN = 20_000
_INTERNAL = re.compile(
    r"Traceback|<[\w.]+ object|<class |<function|<built-in|<re\.|<enum|\w+Error\(|ValidationError|pydantic|NoneType|Annotated\[|typing\.|\bMISSING\b|File \"|mappingproxy|<[A-Z]\w+[:.]|dict_keys|yaml\.org"
)


class UnfitError(Exception):
    """A sentence that nobody should have to read."""


class _Nowhere:
    """Knows this machine, and another one that nobody may load."""

    def addresses(self, host: str, port: int) -> tuple[str, ...]:
        if host == "localhost":
            return ("127.0.0.1",)
        if re.fullmatch(r"[0-9.]+|.*:.*", host):
            return (host,)
        return ("203.0.113.7",)

    def txt(self, name: str) -> Texts:
        return Texts()


def _no_dial(*_: object, **__: object) -> Any:
    raise OSError("nobody is called here")


def judged(number: int, folder: Path) -> tuple[str, str, str]:
    """(kind, outcome, sentence) of file ``number``. ``folder``: this process's own."""
    made = mutant(number)
    path = folder / f"{made.base.kind}.yaml"
    path.write_bytes(made.raw)
    kind = f"{made.base.kind}: {made.kind}"
    try:
        outcome = _profile(path, number) if made.base.kind == "profiles" else _target(path)
    except (ConfigError, ConsentError, TargetError) as error:
        check_sentence(str(error))
        return kind, "refused", str(error)
    return kind, outcome, ""


def check_sentence(said: str) -> None:
    """Raises ``UnfitError`` for one that is too long, or shows the insides of the program."""
    if not said.strip():
        raise UnfitError("an empty sentence")
    longest = max(map(len, said.splitlines()))
    if len(said) > MOST_SAID or longest > MOST_LINE:
        raise UnfitError(f"{len(said)} characters, the longest line {longest}: {said[:80]!r}")
    found = _INTERNAL.search(said)
    if found is not None:
        raise UnfitError(f"{found[0]!r} in {said[max(0, found.start() - 60) : found.end() + 60]!r}")


def _profile(path: Path, number: int) -> str:
    shape = profile.load(str(path))
    try:
        sized = profile.scaled(shape, **({}, {"peak": 12.5}, {"duration": 90.0}, {"peak": 0.7, "duration": 3600.0})[number % 4])  # type: ignore[arg-type]
        _planned(sized, _target_of("cardshop"))
        if (sized.orders or curve(sized).total) <= MOST_DRAWN:
            list(schedule(sized, ["A-1", "B-2", "3"], 1).orders())
    except SurgeKitError as error:
        check_sentence(str(error))
        return "loads, refused for a run"
    return "runs"


def _target(path: Path) -> str:
    shop = target.load(str(path))
    try:
        values = _Values(shop)
        sent = sum(1 for step in _steps(shop) if step.request(values))
        _planned(_shape(), shop)
    except SurgeKitError as error:
        check_sentence(str(error))
        return "loads, refused for a run"
    assert sent
    return "runs"


def _planned(shape: Profile, shop: Target) -> None:
    """All that ``run.plan`` checks, with files that are loaded already and a name service of the bench's own."""
    quiet = partial(safety.permitted, resolver=_Nowhere(), dial=_no_dial)
    kept = run.profile.load, run.target.load, run.permitted
    run.profile.load, run.target.load, run.permitted = (lambda _: shape), (lambda _: shop), quiet  # type: ignore[assignment]
    try:
        run.plan(run.Options(profile="x", target="x"))
    finally:
        run.profile.load, run.target.load, run.permitted = kept  # type: ignore[assignment]


def _steps(shop: Target) -> Iterator[StepPlan]:
    plan = compile_plan(shop)
    alone = (plan.quote, plan.submit, plan.poll, plan.deliver)
    rows = (plan.setup, plan.prepare, plan.captcha, plan.admin_setup, plan.reads_setup, *plan.pay.values())
    yield from (step for step in (*alone, *(step for row in rows for step in row)) if step is not None)


class _Values(dict[str, Any]):
    """A plain value for every name."""

    def __init__(self, shop: Target) -> None:
        super().__init__(private.names(shop, private.secrets(shop)))
        self.update({f"product.{name}": value for name, value in shop.catalogue[0].vars.items()})
        self.update({"time.s": 1_700_000_000, "time.ms": 1_700_000_000_123, "nonce": "0123456789abcdef", "target.base_url": "http://127.0.0.1:8080"})
        self.update({"order.qty": 2, "order.seq": 17, "order.price_fen": 9900, "order.total_fen": 19800, "buyer.index": 3, "captcha_picture": b"\x89PNG"})

    def __missing__(self, name: str) -> str:
        return f"{name} 值&="


@cache
def _shape() -> Profile:
    shape = profile.load("steady")
    return shape.model_copy(update={"faults": []})


@cache
def _target_of(name: str) -> Target:
    base: Mapping[str, Any] = {each.name: each for each in bases() if each.kind == "targets"}
    shop = Target.model_validate(base[name].tree)
    return shop.model_copy(update={"accounts": target.schema.Accounts(), "secrets": {}})


def furnish(folder: Path) -> None:
    """The files and variables that sound targets name."""
    for each in bases():
        for name in re.findall(r"env: *([A-Z_]+)", each.text):
            os.environ.setdefault(name, "s3cret-of-the-bench")
        for name in re.findall(r"csv: *([\w.-]+\.csv)", each.text):
            (folder / name).write_text(fuzz_rich.ACCOUNTS, encoding="utf-8")
    (folder / "word.txt").write_text("a word\n", encoding="utf-8")


__all__ = ["Mutant", "check_sentence", "furnish", "judged"]
