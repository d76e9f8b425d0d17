"""Of a page is shown what stands on it and where to find that; of JSON all; and of neither what is nobody's business."""

from __future__ import annotations

import pytest

from surgekit.engine import shown
from surgekit.redact import Redactor
from surgekit.target.reading import Reply

HTML = {"content-type": "text/html; charset=utf-8"}
PAGE = """<!DOCTYPE html><html><head><title>店</title><style>body{color:red}</style><meta name="csrf-token" content="661dc3aa"></head>
<body><!-- a remark --><script>var t = "x";</script><div class="wrap outer"><p>库存： <b id="stock" style="color:red" onclick="x()">12</b></p>
<form id="buy" action="/buy"><input type="hidden" name="_token" value="0f1e2d3c4b5a"><input name="num" value="1"></form>
<td class="zt3" data-state="3">异常</td><svg><text>no</text></svg> behind</div></body></html>"""


def of(text: str | bytes, headers: dict[str, str] | None = None, hidden: Redactor | None = None) -> str:
    body = text if isinstance(text, bytes) else text.encode()
    return shown.body(Reply(200, body, 0.0, 0.1, headers=HTML if headers is None else headers), hidden or Redactor({}))[0]


def test_of_a_page_stands_there_what_a_buyer_sees_and_where_it_is() -> None:
    assert of(PAGE) == (
        '库存： <b id="stock"> 12 <form id="buy" action="/buy"> <input name="_token" value="<_token>"> <input name="num" value="1"> '
        '<td class="zt3" data-state="3"> 异常 behind'
    )


def test_a_page_behind_much_style_is_seen() -> None:
    page = f"<html><head><style>{'.a{b:c}' * 9000}</style></head><body><p>{'menu ' * 20}</p><b>hello</b></body></html>"
    assert of(page).endswith("hello")
    assert shown.body(Reply(200, page.encode(), 0.0, 0.1, headers=HTML), Redactor({}))[1] > shown.MOST_SHOWN


@pytest.mark.parametrize("text", ['{"code": 1, "msg": "<b>ok</b>"}', '[{"html": "<style>x</style>"}]'])
def test_json_that_calls_itself_a_page_stays_json(text: str) -> None:
    assert of(text) == text


def test_what_is_neither_stays_as_it_is() -> None:
    assert of("fail: <b>sign</b> error", {"content-type": "text/plain"}) == "fail: <b>sign</b> error"
    assert of(b"\x89PNG\0\1\2\3" * 20, {}) == "(160 bytes that are no text)"
    assert of("", HTML) == ""
    assert of("<html>") == "<html>"  # nothing stands on it


def test_a_page_says_in_which_letters_it_is_written() -> None:
    assert of("<html><body><b>缺货</b></body></html>".encode("gbk"), {"content-type": "text/html; charset=gbk"}) == "缺货"


def test_known_secrets_and_what_a_name_gives_away_are_hidden_on_a_page_too() -> None:
    page = '<body><p>key-of-the-shop</p><div id="cards">ABCD-1234-EFGH<br>x</div><div class="card"><b>box</b></div><textarea name="kami">QQ-99887766</textarea></body>'
    text = of(page, hidden=Redactor({"secret.key": "key-of-the-shop"}))
    for word in ("key-of", "ABCD", "99887766"):
        assert word not in text
    assert "box" in text


def test_what_only_the_head_or_a_script_calls_a_token_is_hidden_where_it_stands_without_a_name() -> None:
    hidden = Redactor({})
    of(PAGE.replace("661dc3aa", "661dc3aa661d"), hidden=hidden)
    assert "661dc3aa661d" not in hidden.text("x 661dc3aa661d y")
