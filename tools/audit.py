"""Looks for known vulnerabilities of everything the service runs with (requirements.lock), by pip-audit.

    python -m tools.audit

Exit status: 0 everything was looked up and nothing is known; 1 something is known, or some could not be looked up;
3 nothing could be looked up, since the advisory database cannot be reached from here. Silence is never a pass.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

LOCK = Path(__file__).parent.parent / "requirements.lock"
OUT_OF_REACH = 3


def verdict(report: dict[str, Any]) -> tuple[int, list[str]]:
    """The exit status for a report of pip-audit (``--format json``), and what to say."""
    dependencies = report.get("dependencies", [])
    skipped = [entry["name"] for entry in dependencies if "skip_reason" in entry]
    known = [
        f"{entry['name']} {entry['version']}: {found['id']} (fixed in {', '.join(found['fix_versions']) or '-'})"
        for entry in dependencies
        for found in entry.get("vulns", ())
    ]
    looked_up = len(dependencies) - len(skipped)
    if not looked_up:
        return OUT_OF_REACH, ["NOT AUDITED: the advisory database cannot be reached from here."]
    told = [*known, *(f"{name}: not audited" for name in skipped)]
    return (1 if told else 0), [*told, f"{looked_up} of {len(dependencies)} dependencies audited, {len(known)} known."]


def audit() -> int:
    command = [sys.executable, "-m", "pip_audit", "-r", str(LOCK), "--disable-pip", "--no-deps", "--format", "json"]
    done = subprocess.run([*command, "--progress-spinner", "off"], capture_output=True)
    try:
        report = msgspec.json.decode(done.stdout)
    except msgspec.DecodeError:
        report = {}  # pip-audit could not even begin; its own words follow
        sys.stderr.buffer.write(done.stderr[-2000:])
    status, lines = verdict(report)
    print("\n".join(lines))
    return status


if __name__ == "__main__":
    sys.exit(audit())
