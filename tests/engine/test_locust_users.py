"""Somebody's Locust tasks as orders: what one order is, what is made of it, and where it may not go."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import urllib.request
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
from locust_story import HEAD, locust_engine, played

from surgekit.adapter import order
from surgekit.digest import card_digests
from surgekit.errors import RunError

BUYER = """
@events.request.add_listener
def heard(name, **_):
    print("heard", name, flush=True)

class Buyer({kind}):
    wait_time = constant(30)
    busy = False
    def on_start(self):
        print('{{"ready": false}}', end="")
        self.client.get("/login/" + str(bool(order)))
    def on_stop(self):
        self.client.get("/bye")
    @task
    def buy(self):
        if self.busy:
            order.unknown("two at once")
        self.busy = True
        self.client.post("/orders/" + order.key, name="/orders")
        gevent.spawn(self.client.get, "/from-a-greenlet/" + order.key).join()
        self.busy = False
"""


@pytest.mark.parametrize("kind", ["HttpUser", "FastHttpUser"])
def test_an_order_is_one_task_of_a_user_who_serves_one_at_a_time(tmp_path: Path, kind: str) -> None:
    story, shop, last = played(tmp_path, BUYER.format(kind=kind))
    assert last == {"done": True, "stopped": False}
    orders = story.orders()
    assert len(orders) == story.scheduled
    assert {(each["outcome"], each["reason"], each["errors"]) for each in orders} == {("confirmed", None, 0)}
    assert all(each["intended_s"] <= each["started_s"] <= each["sent_s"] <= each["confirmed_s"] == each["ended_s"] for each in orders)
    went = Counter(shop.paths)
    users = went.pop("/login/False")
    assert went.pop("/bye") == users
    assert 1 <= users < story.scheduled
    keys = {each["order_key"]: each["seq"] for each in orders}
    assert went == {f"/{place}/{key}": 1 for key in keys for place in ("orders", "from-a-greenlet")}
    assert {headers.get("X-Surge-Run") for _, _, headers in shop.seen} == {"abcdef"}
    told = defaultdict(list)
    for row in story.rows("requests"):
        told[row["seq"]].append(row)
    for each in orders:
        first, second = told[each["seq"]]
        assert (first["step"], first["due_s"], first["status"], first["class"], first["bytes"]) == ("/orders", each["intended_s"], 200, "ok", 2)
        assert second["step"].endswith(each["order_key"])
        assert each["started_s"] <= first["sent_s"] <= first["done_s"] <= second["done_s"] <= each["ended_s"]
    assert story.log().count("heard /orders") == story.scheduled


TREE = """
@task
def plain(user):
    user.client.get("/plain/" + order.key)

class Deep(TaskSet):
    @task
    def deep(self):
        self.client.get("/deep/" + order.key)

class Row(SequentialTaskSet):
    wait_time = constant(30)
    def on_stop(self):
        self.client.get("/end/" + order.key)
    @task
    def one(self):
        self.client.get("/one/" + order.key)
    @task
    def two(self):
        self.client.get("/two/" + order.key)
        raise RescheduleTask
    tasks = [Deep]

class Left(TaskSet):
    @task
    def left(self):
        self.client.get("/left/" + order.key)
        self.interrupt()
    tasks = {left: 5}

class Buyer(HttpUser):
    tasks = {plain: 3, Row: 1, Left: 1}
"""


def test_of_nested_task_sets_an_order_is_one_pass_or_until_they_interrupt(tmp_path: Path) -> None:
    story, shop, last = played(tmp_path, TREE, rate=60)
    assert last["done"]
    ways: dict[str, list[str]] = defaultdict(list)
    for path in shop.paths:
        _, what, key = path.split("/")
        ways[key].append(what)
    kinds = Counter(map(tuple, ways.values()))
    assert set(kinds) == {("plain",), ("one", "two", "deep", "end"), ("left",)}
    assert kinds["plain",] > kinds["left",] + kinds["one", "two", "deep", "end"] > 4  # three to one to one
    assert {each["outcome"] for each in story.orders()} == {"confirmed"}
    assert kinds.total() == story.scheduled


ENDS = """
class Row(TaskSet):
    @task
    def stop(self):
        self.client.get("/fine")
        self.user.stop()
    tasks = [stop] * 3

class Buyer(HttpUser):
    def on_stop(self):
        self.client.get("/bye")
    over = False
    @task
    def buy(self):
        if self.over:
            order.unknown("served by a user who was over")
        self.over = order.seq in (5, 10, 12)
        match order.seq:
            case 0: self.client.get("/broken")
            case 1:
                with self.client.get("/fine", catch_response=True) as reply:
                    reply.failure("sold out,\\n in HTML")
            case 2:
                self.client.get("/fine")
                raise ValueError("no such field")
            case 3:
                self.client.get("/fine")
                raise RescheduleTaskImmediately
            case 4:
                self.client.get("/fine")
                raise InterruptTaskSet
            case 5:
                self.client.get("/fine")
                raise StopUser
            case 6: pass
            case 7:
                self.client.get("http://127.0.0.1:1/", name="nobody")
            case 8:
                self.client.get("/fine")
                self.client.get("http://127.0.0.1:1/", name="nobody")
            case 9:
                self.client.get("/slow", timeout=0.2)
            case 10:
                self.client.get("/fine")
                gevent.sleep(99)
            case 11:
                with self.client.get("/broken", catch_response=True) as reply:
                    reply.success()
            case 12: Row(self).run()
            case 13:
                self.environment.events.request.fire(
                    request_type="RPC", name="mine", response_time=5, response_length=7, exception=KeyError("x"))
            case 14: raise SystemExit(3)
            case _: self.client.get("http://localhost:" + self.host.rpartition(":")[2] + "/fine")
"""


def test_how_an_order_ended_is_told_by_its_requests_and_its_task(tmp_path: Path) -> None:
    story, shop, last = played(tmp_path, ENDS, rate=15, seconds=4, patience="1500ms", limits={"confirm": "1s"})
    assert last["done"]
    orders = story.orders()
    ended = [(each["outcome"], each["reason"], each["errors"]) for each in orders]
    assert ended[:15] == [
        ("unknown", "/broken: http_500", 1),
        ("unknown", "/fine: sold out, in HTML", 1),
        ("unknown", "raised_ValueError", 1),
        ("confirmed", None, 0),
        ("confirmed", None, 0),
        ("confirmed", None, 0),
        ("failed", "sent_nothing", 0),
        ("failed", "nobody: connect_refused", 1),
        ("unknown", "nobody: connect_refused", 1),
        ("unknown", "/slow: timeout", 1),
        ("unknown", "deadline", 0),
        ("confirmed", None, 0),
        ("confirmed", None, 0),
        ("unknown", "mine: KeyError", 1),
        ("unknown", "raised_SystemExit", 1),
    ]
    assert set(ended[15:]) == {("confirmed", None, 0)}
    assert (orders[7]["sent_s"], orders[6]["sent_s"]) == (None, None)
    assert orders[10]["ended_s"] - orders[10]["intended_s"] == pytest.approx(1.5, abs=0.5)
    assert sum(each["intended_s"] > orders[10]["ended_s"] for each in orders) > 5
    classes = {(row["seq"], row["step"]): (row["class"], row["status"], row["reason"]) for row in story.rows("requests")}
    assert classes[0, "/broken"] == ("unknown", 500, "http_500")
    assert classes[1, "/fine"] == ("hidden_error", 200, "sold out, in HTML")
    assert classes[7, "nobody"] == ("not_sent", 0, "connect_refused")
    assert classes[8, "nobody"] == ("unknown", 0, "connect_refused")
    assert classes[11, "/broken"] == ("ok", 500, None)
    assert classes[13, "mine"] == ("unknown", 0, "KeyError")
    assert shop.paths.count("/bye") >= 3  # the users of 5, 10 and 12, whose ends came before that of the surge


WORDS = """
class Buyer(HttpUser):
    @task
    def buy(self):
        self.client.get(f"/{order.sku}/{order.qty}/{order.price_fen}/{order.total_fen}/{order.pay_by}/{order.buyer_class}/{order.buyer_account}"
                        f"/{order.value('vars.shelf')}/{order.value('nothing', 'else')}", name="/")
        match order.seq:
            case 0:
                order.accepted(17, amount_fen=250)
                order.paid()
                order.confirmed(cards=["CARD-one", "CARD-two"])
                self.client.get("/broken")
            case 1: order.rejected("sold_out")
            case 2: order.unknown("the page was blank")
            case 3: order.accepted("A-3")
            case 4: order.paid()
            case 5:
                order.confirmed("CARD-one")
                order.rejected("a slip of the tongue")
            case 6:
                order.accepted("A-6", amount_fen="much")
                gevent.spawn_later(0.3, order.confirmed, ["CARD-late"])
            case 7:
                order.confirmed()
                gevent.sleep(99)
"""


IMPATIENT = """
class Buyer(HttpUser):
    made = 0
    def on_start(self):
        Buyer.made += 1
        if Buyer.made == 3:
            raise gevent.Timeout(1)
    def on_stop(self):
        self.client.get("/bye")
        raise gevent.Timeout(1)
    @task
    def a(self):
        if order.seq % 10 == 0:
            with gevent.Timeout(0.05):
                self.client.get("/slow")
        self.client.get("/a")
"""


def test_a_time_out_of_gevents_that_a_task_lets_out_ends_its_user_and_not_the_surge(tmp_path: Path) -> None:
    story, shop, last = played(tmp_path, IMPATIENT, rate=40)
    assert last == {"done": True, "stopped": False}
    orders = story.orders()
    assert len(orders) == story.scheduled
    started = [each for each in orders if each["outcome"] != "failed"]
    assert {each["reason"] for each in orders if each["outcome"] == "failed"} <= {"setup_on_start: Timeout: 1 second"}
    assert len(orders) - len(started) <= 1
    for each in started:
        assert (each["outcome"], each["reason"]) == (("unknown", "raised_Timeout") if each["seq"] % 10 == 0 else ("confirmed", None))
    assert all(each["ended_s"] < each["intended_s"] + 1.0 for each in orders)
    assert shop.paths.count("/bye") >= sum(each["outcome"] == "unknown" for each in started) > 2  # each of them had its user's last


def test_the_locustfile_can_say_what_its_buyers_saw_and_only_digests_of_cards_are_kept(tmp_path: Path) -> None:
    with locust_engine(tmp_path, WORDS, patience="1500ms", limits={"confirm": "1s"}) as (story, shop):
        story.target["vars"] = {"shelf": "top"}
        (story.run / "run.json").write_text(json.dumps(story.plan))
        story.start()
        assert story.done()["done"]
    orders = story.orders()
    assert [(each["outcome"], each["reason"]) for each in orders[:8]] == [
        ("confirmed", None), ("rejected", "sold_out"), ("unknown", "the page was blank"), ("unknown", "not_confirmed"), ("unknown", "not_confirmed"),
        ("confirmed", None), ("unknown", "not_confirmed"), ("confirmed", None),
    ]  # fmt: skip
    first, second = orders[:2]
    assert (first["order_no"], first["amount_fen"], first["errors"], orders[6]["amount_fen"]) == ("17", 250, 1, None)
    assert first["accepted_s"] <= first["paid_s"] <= first["confirmed_s"] <= first["ended_s"]
    assert first["card_digests"] == card_digests(["CARD-one", "CARD-two"], "salt")
    assert (second["accepted_s"], second["confirmed_s"], orders[4]["confirmed_s"]) == (None, None, None)
    assert orders[5]["card_digests"] == first["card_digests"][:1]
    assert orders[7]["confirmed_s"] < orders[7]["ended_s"]
    assert re.fullmatch(r"/card/1/100/100/balance/retail/buyer-\d+/top/else", shop.paths[0])
    assert not [file for file in story.run.rglob("*") if file.is_file() and b"CARD-" in file.read_bytes()]


def test_outside_of_a_surge_the_order_is_false_and_hears_nothing() -> None:
    assert not order
    assert (order.key, order.sku, order.qty, order.price_fen, order.value("order.key", 3)) == ("", "", 1, 0, 3)
    order.accepted("1")
    order.paid()
    order.confirmed(["a"])
    order.rejected()
    order.unknown("why")
    assert not order


BAD_STARTS = [
    ("socket.create_connection(('192.0.2.1', 80))\nclass Buyer(HttpUser):\n    @task\n    def a(self): pass\n", r"wants to connect to 192\.0\.2\.1:80"),
    ("class Buyer(HttpUser):\n    def on_start(self): self.client.get('http://192.0.2.1/')\n    @task\n    def a(self): pass\n", r"wants to connect to 192\.0\.2\.1:80"),
    ("class Buyer(HttpUser):\n    def on_start(self): {}['token']\n    @task\n    def a(self): pass\n", r"locustfile\.py:Buyer: on_start: KeyError: 'token'$"),
    ("class Buyer(HttpUser):\n    def on_start(self): raise StopUser\n    @task\n    def a(self): pass\n", r"locustfile\.py:Buyer: on_start: StopUser$"),
    ("class Buyer(HttpUser):\n    def on_start(self): raise gevent.Timeout(2)\n    @task\n    def a(self): pass\n", r"locustfile\.py:Buyer: on_start: Timeout: 2 seconds$"),
]


@pytest.mark.parametrize(("source", "says"), BAD_STARTS)
def test_a_user_that_cannot_start_is_said_before_the_surge(tmp_path: Path, source: str, says: str) -> None:
    with locust_engine(tmp_path, source) as (story, shop):
        with pytest.raises(RunError, match=says):
            story.start()
        assert not shop.seen


LOADS = [
    ("import nothing_like_it\n", r"locustfile\.py:5: cannot be imported: ModuleNotFoundError: No module named 'nothing_like_it'$"),
    ("import sys; sys.exit(2)\n", r"locustfile\.py:5: cannot be imported: SystemExit: 2$"),
    ("Buyer = 3\n", r"locustfile\.py:Buyer: not a Locust user"),
    ("class Buyer(TaskSet): pass\n", r"locustfile\.py:Buyer: not a Locust user"),
    ("class Buyer(HttpUser):\n    abstract = True\n", r"locustfile\.py:Buyer: an abstract user"),
    ("class Buyer(HttpUser): pass\n", r"locustfile\.py:Buyer: has no tasks"),
    ("class Buyers(HttpUser): pass\n", r"locustfile\.py:Buyer: no such class$"),
    ("from helper import NUMBER\nclass Buyer(HttpUser):\n    @task\n    def a(self): pass\n", "^loaded$"),
]
LOADER = """
import json, sys
from surgekit.engine.users.file import user_class
from surgekit.errors import RunError
from surgekit.target.schema import LocustUser
for path in sys.argv[1:]:
    try:
        user_class(LocustUser(file=path, user="Buyer"))
        print(json.dumps("loaded"))
    except RunError as error:
        print(json.dumps(str(error)))
    sys.modules.pop("locustfile", None)
"""


def test_what_is_wrong_with_a_locustfile_is_one_sentence_and_its_imports_work(tmp_path: Path) -> None:
    for number, (source, _) in enumerate(LOADS):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "locustfile.py").write_text(HEAD + source)
    (tmp_path / str(len(LOADS) - 1) / "helper.py").write_text("NUMBER = 1\n")
    package = tmp_path / "shop" / "load"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").touch()
    (package.parent / "base.py").write_text(HEAD + "class Base(HttpUser):\n    abstract = True\n    @task\n    def a(self): pass\n")
    (package / "users.py").write_text("from ..base import Base\nclass Buyer(Base): pass\n")
    (tmp_path / "json.py").write_text("from locust import *\nclass Buyer(HttpUser):\n    @task\n    def a(self): pass\n")
    files = [tmp_path / str(number) / "locustfile.py" for number in range(len(LOADS))]
    words = [sys.executable, "-P", "-c", LOADER, *files, package / "users.py", tmp_path / "json.py", tmp_path / "gone.py"]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=True, timeout=60)
    said: list[Any] = [json.loads(line) for line in done.stdout.splitlines()]
    for (_, says), told in zip(LOADS, said, strict=False):
        assert re.search(says, told), told
    assert said[len(LOADS) : -1] == ["loaded", "loaded"]
    assert "gone.py: no such file" in said[-1]


def test_the_path_of_a_host_is_kept_and_any_other_host_gives_way_to_the_permitted_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "class Buyer(HttpUser):\n    host = 'http://192.0.2.1'\n    @task\n    def a(self): self.client.get('/a')\n"
    for number, path in enumerate(("", "/api")):
        with locust_engine(tmp_path / str(number), source, rate=5) as (story, shop):
            if path:
                monkeypatch.setenv("LOCUST_HOST", f"http://127.0.0.1:{shop.server_address[1]}{path}")
            story.start()
            assert story.done()["done"]
            assert set(shop.paths) == {f"{path}/a"}


def test_locusts_page_counts_each_request_of_the_users_once(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    source = "class Buyer(HttpUser):\n    @task\n    def a(self): self.client.get('/slow' if order.seq == 9 else '/a')\n"
    with locust_engine(tmp_path, source, rate=30) as (story, _):
        story.start("--web", str(port))
        story.until("confirmed", story.scheduled - 1)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/stats/requests", timeout=20) as reply:
            shown = {row["name"]: row["num_requests"] for row in json.loads(reply.read())["stats"]}
        assert shown["/a"] == story.scheduled - 1
        assert story.done()["done"]
