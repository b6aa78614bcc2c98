"""Operations: health, metrics, logs, the limit on concurrent calls, a stop that finishes what it began."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from contextvars import copy_context
from http.client import HTTPConnection
from urllib.request import Request, urlopen

import pytest
from flask import Flask
from gunicorn.workers.gthread import ThreadWorker

from cds_service import gunicorn_conf
from cds_service.logs import formatter
from cds_service.operations import Room, limit, observe
from cds_service.replies import answer_errors
from cds_service.waiting import LONGEST_S, waited
from cds_service.worker import Worker


@pytest.fixture(scope="module")
def service(serve, tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    return serve(store__url=f"sqlite:///{folder}/store.db", server__allow_as_of="true")


def counted(client, name: str) -> float:
    """The value of one line of /metrics, 0 while there is none."""
    lines = client.get("/metrics").text.splitlines()
    return next((float(line.split()[-1]) for line in lines if line.startswith(f"{name} ")), 0.0)


# --- Health


def test_alive_and_ready(service, serve):
    assert service.get("/health/live").get_json() == {"status": "alive"}
    ready = service.get("/health/ready")
    assert (ready.status_code, ready.get_json()) == (200, {"status": "ready", "store": "reachable"})
    assert serve().get("/health/ready").get_json() == {"status": "ready", "store": "none"}


# --- Metrics


@pytest.mark.parametrize(
    "name",
    [
        'osteohooks_calls_total{kind="call",service="fracture-risk-patient-view",status="200"}',
        'osteohooks_call_seconds_count{service="fracture-risk-patient-view"}',
        'osteohooks_cards_total{advisory="mirels",indicator="warning"}',
        'osteohooks_prefetch_total{key="lesions",outcome="complete"}',
        'osteohooks_prefetch_total{key="procedures",outcome="null from client"}',
        'osteohooks_prefetch_total{key="questionnaires",outcome="not supplied"}',
    ],
)
def test_a_call_is_counted_once(service, example, name):
    before = counted(service, name)
    prefetch = {
        "conditions": example.searchset(example.metastasis),
        "lesions": example.searchset(example.lesion),
        "procedures": None,
    }
    assert service.post(example.mirels, json=example.request(prefetch=prefetch)).status_code == 200
    assert counted(service, name) == before + 1


def test_labels_are_names_of_ours(service, example):
    """Whatever a client asks for, a label never holds its words: an unknown service is "unknown"."""
    service.post("/cds-services/patient-17-example", json={})
    service.post(example.mirels, json=example.request(prefetch={"patient-17-key": None}))
    text = service.get("/metrics").text
    assert "patient-17" not in text
    assert 'service="unknown",status="404"' in text


def test_failed_fetches_are_counted(service, example):
    name = 'osteohooks_fetch_failures_total{key="lesions",why="fetch failed"}'
    before = counted(service, name)
    service.post(example.mirels, json=example.request(prefetch={}, fhirServer="http://127.0.0.1:9/fhir"))
    assert counted(service, name) == before + 1


# --- Request ids and logs


@pytest.mark.parametrize(
    ("given", "echoed"),
    [
        ("7f3a-1", True),
        ("a" * 64, True),
        ("a" * 65, False),
        ("two words", False),
        ('{"a":1}', False),
        ("", False),
    ],
)
def test_a_sane_request_id_is_echoed_and_another_replaced(service, given, echoed):
    answered = service.get("/health/live", headers={"X-Request-Id": given}).headers["X-Request-Id"]
    assert (answered == given) is echoed
    assert 1 <= len(answered) <= 64


def test_errors_have_a_request_id_too(service):
    response = service.post("/cds-services/none", json={}, headers={"X-Request-Id": "7f3a"})
    assert (response.status_code, response.headers["X-Request-Id"]) == (404, "7f3a")


@pytest.fixture
def log_lines(caplog):
    """The records of the service as it writes them: JSON, a line each."""
    written = []

    class Writer(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(self.format(record))

    writer = Writer()
    writer.setFormatter(formatter())
    logger = logging.getLogger("osteohooks")
    logger.addHandler(writer)
    caplog.set_level(logging.DEBUG, "osteohooks")
    yield written
    logger.removeHandler(writer)


def test_a_call_is_one_line_with_its_id_and_no_value_of_the_patient(service, example, log_lines):
    prefetch = {"conditions": example.searchset(example.metastasis), "lesions": example.searchset(example.lesion)}
    request = example.request(prefetch=prefetch)
    service.post(example.mirels, json=request, headers={"X-Request-Id": "7f3a", "Authorization": "Bearer hunter2"})
    (line,) = log_lines
    told = json.loads(line)
    assert told.pop("ms") > 0
    assert told.pop("timestamp").endswith("Z")
    assert told == {
        "event": "request",
        "level": "info",
        "request_id": "7f3a",
        "method": "POST",
        "route": "/cds-services/<service_id>",
        "service": "fracture-risk-patient-view",
        "status": 200,
    }


def test_a_path_is_not_logged_as_it_came(service, log_lines):
    service.get("/Patient/17")
    assert json.loads(log_lines[0])["route"] == "none"


def test_an_error_is_logged_by_its_place_only():
    try:
        raise ValueError("hunter2")
    except ValueError:
        record = logging.LogRecord("osteohooks", logging.ERROR, "x", 1, "failed", None, sys.exc_info())
    told = json.loads(formatter().format(record))
    assert told["error"].startswith("ValueError at test_an_error_is_logged_by_its_place_only, line ")
    assert "hunter2" not in str(told)


# --- The limit


@pytest.fixture
def limited():
    """An application with room for two, whose calls wait until they are let go; and how to let them go."""
    app = Flask("limited")
    app.add_url_rule("/health/live", "live", lambda: "alive")
    inside, go = threading.Semaphore(0), threading.Event()

    def wait():
        inside.release()
        go.wait(60)
        return "done"

    def break_down():
        raise ValueError

    app.add_url_rule("/cds-services/wait", "wait", wait)
    app.add_url_rule("/cds-services/quick", "quick", lambda: "done")
    app.add_url_rule("/cds-services/break", "break", break_down)
    observe(app, [])
    limit(app, 2)
    answer_errors(app)
    return app, inside, go


def test_one_call_too_many_is_turned_away_at_once(limited):
    app, inside, go = limited
    statuses: list[int] = []
    waiting = [
        threading.Thread(target=lambda: statuses.append(app.test_client().get("/cds-services/wait").status_code))
        for _ in range(2)
    ]
    for thread in waiting:
        thread.start()
    for _ in waiting:
        assert inside.acquire(timeout=60)
    refused = app.test_client().get("/cds-services/quick")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert refused.get_json()["issue"][0]["code"] == "transient"
    assert app.test_client().get("/health/live").status_code == 200  # has room of its own
    go.set()
    for thread in waiting:
        thread.join(60)
    assert statuses == [200, 200]
    assert app.test_client().get("/cds-services/quick").status_code == 200


def test_who_has_waited_long_for_a_thread_gets_no_place_in_a_busy_process():
    """FEW = 4 of 28 places: the fifth that comes late is turned away, one in time is not."""
    room = Room(28)
    assert [room.enter(late=True) for _ in range(5)] == [True] * 4 + [False]
    assert room.enter(late=False)  # 5 of 28
    assert not room.enter(late=True)
    room.leave()
    room.leave()
    assert room.enter(late=True)  # 3 were taken
    assert [Room(2).enter(late=True), Room(0).enter(late=True)] == [True, False]  # never more than there are places


@pytest.mark.parametrize(("seconds", "status"), [(LONGEST_S, 200), (LONGEST_S + 0.001, 503)])
def test_what_the_server_tells_of_its_queue_counts(monkeypatch, limited, seconds, status):
    app, _, _ = limited
    monkeypatch.setattr(Room, "FEW", 0)

    def ask(path: str) -> int:
        waited.set(seconds)
        return app.test_client().get(path).status_code

    assert copy_context().run(ask, "/cds-services/quick") == status
    assert copy_context().run(ask, "/health/live") == 200


def test_the_worker_tells_how_long_a_request_waited_for_a_thread(monkeypatch):
    """Enqueued at 10.0 s, handled at 10.3 s: 0.3 s in the queue of gunicorn's pool."""
    clock = iter([10.0, 10.3])
    monkeypatch.setattr("cds_service.worker.time.monotonic", lambda: next(clock))
    told: list[float] = []
    monkeypatch.setattr(ThreadWorker, "enqueue_req", lambda self, conn: self.handle(conn))
    monkeypatch.setattr(ThreadWorker, "handle", lambda self, conn: told.append(waited.get()))
    worker = Worker.__new__(Worker)
    worker._begun = {}
    copy_context().run(worker.enqueue_req, type("Connection", (), {})())
    assert told == [pytest.approx(0.3)]


@pytest.mark.parametrize(("held", "wait"), [(0, 0), (1, 0.0001), (3, 0.0003), (8, 0.0008), (255, 0.0008), (256, 0)])
def test_of_two_workers_the_one_that_holds_fewer_connections_takes_the_next(monkeypatch, held, wait):
    """0.1 ms for each connection it holds, and no more than for eight; nothing when it is flooded."""
    slept: list[float] = []
    taken: list[object] = []
    monkeypatch.setattr("cds_service.worker.time.sleep", slept.append)
    monkeypatch.setattr(ThreadWorker, "accept", lambda self, listener: taken.append(listener))
    worker = Worker.__new__(Worker)
    worker.nr_conns = held
    worker.accept("listener")
    assert (sum(slept), taken) == (pytest.approx(wait), ["listener"])


def test_room_is_given_back_after_a_defect_and_after_a_refusal(limited):
    app, _, _ = limited
    for _ in range(5):
        assert app.test_client().get("/cds-services/break").status_code == 500
        assert app.test_client().get("/cds-services/none").status_code == 404
    assert app.test_client().get("/cds-services/quick").status_code == 200


def test_there_are_threads_to_spare():
    from cds_service.settings import Server

    assert gunicorn_conf.threads == Server().max_concurrent_calls + gunicorn_conf.SPARE_THREADS
    assert gunicorn_conf.SPARE_THREADS >= 1


# --- Under gunicorn, with two workers


@pytest.fixture(params=["a folder of counts of its own", "a folder that is set"])
def running(tmp_path, request):
    """The base URL of a real service with two workers, and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    counts = tmp_path / "counts"
    counts.mkdir()
    (counts / "counter_99999.db").write_bytes(b"left by an earlier run")
    command = [sys.executable, "-c", "from cds_service.cli import main; main()", "serve", "--workers", "2"]
    with (tmp_path / "stderr").open("wb") as errors:
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            stdout=subprocess.PIPE,
            stderr=errors,
            env=os.environ
            | {"OSTEOHOOKS__STORE__URL": f"sqlite:///{tmp_path}/store.db", "TMPDIR": str(tmp_path)}
            | ({"PROMETHEUS_MULTIPROC_DIR": str(counts)} if request.param == "a folder that is set" else {}),
        )
    assert process.stdout is not None
    assert b"OsteoHooks at" in process.stdout.readline(), (tmp_path / "stderr").read_text()
    yield f"http://127.0.0.1:{port}", process
    process.kill()
    process.communicate()


def test_workers_count_together_and_write_json(running, example, tmp_path):
    """Each of 20 calls on a connection of its own, whichever worker takes it: /metrics of any worker tells 20."""
    base, process = running
    body = json.dumps(example.request(prefetch={"patient": None})).encode()
    for _ in range(20):
        request = Request(f"{base}{example.mirels}", data=body, headers={"Content-Type": "application/json"})
        urlopen(request).close()
    text = urlopen(f"{base}/metrics").read().decode()
    name = 'osteohooks_calls_total{kind="call",service="fracture-risk-patient-view",status="200"}'
    assert f"{name} 20.0" in text
    assert "python_info" not in text  # which a worker that counts for itself would tell
    assert 'osteohooks_prefetch_total{key="patient",outcome="null from client"} 20.0' in text
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert not list(tmp_path.glob("osteohooks-metrics-*"))
    lines = [json.loads(line) for line in (tmp_path / "stderr").read_text().splitlines()]
    assert len([line for line in lines if line["event"] == "request"]) == 20
    assert len({line["request_id"] for line in lines if "request_id" in line}) == 20


def test_a_stop_finishes_the_call_that_has_begun(running, example):
    """Half a request is sent, the service told to stop, the other half sent: it is answered, and the end is 0."""
    base, process = running
    body = json.dumps(example.request(prefetch={"patient": None})).encode()
    connection = HTTPConnection(base.removeprefix("http://"), timeout=60)
    connection.putrequest("POST", example.mirels)
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body[:40])
    assert urlopen(f"{base}/health/live").status == 200  # by now the call has been taken up
    process.send_signal(signal.SIGTERM)
    connection.send(body[40:])
    response = connection.getresponse()
    assert response.status == 200
    assert json.load(response)["cards"]
    connection.close()
    assert process.wait(60) == 0
