"""The service under load for minutes, then under more than it can take. Loopback only; it stops by itself.

    python -m benchmarks.load [--minutes 10] [--server gunicorn|granian] [--json FILE]

1. Sustained: calls of 50 resources as fast as the service answers them on a few connections, in slices of ten seconds;
   after each slice the rate, the latency and the resident memory of each worker. Goal: no error, memory flat.
2. Overload: far more connections than the service takes at a time. Goal: 503 with Retry-After at once for what is too
   much, nothing hangs, and the calls that are accepted are answered in bounded time. A client of its own, which asks
   twenty times a second whatever happens, tells the latency of accepted and of refused calls apart.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.http import THEME, memory_mb, serve, stop
from benchmarks.inprocess import keys_for, relevant
from benchmarks.records import request
from cds_service.advisor import Advisor
from cds_service.settings import load_settings

PORT = 8703
PATH = f"/cds-services/{THEME}"
RESOURCES = 50
SUSTAINED = 8  # connections
OVERLOADED = (64, 256, 1000)  # connections; two workers take 28 calls each at a time
SLICE_S = 10
EVERY_S = 0.05

_SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local file = io.open("{body}", "rb")
wrk.body = file:read("*a")
local threads = {{}}
function setup(thread) table.insert(threads, thread) end
function init() answered = 0; busy = 0; hinted = 0; other = 0 end
function response(status, headers)
  if status == 200 then answered = answered + 1
  elseif status == 503 then busy = busy + 1; if headers["Retry-After"] then hinted = hinted + 1 end
  else other = other + 1 end
end
function done()
  for _, name in ipairs({{"answered", "busy", "hinted", "other"}}) do
    local sum = 0
    for _, thread in ipairs(threads) do sum = sum + thread:get(name) end
    print("count " .. name .. " " .. sum)
  end
end
"""


def wrk(body: Path, connections: int, seconds: int) -> dict[str, float]:
    """Counts of answers by kind, errors on the wire, and the latency at 50 and 99 per cent in ms."""
    script = body.with_suffix(".lua")
    script.write_text(_SCRIPT.format(body=body))
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "--latency", "-s", str(script)]
    shown = subprocess.run(
        [*command, f"http://127.0.0.1:{PORT}{PATH}"], capture_output=True, text=True, check=True
    ).stdout
    found = {name: float(count) for name, count in re.findall(r"count (\w+) (\d+)", shown)}
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", shown)
    found["broken"] = float(sum(map(int, broken.groups()))) if broken else 0.0
    for share in ("50", "99"):
        latency = re.search(rf"{share}%\s+([\d.]+)(us|ms|s)", shown)
        found[f"p{share}"] = float(latency[1]) * {"us": 0.001, "ms": 1, "s": 1000}[latency[2]] if latency else 0.0
    return found


def sustained(server: subprocess.Popen[bytes], body: Path, minutes: float) -> list[dict[str, Any]]:
    """One row a slice: calls a second, p50, p99, errors, MB of each worker."""
    rows = []
    for number in range(max(1, round(minutes * 60 / SLICE_S))):
        found = wrk(body, SUSTAINED, SLICE_S)
        rows.append(
            {
                "second": (number + 1) * SLICE_S,
                "rate": found["answered"] / SLICE_S,
                "p50": found["p50"],
                "p99": found["p99"],
                "errors": found["busy"] + found["other"] + found["broken"],
                "MB": memory_mb(server),
            }
        )
    return rows


class Probe:
    """Asks at a steady pace, however long answers take, and keeps (status, ms) of each."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.seen: list[tuple[int, float]] = []
        self._stop = threading.Event()
        self._asking: list[threading.Thread] = []

    def run(self) -> None:
        while not self._stop.wait(EVERY_S):
            asking = threading.Thread(target=self._ask)
            asking.start()
            self._asking.append(asking)

    def end(self) -> None:
        self._stop.set()
        for asking in self._asking:
            asking.join()

    def _ask(self) -> None:
        begun = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=10)
        try:
            connection.request("POST", PATH, self.body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            response.read()
            status = response.status if response.status != 503 or response.headers["Retry-After"] else 0
        except OSError:
            status = 0
        finally:
            connection.close()
        self.seen.append((status, (time.perf_counter() - begun) * 1000))


def overload(body: Path, connections: int, seconds: int) -> dict[str, Any]:
    """What ``wrk`` and the probe see while ``connections`` ask without a pause."""
    probe = Probe(body.read_bytes())
    asking = threading.Thread(target=probe.run)
    asking.start()
    found = wrk(body, connections, seconds)
    probe.end()
    asking.join()
    row: dict[str, Any] = {"connections": connections, "seconds": seconds, **found}
    for name, status in (("accepted", 200), ("refused", 503)):
        times = sorted(took for seen, took in probe.seen if seen == status)
        row[f"probe {name}"] = len(times)
        row[f"probe {name} p50"] = statistics.median(times) if times else 0.0
        row[f"probe {name} p99"] = times[int(len(times) * 0.99)] if times else 0.0
    row["probe broken"] = sum(seen not in (200, 503) for seen, _ in probe.seen)
    return row


def table(rows: list[dict[str, Any]], overloads: list[dict[str, Any]]) -> str:
    """The sustained slices in tenths of the whole, then the overloads."""
    lines = ["| until s | calls/s | p50 ms | p99 ms | errors | MB of each worker |", "|---|---|---|---|---|---|"]
    for row in rows[:: max(1, len(rows) // 10)] + rows[-1:]:
        memory = ", ".join(f"{mb:.0f}" for mb in row["MB"])
        latency = f"{row['p50']:.1f} | {row['p99']:.1f}"
        lines.append(f"| {row['second']} | {row['rate']:.0f} | {latency} | {row['errors']:.0f} | {memory} |")
    calls = sum(row["rate"] * SLICE_S for row in rows)
    lines += ["", f"{calls:.0f} calls, {sum(row['errors'] for row in rows):.0f} errors.", ""]
    lines += ["| connections | answered/s | 503/s | with Retry-After | other | broken | probe: accepted p50, p99 ms |"]
    lines[-1] += " refused p50, p99 ms | broken |"
    lines.append("|---|---|---|---|---|---|---|---|---|")
    for row in overloads:
        rates = f"{row['answered'] / row['seconds']:.0f} | {row['busy'] / row['seconds']:.0f}"
        share = f"{row['hinted'] / row['busy']:.0%}" if row["busy"] else "-"
        probes = " | ".join(
            f"{row[f'probe {name} p50']:.0f}, {row[f'probe {name} p99']:.0f}" for name in ("accepted", "refused")
        )
        lines.append(
            f"| {row['connections']} | {rates} | {share} | {row['other']:.0f} | {row['broken']:.0f} | {probes} |"
            f" {row['probe broken']} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--server", choices=("gunicorn", "granian"), default="gunicorn")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    advisor = Advisor(load_settings(environ={}))
    with tempfile.TemporaryDirectory() as folder:
        body = Path(folder) / "call.json"
        body.write_bytes(request(RESOURCES, relevant(), keys_for(advisor)))
        settings = {"OSTEOHOOKS__STORE__URL": f"sqlite:///{folder}/store.db"}
        server = serve("cds_service.app:create_app()", PORT, chosen.server, settings)
        try:
            wrk(body, SUSTAINED, 3)  # all workers are there
            rows = sustained(server, body, chosen.minutes)
            overloads = [overload(body, connections, 2 * SLICE_S) for connections in OVERLOADED]
        finally:
            stop(server)
    print(f"{chosen.server}, {len(os.sched_getaffinity(0))} cores, {RESOURCES} resources a call\n")
    print(table(rows, overloads))
    if chosen.json:
        chosen.json.write_text(json.dumps({"sustained": rows, "overload": overloads}, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
