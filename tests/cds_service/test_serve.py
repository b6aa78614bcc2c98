"""``osteohooks serve``: it says when it listens, answers, and ends with 0 when it is told to."""

import json
import os
import signal
import socket
import subprocess
import sys
from urllib.request import Request, urlopen

import pytest

SERVE = [sys.executable, "-c", "from cds_service.cli import main; main()", "serve", "--workers", "1"]


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def server(port, tmp_path):
    process = subprocess.Popen(
        [*SERVE, "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OSTEOHOOKS__STORE__URL": f"sqlite:///{tmp_path}/store.db"},
    )
    yield process
    process.kill()
    process.communicate()


def test_it_serves_and_ends(server, port, example):
    base = f"http://127.0.0.1:{port}"
    assert server.stdout.readline().startswith(f"OsteoHooks at {base} ")
    assert f"{base}/cds-services" in server.stdout.readline()
    with urlopen(f"{base}/cds-services") as response:
        assert json.load(response)["services"]
    body = json.dumps(example.request(prefetch={"patient": None})).encode()
    request = Request(f"{base}{example.mirels}", data=body, headers={"Content-Type": "application/json"})
    with urlopen(request) as response:
        assert json.load(response)["cards"][0]["source"]["topic"]["code"] == "not-evaluated"
    server.send_signal(signal.SIGTERM)
    assert server.wait(timeout=60) == 0


def test_an_address_that_is_taken_is_one_line(port):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        done = subprocess.run([*SERVE, "--port", str(port)], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"osteohooks: cannot listen on 127.0.0.1 port {port}: Address already in use\n"
