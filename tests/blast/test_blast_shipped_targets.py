"""Shops like dujiaoka and acg-faka, surged with the target files that ship: the weakness that each file names is found by the invariant that
it names, and is not found where it has been taken out. What SurgeKit counted is what the shop's own database has."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from blast_tools import tiny, valid_blast
from like_acg_faka import LikeAcgFaka
from like_dujiaoka import LikeDujiaoka
from shop_like import EPAY_KEY, Shop, Store, serving

from surgekit import catalogue

PROFILE = """\
schema: surgekit.profile/1
name: tiny
seed: 7
phases:
  - {name: calm, duration: 2s, rate: 8}
  - {name: rush, duration: 4s, rate: 30}
  - {name: after, duration: 1s, rate: 5}
products: {zipf: 1.0}
buyers:
  accounts: 50
  classes:
    retail: {share: 0.7, pay: gateway}
    vip: {share: 0.3, pay: balance}
  browse: 0.2
  patience: 6s
  poll_every: 300ms
  retry: {most: 1, after: 500ms}
  think: {quote: 100ms, pay: 800ms}
settle: 1s
"""


def target(name: str, home: str, store: Store) -> str:
    """The shipped file with what a user changes: where the shop and its database are."""
    text = (catalogue.folder("targets") / f"{name}.yaml").read_text("utf-8")
    text, changed = re.subn(r'"mysql://[^"]*"', f'"sqlite:///{store.path}"', text)
    assert changed == 1
    text = text.replace("http://127.0.0.1:8080", home)
    return text.replace("LEFT(o.secret, 3)", "substr(o.secret, 1, 3)")  # SQLite has no LEFT


def surged(name: str, shop: type[Shop], folder: Path, *, careful: bool) -> tuple[dict[str, Any], Store]:
    with serving(shop, folder, careful=careful) as (home, store):
        (folder / "target.yaml").write_text(target(name, home, store), encoding="utf-8")
        profile = tiny(folder, PROFILE)
        run, _ = valid_blast("--profile", profile, "--target", folder / "target.yaml", out=folder / "run", cwd=folder)
        return json.loads((run / "result.json").read_text()), store


def verdict(result: dict[str, Any], invariant: str) -> str:
    return str(next(each["verdict"] for each in result["audit"] if each["invariant"] == invariant))


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DUJIAOKA_EPAY_KEY", "ACG_EPAY_KEY"):
        monkeypatch.setenv(name, EPAY_KEY)
    for name in ("DUJIAOKA_DB_PASSWORD", "ACG_DB_PASSWORD"):
        monkeypatch.setenv(name, "unused")


def test_a_shop_like_dujiaoka_gives_one_card_to_two_buyers(tmp_path: Path) -> None:
    result, store = surged("dujiaoka", LikeDujiaoka, tmp_path, careful=False)
    assert verdict(result, "card_sold_once") == "violated"
    twice = store.run("SELECT count(*) FROM (SELECT info FROM orders WHERE status = 4 GROUP BY info HAVING count(*) > 1)")[0][0]
    told = next(each for each in result["audit"] if each["invariant"] == "card_sold_once")
    assert told["violations"] == twice > 0
    assert result["orders"]["accepted"] == store.run("SELECT count(*) FROM orders")[0][0]


def test_a_shop_like_dujiaoka_that_takes_cards_in_one_statement_does_not(tmp_path: Path) -> None:
    result, store = surged("dujiaoka", LikeDujiaoka, tmp_path, careful=True)
    assert verdict(result, "card_sold_once") == "held"
    assert result["orders"]["accepted"] == store.run("SELECT count(*) FROM orders")[0][0] > 50


def test_a_shop_like_acg_faka_keeps_the_money_of_those_who_came_too_late(tmp_path: Path) -> None:
    result, store = surged("acg-faka", LikeAcgFaka, tmp_path, careful=False)
    sorry = store.run("SELECT count(*) FROM acg_order WHERE status = 1 AND secret LIKE '很抱歉%'")[0][0]
    told = next(each for each in result["audit"] if each["invariant"] == "paid_is_settled")
    assert (told["verdict"], told["violations"]) == ("violated", sorry)
    assert sorry > 0
    assert verdict(result, "card_sold_once") != "violated"


def test_a_shop_like_acg_faka_that_holds_cards_for_its_orders_does_not(tmp_path: Path) -> None:
    result, store = surged("acg-faka", LikeAcgFaka, tmp_path, careful=True)
    assert verdict(result, "paid_is_settled") != "violated"
    assert store.run("SELECT count(*) FROM acg_order WHERE secret LIKE '很抱歉%'")[0][0] == 0
