"""Reads are steps: stock, orders and ledger may be asked for by signed POSTs, as the docking APIs of PHP shops want it."""

from __future__ import annotations

import hashlib
import re
import socket
from typing import Any

import pytest
from platform_world import Answer, Heard, Shop, platform, wild

from surgekit import clock
from surgekit.errors import ConfigError, TargetError

Row = dict[str, Any]
OK: list[Row] = [{"class": "ok", "path": "code", "equals": 1}]
SIGNING: Row = {
    "docking": {
        "key": "{secret.key}", "fields": {"from": "form", "exclude": ["sign"], "drop_empty": True}, "text": "{fields}{key}", "hash": "md5",
        "timestamp": {"into": "form ts", "unit": "s"}, "nonce": {"into": "form nonce", "length": 16}, "sign": "form sign",
    }
}  # fmt: skip
SIGNED: Row = {"signing": SIGNING, "secrets": {"key": {"value": "x"}}, "catalogue": [{"sku": "game", "price_fen": 1, "vars": {"id": 7}}]}
LEFT = [{"sku": "game", "unsold": 5}]
ORDERS = [{"no": f"N{number}", "key": f"K{number}", "state": 1} for number in range(3)]
COLUMNS: Row = {"order_no": "no", "order_key": "key", "status": "state"}


def docking(heard: Heard) -> Any:
    """A shop that answers nobody whose signature is wrong, nor one whose clock is."""
    form = heard.form
    text = "&".join(f"{name}={form[name]}" for name in sorted(form) if name != "sign") + "k3y"
    if heard.method != "POST" or form.get("sign") != hashlib.md5(text.encode()).hexdigest() or abs(int(form["ts"]) - clock.utc().timestamp()) > 60:
        return {"code": 0, "msg": "签名错误"}
    assert re.fullmatch("[0-9a-f]{16}", form["nonce"])
    if heard.path == "/api/goods":
        return {"code": 1, "data": LEFT}
    if heard.path == "/api/good":
        return {"code": 1, "data": {"left": int(form["id"])}}
    if heard.path == "/api/order":
        return {"code": 1, "data": [row for row in ORDERS if row["key"] == form["key"]]}
    first = int(form.get("after") or 0) if "after" in form else 2 * int(form["page"]) - 2
    return {"code": 1, "data": {"list": ORDERS[first : first + 2], "next": first + 2 if first + 2 < len(ORDERS) else None}}


def signed(path: str, **form: str) -> Row:
    return {"request": f"POST {path}", "form": {"app": "a", **form}, "sign": "docking", "replies": OK}


READS: dict[str, Row] = {
    "stock": {"stock": {**signed("/api/goods"), "items": "data", "sku": "sku"}},
    "value": {"stock": {**signed("/api/good", id="{product.id}"), "value": "data.left"}},
    "order": {"order": {**signed("/api/order", key="{order.key}"), "rows": "data", "columns": COLUMNS}},
    "after": {"ledger": {**signed("/api/orders", after="{after}"), "rows": "data.list", "next": "data.next", "columns": COLUMNS}},
    "page": {"ledger": {**signed("/api/orders", page="{page}"), "rows": "data.list", "columns": COLUMNS}},
}


@pytest.mark.parametrize(
    ("name", "read", "told"),
    [("stock", lambda found: found.stock()["game"]["unsold"], 5), ("value", lambda found: found.stock()["game"]["unsold"], 7),
     ("order", lambda found: [row["order_no"] for row in found.orders(["K1"], "").rows], ["N1"]),
     ("after", lambda found: [row["order_no"] for row in found.ledger("")], ["N0", "N1", "N2"]),
     ("page", lambda found: [row["order_no"] for row in found.ledger("")], ["N0", "N1", "N2"])],
)  # fmt: skip
def test_all_that_is_read_may_be_asked_for_by_signed_posts(name: str, read: Any, told: Any) -> None:
    with Shop(docking) as shop, platform(shop.place, {**READS[name], "rate": 1000}, {"key": "k3y"}, **SIGNED) as found:
        assert read(found) == told
    assert {heard.method for heard in shop.heard} == {"POST"}


@pytest.mark.parametrize("name", ["stock", "value", "after"])
def test_a_signature_that_is_refused_is_no_stock_and_no_ledger(name: str) -> None:
    with (
        Shop(docking) as shop, platform(shop.place, READS[name], {"key": "wr0ng"}, **SIGNED) as found,
        pytest.raises(TargetError, match=r"reads\.\w+: POST /api/\w+: the reply \(HTTP 200\) means unknown \(odd_reply\), and only ok is read") as caught,
    ):
        list(found.ledger("")) if name == "after" else found.stock()
    assert "wr0ng" not in str(caught.value)


PARTS: list[tuple[Row, Any]] = [
    ({"request": "GET /l?page={page}"}, lambda heard: heard.query["page"]), ({"request": "GET /l", "query": {"page": "{page}"}}, lambda heard: heard.query["page"]),
    ({"request": "GET /l/{page}"}, lambda heard: heard.path[3:]), ({"request": "GET /l", "headers": {"X-Page": "{page}"}}, lambda heard: heard.headers["x-page"]),
    ({"request": "POST /l", "form": {"p": {"no": "{page}"}}}, lambda heard: heard.form["p[no]"]),
    ({"request": "POST /l", "json": {"p": ["{page}"]}}, lambda heard: re.findall(r'^\{"p":\[(\d)\]\}$', heard.body)[0]),
    ({"request": "POST /l", "body": "page {page}"}, lambda heard: heard.body[5:]), ({"request": "POST /l", "multipart": {"p": "{page}"}}, lambda heard: heard.body.splitlines()[3]),
]  # fmt: skip


@pytest.mark.parametrize(("sent", "page"), PARTS, ids=[" ".join(list(sent)[-1:]) for sent, _ in PARTS])
def test_the_page_may_stand_in_any_part_of_the_request(sent: Row, page: Any) -> None:
    def shop(heard: Heard) -> Any:
        return ORDERS[int(page(heard)) - 1 : int(page(heard))]

    with Shop(shop) as there, platform(there.place, {"ledger": {**sent, "columns": COLUMNS}}) as found:
        assert [row["order_no"] for row in found.ledger("")] == ["N0", "N1", "N2"]
    assert len(there.heard) == 4


STAMPED = "{time.s}-{time.ms}-{nonce}"


def test_every_read_can_name_the_time_and_a_number_that_was_never_there() -> None:
    setup = [{"request": "POST /in", "json": {"at": STAMPED}, "replies": [{"class": "ok", "matches": "."}]}]
    headers = {"X-At": STAMPED}
    reads: Row = {
        "setup": setup, "stock": {"request": "GET /stock", "headers": headers, "items": ""},
        "order": {"request": "GET /o/{order.key}", "headers": headers, "rows": "", "columns": COLUMNS},
        "ledger": {"request": "GET /ledger", "headers": headers, "columns": COLUMNS},
    }  # fmt: skip
    answers: Row = {"/in": "in", "/stock": {"game": {"unsold": 1}}, "/ledger": []}
    with Shop(lambda heard: answers.get(heard.path, [])) as shop, platform(shop.place, reads, safety={"echo": {"request": f"GET /e?{STAMPED}", "header": "X"}}) as found:
        with pytest.raises(TargetError, match=r"safety\.echo"):
            found.preflight()
        found.stock()
        found.orders(["K1"], "")
        list(found.ledger(""))
    said = [heard.headers.get("x-at") or heard.body[7:-2] for heard in shop.heard if heard.path not in ("/", "/e")] + [next(iter(shop.asked("/e")[0].query), "")]
    stamps = [re.fullmatch(r"([0-9]{10})-([0-9]{13})-([0-9a-f]{64})", each) for each in said[:4]]
    assert all(stamps), said
    assert len({each[3] for each in stamps if each}) == 4
    assert all(int(each[2]) // 1000 == int(each[1]) for each in stamps if each)


def answers_once(conn: socket.socket) -> None:
    """Closes the connection just as it is used again."""
    conn.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 23\r\n\r\n{"game": {"unsold": 5}}')
    conn.recv(65536)


def test_a_read_is_sent_again_where_its_connection_was_closed_meanwhile_and_a_login_is_not() -> None:
    stock = {"request": "POST /s", "form": {"a": "b"}, "items": ""}
    with wild(answers_once) as place, platform(place, {"stock": stock}) as found:
        assert found.stock()
        assert found.stock()
    setup = [{"request": "POST /in", "replies": [{"class": "ok", "matches": "."}]}]
    with wild(answers_once) as place, platform(place, {"setup": setup, "stock": stock}) as found:
        found.preflight()
        with pytest.raises(TargetError, match=r"reads\.setup, step reads: broken off"):
            found.stock()


def test_a_session_that_ran_out_is_opened_again_whatever_the_reply_is_taken_for() -> None:
    logins: list[str] = []

    def shop(heard: Heard) -> Any:
        if heard.path == "/in":
            logins.append(heard.path)
            return {"code": 1, "token": f"t{len(logins)}"}
        return Answer({"code": 9}, 401) if heard.headers["x-token"] == "t1" else {"code": 1, "data": LEFT}

    setup = [{"request": "POST /in", "replies": OK, "extract": {"token": "token"}}]
    rules = [*OK, {"class": "refused", "status": 401, "path": "code", "equals": 9}]
    stock = {"request": "POST /goods", "headers": {"X-Token": "{token}"}, "replies": rules, "items": "data", "sku": "sku"}
    with Shop(shop) as there, platform(there.place, {"setup": setup, "stock": stock}) as found:
        assert found.stock()
    assert len(logins) == 2


@pytest.mark.parametrize("status", [302, 404, 500])
def test_what_is_no_success_is_no_good_reply(status: int) -> None:
    stock = {"request": "POST /goods", "replies": [{"class": "ok", "status": status, "path": "code", "equals": 1}], "items": "data", "sku": "sku"}
    with Shop(lambda _: Answer({"code": 1, "data": LEFT}, status)) as shop, platform(shop.place, {"stock": stock}) as found, pytest.raises(TargetError, match=f"HTTP {status}"):
        found.stock()


def test_a_page_with_all_orders_of_a_run_is_judged_as_a_whole() -> None:
    """Rules look at the very reply that the rows are taken from, and it may have more values than a buyer's."""
    rows = [{"no": f"N{number}", "key": "K1", "state": "paid"} for number in range(60_000)]
    ledger = {"request": "POST /l", "replies": OK, "rows": "data", "columns": COLUMNS}
    with Shop(lambda _: {"code": 1, "data": rows}) as shop, platform(shop.place, {"ledger": ledger}) as found:
        assert sum(1 for _ in found.ledger("")) == 60_000


@pytest.mark.parametrize(
    ("reads", "says"),
    [({"stock": {"request": "POST /s", "form": {"a": "{nobody}"}, "items": ""}}, r"reads\.stock: nothing gives \{nobody\}"),
     ({"stock": {"request": "POST /s", "form": {"a": "{order.key}"}, "items": ""}}, r"reads\.stock: nothing gives \{order\.key\}"),
     ({"ledger": {"request": "POST /l", "json": {"a": "{order.sku}"}, "columns": COLUMNS}}, r"reads\.ledger: nothing gives \{order\.sku\}"),
     ({"stock": {"request": "POST /s", "form": {}, "sign": "other", "items": ""}}, r"reads\.stock\.sign: no dialect 'other'"),
     ({"ledger": {"request": "POST /l", "json": {}, "sign": "docking", "columns": COLUMNS}}, r"reads\.ledger\.sign: dialect docking writes into a form body")],
)  # fmt: skip
def test_holes_and_signatures_of_the_reads_are_checked_on_paper(reads: Row, says: str) -> None:
    with Shop(docking) as shop, pytest.raises(ConfigError, match=says):
        platform(shop.place, reads, {"key": "k3y"}, **SIGNED)
    assert not shop.heard


@pytest.mark.parametrize(
    ("reads", "says"),
    [({"stock": {"request": "POST /s", "form": {"id": "game"}, "value": "left"}}, "must stand in the request"),
     ({"stock": {"request": "POST /s", "form": {"id": "{order.sku}"}, "items": ""}}, "a request for all products"),
     ({"stock": {"request": None, "items": ""}}, "give request"), ({"stock": {"request": "FETCH /s", "items": ""}}, "written METHOD"),
     ({"stock": {"request": "GET /s", "items": "", "extract": {"a": "b"}}}, "extract is for steps"),
     ({"ledger": {"request": "POST /l", "form": {"a": "{after}", "p": "{page}"}, "next": "n", "columns": COLUMNS}}, "two ways to turn pages"),
     ({"ledger": {"request": "POST /l", "form": {"a": "{after}"}, "columns": COLUMNS}}, "belong together"),
     ({"ledger": {"sql": {"url": "sqlite:////x", "query": "SELECT 1"}, "form": {"a": "b"}, "columns": COLUMNS}}, "sql: form is for a request"),
     ({"stock": {"sql": {"url": "sqlite:////x", "query": "SELECT 1"}, "json": {"a": "b"}}}, "sql: json is for a request"),
     ({"stock": {"sql": {"url": "sqlite:////x", "query": "SELECT 1"}, "request": "GET /s"}}, "one of the two")],
)  # fmt: skip
def test_a_read_that_contradicts_itself_is_refused(reads: Row, says: str) -> None:
    with Shop(docking) as shop, pytest.raises(ValueError, match=says):
        platform(shop.place, reads)
