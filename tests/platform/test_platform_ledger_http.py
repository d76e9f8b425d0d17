"""The platform's own orders by HTTP, and what is made of an odd answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from platform_world import Answer, Heard, Shop, platform

from surgekit.digest import card_digest
from surgekit.errors import TargetError

COLUMNS = {"order_no": "no", "order_key": "key", "status": "state", "qty": "count", "charges": "times", "amount_fen": "price"}
ROW = {"no": "N1", "key": "K1", "state": "paid", "count": 1, "times": 1, "price": 1000}
Row = dict[str, Any]


def read(manners: Any, *, request: str = "GET /ledger", start_s: float | None = None, columns: Row | None = None, **more: Any) -> list[Row]:
    """The ledger of a shop that answers so."""
    answer: Callable[[Heard], Any] = manners if callable(manners) else lambda _: manners
    reads = {"ledger": {"request": request, "rows": "rows", "columns": COLUMNS | (columns or {}), **more}}
    with Shop(answer) as shop, platform(shop.place, reads) as found:
        return list(found.ledger("salt", start_s=start_s))


def one(row: Row, **columns: Any) -> Row:
    """The one row of a ledger, as the audit sees it."""
    start_s = columns.pop("start_s", None)
    more = {"timezone": columns.pop("timezone", "UTC")}
    (told,) = read({"rows": [ROW | row]}, columns=columns, start_s=start_s, **more)
    return told


@pytest.mark.parametrize(
    ("field", "name", "value", "told"),
    [("count", "qty", 3_000_000_000, 3_000_000_000), ("times", "charges", 2**40, 2**40), ("price", "amount_fen", 2**63 - 1, 2**63 - 1),
     ("price", "amount_fen", 2**63, None), ("price", "amount_fen", -(2**63) - 1, None), ("times", "charges", True, None),
     ("price", "amount_fen", 12.34, None), ("price", "amount_fen", "1,200", 1200), ("price", "amount_fen", "100.00", 100),
     ("price", "amount_fen", "a lot", None), ("price", "amount_fen", "NaN", None), ("price", "amount_fen", "1e999999999", None)],
)  # fmt: skip
def test_a_number_that_no_table_can_hold_is_none(field: str, name: str, value: Any, told: Any) -> None:
    row = one({field: value})
    assert row[name] == told
    assert row["order_no"] == "N1"


@pytest.mark.parametrize(
    ("value", "column", "name", "told"),
    [("12.34", {"as": "yuan"}, "amount_fen", 1234), (12.34, {"as": "yuan"}, "amount_fen", 1234), ("¥1,234.5", {"as": "yuan"}, "amount_fen", 123450),
     (1e22, {"as": "yuan"}, "amount_fen", None), (2, {}, "status", "2"), (None, {}, "status", None), ("paid", {"as": "text"}, "status", "paid"),
     ("K-7@example.com", {"regex": "^(.+)@"}, "order_key", "K-7"), ("no match", {"regex": "^(.+)@"}, "order_key", None)],
)  # fmt: skip
def test_a_column_has_the_form_that_the_file_says(value: Any, column: Row, name: str, told: Any) -> None:
    assert one({"x": value}, **{name: {"name": "x", **column}})[name] == told


@pytest.mark.parametrize(
    ("value", "column"),
    [(["a", "b"], {}), (["a ", " b", ""], {"as": "list"}), ("a\r\nb\n\n", {"as": "lines"}), ("a\nb", {}), ('["a", "b"]', {"as": "list"}),
     ("卡号: a\n卡号: b", {"regex": "(?s)(.+)", "as": "lines"}), (["卡号: a", "卡号: b"], {"regex": "卡号: (.+)"})],
)  # fmt: skip
def test_cards_are_told_as_a_list_or_as_lines_and_go_on_as_digests(value: Any, column: Row) -> None:
    told = one({"x": value}, cards={"name": "x", **column})["card_digests"]
    wanted = ["卡号: a", "卡号: b"] if column.get("regex") == "(?s)(.+)" else ["a", "b"]
    assert told == [card_digest(card, "salt") for card in wanted]


def test_a_column_may_stand_inside_another_object() -> None:
    told = one({"user": {"key": "K7"}, "a.b": "odd"}, order_key="user.key", sku="a.b")
    assert (told["order_key"], told["sku"]) == ("K7", "odd")


START = 1_767_225_600.0
"""2026-01-01 00:00:00 UTC, when the run began."""


@pytest.mark.parametrize(
    ("value", "zone", "told"),
    [("2026-01-01 00:00:05", "UTC", 5.0), ("2026-01-01T00:00:05.250Z", "Asia/Shanghai", 5.25), ("2026-01-01 08:00:05", "Asia/Shanghai", 5.0),
     ("2026/01/01 08:00:05", "+08:00", 5.0), (START + 5, "UTC", 5.0), (int(START + 5), "Asia/Shanghai", 5.0), (int(START * 1000) + 5250, "UTC", 5.25),
     (str(int(START) + 5), "UTC", 5.0), ("soon", "UTC", None), (None, "UTC", None), (True, "UTC", None), (10**30, "UTC", None)],
)  # fmt: skip
def test_a_time_is_seconds_from_the_start(value: Any, zone: str, told: float | None) -> None:
    assert one({"at": value}, created_s="at", start_s=START, timezone=zone)["created_s"] == told


def test_orders_from_before_the_run_are_not_of_it() -> None:
    """A minute is allowed for clocks that differ, and of what has no time nobody knows."""
    ages = {"old": -3600, "just": -59, "new": 3}
    rows = [ROW | {"no": name, "at": START + age} for name, age in ages.items()] + [ROW | {"no": "unknown", "at": None}]
    assert [row["order_no"] for row in read({"rows": rows}, columns={"created_s": "at"}, start_s=START)] == ["just", "new", "unknown"]


@pytest.mark.parametrize("column", ["order_no", "order_key", "status"])
def test_a_misspelt_column_is_no_empty_ledger(column: str) -> None:
    """Every order would be read as "not there", which counts as proof that nothing happened to it."""
    with pytest.raises(TargetError, match=rf"reads\.ledger\.columns\.{column}: no row has a field 'typo'; there are count, key, no, price, state, times"):
        read({"rows": [ROW, ROW]}, columns={column: "typo"})


def test_a_column_that_some_rows_have_is_there() -> None:
    """Orders of others may have no key of ours."""
    rows = [{"no": "N9", "state": "paid"}, ROW, {"no": "N8", "state": "paid"}]
    assert [row["order_key"] for row in read({"rows": rows})] == [None, "K1", None]


def test_an_empty_ledger_has_no_column_and_is_right() -> None:
    assert read({"rows": []}) == []


def numbered(*numbers: int) -> list[Row]:
    return [ROW | {"no": f"N{number}"} for number in numbers]


def test_pages_are_turned_by_what_the_reply_says_comes_next() -> None:
    pages = {"0": (numbered(1, 2), "c 2"), "c 2": (numbered(3), "c3"), "c3": ([], None)}

    def shop(heard: Heard) -> Any:
        rows, following = pages[heard.query["after"]]
        return {"rows": rows, "next": following}

    rows = read(shop, request="GET /ledger?after={after}", next="next")
    assert [row["order_no"] for row in rows] == ["N1", "N2", "N3"]


PAGES = [numbered(1, 2), numbered(3, 4)]
GOOD: Row = {"code": 0, "msg": "ok"}


def paged(beyond: Row, **more: Any) -> list[str]:
    """The orders of a shop with two pages, and ``beyond`` behind them."""
    request = more.pop("request", "GET /ledger?page={page}")
    rows = read(lambda heard: ([*({**GOOD, "rows": page} for page in PAGES), beyond])[int(heard.query["page"]) - 1], request=request, **more)
    return [row["order_no"] for row in rows]


@pytest.mark.parametrize("beyond", [{**GOOD, "rows": []}, {**GOOD, "rows": None}, {"code": 0, "msg": "no more", "page": 3, "rows": []}])
@pytest.mark.parametrize("hole", ["{page}", "{page|text}"])
def test_pages_are_counted_until_one_is_empty(beyond: Row, hole: str) -> None:
    assert paged(beyond, request=f"GET /ledger?page={hole}") == ["N1", "N2", "N3", "N4"]


@pytest.mark.parametrize(
    "beyond", [{"code": 500, "rows": None}, {"code": 1, "msg": "ok", "rows": None}, {**GOOD, "msg": "busy", "rows": None}, {"rows": None},
               {"code": 500, "rows": []}, {"code": 1, "msg": "ok", "rows": []}, {**GOOD, "error": "busy", "rows": []}, {"rows": []}],
)  # fmt: skip
def test_a_hidden_error_is_not_the_end_of_a_ledger(beyond: Row) -> None:
    """It comes with HTTP 200, and what it has in place of the orders is nothing too; there may be more behind it."""
    with pytest.raises(TargetError, match="say with replies which reply is a good one"):
        paged(beyond)


@pytest.mark.parametrize("page", [{"rows": None}, {"code": 500, "rows": None}, {"code": 500, "rows": []}, {"success": False, "rows": []}])
@pytest.mark.parametrize("request_", ["GET /ledger?page={page}", "GET /ledger"])
def test_a_hidden_error_is_not_a_ledger_without_orders(page: Row, request_: str) -> None:
    with pytest.raises(TargetError, match="say with replies which reply is a good one"):
        read(page, request=request_)


def test_an_empty_page_of_another_kind_is_not_the_end_where_the_reply_says_what_comes_next() -> None:
    pages = {"0": {**GOOD, "rows": numbered(1), "next": 1}, "1": {"code": 1, "rows": []}}
    with pytest.raises(TargetError, match=r"its code is another than on the page before.*say with replies"):
        read(lambda heard: pages[heard.query["after"]], request="GET /ledger?after={after}", next="next")


RULES = [{"class": "ok", "path": "code", "equals": 0}, {"class": "hidden_error", "path": "code", "equals": 500}]


@pytest.mark.parametrize("nothing", [[], None])
def test_rules_say_which_page_is_one(nothing: Any) -> None:
    assert paged({"code": 0, "error": "none today", "rows": nothing}, replies=RULES) == ["N1", "N2", "N3", "N4"]
    assert read({"code": 0, "rows": nothing}, replies=RULES) == []
    for code, means in ((500, "hidden_error"), (7, r"unknown \(odd_reply\)")):
        with pytest.raises(TargetError, match=rf"reads\.ledger: GET /ledger\?page=\{{page\}}: the reply \(HTTP 200\) means {means}, and only ok is read"):
            paged({"code": code, "rows": nothing}, replies=RULES)
        with pytest.raises(TargetError, match="and only ok is read"):
            read({"code": code, "rows": numbered(1)}, replies=RULES)


def test_a_platform_may_give_its_last_page_again_behind_the_end() -> None:
    pages = [numbered(1, 2), numbered(3)]
    rows = read(lambda heard: {"rows": pages[min(int(heard.query["page"]), 2) - 1]}, request="GET /ledger?page={page}")
    assert [row["order_no"] for row in rows] == ["N1", "N2", "N3"]


def test_a_platform_that_passes_over_the_page_is_not_taken_at_its_word() -> None:
    """There may be any number of orders behind the first page."""
    with pytest.raises(TargetError, match="page 2 is page 1 again"):
        read(lambda _: {"rows": numbered(1, 2)}, request="GET /ledger?page={page}")


def test_pages_without_an_end_come_to_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surgekit.platform.ledger_http.MOST_PAGES", 20)
    with pytest.raises(TargetError, match="more than 20 pages; do they ever end"):
        read(lambda heard: {"rows": numbered(1), "next": int(heard.query["after"]) + 1}, request="GET /ledger?after={after}", next="next")


def test_rows_without_an_end_come_to_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surgekit.platform.ledger_http.MOST_ROWS", 20)
    with pytest.raises(TargetError, match="more than 20 rows"):
        read({"rows": numbered(*range(21))})


@pytest.mark.parametrize(
    ("answer", "says"),
    [({"rows": {}}, "no list at 'rows'"), ({"rows": [1]}, "a row is not an object"), ("<html>", "the body is not JSON"), ("", "the body is not JSON"),
     ('{"rows": [], "rows": []}', "the body is not JSON"), ("[" * 100_000, "the body is not JSON"), (Answer({"rows": []}, 500), "HTTP 500"),
     (Answer("", 302, [("Location", "/login?token=abc")]), r"HTTP 302, a redirect to /login; is reads\.setup needed")],
)  # fmt: skip
def test_what_is_no_ledger_is_one_sentence(answer: Any, says: str) -> None:
    with pytest.raises(TargetError, match=says) as caught:
        read(answer)
    assert "\n" not in str(caught.value)
    assert "abc" not in str(caught.value)


def test_a_ledger_of_one_long_page_is_read_to_its_end() -> None:
    assert len(read({"rows": numbered(*range(30_000))})) == 30_000


def test_a_page_is_known_again_by_its_orders_whatever_else_changes_in_it() -> None:
    """A platform that knows no pages, and counts its own looks in each row."""
    looks: list[int] = []

    def shop(_: Heard) -> Any:
        looks.append(1)
        return {"rows": [row | {"looked": len(looks)} for row in numbered(1, 2)]}

    with pytest.raises(TargetError, match="page 2 is page 1 again"):
        read(shop, request="GET /ledger?page={page}")
    assert len(looks) == 2
