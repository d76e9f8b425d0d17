"""Names of fields and headers that hold what is nobody's business: passwords, tokens, signatures, codes typed from a picture, cards.

Shops call them ``userpwd``, ``login_pwd``, ``safepin``, ``X-Auth`` or ``accessToken``, so what counts is a part of the name, in any case.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Literal

Kind = Literal["password", "token", "sign", "captcha", "cards"]

CARDS: Final = (
    "cards card cardlist cardinfo cardcode cardcodes cardsecret cardsecrets cardkey cardkeys cardpwd cardpass codes kami kamis camilo camilos"
    " cdk cdks cdkey cdkeys keys serials vouchers voucher secrets deliverables deliverycontent cardno redeemcode activationcode licensekey"
    " licenses giftcode 卡密 卡号 兑换码"
)
"""Whole names, without blanks and dashes."""
_CARDS = frozenset(CARDS.split())
_CARDS_END = re.compile("(卡密|卡号|兑换码|激活码)$")
_PASSWORD = re.compile(
    r"passw|passphrase|passcode|passkey|pwd|psw|密码|口令|kouling|^mima|mima[0-9]?$|pw[0-9]?$|pin(code|no|number|hash)|(?<!s)pin[0-9]?$|^pin$"
    r"|(safe|safety|security|fund)(code|number|word)$|cvv|cvc"
    r"|((?<!by)(?<!com)(?<!sur)(?<!tres)(?<!boarding))pass([0-9]|confirm|confirmation|again|repeat|hash|md5|enc|encrypted|text)?$"
)
_TOKEN = re.compile(
    r"token|secret|credential|jwt|bearer|authorization|auth(code|key|data|info|str|string)?$|session|sessid|cookie|[cx]srf|authenticity"
    r"|requestverification|令牌|formkey"
    r"|(api|app|access|secret|private|sign|signing|auth|session|encrypt|encryption|crypt|aes|rsa|des|hmac|mch|merchant|pay|client|master|user|safe|x)key$"
)
_SIGN = re.compile(r"signature|hmac|签名|(?<!as)(?<!de)(?<!re)(?<!con)sign$|^sig$")
_CAPTCHA = re.compile(r"captcha|(verif|valid|check)[a-z]*code|vercode|(img|image|pic|sms|rand|email|mail|phone|mobile|login|dynamic)code|yzm|验证码|[tm]?otp$|mfa(code)?$")
_ABOUT = re.compile(
    r"(type|kind|name|expires?|expired|expiry|expires?(in|at|time|on)|ttl|length|len|count|num|required|enabled|error|status|state|valid|verified"
    r"|method|version|alg|algorithm|url|time)$"
)
"""Names that end so speak of a secret and hold none."""
_OF_CAPTCHA = re.compile(r"(id|key|uuid|sn|img|image|pic|src|token|ticket)$")
_NOT_WORD = re.compile(r"[^0-9a-z一-鿿]+")


def squeezed(name: str) -> str:
    """``Order-No``, ``order_no``, ``orderNo``, ``order[no]`` → ``orderno``."""
    return _NOT_WORD.sub("", name.lower()[:100])


@lru_cache(maxsize=10_000)
def kind(name: str) -> Kind | None:
    """What a field or a header of this name keeps from others, or None."""
    word = squeezed(name)
    if word in _CARDS or _CARDS_END.search(word) or squeezed(re.split(r"[\[.]", name)[-1]) in _CARDS:
        return "cards"
    if not word or _ABOUT.search(word):
        return None
    if _CAPTCHA.search(word):
        return None if _OF_CAPTCHA.search(word) else "captcha"
    if _PASSWORD.search(word):
        return "password"
    if _TOKEN.search(word):
        return "token"
    return "sign" if _SIGN.search(word) else None
