"""The programs that play together: HAPI FHIR behind the service, Medplum's client in front of it, and the service."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import requests

ROOT = Path(__file__).parents[2]
HAPI = ROOT / "peers" / "hapi" / "target"
MEDPLUM = ROOT / "peers" / "medplum"
Json = dict[str, Any]
_PATIENCE_S = 240  # a server that has not answered by then never will


def lacking() -> str:
    """What stands in the way of running the peers, empty when nothing does."""
    missing = [program for program in ("java", "node") if shutil.which(program) is None]
    if missing:
        return f"needs {' and '.join(missing)} (and then: make peers)"
    brought = (HAPI / "classpath").exists() and (MEDPLUM / "node_modules").exists()
    return "" if brought else "needs the peers, about 280 MB: make peers"


@contextmanager
def hapi(folder: Path) -> Iterator[str]:
    """The base of an empty HAPI FHIR server while it runs. ``folder`` gets its log."""
    classpath = f"{HAPI / 'classes'}{os.pathsep}{(HAPI / 'classpath').read_text('utf-8')}"
    small = ("-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
    with (folder / "hapi.log").open("wb") as log:
        command = ["java", *small, "-cp", classpath, "org.osteohooks.peers.Server"]
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        with _ended(process):
            yield _first_line(process, folder / "hapi.log").removeprefix("ready ")


@contextmanager
def service(folder: Path, **settings: str) -> Iterator[str]:
    """The base of the service as its own command serves it, with the settings of some environment variables."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    told = {f"OSTEOHOOKS__{name.upper()}": value for name, value in settings.items()}
    command = [sys.executable, "-c", "from cds_service.cli import main; main()", "serve", "--workers", "1"]
    with (folder / f"service-{port}.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            cwd=ROOT,
            env=os.environ | told,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )
        with _ended(process):
            _first_line(process, folder / f"service-{port}.log")
            yield f"http://127.0.0.1:{port}"


def ask(asked: Json) -> Json:
    """What Medplum's client brings back; ``peers/medplum/client.mjs`` says what it is asked and what it tells."""
    done = subprocess.run(
        ["node", "--experimental-websocket", "--no-warnings", "client.mjs"],
        cwd=MEDPLUM,
        input=msgspec.json.encode(asked),
        capture_output=True,
        timeout=2 * _PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr.decode()
    told: Json = msgspec.json.decode(done.stdout)
    return told


def put(base: str, transaction: Json) -> None:
    """A transaction into a FHIR server; what it refuses fails here."""
    response = requests.post(base, json=transaction, timeout=_PATIENCE_S)
    assert response.status_code == 200, response.text


def _first_line(process: subprocess.Popen[bytes], log: Path) -> str:
    assert process.stdout is not None
    line = process.stdout.readline().decode().strip()
    assert line, log.read_text("utf-8")[-3000:]
    return line


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        process.kill()
        process.communicate()
