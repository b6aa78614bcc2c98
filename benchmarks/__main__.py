"""``make bench``: in process, then over HTTP where ``wrk`` is to be had."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from benchmarks import http, inprocess, start

RESULTS = Path(__file__).parent / "results.json"


def main() -> None:
    rows = inprocess.measure()
    print(inprocess.table(rows))
    found: dict[str, Any] = {"in process": rows, "start": start.measure()}
    print(f"\n{start.table(found['start'])}")
    if shutil.which("wrk"):
        for server in ("gunicorn", "granian"):
            compared = http.compare(server, seconds=4, connections=8)
            print(f"\n{server}\n{http.table(compared)}")
            found[server] = compared
    else:
        print("over HTTP: not measured, wrk (Debian package wrk) is missing", file=sys.stderr)
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
