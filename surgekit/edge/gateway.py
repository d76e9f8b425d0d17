"""The payment gateway stand-in: one till, and two ways to it.

    GET|POST /pay, /submit.php   a buyer comes, as the platform sent it              epay.py
    POST /mapi.php               the platform asks where to send its buyer           epay.py
    POST /act                    the engine pays; the target file says how that      acted.py
                                 is told to the platform                             notice.py

    ─▶ captured once an order ─▶ notify_delay ─▶ notice … until it is acknowledged   till.py, callbacks.py
"""

from __future__ import annotations

from starlette.applications import Starlette

from surgekit.edge import acted, epay
from surgekit.edge.notice import NoticePlan
from surgekit.edge.till import Till
from surgekit.edge.web import HANDLERS


def app(till: Till, key: str, url: str, notice: NoticePlan | None) -> Starlette:
    """The gateway's web face. ``key`` signs the epay dialect; ``url`` is where the gateway itself is."""
    return Starlette(routes=[*epay.routes(till, key, url), *acted.routes(till, notice)], exception_handlers=HANDLERS)
