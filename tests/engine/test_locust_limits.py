"""Where somebody's Locust tasks may not go, and that they end with the surge."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from locust_story import locust_engine, played

BUSY = """
def forever(client, path):
    while True:
        try:
            client.get(path)
        except Exception:
            pass
        gevent.sleep(0.01)

class Buyer({kind}):
    @task
    def buy(self):
        gevent.spawn(forever, self.client, "/beside")
        forever(self.client, "/on")
    def on_stop(self):
        self.client.get("/bye")
"""


@pytest.mark.parametrize("kind", ["HttpUser", "FastHttpUser"])
def test_after_a_stop_nothing_leaves_any_more_not_even_over_open_connections(tmp_path: Path, kind: str) -> None:
    with locust_engine(tmp_path, BUSY.format(kind=kind), rate=10, seconds=60) as (story, shop):
        story.start()
        story.until("requests", 40)
        story.child.tell("stop")
        stopped = time.monotonic()
        assert story.done() == {"done": True, "stopped": True}
        assert {(each["outcome"], each["reason"]) for each in story.orders()} == {("unknown", "aborted")}
        assert max(at for at, _, _ in shop.seen) < stopped + 1.0  # progress, and so the stop, is looked at twice a second
        assert {path for _, path, _ in shop.seen} == {"/on", "/beside"}


AWAY = """
import http.client, threading, urllib.request
def udp():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.sendto(b"x", ("192.0.2.6", 53))
def plain():
    with socket.socket() as out:
        out.connect(("192.0.2.5", 80))
def number():
    with socket.socket() as out:
        return 1 / out.connect_ex(("192.0.2.4", 80))
def mapped():
    with socket.socket(socket.AF_INET6) as out:
        out.connect(("::ffff:127.0.0.1", 80))
def in_thread():
    wrong = []
    def run():
        try:
            socket.create_connection(("192.0.2.3", 80), timeout=1)
        except OSError as error:
            wrong.append(error)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    raise wrong[0]

class Fast(FastHttpUser):
    host = "http://192.0.2.2"
    abstract = True

class Buyer(HttpUser):
    @task
    def buy(self):
        ways = {
            "redirect": lambda: self.client.get("/away").raise_for_status(),  # first: after a refusal nothing is sent
            "url": lambda: self.client.get("http://192.0.2.1/").raise_for_status(),
            "name": lambda: socket.getaddrinfo("shop.example", 80),
            "by-name": lambda: urllib.request.urlopen("http://other.example/", timeout=1),
            "odd": lambda: http.client.HTTPConnection("2130706433", 80, timeout=1).request("GET", "/"),
            "hostbyname": lambda: socket.gethostbyname("third.example"),
            "fast": lambda: Fast(self.environment).client.get("/").raise_for_status(),
            "udp": udp, "plain": plain, "number": number, "mapped": mapped, "thread": in_thread,
        }
        for name, way in ways.items() if order.seq == 0 else ():
            try:
                way()
                print("WAY", name, "went", flush=True)
            except Exception as error:
                print("WAY", name, str(error).replace("\\n", " "), flush=True)
        self.client.get("http://localhost:" + self.host.rpartition(":")[2] + "/here")
"""


def test_no_way_leads_to_another_machine_and_the_run_says_which_was_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.99:3128")
    story, _, last = played(tmp_path, AWAY, rate=5)
    assert not last["done"]
    assert re.fullmatch(
        r"\S+/locustfile\.py:Buyer wants to connect to 192\.0\.2\.7:80, which is not permitted: only this machine and 127\.0\.0\.1:\d+ are", last["error"]
    )
    tried = dict(line.split(" ", 2)[1:] for line in story.log().splitlines() if line.startswith("WAY "))
    named = {
        "url": "192.0.2.1:80", "redirect": "192.0.2.7:80", "name": "shop.example", "by-name": "other.example", "odd": "2130706433",
        "hostbyname": "third.example", "fast": "192.0.2.2:80", "udp": "192.0.2.6:53", "plain": "192.0.2.5:80", "number": "192.0.2.4:80",
        "mapped": "[::ffff:127.0.0.1]:80", "thread": "192.0.2.3:80",
    }  # fmt: skip
    assert {name: f"wants to connect to {where}, which is not permitted" in tried[name] for name, where in named.items()} == dict.fromkeys(named, True), tried
