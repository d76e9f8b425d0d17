"""What a recording has of passwords, by whatever name and however simple they are: a draft asks for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from draft_recordings import Loaded, entry, har

from surgekit.target.draft import from_har, names
from surgekit.target.draft.writing import bare

BASE = "https://shop.cards.example"
NAMES = ["userpwd", "upass", "login_pwd", "safepin", "trade_pass", "pin", "PinCode", "user[pass]", "passwd2", "pass1", "psw", "mima", "kouling", "safe_code",
         "secretWord", "myToken", "captchaText", "yzm", "smsCode", "2fa_otp", "confirmPassword", "登录密码"]  # fmt: skip
VALUES = ["letmein", "4711", "swordfish", "a-b", "iloveyou"]


def bought(*before: dict[str, Any], order: dict[str, Any] | None = None) -> str:
    """A recording of one purchase after ``before``."""
    form = {"goods_id": "12", "num": "1", "contact": "bob@mail.example", **(order or {})}
    return har(
        *before,
        entry("POST", f"{BASE}/order/create", form=form, reply={"code": 0, "data": {"order_no": "A20260101123456"}}),
        entry("GET", f"{BASE}/order/A20260101123456", reply={"code": 0, "data": {"status": "delivered", "cards": ["ABCD-EFGH-1234"]}}),
    )


def multipart(form: dict[str, str]) -> dict[str, Any]:
    made = entry("POST", f"{BASE}/login", reply={"code": 0})
    made["request"]["postData"] = {"mimeType": "multipart/form-data; boundary=x", "params": [{"name": name, "value": value} for name, value in form.items()]}
    return made


SENT: dict[str, Callable[[dict[str, str]], dict[str, Any]]] = {
    "form": lambda form: entry("POST", f"{BASE}/login", form=form, reply={"code": 0}),
    "json": lambda form: entry("POST", f"{BASE}/login", body={"data": form}, reply={"code": 0}),
    "numbers": lambda form: entry("POST", f"{BASE}/login", body={name: int(value) if value.isdigit() else value for name, value in form.items()}, reply={"code": 0}),
    "query": lambda form: entry("POST", f"{BASE}/login?{urlencode(form)}", reply={"code": 0}),
    "multipart": multipart,
}


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("name", NAMES)
def test_a_password_is_not_copied_whatever_its_field_is_called(name: str, value: str, loaded: Loaded) -> None:
    draft = from_har(bought(entry("POST", f"{BASE}/login", form={"username": "bob", name: value}, reply={"code": 0}), order={f"pay_{name}": value}), "h.har")
    assert value not in draft
    loaded(draft)


@pytest.mark.parametrize("sent", SENT)
def test_of_a_login_no_field_is_copied_whose_meaning_is_unknown(sent: str, loaded: Loaded) -> None:
    form = {"username": "bob", "p": "letmein", "x1": "4711", "answer": "rover", "remember": "1", "grant_type": "password", "empty": ""}
    draft = from_har(bought(SENT[sent](form)), "h.har")
    for value in ("letmein", "4711", "rover"):
        assert value not in draft
    assert draft.count("# TODO: sent with a login, so it was not copied: what belongs here?") == 3
    shop = loaded(draft)
    assert {"p", "x1", "answer"} <= set(shop.secrets)
    assert "SHOP_ANSWER" in draft
    said = str([*(shop.setup.steps if shop.setup else []), *(shop.steps.prepare if shop.steps else [])])
    for value in ("'remember': ", "'grant_type': 'password'", "'empty': ''"):
        assert value in said


def test_of_an_order_what_is_the_same_for_everybody_is_still_copied(loaded: Loaded) -> None:
    draft = from_har(bought(entry("POST", f"{BASE}/login", form={"user": "bob", "upass": "letmein"}, reply={"code": 0}, headers={"X-Requested-With": "XMLHttpRequest"}),
                            order={"channel_name": "web", "agree": "1"}), "h.har")  # fmt: skip
    shop = loaded(draft)
    assert shop.steps is not None
    assert shop.steps.submit.form == {"goods_id": "{order.sku}", "num": "{order.qty}", "contact": "{buyer.email}", "channel_name": "web", "agree": "1"}
    assert "XMLHttpRequest" in draft


def test_a_password_is_not_copied_where_it_goes_out_again_under_another_name(loaded: Loaded) -> None:
    draft = from_har(bought(entry("POST", f"{BASE}/login", form={"user": "bob", "upass": "letmein"}, reply={"code": 0}), order={"again": "letmein"}), "h.har")
    assert "letmein" not in draft
    assert "again" in loaded(draft).secrets


@pytest.mark.parametrize("path", ["/ajax_login.php", "/dologin", "/user/signIn", "/api/auth/session", "/member/register"])
def test_a_login_is_told_by_its_path_where_its_password_has_no_telling_name(path: str, loaded: Loaded) -> None:
    draft = from_har(bought(entry("POST", BASE + path, form={"u": "bob", "p": "letmein"}, reply={"code": 0})), "h.har")
    assert "letmein" not in draft
    loaded(draft)


@pytest.mark.parametrize("name", ["bypass", "compass", "spin", "shipping", "passenger", "captcha_id", "token_type", "design", "item_image", "author", "sku", "code"])
def test_names_that_only_look_alike_are_no_passwords(name: str) -> None:
    assert names.role(name) not in ("password", "token", "sign", "captcha")


def test_what_a_login_field_is_replaced_by_keeps_its_type(loaded: Loaded) -> None:
    shop = loaded(from_har(bought(entry("POST", f"{BASE}/login", body={"user": "bob", "upass": "letmein", "x1": 4711}, reply={"code": 0})), "h.har"))
    assert shop.setup is not None
    assert bare(shop.setup.steps[0].json_) == {"user": "{buyer.account}", "upass": "{secret.upass}", "x1": "{secret.x1|int}"}
