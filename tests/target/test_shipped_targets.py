"""The target files that ship with the package: they load, they run where nothing but loopback is, and they say what is true."""

from __future__ import annotations

import re
from importlib import resources

import pytest

from surgekit import catalogue
from surgekit.safety.address import is_loopback
from surgekit.target import load
from surgekit.target.schema import Act
from surgekit.target.signing import check_vectors

NAMES = catalogue.names("targets")
SHOPS = ["acg-faka", "acg-faka-members", "acg-faka-shared", "dujiao-next", "dujiao-next-upstream", "dujiaoka", "epay"]
INVARIANTS = {
    each.name.removesuffix(".sql") for each in (resources.files("surgekit.audit") / "invariants").iterdir() if each.name.endswith(".sql")
}


def text_of(name: str) -> str:
    return (catalogue.folder("targets") / f"{name}.yaml").read_text("utf-8")


def test_the_shops_are_in_the_catalogue() -> None:
    assert set(SHOPS) <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_target_loads_under_its_file_name(name: str) -> None:
    target = load(name)
    assert target.name == name
    assert target.about


@pytest.mark.parametrize("name", SHOPS)
def test_a_shipped_shop_points_at_this_machine_until_somebody_changes_it(name: str) -> None:
    target = load(name)
    assert target.base_url is not None
    assert is_loopback(target.base_url.removeprefix("http://").partition(":")[0])
    assert "Change: base_url" in text_of(name) or name == "epay"


@pytest.mark.parametrize("name", SHOPS)
def test_a_shipped_shop_takes_both_ways_to_pay_since_the_shipped_profiles_have_both(name: str) -> None:
    assert set(load(name).steps.pay) == {"balance", "gateway"}


@pytest.mark.parametrize("name", SHOPS)
def test_no_secret_stands_in_a_shipped_shop(name: str) -> None:
    assert all(each.env is not None for each in load(name).secrets.values())


@pytest.mark.parametrize("name", SHOPS)
def test_every_dialect_of_a_shipped_shop_has_vectors_and_they_are_right(name: str) -> None:
    target = load(name)
    assert target.signing
    for dialect, spec in target.signing.items():
        results = check_vectors(dialect, spec)
        assert results, dialect
        assert [each.wrong for each in results] == [None] * len(results)


@pytest.mark.parametrize("name", SHOPS)
def test_the_notice_is_given_every_field_that_it_uses(name: str) -> None:
    target = load(name)
    notify = target.edge.gateway.notify
    if notify is None:
        return
    wanted = set(re.findall(r"\{pay\.([a-z0-9_]+)\}", notify.model_dump_json())) - {"order_no", "trade_no", "amount", "amount_fen", "time"}
    for way, steps in target.steps.pay.items():
        acts = [step for step in steps if isinstance(step, Act)]
        assert len(acts) == (1 if steps else 0), way  # without a step it is paid with the order
        assert all(wanted <= set(act.act) for act in acts), way


@pytest.mark.parametrize("name", SHOPS)
def test_the_weaknesses_in_the_comments_are_named_by_invariants_that_exist(name: str) -> None:
    named = set(re.findall(r"^#   \(?([a-z]+(?:_[a-z]+)+)", text_of(name), re.MULTILINE))
    assert named
    assert named <= INVARIANTS


@pytest.mark.parametrize("name", [name for name in SHOPS if name != "epay"])
def test_the_ledger_is_read_by_one_select_that_gives_every_column_that_is_mapped(name: str) -> None:
    ledger = load(name).reads.ledger
    assert ledger is not None
    assert ledger.sql is not None
    query = ledger.sql.query
    assert ":since" in query
    shown = query.rpartition(" FROM ")[0] if query.count(" FROM ") == 1 else query
    for column in ledger.columns.values():
        assert re.search(rf"\b{column.name}\b", shown), column.name
