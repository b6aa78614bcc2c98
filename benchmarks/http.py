"""A patient-view call over HTTP, beside a bare Flask endpoint under the same server in the same run.

    python -m benchmarks.http [--server gunicorn|granian] [--seconds 4] [--json FILE]

The bare endpoint decodes the same body with orjson and answers a constant of the same size. Both run with the shipped
settings of gunicorn (or granian with the same processes); ``wrk`` (Debian) is the client, on loopback, one connection
set after the other in turns, and the ratio of the medians is what counts.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from benchmarks.inprocess import keys_for, relevant
from benchmarks.records import request
from cds_service import gunicorn_conf
from cds_service.advisor import Advisor
from cds_service.settings import load_settings

SIZES = (50, 500, 2000)
THEME = "bone-modifying-agents-patient-view"
ROUNDS = 3


def serve(application: str, port: int, server: str, environ: dict[str, str]) -> subprocess.Popen[bytes]:
    """One server process group on loopback, ready to answer."""
    if server == "granian":
        threads = str(gunicorn_conf.threads)  # as many as gunicorn has: calls that fetch wait in them
        command = [
            sys.executable,
            "-m",
            "granian",
            "--interface",
            "wsgi",
            "--workers",
            "2",
            "--blocking-threads",
            threads,
        ]
        command += ["--host", "127.0.0.1", "--port", str(port), "--no-ws", "--log-level", "error"]
        command += ["--factory", application.removesuffix("()")] if application.endswith("()") else [application]
    else:
        command = [sys.executable, "-m", "gunicorn", "-c", "python:cds_service.gunicorn_conf"]
        command += ["-b", f"127.0.0.1:{port}", application]
    process = subprocess.Popen(command, env=os.environ | environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
            return process
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"{application} did not start")


def load(port: int, path: str, body: Path, seconds: int, connections: int) -> dict[str, float]:
    """What ``wrk`` measures: requests a second, and the latency at 50 and 99 per cent in ms."""
    script = body.with_suffix(".lua")
    script.write_text(
        f'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n'
        f'local file = io.open("{body}", "rb")\nwrk.body = file:read("*a")\n'
    )
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", str(script)]
    shown = subprocess.run(
        [*command, f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True
    ).stdout
    if "Non-2xx" in shown:
        raise SystemExit(f"{path} answered errors:\n{shown}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", shown)
    if rate is None:
        raise SystemExit(shown)
    found = {"rate": float(rate[1])}
    for share in ("50", "99"):
        latency = re.search(rf"{share}%\s+([\d.]+)(us|ms|s)", shown)
        assert latency is not None
        found[f"p{share}"] = float(latency[1]) * {"us": 0.001, "ms": 1, "s": 1000}[latency[2]]
    return found


def workers_of(process: subprocess.Popen[bytes]) -> list[Path]:
    """The /proc folders of the server's workers."""
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True).stdout
    return [Path("/proc") / pid for pid in children.split()]


def memory_mb(process: subprocess.Popen[bytes], line: str = "VmRSS") -> list[float]:
    """Resident memory of each worker; with ``VmHWM`` the most it ever was."""
    texts = [(worker / "status").read_text() for worker in workers_of(process)]
    return [int(re.search(rf"{line}:\s+(\d+) kB", text)[1]) / 1024 for text in texts]  # type: ignore[index]


def processor_s(process: subprocess.Popen[bytes]) -> float:
    """Processor time of all workers so far."""
    ticks = 0
    for worker in workers_of(process):
        fields = (worker / "stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def loaded(
    server: subprocess.Popen[bytes], port: int, path: str, body: Path, seconds: int, connections: int
) -> dict[str, float]:
    """``load``, and the processor time (ms) that the workers spent on one call."""
    before = processor_s(server)
    found = load(port, path, body, seconds, connections)
    return found | {"cpu": 1000 * (processor_s(server) - before) / (found["rate"] * seconds)}


def compare(server: str, seconds: int, connections: int) -> list[dict[str, Any]]:
    if shutil.which("wrk") is None:
        raise SystemExit("benchmarks.http needs wrk (Debian package wrk)")
    advisor = Advisor(load_settings(environ={}))
    resources, keys = relevant(), keys_for(advisor)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        store = {"OSTEOHOOKS__STORE__URL": f"sqlite:///{folder}/store.db"}
        ours = serve("cds_service.app:create_app()", 8701, server, store)
        try:
            for size in SIZES:
                body = Path(folder) / f"{size}.json"
                body.write_bytes(request(size, resources, keys))
                if size == SIZES[0]:  # all workers are there, and have loaded what they load late
                    load(8701, f"/cds-services/{THEME}", body, 2, connections)
                rows.append(_row(ours, size, body, server, seconds, connections, folder))
        finally:
            stop(ours)
    return rows


def _row(
    ours: subprocess.Popen[bytes], size: int, body: Path, server: str, seconds: int, connections: int, folder: str
) -> dict[str, Any]:
    path = f"/cds-services/{THEME}"
    before = memory_mb(ours)
    call = Request(f"http://127.0.0.1:8701{path}", body.read_bytes(), {"Content-Type": "application/json"})
    for _ in range(10):  # one at a time: what one call adds to a worker at its highest
        with urlopen(call) as reply:
            answer = reply.read()
    added = max(most - less for most, less in zip(memory_mb(ours, "VmHWM"), before, strict=True))
    constant = Path(folder) / "constant.json"
    constant.write_bytes(answer)
    bare = serve("benchmarks.bare:app", 8702, server, {"CONSTANT": str(constant)})
    try:
        pairs = [
            (
                loaded(ours, 8701, path, body, seconds, connections),
                loaded(bare, 8702, "/", body, seconds, connections),
            )
            for _ in range(ROUNDS)
        ]
    finally:
        stop(bare)
    after = memory_mb(ours)
    row: dict[str, Any] = {
        "resources": size,
        "KB": body.stat().st_size // 1024,
        "answer KB": round(len(answer) / 1024, 1),
    }
    for name, one in (("ours", 0), ("bare", 1)):
        for figure in ("rate", "p50", "p99", "cpu"):
            row[f"{name} {figure}"] = statistics.median(pair[one][figure] for pair in pairs)
    row["ratio"] = row["ours rate"] / row["bare rate"]
    row["worker MB"] = max(after)
    row["added MB"] = added
    return row


def stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=40)


def table(rows: list[dict[str, Any]]) -> str:
    each = "calls/s | p50 ms | p99 ms | processor ms a call"
    lines = [f"| resources | KB | ours: {each} | bare: {each} | ratio | worker MB | added by one call |"]
    lines.append("|---|---|---|---|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        ours, bare = (
            f"{row[f'{who} rate']:.0f} | {row[f'{who} p50']:.2f} | {row[f'{who} p99']:.1f} | {row[f'{who} cpu']:.2f}"
            for who in ("ours", "bare")
        )
        lines.append(
            f"| {row['resources']} | {row['KB']} | {ours} | {bare} | {row['ratio']:.2f} | {row['worker MB']:.0f} |"
            f" {row['added MB']:.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", choices=("gunicorn", "granian"), default="gunicorn")
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    rows = compare(chosen.server, chosen.seconds, chosen.connections)
    print(f"{chosen.server}, {len(os.sched_getaffinity(0))} cores, {chosen.connections} connections")
    print(table(rows))
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
