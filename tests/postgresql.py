"""A PostgreSQL of our own: Debian's, in a folder that goes away, reached through a Unix socket there."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USER = "postgres"


def programs() -> Path | None:
    """The folder with initdb and pg_ctl, the newest there is; None when PostgreSQL is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    anywhere = shutil.which("initdb")
    return found[-1].parent if found else Path(anywhere).parent if anywhere else None


@contextmanager
def running(programs: Path) -> Iterator[str]:
    """The address of an empty database server while it runs."""
    folder = Path(tempfile.mkdtemp(prefix="osteohooks-postgresql-"))
    data = folder / "data"
    if os.getuid() == 0:  # PostgreSQL refuses to be run by root
        shutil.chown(folder, USER)
    try:
        _run(programs / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-k {folder} -c listen_addresses="
        _run(programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
        try:
            yield f"postgresql+psycopg://{USER}@/postgres?host={folder}"
        finally:
            _run(programs / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(program: Path, *arguments: object) -> None:
    prefix = ["runuser", "-u", USER, "--"] if os.getuid() == 0 else []
    command = [*prefix, str(program), *map(str, arguments)]
    subprocess.run(command, check=True, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=120)
