"""What is said of the exchanges of one order: everything that helps, and nothing that is somebody's."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from journey_story import ran

from surgekit import clock
from surgekit.engine import walkthrough
from surgekit.model import Order, Outcome, ReplyClass
from surgekit.target.reading import Reply
from surgekit.target.step import Read, Request

ORDER = Order(
    seq=0, shard=0, intended_s=0.0, sku="a", qty=1, buyer=0, buyer_class="check", pay_by="balance", phase="check", browses=True, double_click=False,
    think_quote_s=0.0, think_pay_s=0.0,
)  # fmt: skip
NUMBER = "9f8c2b1a77e04d3c9f8c2b1a77e04d3c"
TOLD = SimpleNamespace(
    outcome=Outcome.CONFIRMED, reason="token=abc-sesame", status="done", order_no=NUMBER, amount_fen=990, accepted_s=1.0, paid_s=1.0, confirmed_s=1.0,
    card_digests=["x"],
)  # fmt: skip


class Walked:
    """A surge that has these exchanges: (method and URL, headers, body, reply's body, its headers, what is kept)."""

    def __init__(self, *exchanges: tuple[str, dict[str, str], str, str, dict[str, str], dict[str, Any]]) -> None:
        self.loop = SimpleNamespace(run_until=ran)
        self._exchanges = exchanges

    def show(self, to: Any) -> None:
        self._to = to

    async def one(self, *_: object) -> Any:
        for asked, headers, body, said, answered, kept in self._exchanges:
            method, _, url = asked.partition(" ")
            request = Request(method, url.encode(), tuple((name.encode(), value.encode()) for name, value in headers.items()), body.encode())
            reply = Reply(200, said.encode(), 0.1, 0.2, headers=answered)
            self._to(SimpleNamespace(name="step"), request, reply, Read(ReplyClass.OK, None, kept))
        return TOLD

    def now(self) -> float:
        return 1.0


def said_of(*exchanges: tuple[str, dict[str, str], str, str, dict[str, str], dict[str, Any]], private: tuple[object, ...] = ()) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = []
    known = {"run.id": "abc123", "secret.pin": "917", "secret.key": "key/of-the-shop"}
    walkthrough.walk(Walked(*exchanges), SimpleNamespace(private=lambda _: list(private)), ORDER, known, lambda **told: said.append(told))  # type: ignore[arg-type]
    return said


def test_nothing_of_the_session_is_said_however_it_travels() -> None:
    login = '{"code": 1, "access_token": "eyJhbGciOi.SESAME.sig", "refresh_token": "RRRR-sesame-1", "user": {"ticket": "TTTT-sesame-2"}}'
    said = said_of(
        ("POST /login", {"X-Code": "917"}, "u=ann&gate=917&pass=sesame&k=key%2Fof-the-shop", login,
         {"set-cookie": "sid=cookie-sesame-3; Path=/", "x-auth": "sesame-4"}, {"jwt": "eyJhbGciOi.SESAME.sig", "mine": "RRRR-sesame-1"}),
        ("GET /o?r=RRRR-sesame-1", {"Authorization": "Bearer eyJhbGciOi.SESAME.sig", "X-Auth": "sesame", "X-Mine": "cookie-sesame-3"}, "", "{}", {}, {}),
    )  # fmt: skip
    text = json.dumps(said)
    for word in ("SESAME", "-sesame-1", "-sesame-3", "sesame-4", "=sesame", "abc-sesame", "917", "of-the-shop"):
        assert word not in text
    assert said[0]["reply"].startswith('{"code": 1, "access_token": "<')
    assert said[0]["body"] == "u=ann&gate=<secret.pin>&pass=<hidden>&k=<secret.key>"
    assert said[1]["headers"] == {"Authorization": "<hidden>", "X-Auth": "<hidden>", "X-Mine": "<set-cookie>"}


def test_cards_are_not_said_and_their_number_is() -> None:
    said = said_of(
        ("GET /o", {}, "", r'{"status":"3","list":["https:\/\/redeem.example\/SECRETCARD\/1"]}', {}, {"status": "3", "cards": ["https://redeem.example/SECRETCARD/1"]}),
        ("GET /o", {}, "", r'<p title="https:&#x2F;&#x2F;redeem.example/SECRETCARD/1">', {}, {}),
    )
    assert "SECRETCARD" not in json.dumps(said)
    assert said[0]["reply"] == '{"status": "3", "list": ["<cards>"]}'
    assert said[-1]["cards"] == 1


def test_what_helps_is_said() -> None:
    said = said_of(
        (f"GET /o/{NUMBER}", {"Idempotency-Key": "abc123-0000000"}, '{"token": "abc123-0000000"}', f'{{"code": 0, "msg": "库存不足", "hash": "{NUMBER}"}}',
         {"content-type": "application/json"}, {"order_no": NUMBER, "status": "3"}),
    )  # fmt: skip
    assert said[0]["url"] == f"/o/{NUMBER}"
    assert said[0]["headers"] == {"Idempotency-Key": "abc123-0000000"}
    assert said[0]["body"] == '{"token": "abc123-0000000"}'
    assert said[0]["reply"] == f'{{"code": 0, "msg": "库存不足", "hash": "{NUMBER}"}}'
    assert said[0]["kept"] == {"order_no": NUMBER, "status": "3"}
    assert (said[1]["order_no"], said[1]["status"]) == (NUMBER, "done")


def test_a_secret_behind_what_is_shown_is_looked_for_too() -> None:
    hidden_by_much = '{"token": "' + "x" * 2395 + '", "note": "' + "key/of-the-shop" + '"}'
    assert "of-the" not in json.dumps(said_of(("GET /o", {}, "", hidden_by_much, {}, {})))


def test_the_row_of_an_account_is_not_said() -> None:
    assert said_of(("GET /o", {}, "level=gold-4711", "{}", {}, {}), private=("gold-4711",))[0]["body"] == "level=<account>"


def last(said: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """Each exchange as it was said last."""
    return {each["number"]: each for each in said if "number" in each}


CARD = "QB10-00001-AA345C725233"


def test_a_card_that_only_a_later_reply_names_is_hidden_in_the_earlier_one_too() -> None:
    said = said_of(
        ("POST /buy", {}, "", f'{{"code": 1, "goods": ["{CARD}"], "text": "{"x" * 560} {CARD}"}}', {}, {"order_no": "N1"}),
        ("GET /o", {}, "", f'{{"list": ["{CARD}"]}}', {}, {"status": "3", "cards": [CARD]}),
    )
    assert CARD in said[0]["reply"]  # nobody knew by then; this is why it is not printed yet
    assert [each["number"] for each in said[:-1]] == [0, 0, 1]
    found = last(said)
    assert "QB10" not in json.dumps(found)  # nor the half of it that stands where the reply is cut
    assert found[0]["reply"].startswith('{"code": 1, "goods": ["<cards>"]')


def test_the_parts_of_a_card_are_hidden_where_they_stand_alone() -> None:
    said = said_of(
        ("POST /buy", {}, "", '{"a": "1234567890123456", "b": "PW-99-ABCDEF"}', {}, {}),
        ("GET /o", {}, "", "{}", {}, {"cards": ["1234567890123456----PW-99-ABCDEF"]}),
    )
    assert last(said)[0]["reply"] == '{"a": "<cards>", "b": "<cards>"}'


def test_an_exchange_in_which_nothing_changes_is_said_once() -> None:
    polls = [("GET /o", {}, "", '{"status": 0}', {}, {"status": "0"})] * 3
    assert [each["number"] for each in said_of(*polls)[:-1]] == [0, 1, 2]


def test_nothing_found_is_said_as_nothing() -> None:
    kept = said_of(("GET /o", {}, "", "{}", {}, {"status": "0", "cards": [], "token": None, "note": ""}))[0]["kept"]
    assert kept == {"status": "0", "cards": None, "token": None, "note": None}


def test_what_was_seen_before_the_engine_failed_is_said() -> None:
    class Failing(Walked):
        async def one(self, *told: object) -> Any:
            await super().one(*told)
            raise ValueError("a fault of ours")

    said: list[dict[str, Any]] = []
    surge: Any = Failing(("GET /o", {}, "", "{}", {}, {}))
    members: Any = SimpleNamespace(private=lambda _: [])
    with pytest.raises(ValueError, match="a fault"):
        walkthrough.walk(surge, members, ORDER, {"run.id": "abc123"}, lambda **told: said.append(told))
    assert [each["step"] for each in said] == ["step"]


def test_of_thousands_of_cards_a_few_are_told_and_all_are_hidden_in_no_time() -> None:
    cards = [f"KM{number:06d}-{number * 7919 % 99991:05d}-XY" for number in range(6000)]
    began_s = clock.now()
    said = said_of(("POST /o", {}, cards[5999], cards[17], {}, {}), ("GET /o", {}, "", json.dumps({"list": cards}), {}, {"cards": cards}))
    assert clock.now() - began_s < 20.0  # it takes one
    last = {each["number"]: each for each in said if "number" in each}
    assert last[1]["kept"]["cards"].endswith("… 6,000 in all")
    assert len(last[1]["kept"]["cards"]) < 500
    assert "KM0" not in json.dumps(last)
    assert last[0]["body"] == last[0]["reply"] == "<cards>"
