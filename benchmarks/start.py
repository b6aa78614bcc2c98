"""How long ``osteohooks evaluate`` takes for one small bundle, from nothing to the printed card, beside bare Python.

Run: python -m benchmarks.start
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

EXAMPLE = Path(__file__).parents[1] / "examples/mirels/request.json"
ROUNDS = 9


def median_s(command: list[str]) -> float:
    """The median of a few runs, after one that fills the machine's file cache."""
    times = []
    for _ in range(ROUNDS + 1):
        begun = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        times.append(time.perf_counter() - begun)
    return statistics.median(times[1:])


def measure() -> dict[str, float]:
    """Seconds by what was started."""
    command = str(Path(sys.executable).with_name("osteohooks"))
    return {
        "python -c pass": median_s([sys.executable, "-c", "pass"]),
        "osteohooks evaluate": median_s([command, "evaluate", str(EXAMPLE)]),
    }


def table(found: dict[str, float]) -> str:
    return "\n".join(f"{name:22s} {seconds:5.2f} s" for name, seconds in found.items())


if __name__ == "__main__":
    print(table(measure()))
