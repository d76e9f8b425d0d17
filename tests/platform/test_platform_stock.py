"""What the platform says of its stock: figures, words, or a page for each product."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from platform_world import Answer, Heard, Shop, platform
from run_story import TARGET

from surgekit.errors import ConfigError, ConsentError, TargetError

Row = dict[str, Any]


def read(manners: Any, **stock: Any) -> Row | None:
    """The stock of a shop that answers so."""
    with Shop(manners if callable(manners) else lambda _: manners) as shop, platform(shop.place, {"stock": stock, "rate": 1000}) as found:
        return found.stock()


def figures(unsold: int | None, total: int | None = None, word: str | None = None) -> Row:
    return {"total": total, "unsold": unsold, "word": word}


def test_all_at_once_as_a_mapping() -> None:
    told = read({"data": {"game": {"all": 9, "left": 2}, "other": {}}}, request="GET /stock", items="data", total="all", unsold="left")
    assert told == {"game": figures(2, 9)}


def test_all_at_once_as_a_list() -> None:
    items = [{"id": "game", "stock": "2"}, {"id": 7, "stock": 3}, {"stock": 4}]
    assert read({"data": items}, request="GET /stock", items="data", sku="id", unsold="stock") == {"game": figures(2)}


def test_figures_may_stand_inside_another_object() -> None:
    items = [{"id": "game", "stock": {"left": 2}}]
    assert read(items, request="GET /stock", items="", sku="id", unsold="stock.left") == {"game": figures(2)}


@pytest.mark.parametrize("odd", [2**63, True, 1.5, None, "many"])
def test_a_stock_that_is_no_number_is_one_sentence(odd: Any) -> None:
    with pytest.raises(TargetError, match=r"reads\.stock: game: total and unsold are not both whole numbers"):
        read({"game": {"total": odd, "unsold": 1}}, request="GET /stock", items="", total="total")
    with pytest.raises(TargetError, match=r"reads\.stock: game: unsold is not a whole number"):
        read({"game": {"unsold": odd}}, request="GET /stock", items="")


@pytest.mark.parametrize(
    ("data", "more", "says"),
    [([{"id": "game"}], {}, "say with sku which field"), ([{"id": "game"}], {"sku": "code"}, "no item has a field 'code'"),
     ("<html>", {}, "neither a mapping nor a list"), (Answer({"game": {"unsold": 1}}, 503), {}, "HTTP 503")],
)  # fmt: skip
def test_what_is_no_stock_is_one_sentence(data: Any, more: Row, says: str) -> None:
    with pytest.raises(TargetError, match=says):
        read(data, request="GET /stock", items="", **more)


def test_each_product_by_itself_and_no_goods_of_a_supplier() -> None:
    heard: list[str] = []

    def shop(request: Heard) -> str:
        heard.append(request.path)
        return f"<p>库存：{len(request.path)}</p>"

    told = read(shop, request="GET /buy/{order.sku}", value={"css": "p", "regex": "库存：([0-9]+)", "as": "whole"})
    assert told == {"game": figures(9), "skin": figures(9)}
    assert heard == ["/buy/game", "/buy/skin"]


WORDS = {"in_stock": "有货|库存充足", "sold_out": "售罄|缺货"}


@pytest.mark.parametrize(
    ("page", "told"),
    [("有货", figures(None, word="in_stock")), ("已售罄", figures(0, word="sold_out")), ("12", figures(12)), ("0", figures(0))],
)  # fmt: skip
def test_words_say_that_there_is_some_or_none(page: str, told: Row) -> None:
    found = read(f"<b>{page}</b>", request="GET /buy/{order.sku}", value={"css": "b"}, words=WORDS)
    assert found == {"game": told, "skin": told}


@pytest.mark.parametrize(
    ("page", "more", "says"),
    [("<b>补货中</b>", {"words": WORDS}, "'补货中' fits neither"), ("<b>有货，明日售罄</b>", {"words": WORDS}, "fits both"),
     ("<b>有货</b>", {}, "is not a whole number; explain it with words"), ("<i>有货</i>", {"words": WORDS}, "game: the reply has nothing where value says")],
)  # fmt: skip
def test_a_page_that_says_neither_is_one_sentence(page: str, more: Row, says: str) -> None:
    with pytest.raises(TargetError, match=says):
        read(page, request="GET /buy/{order.sku}", value={"css": "b"}, **more)


def test_what_may_be_missing_is_unknown_where_it_is() -> None:
    told = read({}, request="GET /buy/{order.sku}", value={"json": "left", "optional": True})
    assert told == {"game": figures(None), "skin": figures(None)}


@pytest.mark.parametrize("nothing", [[], {}, None])
def test_a_hidden_error_is_no_stock(nothing: Any) -> None:
    with pytest.raises(TargetError, match=r"reads\.stock: "):
        read({"code": 500, "data": nothing}, request="GET /stock", items="data", sku="id")


@pytest.mark.parametrize("value", [{"json": "data"}, {"json": "data.left", "optional": True}])
def test_a_hidden_error_is_no_product_without_a_figure(value: Row) -> None:
    with pytest.raises(TargetError, match=r"reads\.stock: game: (the reply has nothing where value says|.*code: 500, which looks like an error)"):
        read({"code": 500, "data": None}, request="GET /p/{order.sku}", value=value)


def test_rules_say_which_reply_has_a_stock_in_it() -> None:
    rules = [{"class": "ok", "path": "code", "equals": 0}]
    left: Row = {"json": "data.left", "optional": True, "default": 0}
    one: Row = {"request": "GET /p/{order.sku}", "value": left, "replies": rules}
    assert read({"code": 0, "data": None}, **one) == {"game": figures(0), "skin": figures(0)}
    together: Row = {"request": "GET /stock", "items": "data", "replies": rules}
    assert read({"code": 0, "data": {}}, **together) == {}
    for stock in (one, together):
        with pytest.raises(TargetError, match=r"reads\.stock: GET /\S+: the reply \(HTTP 200\) means unknown \(odd_reply\), and only ok is read"):
            read({"code": 7, "data": {"game": {"unsold": 1}, "left": 1}}, **stock)


def test_a_default_that_an_error_page_would_be_read_as_needs_rules() -> None:
    with pytest.raises(ValueError, match="an error page would be read as the default; say with replies"):
        read({}, request="GET /p/{order.sku}", value={"json": "left", "optional": True, "default": 0})


def test_a_products_own_names_fill_the_request() -> None:
    catalogue = [{"sku": "game", "price_fen": 1, "vars": {"slug": "das spiel"}}]
    with Shop(lambda _: {"left": 3}) as shop:
        reads = {"stock": {"request": "GET /p/{product.slug}?key={secret.key}&run={run.id}", "value": {"json": "left"}}}
        more: Row = {"catalogue": catalogue, "secrets": {"key": {"value": "x"}}}
        with platform(shop.place, reads, {"key": "s/1"}, **more) as found:
            assert found.stock() == {"game": figures(3)}
        (heard,) = shop.heard
        assert (heard.path, heard.query["key"], heard.query["run"]) == ("/p/das%20spiel", "s/1", "run1")


def test_a_hole_that_nothing_fills_is_said_before_anything_is_sent() -> None:
    with Shop(lambda _: {}) as shop, pytest.raises(ConfigError, match=r"reads\.stock.*nothing gives \{product\.slug\}.*order\.sku"):
        platform(shop.place, {"stock": {"request": "GET /p/{product.slug}", "value": {"json": "left"}}})


def test_single_reads_keep_to_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("surgekit.platform.session.time.sleep", slept.append)
    with Shop(lambda _: {"left": 1}) as shop:
        catalogue = [TARGET["catalogue"][0] | {"sku": f"s{number}"} for number in range(10)]
        reads = {"stock": {"request": "GET /p/{order.sku}", "value": {"json": "left"}}, "rate": 1}
        with platform(shop.place, reads, catalogue=catalogue) as found:
            found.stock()
    assert len(slept) == 9
    assert max(slept) > 7.0  # nobody waited, so the last turn is still nine seconds away


def test_a_target_without_such_a_read_has_no_stock() -> None:
    with Shop(lambda _: {}) as shop, platform(shop.place) as found:
        assert found.stock() is None


def test_by_sql_a_row_for_each_product(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "shop.db") as db:
        db.execute("CREATE TABLE cards (gid TEXT, sold INTEGER)")
        db.executemany("INSERT INTO cards VALUES (?, ?)", [("game", 0), ("game", 1), ("game", 0), ("foreign", 0)])
    sql = {"url": f"sqlite:///{tmp_path / 'shop.db'}", "query": "SELECT gid, COUNT(*) AS has, SUM(sold = 0) AS free FROM cards GROUP BY gid"}
    assert read({}, sql=sql, sku="gid", total="has", unsold="free") == {"game": figures(2, 3)}
    with pytest.raises(TargetError, match=r"reads\.stock\.sql: the query has no column 'left'; there are gid, has, free"):
        read({}, sql=sql, sku="gid", unsold="left")
    with pytest.raises(TargetError, match=r"reads\.stock\.sql: .*no such table"):
        read({}, sql=sql | {"query": "SELECT 1 FROM nowhere"}, sku="gid")
    with pytest.raises(ConsentError, match=r"reads\.stock\.sql\.url: the database is not on this machine"):
        read({}, sql=sql | {"url": "postgresql://u@192.0.2.1/shop"}, sku="gid")


def test_by_sql_the_column_sku_is_the_sku_where_nothing_else_is_said(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "shop.db").close()
    sql = {"url": f"sqlite:///{tmp_path / 'shop.db'}", "query": "SELECT 'game' AS sku, 4 AS unsold"}
    assert read({}, sql=sql) == {"game": figures(4)}
    with pytest.raises(TargetError, match=r"reads\.stock\.sql: the query has no column 'sku'; there are gid, unsold"):
        read({}, sql=sql | {"query": "SELECT 'game' AS gid, 4 AS unsold"})


def test_a_stock_that_nobody_adds_to_is_all_there_is_from_the_first_look_on() -> None:
    left = [5, 3, 7]
    stock = {"request": "GET /p/{order.sku}", "value": "left", "fixed": True}
    with Shop(lambda heard: {"left": left[0] if "game" in heard.path else 1}) as shop, platform(shop.place, {"stock": stock, "rate": 1000}) as found:
        told = []
        while left:
            told.append((found.stock() or {})["game"])
            left.pop(0)
    assert told == [figures(5, 5), figures(3, 5), figures(7, 5)]


def test_a_word_for_some_is_no_number_and_so_no_total() -> None:
    words = {"in_stock": "有货", "sold_out": "售罄"}
    told = read("<b>有货</b>", request="GET /p/{order.sku}", value={"css": "b"}, words=words, fixed=True)
    assert (told or {})["game"] == figures(None, None, "in_stock")
