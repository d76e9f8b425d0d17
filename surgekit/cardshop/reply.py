"""The envelope of every answer, and the codes in it."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

import orjson


class Code(IntEnum):
    """``status_code`` of the envelope. All but ``CRASHED`` travel as HTTP 200, as is usual in the trade."""

    OK = 0
    BAD_REQUEST = 40001
    WRONG_ACCOUNT = 40101
    BALANCE_TOO_LOW = 40201
    NOT_FOUND = 40401
    SOLD_OUT = 40901
    NOT_PAYABLE = 40902
    BUSY = 42901
    CRASHED = 50001


class Refusal(Exception):
    """A business answer other than ok. It ends the open transaction, so nothing of the request stays behind."""

    def __init__(self, code: Code, msg: str) -> None:
        super().__init__(msg)
        self.code = code
        self.msg = msg


class Reply(NamedTuple):
    """An HTTP answer, ready to be written."""

    body: bytes
    http_status: int = 200
    media_type: str = "application/json"


def ok(data: Any) -> Reply:
    """The envelope around ``data``."""
    return Reply(orjson.dumps({"status_code": 0, "msg": "ok", "data": data}))


def refused(code: Code, msg: str) -> Reply:
    """The envelope of a refusal or of a crash."""
    body = orjson.dumps({"status_code": int(code), "msg": msg, "data": None})
    return Reply(body, 500 if code is Code.CRASHED else 200)


def text(word: str, http_status: int = 200) -> Reply:
    """The bare word that suppliers and gateways wait for: ``success`` or ``fail``."""
    return Reply(word.encode(), http_status, "text/plain; charset=utf-8")
