"""The guard, in a process of its own: it is installed for good."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

_SCRIPT = """
import locust.env
import json, socket, sys

left = []
for name in ("sendto", "sendmsg", "connect"):
    setattr(socket.socket, name, lambda sock, *words, name=name, **more: left.append([name, str(words[-1])]))

from surgekit.engine.users.guard import Guard
from surgekit.safety import Origin, Permit

refused = []
Guard(Permit(Origin("http", "127.0.0.1", 80, ("127.0.0.1",)), "loopback"), "user", quiet=lambda: False, refused=refused.append).install()
sock = socket.socket(getattr(socket, sys.argv[1]), socket.SOCK_DGRAM)
try:
    eval(sys.argv[2], {"sock": sock, "socket": socket})
    raised = None
except Exception as error:
    raised = type(error).__name__
print(json.dumps({"raised": raised, "refused": refused, "left": left}))
"""


def tried(call: str, family: str = "AF_INET") -> dict[str, object]:
    """What became of ``call``, which has ``sock``, an open socket for datagrams. Nothing leaves: what is below the guard only notes it."""
    done = subprocess.run([sys.executable, "-c", _SCRIPT, family, call], capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("call", "family"),
    [
        ("sock.sendto(b'x', ('192.0.2.1', 9))", "AF_INET"),
        ("sock.sendto(b'x', 0, ('192.0.2.1', 9))", "AF_INET"),
        ("sock.sendmsg([b'x'], [], 0, ('192.0.2.1', 9))", "AF_INET"),
        ("sock.sendmsg([b'x'], address=('192.0.2.1', 9))", "AF_INET"),
        ("sock.sendmsg([b'x'], [], 0, ('2001:db8::1', 9))", "AF_INET6"),
        ("sock.connect(('192.0.2.1', 9))", "AF_INET"),
    ],
)
def test_no_datagram_goes_elsewhere_whichever_call_names_the_address(call: str, family: str) -> None:
    found = tried(call, family)
    assert found["raised"] == "RefusedError"
    assert found["left"] == []
    assert len(found["refused"]) == 1  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "call",
    ["sock.sendto(b'x', ('127.0.0.1', 9))", "sock.sendmsg([b'x'], [], 0, ('127.0.0.1', 9))", "sock.sendmsg([b'x'], address=('localhost', 9))"],
)
def test_datagrams_to_this_machine_leave_to_the_address_that_was_checked(call: str) -> None:
    found = tried(call)
    assert (found["raised"], found["refused"]) == (None, [])
    assert found["left"] == [[call[5:].partition("(")[0], "('127.0.0.1', 9)"]]


@pytest.mark.parametrize(
    ("call", "where"),
    [
        ("socket.gethostbyaddr('elsewhere.example')", "elsewhere.example"),
        ("socket.gethostbyaddr('192.0.2.1')", "192.0.2.1:0"),
        ("socket.getnameinfo(('elsewhere.example', 80), 0)", "elsewhere.example"),
        ("socket.getnameinfo(('192.0.2.1', 80), 0)", "192.0.2.1:0"),
        ("socket.gethostbyname('elsewhere.example')", "elsewhere.example"),
    ],
)
def test_no_name_of_elsewhere_is_looked_up_in_either_direction(call: str, where: str) -> None:
    found = tried(call)
    assert found["raised"] == "RefusedError"
    assert [f"wants to connect to {where}," in each for each in found["refused"]] == [True]  # type: ignore[attr-defined]


@pytest.mark.parametrize("call", ["socket.gethostbyaddr('127.0.0.1')", "socket.gethostbyaddr(b'localhost')", "socket.getnameinfo(('127.0.0.1', 80), 0)", "socket.getfqdn()"])
def test_this_machine_has_names(call: str) -> None:
    assert tried(call)["refused"] == []


def test_a_message_without_an_address_goes_where_the_socket_is_connected_to() -> None:
    assert tried("sock.sendmsg([b'x'])") == {"raised": None, "refused": [], "left": [["sendmsg", "None"]]}
