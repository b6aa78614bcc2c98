"""Repeat suppression: what was overridden, or needs saying once, is not said again; what must be said always is."""

import gc
import json
import os
import stat
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from cards.answer import Shown
from cards.catalogue import load_catalogue
from cards.memory import OVERRIDDEN, SAID_BEFORE, Override, Past, Repeat, Said, silenced
from cds_service.advisor import Advisor
from cds_service.files import case_from
from cds_service.request import read_request
from cds_service.settings import Settings, SettingsError, Store
from cds_service.store import Store as Database
from cds_service.suppression import Suppression, key_file, read_key

EVALUATION = "org.osteohooks.evaluation"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
OTHER_CALL = "aaaaaaaa-0000-4000-8000-00000000000{}"


# --- The rule: how long it is silent


CATALOGUE = load_catalogue()
UNLIMITED = Repeat()


def why(indicator: str, past: Past, repeat: Repeat = UNLIMITED, hook: str = "patient-view", **settings) -> str | None:
    said = Said("mirels", "high", indicator, "size 0.5")
    known = CATALOGUE.settings | settings
    return silenced(said, repeat, past, hook=hook, setting=known.__getitem__)


@pytest.mark.parametrize(
    ("overridden", "now", "age", "expected"),
    [
        ("warning", "warning", 7 * DAY - HOUR, OVERRIDDEN),
        ("warning", "warning", 7 * DAY, None),
        ("info", "info", 7 * DAY - HOUR, OVERRIDDEN),
        ("critical", "critical", 23 * HOUR, OVERRIDDEN),
        ("critical", "critical", 24 * HOUR, None),
        ("critical", "warning", 7 * DAY - HOUR, OVERRIDDEN),  # a graver one was waved away: so is this
        ("info", "warning", HOUR, None),  # only a milder one was
        ("warning", "critical", HOUR, None),
    ],
)
def test_how_long_an_override_holds(overridden, now, age, expected):
    assert why(now, Past(overrides=[Override(overridden, age)])) == expected


def test_the_days_are_a_setting():
    past = Past(overrides=[Override("warning", 2 * DAY)])
    assert why("warning", past, repeat_after_override_days=2) is None
    assert why("warning", past, repeat_after_override_days=3) == OVERRIDDEN


def test_what_is_said_always_is():
    past = Past(overrides=[Override("critical", HOUR)], said=HOUR, said_same=HOUR)
    assert why("critical", past, Repeat(always=True)) is None


@pytest.mark.parametrize(
    ("age", "hook", "expected"),
    [
        (28 * DAY - HOUR, "patient-view", SAID_BEFORE),
        (28 * DAY, "patient-view", None),
        (HOUR, "order-sign", None),  # an order about to be signed is worth a second time
    ],
)
def test_at_most_once_in_so_many_days(age, hook, expected):
    assert why("info", Past(said=age), Repeat(days=28, hooks=["patient-view"]), hook) == expected


def test_once_on_the_same_inputs():
    assert why("info", Past(said=DAY, said_same=DAY), Repeat(once=True)) == SAID_BEFORE
    assert why("info", Past(said=DAY), Repeat(once=True)) is None
    assert why("info", Past(said=DAY, said_same=DAY)) is None  # no limit in the table


def test_what_the_tables_say():
    """Clinical document, section 8: never a spinal emergency or a crisis; BMA-START every 28 days; extended once."""
    tables = {name: advisory.table for name, advisory in CATALOGUE.advisories.items()}
    assert all(band.repeat.always for band in tables["spine-emergency"].band.values())
    assert tables["hypercalcemia"].band["crisis"].repeat.always
    assert not tables["hypercalcemia"].band["severe"].repeat.always
    assert {band.repeat.days for band in tables["bma-start"].band.values()} == {28}
    assert {tuple(band.repeat.hooks) for band in tables["bma-start"].band.values()} == {("patient-view",)}
    assert tables["denosumab-interval"].band["extended"].repeat == Repeat(once=True)
    assert not tables["denosumab-interval"].band["long"].repeat.once


# --- The answer: a memory of any kind


class Remembered:
    """A memory for tests: everything that is overridden here, an hour ago."""

    def __init__(self) -> None:
        self.overridden: list[Said] = []

    def recall(self, said: Sequence[Said]) -> list[Past]:
        return [Past([Override(one.indicator, HOUR)] if one in self.overridden else []) for one in said]


def test_an_answer_holds_back_what_was_overridden_and_says_so(example):
    advisor = Advisor(Settings())
    memory = Remembered()

    def ask(*resources, memory=None):
        bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in resources]}
        case = case_from(json.dumps(bundle).encode(), advisor, hook="patient-view", as_of=date(2026, 11, 21))
        return advisor.answer(case, theme="fracture-risk", language="en", memory=memory)

    chart = [example.patient, example.metastasis, example.lesion]
    first = ask(*chart, memory=memory)
    topics = [card["source"]["topic"]["code"] for card in first.cards]
    assert "mirels" in topics
    assert "suppressed" not in first.evaluation
    assert [shown.card for shown in first.shown] == [card["uuid"] for card in first.cards]
    memory.overridden = [shown.said for shown in first.shown if shown.said.advisory == "mirels"]
    second = ask(*chart, memory=memory)
    assert [card["source"]["topic"]["code"] for card in second.cards] == [t for t in topics if t != "mirels"]
    assert second.evaluation["suppressed"] == [{"advisory": "mirels", "why": OVERRIDDEN}]
    assert "mirels" not in second.evaluation.get("silent", [])
    newer = example.lesion | {"id": "newer", "effectiveDateTime": "2026-11-20"}
    assert "mirels" in [card["source"]["topic"]["code"] for card in ask(*chart, newer, memory=memory).cards]
    assert ask(*chart).cards == first.cards  # without a memory everything is said


# --- The service: a store that does not know who it is


@pytest.fixture
def remembering(serve, store_url, tmp_path):
    return serve(
        server__allow_as_of="true", store__url=store_url, store__hash_key_file=str(tmp_path / "store.key")
    ), sa.create_engine(store_url)


def topics(response) -> list[str]:
    assert response.status_code == 200, response.text
    return [card["source"]["topic"]["code"] for card in response.get_json()["cards"]]


def override(client, response, topic: str, *, ago: timedelta = timedelta()) -> None:
    card = next(card for card in response.get_json()["cards"] if card["source"]["topic"]["code"] == topic)
    at = (datetime.now(UTC) - ago).isoformat()
    entry = {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": at}
    told = client.post("/cds-services/fracture-risk-patient-view/feedback", json={"feedback": [entry]})
    assert told.get_json() == {"kept": 1}


def ask(client, example, complete, call: int = 0, lesion: dict | None = None, **more):
    prefetch = complete(
        conditions=example.searchset(example.metastasis), lesions=example.searchset(lesion or example.lesion)
    )
    request = example.request(prefetch=prefetch, **more) | {"hookInstance": OTHER_CALL.format(call)}
    return client.post(example.mirels, json=request)


def test_over_http_the_same_card_is_silent_after_an_override(remembering, example, complete):
    client, _ = remembering
    first = ask(client, example, complete, 1)
    assert "mirels" in topics(first)
    assert topics(ask(client, example, complete, 2)) == topics(first)  # shown before is not overridden
    override(client, first, "mirels")
    again = ask(client, example, complete, 3)
    assert "mirels" not in topics(again)
    assert {"advisory": "mirels", "why": "overridden"} in again.get_json()["extension"][EVALUATION]["suppressed"]


@pytest.mark.parametrize(("ago", "silent"), [(7 * DAY - HOUR, True), (7 * DAY + HOUR, False)])
def test_over_http_an_override_holds_seven_days(remembering, example, complete, ago, silent):
    client, _ = remembering
    override(client, ask(client, example, complete, 1), "mirels", ago=ago)
    assert ("mirels" not in topics(ask(client, example, complete, 2))) is silent


def test_new_inputs_another_patient_another_server_are_heard(remembering, example, complete):
    client, _ = remembering
    override(client, ask(client, example, complete, 1), "mirels")
    newer = example.lesion | {"effectiveDateTime": "2026-11-20"}
    assert "mirels" in topics(ask(client, example, complete, 2, newer))
    elsewhere = ask(client, example, complete, 3, fhirServer="http://127.0.0.1:9/fhir")
    assert "mirels" in topics(elsewhere)
    prefetch = {
        "patient": example.patient | {"id": "18"},
        "conditions": example.searchset(example.metastasis | {"subject": {"reference": "Patient/18"}}),
        "lesions": example.searchset(example.lesion | {"subject": {"reference": "Patient/18"}}),
    }
    other = example.request(context={"patientId": "18"}, prefetch=prefetch) | {"hookInstance": OTHER_CALL.format(4)}
    assert "mirels" in topics(client.post(example.mirels, json=other))


def test_over_http_bma_start_is_said_every_28_days_and_a_call_again_the_same(remembering, example, complete):
    client, engine = remembering
    service = "bone-modifying-agents-patient-view"
    told = complete(service, conditions=example.searchset(example.metastasis))

    def ask_bma(call: int):
        request = example.request(prefetch=told) | {"hookInstance": OTHER_CALL.format(call)}
        return client.post(f"/cds-services/{service}", json=request)

    assert "bma-start" in topics(ask_bma(1))
    assert "bma-start" in topics(ask_bma(1))  # the same call, sent again: the same answer
    again = ask_bma(2)
    assert "bma-start" not in topics(again)
    assert {"advisory": "bma-start", "why": "said before"} in again.get_json()["extension"][EVALUATION]["suppressed"]
    with engine.begin() as connection:
        long_ago = datetime.now(UTC).replace(tzinfo=None) - 28 * DAY - HOUR
        at = long_ago.isoformat(" ") if engine.name == "sqlite" else long_ago.replace(tzinfo=UTC)
        connection.execute(sa.text("UPDATE card_shown SET shown_at = :at"), {"at": at})
    assert "bma-start" in topics(ask_bma(3))
    engine.dispose()


def test_the_store_holds_nothing_of_the_patient(remembering, example, complete):
    """Every cell of every table, searched for the patient's id, birth date, values, records and user."""
    client, engine = remembering
    response = ask(client, example, complete, 1)
    override(client, response, "mirels")
    with engine.connect() as connection:
        cells = [
            str(cell)
            for table in sa.inspect(engine).get_table_names()
            for row in connection.execute(sa.text(f"SELECT * FROM {table}"))
            for cell in row
        ]
    assert "mirels" in cells
    for value in ("17", "Patient/17", "1961-02-03", "peritrochanteric", "Observation/lesion", "Practitioner/1"):
        assert not [cell for cell in cells if cell == value or (len(value) > 2 and value in cell)], value
    engine.dispose()


def test_a_store_that_fails_fails_no_call(serve, example, tmp_path, caplog):
    folder = tmp_path / "gone"
    folder.mkdir()
    client = serve(store__url=f"sqlite:///{folder}/store.db")
    (folder / "store.key").unlink()
    folder.rmdir()
    prefetch = {"conditions": example.searchset(example.metastasis), "lesions": example.searchset(example.lesion)}
    assert "mirels" in topics(client.post(example.mirels, json=example.request(prefetch=prefetch)))
    entry = {"card": OTHER_CALL.format(1), "outcome": "overridden", "outcomeTimestamp": "2026-11-21T09:30:00Z"}
    kept = client.post("/cds-services/fracture-risk-patient-view/feedback", json={"feedback": [entry]})
    assert kept.status_code == 503  # feedback waits for what is being recorded; its 200 would be a promise
    told = [record for record in caplog.records if record.getMessage() == "store failed"]
    assert {record.doing for record in told} == {"recall", "record", "feedback"}
    assert 'osteohooks_store_failures_total{doing="recall"}' in client.get("/metrics").text
    ready = client.get("/health/ready")
    assert (ready.status_code, ready.get_json()["store"]) == (503, "not reachable")


def test_a_memory_goes_with_its_call(tmp_path, example):
    """What it is told is in clear: it must not stay until the collector comes by, which may be minutes."""
    suppression = Suppression(Database(Store(url=f"sqlite:///{tmp_path}/store.db")), b"k" * 32, 7 * DAY)
    memory = suppression.memory(read_request(json.dumps(example.request()).encode()))
    said = Said("mirels", "high", "warning", "size 0.5")
    assert memory.recall([said]) == [Past([])]
    memory.keep("fracture-risk-patient-view", [Shown(OTHER_CALL.format(1), said)])
    gone = weakref.ref(memory)
    gc.disable()
    try:
        del memory
        assert gone() is None
    finally:
        gc.enable()
    suppression.store.close()


# --- The key


def test_the_key_is_made_once_for_its_owner_only(tmp_path):
    file = tmp_path / "store.key"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: read_key(file), range(8)))
    assert len(keys) == 1
    assert len(keys.pop()) == 32
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("content", ["", "hunter2", "ab" * 31])
def test_a_key_that_is_none(tmp_path, content):
    file = tmp_path / "store.key"
    file.write_text(content)
    with pytest.raises(
        SettingsError, match=r"store\.hash_key_file: .* is not a key of 64 hexadecimal digits"
    ) as caught:
        read_key(file)
    assert "hunter2" not in str(caught.value)


def test_where_the_key_is(tmp_path):
    def place(**store: str) -> Path:
        settings = Settings(store=Store(**store))
        return key_file(settings, Database(settings.store))

    assert place(url=f"sqlite:///{tmp_path}/osteohooks.db") == tmp_path / "osteohooks.key"
    assert place(url="sqlite:///osteohooks.db", hash_key_file="/etc/a.key") == Path("/etc/a.key")
    with pytest.raises(SettingsError, match=r"store\.hash_key_file: found nothing, allowed: a file that is the same"):
        place(url="postgresql+psycopg://db/osteohooks")
