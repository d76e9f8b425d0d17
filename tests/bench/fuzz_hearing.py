"""What becomes of a mutated reply: read by the engine's client or the control plane's, and then by rules and extractors of every kind."""

from __future__ import annotations

import gc
import ssl
import time
from functools import cache

from fuzz_judge import check_sentence
from fuzz_pool import LateError
from fuzz_replies import HUGE, SLOW, kind_of
from fuzz_server import SOUND

from surgekit import yamlfile
from surgekit.engine.http.client import Client
from surgekit.engine.loop import Loop
from surgekit.errors import TargetError
from surgekit.platform import Platform
from surgekit.platform import client as platform_client
from surgekit.safety import origin, permitted
from surgekit.target import Target
from surgekit.target.cookies import Jar
from surgekit.target.plan import compile_plan
from surgekit.target.reading import Reply
from surgekit.target.step import Request, StepPlan

CONNECT_S, REPLY_S = 0.5, 0.6
SLACK_S = 1.0
"""A reply may be late by so much: a block is read to its end, and machines are busy."""
PLATFORM_SHARE = 6
"""Every so manieth reply is read by the control plane."""

_STEPS = """\
schema: surgekit.target/1
name: hearing
base_url: http://127.0.0.1:1
catalogue: [{sku: A, price_fen: 100, stock: 1}]
steps:
  prepare:
    - request: GET /x
      follow: true
      replies:
        - {class: sold_out, path: "data.items[*].id", equals: 7}
        - {class: queued, css: "form li.code:nth-child(2)", matches: "^C-[0-9]+$"}
        - {class: throttled, header: retry-after, matches: "[0-9]"}
        - {class: refused, path: msg, matches: "^(refused|no).*$"}
        - {class: hidden_error, matches: "(?i)(fatal|exception|stack trace).{0,200}at line"}
        - {class: ok, path: data.nothing, equals: true}
        - {class: ok, location: "^/[a-z]+", status: [301, 302, 303, 307, 308, 200]}
        - {class: ok, path: code, in: [0, 200, "ok", 1.5]}
        - {class: ok, css: "input, p, li, a, b, i, select, textarea, option, div"}
        - {class: ok, status: [200, 404, 500, 429], matches: "(?s)."}
      extract: &all
        j1: {json: data.order_no, optional: true}
        j2: {json: data.amount, as: yuan, optional: true}
        j3: {json: data.left, as: whole, optional: true, default: 0}
        j4: {json: "data.items[*].code", as: lines, optional: true}
        j5: {json: data.items, as: text, optional: true}
        j6: {json: "", as: text, optional: true}
        j7: {json: msg, regex: "(.+)", optional: true}
        c1: {css: "li.code", all: true, as: lines, optional: true}
        c2: {css: "input[name=_token]", attr: value, optional: true}
        c3: {css: "p.stock", regex: "([0-9]+)", as: whole, optional: true}
        c4: {css: "a, p, li, div, b", all: true, regex: "([a-z]+)", optional: true}
        f1: {field: _token, optional: true}
        f2: {field: way, optional: true}
        f3: {field: note, as: text, optional: true}
        h1: {header: X-Auth, regex: "^Bearer (.+)$", optional: true}
        h2: {header: content-type, optional: true}
        k1: {cookie: sid, optional: true}
        l1: {location: true, optional: true}
        u1: {url: true, regex: "//(.*)$", optional: true}
        b1: {body: true, as: lines, optional: true}
        b2: {body: true, as: yuan, optional: true}
        r1: {regex: "code=([a-z0-9]+)", all: true, optional: true}
        r2: {regex: "(?s)(.*)", as: whole, optional: true}
    - request: POST /x/{j1}/{f1}
      headers: {X-A: "{j7}{c2}", Cookie: "a={k1}", Referer: "{l1}"}
      query: {a: "{j5}", b: ["{c1}", "{h1|md5}"], c: "{u1|url}"}
      json: {a: "{j6}", b: "{j4}", c: "x{c4}", d: "{b2|yuan}", e: "{j3|int}", f: "{j2|fen}", g: "{r1}"}
      replies: [{class: ok, matches: "(?s)."}]
    - {request: "POST {l1}", form: {a: "{j6}", b: "{c1|base64}", c: "{f3|upper}"}, replies: [{class: ok, matches: "(?s)."}]}
    - {request: "GET {u1}", multipart: {a: "{b1}", b: "{h2}"}, replies: [{class: ok, matches: "(?s)."}]}
    - {request: "POST /y?z={j1}", body: "{j5}{r2}{c3}{f2}", replies: [{class: ok, matches: "(?s)."}]}
  submit:
    request: GET /x
    replies:
      - {class: ok, path: code, equals: 0}
      - {class: ok, css: "form#pay[action] input"}
      - {class: sold_out, content_type: text/html, matches: "库存[:：]\\\\s*0"}
    extract: {token: {field: _token, optional: true}, no: {json: data.order_no, optional: true}}
reads:
  stock: {request: "GET /fuzz/{vars.number}", items: data.items, sku: code, unsold: id}
  ledger:
    request: GET /fuzz/{vars.number}
    rows: data.items
    columns: {order_no: id, order_key: {name: code, regex: "^(.+)$"}, status: id, amount_fen: {name: id, as: yuan}, cards: {name: code, as: lines}, created_s: {name: id, as: time}}
"""


def _parsed(number: int) -> Target:
    return yamlfile.parse(_STEPS.replace("{vars.number}", str(number)), Target, name="hearing")


@cache
def _plans() -> tuple[StepPlan, StepPlan, tuple[StepPlan, ...]]:
    """(reads everything, reads little, what is sent with what was read)."""
    plan = compile_plan(_parsed(0))
    return plan.prepare[0], plan.submit, plan.prepare[1:]


def is_read(number: int) -> bool:
    """Whether it is the control plane that reads this reply."""
    return number % PLATFORM_SHARE == 0


def prepare() -> None:
    """What every worker needs, before they are forked."""
    _plans()
    _tls()


def heard(number: int, port: int) -> tuple[str, str, str]:
    """(kind, outcome, word) of reply ``number`` of the server at ``port``."""
    by_platform = is_read(number)
    kind = kind_of(number)
    outcome, word = _by_platform(number, port, kind) if by_platform else _by_engine(number, port, kind)
    gc.collect(0)
    return ("reads: " if by_platform else "engine: ") + kind, outcome, word


def _in_time(started: float, most_s: float, what: str) -> None:
    took = time.monotonic() - started
    if took > most_s + SLACK_S:
        raise LateError(f"{what}: {took:.2f} s, and {most_s:g} s were allowed")


def _by_engine(number: int, port: int, kind: str) -> tuple[str, str]:
    place = origin(f"http://127.0.0.1:{port}")
    loop = Loop()
    client = Client(loop, permitted(place, None), connect_s=CONNECT_S, reply_s=REPLY_S, keep_alive_s=60.0, run_id="fuzz", tls=_tls())
    jar = Jar()
    try:
        words = []
        for request in (Request("GET", b"/fuzz/%d" % number, (), b"", follow=True), Request("POST", b"/fuzz/%d" % number, (), b"{}")):
            started = time.monotonic()
            reply = loop.run_until(client.send(request, jar))
            _in_time(started, CONNECT_S + REPLY_S, "send")
            words.append(_read(reply, port))
            del reply
            if kind in (*SLOW, *HUGE):
                break
        after = loop.run_until(client.send(Request("GET", b"/sound", (), b""), jar))
        if after.error == "timeout":
            raise LateError("the reply to a sound request")
        # What is pipelined behind a reply may come when the next request is under way, and is then taken for its answer.
        if kind != "behind" and (after.error is not None or after.body != SOUND):
            raise AssertionError(f"the next reply on the way was not its own: {after.status} {after.error} {after.body[:40]!r}")
    finally:
        client.close()
        loop.close()
    return words[0]


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _read(reply: Reply, port: int) -> tuple[str, str]:
    much, little, later = _plans()
    started = time.process_time()
    read = much.read(reply)
    little.read(reply)
    if read.values:
        values = {**dict.fromkeys(much.gives, ""), **read.values, "target.base_url": f"http://127.0.0.1:{port}"}
        for step in later:
            step.request(values)
    took = time.process_time() - started
    if took > SLACK_S:
        raise LateError(f"reading took {took:.2f} s of the processor")
    if reply.error is not None:
        return f"error: {reply.error}", reply.error
    return f"reply: {read.kind.value}", read.reason or ""


def _by_platform(number: int, port: int, kind: str) -> tuple[str, str]:
    place = permitted(origin(f"http://127.0.0.1:{port}"), None).place
    platform_client.SILENCE_S = REPLY_S  # type: ignore[misc]
    client = platform_client.Client(place, "fuzz", connect_s=CONNECT_S, keep_alive_s=60.0, tls=_tls())
    started = time.monotonic()
    try:
        reply = client.send(Request("GET", b"/fuzz/%d" % number, (), b"", follow=True), "fuzz", total_s=REPLY_S)
        _in_time(started, CONNECT_S + REPLY_S, "send")
        outcome, word = _read(reply, port)
        if kind not in (*SLOW, *HUGE):
            with Platform(_parsed(number), place, "fuzz", tls=_tls()) as platform:
                for read in (platform.stock, lambda: list(platform.ledger("salt", start_s=1.0))):
                    try:
                        read()
                    except TargetError as error:
                        check_sentence(str(error))
    except TargetError as error:
        check_sentence(str(error))
        _in_time(started, CONNECT_S + REPLY_S, "send")
        return "error: told", str(error)
    finally:
        client.close()
    return outcome, word
