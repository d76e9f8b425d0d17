"""What an engine asks for before its first order: connections for those that will use them, and all the sockets that there are."""

from __future__ import annotations

import json
import subprocess
import sys

ASKS = """
import json, resource, types
import numpy as np
from surgekit.engine import build

def warm(*orders):
    return build._warm(types.SimpleNamespace(intended_s=np.array([at for at, _ in orders]), cold=np.array([cold for _, cold in orders])))

def given(soft, hard, most):
    now = [soft, hard]
    def set(_, both):
        if both[0] > most: raise ValueError("beyond the kernel's own limit")
        now[:] = both
    build.resource = types.SimpleNamespace(RLIMIT_NOFILE=7, RLIM_INFINITY=resource.RLIM_INFINITY, getrlimit=lambda _: tuple(now), setrlimit=set)
    build._many_sockets()
    return now[0]

no = resource.RLIM_INFINITY
print(json.dumps({
    "warm": [warm(*[(0.001, False)] * 20), warm(*[(0.001, False)] * 7), warm(*[(0.001, False), (0.002, True)] * 10), warm(*[(0.001, True)] * 20), warm(*[(0.5, False)] * 20),
             warm(*[(0.001, False)] * 999)],
    "sockets": [given(256, no, 1 << 30), given(256, no, 245760), given(300, no, 300), given(1024, 4096, 1 << 30), given(no, no, 1 << 30), given(4096, 4096, 1 << 30)],
    "infinity": no,
}))
"""


def test_connections_are_opened_for_the_first_orders_that_use_them_and_sockets_are_asked_for_until_there_are_some() -> None:
    done = subprocess.run([sys.executable, "-c", ASKS], capture_output=True, text=True, check=False, timeout=60)  # Locust patches the interpreter that imports it
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["warm"] == [20, 0, 10, 0, 0, 256]
    assert told["sockets"] == [1 << 20, 131072, 300, 4096, told["infinity"], 4096]
