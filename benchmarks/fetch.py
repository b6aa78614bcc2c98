"""What fetching costs: calls with missing keys, against a FHIR server that takes 50 ms for each answer.

The server is a process of its own, so that it does not share the service's interpreter. "Searches' time" is the
median of a call divided by the 50 ms that one answer takes: eight keys one after the other would be 8.

Run: python -m benchmarks.fetch
"""

from __future__ import annotations

import multiprocessing
import random
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any
from urllib.parse import urlsplit

import requests

from benchmarks.records import PATIENT, noise
from cds_service.app import create_app
from cds_service.settings import load_settings
from tests.fhir_server import FhirServer, searchset

ANSWER_MS = 50
RESOURCES = 50  # of about 1 KB in each answer
ROUNDS = 15
SERVICE = "bone-modifying-agents-patient-view"
EIGHT = (
    "conditions",
    "labs",
    "procedures",
    "service-requests",
    "medication-requests",
    "medication-administrations",
    "medication-statements",
    "medication-dispenses",
)

Json = dict[str, Any]


def serve(told: Connection) -> None:
    """The FHIR server: 50 resources for any search; below ``/paged`` procedures come in three pages."""
    rng = random.Random(1)
    resources = [noise(number, rng) for number in range(RESOURCES)]
    server = FhirServer()

    def way(handler: Any) -> None:
        server.closing.wait(ANSWER_MS / 1000)
        parts = urlsplit(handler.path)
        kind = parts.path.rsplit("/", 1)[-1]
        page = int(parts.query.rsplit("page=", 1)[1]) if "page=" in parts.query else 1
        pages = 3 if "/paged/" in parts.path and kind == "Procedure" else 1
        following = f"{server.base}/paged/{kind}?page={page + 1}" if page < pages else None
        handler.say(searchset([one | {"resourceType": kind} for one in resources], following=following))

    server.otherwise = way
    told.send(server.base)
    told.recv()
    server.close()


def request(templates: Json, missing: tuple[str, ...], base: str) -> Json:
    """A call with every key but the missing ones answered, with nothing found."""
    patient = {"resourceType": "Patient", "id": PATIENT, "gender": "female", "birthDate": "1961-02-03"}
    sent = {key: patient if key == "patient" else searchset() for key in templates if key not in missing}
    return {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/1", "patientId": PATIENT},
        "fhirServer": base,
        "prefetch": sent,
    }


def median_ms(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """The median time of ``work``, after one round that makes the connections."""
    work()
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - begun))
    return statistics.median(times)


def measure(base: str) -> list[tuple[str, int, int, float]]:
    """What was done, how many answers it took, how many of them one after the other, and the median in ms."""
    app = create_app(load_settings(environ={"OSTEOHOOKS__STORE__URL": ""}))
    entries = app.test_client().get("/cds-services").get_json()["services"]
    templates = next(entry["prefetch"] for entry in entries if entry["id"] == SERVICE)

    def call(missing: tuple[str, ...], server: str = base) -> None:
        response = app.test_client().post(f"/cds-services/{SERVICE}", json=request(templates, missing, server))
        told = response.get_json()["extension"]["org.osteohooks.evaluation"]
        assert response.status_code == 200 and "notFetched" not in told, told

    def one_after_the_other() -> None:
        with requests.Session() as session:
            for key in EIGHT:
                address = templates[key].replace("{{context.patientId}}", PATIENT)
                session.get(f"{base}/{address}", timeout=5).json()

    def eight_calls() -> None:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(call, [EIGHT] * 8))

    return [
        ("a call that lacks nothing", 0, 0, median_ms(lambda: call(()))),
        ("one missing key", 1, 1, median_ms(lambda: call(EIGHT[:1]))),
        ("eight missing keys", 8, 1, median_ms(lambda: call(EIGHT))),
        ("eight missing keys, one of three pages", 10, 3, median_ms(lambda: call(EIGHT, f"{base}/paged"))),
        ("eight calls at once, eight missing keys each", 64, 1, median_ms(eight_calls)),
        ("the same eight searches one after the other", 8, 8, median_ms(one_after_the_other, 5)),
    ]


def main() -> None:
    """Measures, prints the table, and says whether eight keys took less than two searches' time."""
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    server.start()
    rows = measure(here.recv())
    here.send("end")
    server.join(5)
    print(f"A FHIR server that takes {ANSWER_MS} ms for each answer of {RESOURCES} resources; medians of {ROUNDS}.\n")
    print("| | answers | one after the other | ms | searches' time |\n|---|---|---|---|---|")
    for name, answers, steps, took in rows:
        print(f"| {name} | {answers} | {steps} | {took:.0f} | {took / ANSWER_MS:.1f} |")
    eight = next(took for name, _, _, took in rows if name == "eight missing keys")
    print(f"\nEight missing keys took {eight / ANSWER_MS:.1f} searches' time (goal: well under 2).")


if __name__ == "__main__":
    main()
