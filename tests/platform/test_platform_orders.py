"""Single orders by their keys, where a platform has no ledger."""

from __future__ import annotations

from typing import Any

import pytest
from platform_world import Answer, Heard, Shop, platform

from surgekit.errors import ConfigError
from surgekit.platform.orders import Looked

Row = dict[str, Any]
COLUMNS: Row = {"order_no": "no", "status": "state", "order_key": "key"}
ORDERS: dict[str, list[Row]] = {
    "K1": [{"no": "N1", "state": 2, "key": "K1"}],
    "K2": [],
    "K3": [{"no": "N3", "state": 1, "key": "K3"}, {"no": "N3b", "state": 2, "key": "K3"}],
}


def by_key(heard: Heard) -> Any:
    return {"data": ORDERS[heard.query["key"]]}


def look(manners: Any, *keys: str, columns: Row | None = None, most_s: float = 60.0, **more: Any) -> Looked:
    reads = {"order": {"request": "GET /orders?key={order.key}", "rows": "data", "columns": columns or COLUMNS}, "rate": 1000, **more}
    with Shop(manners if callable(manners) else lambda _: manners) as shop, platform(shop.place, reads) as found:
        assert found._order is not None
        return found._order.look_up(keys, "salt", None, most_s=most_s)


def told(looked: Looked) -> list[tuple[str, str, str]]:
    return [(row["order_key"], row["order_no"], row["status"]) for row in looked.rows]


def test_each_key_has_its_orders_or_none() -> None:
    looked = look(by_key, "K1", "K2", "K3")
    assert told(looked) == [("K1", "N1", "2"), ("K3", "N3", "1"), ("K3", "N3b", "2")]
    assert (looked.keys, looked.wrong) == (["K1", "K2", "K3"], None)


def test_a_platform_may_tell_one_order_that_does_not_repeat_its_key() -> None:
    looked = look({"data": {"no": "N1", "state": "paid"}}, "K1", columns={"order_no": "no", "status": "state"})
    assert told(looked) == [("K1", "N1", "paid")]


def test_an_empty_list_where_rows_points_says_that_there_is_none() -> None:
    looked = look({"data": [], "code": 1, "success": True, "error": None}, "K1")
    assert (looked.rows, looked.keys) == ([], ["K1"])


HIDDEN: list[Row] = [{"code": 500, "data": None}, {"data": None}, {"code": 500, "data": []}, {"code": -1, "data": []}, {"success": False, "data": []},
                     {"code": 10001, "msg": "系统繁忙", "data": []}, {"status": "error", "data": []}, {"error": {"message": "too many connections"}, "data": []}]  # fmt: skip


@pytest.mark.parametrize("page", HIDDEN)
def test_a_hidden_error_is_not_read_as_no_such_order(page: Row) -> None:
    """It comes with HTTP 200, and what it has in place of the orders is nothing too."""
    looked = look(page, "K1")
    assert (looked.rows, looked.keys) == ([], [])
    assert "say with replies which reply is a good one" in (looked.wrong or "")


def test_an_empty_list_as_the_whole_reply_counts_where_rows_is_written_out() -> None:
    columns = {"order_no": "no", "status": "state"}
    assert by_step([], "K1", request="GET /o?key={order.key}", rows="", columns=columns).keys == ["K1"]
    looked = by_step([], "K1", request="GET /o?key={order.key}", columns=columns)
    assert (looked.keys, looked.wrong) == ([], "reads.order: an empty list as the whole reply: no such order, or an error page?"
                                               " give rows, or say with replies which reply is a good one")  # fmt: skip


@pytest.mark.parametrize("nothing", [[], None])
def test_where_rules_say_that_the_reply_is_good_null_is_none_too(nothing: Any) -> None:
    answers: dict[str, Row] = {"K1": {"code": 1, "data": nothing}, "K2": {"code": 500, "data": nothing}, "K3": {"code": 2, "data": nothing}}
    rules = [*RULES, {"class": "queued", "path": "code", "equals": 2}]
    looked = by_step(lambda heard: answers[heard.query["key"]], *answers, request="GET /o?key={order.key}", rows="data", columns=COLUMNS, replies=rules)
    assert (looked.rows, looked.keys) == ([], ["K1"])


@pytest.mark.parametrize(
    ("answer", "says"),
    [(Answer({"data": []}, 404), "HTTP 404"), (Answer({"data": []}, 500), "HTTP 500"), ({"code": 400, "msg": "订单不存在"}, "neither an order nor a list"),
     ("<html>", "neither an order nor a list"), ({"data": [{"no": "N1", "state": None, "key": "K1"}]}, "an order without a status"),
     ({"data": [{"no": "N1", "key": "K1"}]}, "no row has a field 'state'"), ({"data": [{"no": "N9", "state": 1, "key": "K9"}]}, "orders of other keys only")],
)  # fmt: skip
def test_anything_else_says_nothing_of_the_order(answer: Any, says: str) -> None:
    looked = look(answer, "K1")
    assert (looked.rows, looked.keys) == ([], [])
    assert says in (looked.wrong or "")


def test_one_that_cannot_be_read_stops_no_other() -> None:
    looked = look(lambda heard: Answer("", 500) if heard.query["key"] == "K2" else by_key(heard), "K1", "K2", "K3")
    assert looked.keys == ["K1", "K3"]
    assert "HTTP 500" in (looked.wrong or "")


def test_a_platform_that_answers_nothing_is_let_be() -> None:
    heard = []

    def shop(each: Heard) -> Answer:
        heard.append(each)
        return Answer("", 503)

    assert look(shop, *(f"K{number}" for number in range(100))).keys == []
    assert len(heard) == 20


def test_keys_that_always_fail_do_not_keep_the_others_from_being_asked() -> None:
    def shop(heard: Heard) -> Any:
        return Answer("", 500) if heard.query["key"] < "K30" else {"data": [{"no": "N", "state": 2, "key": heard.query["key"]}]}

    reads = {"order": {"request": "GET /orders?key={order.key}", "rows": "data", "columns": COLUMNS}, "rate": 1000}
    keys = [f"K{number}" for number in range(10, 40)]
    with Shop(shop) as made, platform(made.place, reads) as found:
        assert found.orders(keys, "salt").keys == []
        assert found.orders(keys, "salt").keys == keys[20:]


def test_the_time_for_all_of_them_has_an_end() -> None:
    looked = look(by_key, "K1", "K2", "K3", most_s=-1.0)
    assert (looked.keys, looked.wrong) == ([], "the time of -1 s was over; raise reads.rate")


def test_columns_without_a_status_are_refused_on_paper() -> None:
    with pytest.raises(ConfigError, match=r"reads\.order\.columns: status must be named too"):
        look(by_key, "K1", columns={"order_no": "no"})


def by_step(manners: Any, *keys: str, **order: Any) -> Looked:
    with Shop(manners if callable(manners) else lambda _: manners) as shop, platform(shop.place, {"order": order, "rate": 1000}) as found:
        return found.orders(keys, "salt")


RULES: list[Row] = [{"class": "refused", "path": "msg", "matches": "订单不存在"}, {"class": "refused", "status": 404, "matches": "no such order"},
                    {"class": "ok", "path": "code", "equals": 1}]  # fmt: skip


def test_a_platform_may_say_in_words_that_there_is_no_such_order() -> None:
    answers = {"K1": {"code": 1, "data": ORDERS["K1"]}, "K2": {"code": 0, "msg": "订单不存在"}, "K3": Answer({"error": "no such order"}, 404),
               "K4": {"code": 0, "msg": "系统繁忙"}}  # fmt: skip
    looked = by_step(lambda heard: answers[heard.query["key"]], *answers, request="GET /o?key={order.key}", rows="data", columns=COLUMNS, replies=RULES)
    assert told(looked) == [("K1", "N1", "2")]
    assert looked.keys == ["K1", "K2", "K3"]
    assert looked.wrong == "reads.order: GET /o?key={order.key}: the reply (HTTP 200) means unknown (odd_reply)"


def test_an_order_may_be_asked_for_by_post() -> None:
    def shop(heard: Heard) -> Any:
        assert heard.method == "POST"
        return {"data": ORDERS[heard.form["contact"]]}

    looked = by_step(shop, "K1", "K2", request="POST /query", form={"contact": "{order.key}"}, rows="data", columns=COLUMNS)
    assert (told(looked), looked.keys) == ([("K1", "N1", "2")], ["K1", "K2"])


def test_an_order_may_be_told_by_a_page() -> None:
    page = "<p id=no>N1</p><b data-state=3></b><i>9.90</i><pre>AAA\nBBB</pre>"
    rules = [{"class": "refused", "matches": "没有订单"}, {"class": "ok", "css": "#no"}]
    extract = {"order_no": {"css": "#no"}, "status": {"css": "b", "attr": "data-state"}, "amount_fen": {"css": "i", "as": "yuan"},
               "cards": {"css": "pre", "as": "lines"}}  # fmt: skip
    looked = by_step(lambda heard: page if "K1" in heard.path else "没有订单", "K1", "K2", request="GET /o/{order.key}", replies=rules, extract=extract)
    assert looked.keys == ["K1", "K2"]
    (row,) = looked.rows
    assert (row["order_no"], row["status"], row["amount_fen"], row["order_key"]) == ("N1", "3", 990, "K1")
    assert len(row["card_digests"]) == 2


def test_a_page_without_a_needed_value_tells_nothing() -> None:
    rules = [{"class": "ok", "css": "p"}]
    looked = by_step("<p>N1</p>", "K1", request="GET /o/{order.key}", replies=rules, extract={"order_no": {"css": "p"}, "status": {"css": "b"}})
    assert (looked.rows, looked.keys) == ([], [])
    assert "means unknown (no_status)" in (looked.wrong or "")


def test_an_order_that_has_no_cards_yet_is_read_all_the_same() -> None:
    """But for its number, its state and the key that shows whose it is, a reply may lack whatever it likes."""
    extract: Row = {"order_no": "no", "status": "state", "order_key": "key", "cards": "cards", "amount_fen": {"json": "sum", "as": "yuan"}, "qty": "n"}
    order: Row = {"request": "GET /o/{order.key}", "replies": [{"class": "ok", "path": "no", "matches": "."}], "extract": extract}
    looked = by_step({"no": "N1", "state": 2, "key": "K1", "sum": "free"}, "K1", **order)
    assert (told(looked), looked.keys, looked.wrong) == ([("K1", "N1", "2")], ["K1"], None)
    assert (looked.rows[0]["card_digests"], looked.rows[0]["amount_fen"], looked.rows[0]["qty"]) == ([], None, None)
    looked = by_step({"no": "N1", "state": 2}, "K1", **order)
    assert (looked.rows, looked.keys) == ([], [])
    assert "means unknown (no_order_key)" in (looked.wrong or "")


PAGE = "<table><tr><td>{}<td>{}<td><pre>{}</pre></table>"
MANY: Row = {"order_no": {"css": "td:nth-child(1)", "all": True}, "status": {"css": "td:nth-child(2)", "all": True}, "cards": {"css": "pre", "all": True}}


def test_a_page_may_have_several_orders_of_one_key() -> None:
    order: Row = {"request": "GET /o/{order.key}", "replies": [{"class": "refused", "matches": "没有订单"}, {"class": "ok", "css": "table"}], "extract": MANY}
    looked = by_step(PAGE.format("N1", "3", "AAA\nBBB") + PAGE.format("N2", "1", ""), "K1", **order)
    assert told(looked) == [("K1", "N1", "3"), ("K1", "N2", "1")]
    assert [len(row["card_digests"]) for row in looked.rows] == [2, 0]
    assert told(by_step(PAGE.format("N1", "3", ""), "K1", **order)) == [("K1", "N1", "3")]


@pytest.mark.parametrize(
    ("page", "extract"),
    [("<table><tr><td>N1<td>3<tr><td>N2</table>", MANY), ("<table></table>", MANY), (PAGE.format("N1", "3", ""), {**MANY, "status": {"css": "td + td"}}),
     (PAGE.format("N1", "3", ""), {**MANY, "order_no": {"css": "td"}})],
    ids=["lengths", "nothing", "one status", "one number"],
)  # fmt: skip
def test_values_of_which_nobody_knows_whose_they_are_tell_nothing(page: str, extract: Row) -> None:
    """A selector that finds nothing is misspelt, or the order is not there: who knows."""
    looked = by_step(page, "K1", request="GET /o/{order.key}", replies=[{"class": "ok", "css": "table"}], extract=extract)
    assert (looked.rows, looked.keys) == ([], [])
    assert (looked.wrong or "").startswith("reads.order.extract: of several orders each value is a list")


SORRY: list[Row] = [{"class": "paid_undelivered", "path": "msg", "matches": "很抱歉"}, {"class": "ok", "path": "code", "equals": 1}]


@pytest.mark.parametrize("read", [{"extract": {"order_no": "data.no", "status": "data.state", "cards": "data.cards"}},
                                  {"rows": "data", "columns": {"order_no": "no", "status": "state", "cards": "cards"}}], ids=["extract", "rows"])  # fmt: skip
@pytest.mark.parametrize(("state", "status"), [("delivered", "paid"), ("odd", "paid"), ("refunded", "refunded"), ("expired", "expired")])
def test_an_apology_in_place_of_a_card_is_no_delivery(read: Row, state: str, status: str) -> None:
    order: Row = {"request": "GET /o/{order.key}", "replies": SORRY, **read}
    looked = by_step({"code": 1, "msg": "很抱歉", "data": {"no": "N1", "state": state, "cards": "很抱歉，库存不足"}}, "K1", **order)
    assert (told(looked), looked.rows[0]["card_digests"]) == ([("K1", "N1", status)], [])
    looked = by_step({"code": 1, "data": {"no": "N1", "state": state, "cards": "AAA"}}, "K1", **order)
    assert (told(looked), len(looked.rows[0]["card_digests"])) == ([("K1", "N1", state)], 1)


def test_an_apology_without_a_state_says_paid_where_the_file_has_a_word_for_it() -> None:
    order: Row = {"request": "GET /o/{order.key}", "replies": SORRY, "extract": {"order_no": "no", "status": "state"}}
    reads = {"order": order, "rate": 1000}
    with Shop(lambda _: {"no": "N1", "msg": "很抱歉"}) as shop:
        with platform(shop.place, reads) as found:
            assert told(found.orders(["K1"], "")) == [("K1", "N1", "paid")]
        with platform(shop.place, reads, statuses={"delivered": ["3"]}) as found:
            looked = found.orders(["K1"], "")
    assert (looked.rows, looked.wrong) == ([], "reads.order: the reply means paid_undelivered, and statuses has no word for paid")


def test_what_an_order_is_read_with_is_checked_on_paper() -> None:
    with pytest.raises(ConfigError, match=r"reads\.order\.extract: status must be named too"):
        by_step("", request="GET /o/{order.key}", replies=[{"class": "ok", "css": "p"}], extract={"order_no": {"css": "p"}})
    with pytest.raises(ConfigError, match=r"reads\.order: nothing gives \{nobody\}"):
        by_step("", request="GET /o/{order.key}/{nobody}", rows="", columns=COLUMNS)


def test_headers_that_say_something_of_a_buyer_are_left_out() -> None:
    headers = {"X-Forwarded-For": "{buyer.ip}", "X-Shop": "a"}
    order = {"request": "GET /orders?key={order.key}", "rows": "data", "columns": COLUMNS}
    setup = [{"request": "GET /login", "replies": [{"class": "ok", "path": "data", "equals": 1}]}]
    heard: list[Heard] = []

    def shop(each: Heard) -> Any:
        heard.append(each)
        return {"data": 1} if each.path == "/login" else by_key(each)

    with Shop(shop) as made, platform(made.place, {"setup": setup, "order": order}, headers=headers) as found:
        assert found.orders(["K1"], "salt").keys == ["K1"]
    assert [("x-forwarded-for" in each.headers, each.headers["x-shop"]) for each in heard] == [(False, "a")] * 2


def test_without_such_a_read_nothing_is_looked_up() -> None:
    with Shop(by_key) as shop, platform(shop.place) as found:
        looked = found.orders(["K1"], "salt")
    assert (looked.keys, looked.wrong) == ([], "the target file describes no read of single orders")
