"""What names mean on card platforms: fields, statuses, messages, in English and in Chinese."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from surgekit import secretive

_ROLES: dict[str, str] = {
    "key": "orderkey idempotencykey xidempotencykey idempotencytoken requestno requestid clientorderno clientorderid clientref clientreference"
    " clienttoken merchantorderno merchantorderid mchorderno externalid externalorderno externalref outorderno outorderid userorderno"
    " usorderid customerorderno dedupekey 幂等键 请求号",
    "sku": "sku skuid skuno skucode product productid productno productcode goods goodsid goodsno goodscode item itemid itemcode commodity"
    " commodityid variant variantid productvariantid gid cardid cardtype cardtypeid planid faceid 商品 商品编号 商品id",
    "qty": "qty quantity num number count buynum buycount buyamount byamount buyquantity ordernum goodsnum itemcount pieces units 数量 购买数量",
    "account": "account accountid accountno user userid username uid buyer buyerid buyeraccount customer customerid member memberid memberno"
    " login loginname useraccount 账号 用户名 会员",
    "email": "email mail emailaddress buyeremail useremail contactemail customeremail receiptemail 邮箱 电子邮箱",
    "phone": "phone mobile tel telephone phonenumber mobilenumber mobilephone contactphone buyerphone cellphone msisdn 手机 手机号 电话",
    "name": "buyername customername realname fullname firstname lastname nickname contactname receivername 姓名",
    "contact": "contact contactinfo contactway buyercontact 联系方式 联系人",
    "ip": "ip clientip buyerip userip remoteip buyip",
    "password": "password passwd pwd pass paypassword paypwd tradepassword passphrase pin paypin querypassword searchpwd 密码 支付密码",
    "token": "token accesstoken authtoken sessiontoken sessionid apikey appkey appsecret secret secretkey jwt bearer authorization 令牌",
    "csrf": "csrf csrftoken xcsrftoken csrfmiddlewaretoken authenticitytoken requestverificationtoken xsrftoken xxsrftoken formkey",
    "sign": "sign signature hmac xsign xsignature 签名",
    "time": "timestamp ts time xtimestamp requesttime reqtime 时间戳",
    "nonce": "nonce noncestr noncestring xnonce random rand",
    "captcha": "captcha captchacode verifycode vercode verificationcode imgcode otp smscode 验证码",
    "card_number": "cardnumber cvv cvc cvv2 pan bankcard bankcardno idcard idcardno ssn",
    "pay_by": "payby paymethod paytype paymentmethod paymenttype payway paychannel paymentchannel payid payment gateway channel channelid"
    " method methodid paymentid 支付方式",
    "amount": "amount amountfen totalfen total totalprice totalamount price money orderamount payamount payprice paymoney payableamount"
    " actualprice unitprice sum cost amountcents totalcents 金额 总价 价格",
    "order_no": "orderno ordersn ordernumber orderid ordercode orderuuid tradeno outtradeno tradeid orderref reference purchaseid purchaseno"
    " paymentno orderhash 订单号 订单编号",
    "status": "status state orderstatus orderstate tradestatus paystatus deliverystatus 状态 订单状态",
    "cards": secretive.CARDS,
    "pay_url": "payurl paymenturl paylink paymentlink checkouturl cashierurl redirecturl qrcode codeurl payinfo gotourl 支付链接",
    "stock": "stock unsold inventory remaining available availablestock stockcount left 库存 剩余",
    "message": "msg message errmsg errormsg errormessage info detail reason desc 提示",
}  # fmt: skip
_ROLE_OF = {word: role for role, words in _ROLES.items() for word in words.split()}
_ENDINGS = (("email", "email"), ("mobile", "phone"), ("phone", "phone"), ("quantity", "qty"))
ENVELOPE = ("code", "status_code", "statusCode", "errcode", "errCode", "err_code", "error_code", "errorCode", "errno", "ret", "retcode",
            "retCode", "resultCode", "result_code", "success", "ok")  # fmt: skip
"""Where replies that are always HTTP 200 say whether all went well."""
PRIVATE = frozenset({"password", "token", "csrf", "sign", "captcha", "card_number", "phone", "email", "name", "contact", "ip", "account", "cards"})
"""Roles whose recorded values go into no draft."""

_STATUSES = (
    ("refunded", r"refund|退款|退回"),
    ("failed", r"fail|cancel|expire|clos|abnormal|timeout|reject|declin|invalid|失败|取消|过期|关闭|异常|超时|拒绝"),
    ("waiting", r"unpaid|pending.?pay|wait.?pay|not.?paid|awaiting|pending$|created|^new$|待支付|未支付|待付款|未付款|等待"),
    ("delivered", r"^(un)?deliver(ed|y_done)|complete|finish|fulfilled|shipped|^sent$|success|^done$|issued|已发货|已完成|已发卡|成功|完成|已交付"),
    ("paid", r"paid|fulfilling|process|deliver|ship|已支付|已付款|支付成功|处理中|待发货|发货中"),
)
_MESSAGES = (
    ("sold_out", r"(?i)sold.?out|out.?of.?stock|no.?stock|insufficient.?(stock|inventory)|stock.?(is.?)?(empty|not.?enough)|库存不足|售罄|缺货|无货|已抢光"),
    ("throttled", r"(?i)too.?many|rate.?limit|throttl|frequent|slow.?down|频繁|限流|稍后再试|太快"),
    ("queued", r"(?i)queue|accepted.?for|排队"),
    ("ok", r"(?i)^(ok|success(ful)?|succeeded|成功|正常)$"),
)
SOLD_OUT = "(?i)sold out|out of stock|insufficient stock|库存不足|售罄|缺货"
THROTTLED = "(?i)too many|rate limit|too frequent|频繁|限流"
_NUMBERED = re.compile(r"(?<![\w.-])(-?\d{1,6})\s*(?:[:：=]|-|–|—|\s)\s*([^\s\d,;，；、|/()（）][^\d,;，；、|\n()（）]{0,39})")
squeezed = secretive.squeezed
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[一-鿿]+")
_NOT_NAME = re.compile(r"[^a-z0-9]+")


def several(words: str) -> frozenset[str]:
    """The words of a line."""
    return frozenset(words.split())


@lru_cache(maxsize=10_000)
def role(name: str) -> str | None:
    """What a field of this name holds, or None."""
    word = squeezed(name)
    found = _ROLE_OF.get(word)
    if found is not None or not word:
        return found
    if word.startswith(("csrf", "xsrf")) or word.endswith(("csrf", "csrftoken", "xsrf")):
        return "csrf"
    return secretive.kind(name) or next((kind for ending, kind in _ENDINGS if word.endswith(ending)), None)


def words(text: str) -> set[str]:
    """The words of a path, an operationId or a sentence, in lower case; Chinese runs as they are."""
    return {each.lower() for each in _CAMEL.findall(text[:400])}


def status_kind(word: str) -> str | None:
    """``paid``, ``delivered``, ``refunded``, ``failed``, ``waiting`` or None."""
    if re.search(r"^(un|not.?)(deliver|ship)|^undelivered", word.lower()):
        return "paid"
    return next((kind for kind, pattern in _STATUSES if re.search(pattern, word.lower()[:80])), None)


def message_kind(text: str) -> str | None:
    """The reply class that a message speaks of: ``sold_out``, ``throttled``, ``queued``, ``ok`` or None."""
    return next((kind for kind, pattern in _MESSAGES if re.search(pattern, text.strip()[:200])), None)


def numbered(text: object) -> list[tuple[int, str]]:
    """``0: unpaid, 1: paid`` in a description → the pairs."""
    if not isinstance(text, str):
        return []
    return [(int(number), word.strip()) for number, word in _NUMBERED.findall(text[:2000])]


def statuses(pairs: Iterable[tuple[Any, str]]) -> dict[str, list[str]]:
    """(value, what it is called) → the lists of ``statuses``, in the given order."""
    found: dict[str, list[str]] = {}
    for value, word in pairs:
        kind, text = status_kind(word), str(value)
        if kind is not None and kind != "waiting" and text.strip() and text not in found.setdefault(kind, []):
            found[kind].append(text)
    order = ("paid", "delivered", "refunded", "failed")
    return {kind: found[kind] for kind in order if kind in found}


def slug(text: str, instead: str = "value") -> str:
    """A name as target files have them: ``X-Api-Key`` → ``x_api_key``."""
    word = _NOT_NAME.sub("_", re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", text[:100]).lower()).strip("_")
    word = re.sub(r"^[0-9_]+", "", word)[:36].strip("_")
    return word or instead


def unique(word: str, taken: Iterable[str]) -> str:
    """``word``, or ``word2`` and so on where it is taken."""
    have, number, found = set(taken), 2, word
    while found in have:
        found, number = f"{word}{number}", number + 1
    return found


_BARE_KEY = re.compile(r"[A-Za-z_一-鿿][\w-]*")


def path_text(steps: Iterable[str | int]) -> str | None:
    """A path as target files write it; None: it has a name that cannot be written."""
    text = ""
    for step in steps:
        if isinstance(step, int):
            text += "[*]" if step < 0 else f"[{step}]"
        elif _BARE_KEY.fullmatch(step):
            text += f".{step}" if text else step
        elif '"' not in step and step.isprintable() and step:
            text += f'["{step}"]' if text else f'$["{step}"]'
        else:
            return None
    return text


def literal(text: str) -> str:
    """Text in which braces stand for themselves."""
    return text.replace("{", "{{").replace("}", "}}")
