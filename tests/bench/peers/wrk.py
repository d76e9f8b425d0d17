"""wrk: as fast as its connections get replies, the flow in Lua."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

from tests.bench.peers import Figures, Load

NAME = "wrk"
OPEN = False
NOTE = "connections wait for the server; the flow in Lua, replies read by patterns"

SCRIPT = """
local look, made, seen, wrong, waiting = LOOK, 0, 0, 0, {}
local headers = { ["Content-Type"] = "application/json" }
local threads = {}

function setup(thread) threads[#threads + 1] = thread end

-- There is one thread, and a request is made where a reply was just read: what waits is the order of that reply.
function request()
  local number = table.remove(waiting)
  if number then return wrk.format("GET", "/orders/" .. number) end
  made = made + 1
  return wrk.format("POST", "/orders", headers, '{"order":"lua-' .. made .. '"}')
end

bad = 0
function response(status, _, body)
  if status == 201 or status == 200 then
    local number, state = string.match(body, '"order_no":"(%d+)"'), string.match(body, '"status":"(%a+)"')
    if state == "created" and look and number then waiting[#waiting + 1] = number
    elseif look and state ~= "delivered" then bad = bad + 1
    elseif not look and not string.find(body, '"ok":1', 1, true) then bad = bad + 1 end
  else
    bad = bad + 1
  end
end

function done(summary, latency, _)
  local errors = summary.errors
  local wrong = threads[1]:get("bad") + errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format('\\n{"requests": %d, "errors": %d, "p50_ms": %.4f, "p99_ms": %.4f, "p999_ms": %.4f}\\n', summary.requests, wrong,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency:percentile(99.9) / 1000))
end
"""


def found() -> str | None:
    return None if shutil.which("wrk") else "wrk is not installed"


def words(folder: Path, load: Load) -> list[str]:
    script(folder, load)
    return [
        "wrk", "-t1", f"-c{load.clients}", f"-d{math.ceil(load.seconds)}s", "--timeout", "10s", "-s", "flow.lua", f"http://127.0.0.1:{load.port}",
    ]  # fmt: skip


def script(folder: Path, load: Load) -> None:
    (folder / "flow.lua").write_text(SCRIPT.replace("LOOK", str(load.flow == "order").lower()))


def figures(folder: Path, load: Load) -> Figures:
    """The last line of what it prints is the script's."""
    lines = [line for line in (folder / "out").read_text().splitlines() if line.startswith('{"requests"')]
    if not lines:
        raise RuntimeError(f"{(folder / 'out').read_text()[-500:]} {(folder / 'err').read_text()[-500:]}")
    return Figures(**json.loads(lines[-1]))
