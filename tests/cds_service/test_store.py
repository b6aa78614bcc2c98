"""The store, on SQLite and on PostgreSQL: what is acknowledged is kept, whatever happens to the service."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from uuid import uuid4

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from cds_service import databases
from cds_service import store as stored
from cds_service.settings import SettingsError, Store, load_settings
from cds_service.store import FeedbackEntry, ShownRow, StoreError
from cds_service.tables import card_shown, feedback, metadata

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def store(store_url):
    opened = stored.Store(Store(url=store_url))
    yield opened
    opened.close()


def shown(card: str, **more) -> ShownRow:
    row = {"advisory": "mirels", "version": "2026.11.1", "band": "high", "indicator": "warning"}
    row |= {"service": "fracture-risk-patient-view", "hook_instance": "call-1", "shown_at": NOW}
    row |= {"occasion": "o" * 64, "fingerprint": "f" * 64}
    return ShownRow(card=card, **(row | more))


def told(card: str, outcome: str = "overridden", minutes: int = 0, **more) -> FeedbackEntry:
    at = NOW + timedelta(minutes=minutes)
    return FeedbackEntry(card=card, entry=f"{outcome}-{minutes}", outcome=outcome, outcome_at=at, **more)


def rows(store, table: sa.Table) -> list[sa.Row]:
    with store._work("look", reading=True) as connection:
        return list(connection.execute(sa.select(table)))


def test_migrations_make_the_tables_that_the_code_has(store):
    store.prepare()
    with store._work("compare", reading=True) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, metadata)
        assert differences == []
        assert context.get_current_revision() == databases.HEAD


def test_head_is_the_newest_migration():
    script = ScriptDirectory(os.path.join(os.path.dirname(databases.__file__), "migrations"))
    assert script.get_heads() == [databases.HEAD]


def test_many_processes_may_start_at_once(store_url):
    """Each thread opens a store of its own, as each worker of each machine does: one of them runs the migrations."""
    stores = [stored.Store(Store(url=store_url)) for _ in range(6)]
    barrier = threading.Barrier(len(stores))

    def start(one: stored.Store) -> None:
        barrier.wait()
        one.prepare()

    with ThreadPoolExecutor(len(stores)) as pool:
        list(pool.map(start, stores))
    assert len(rows(stores[0], sa.table("alembic_version", sa.column("version_num")))) == 1
    for one in stores:
        one.close()


def test_a_card_shown_twice_is_one_row_the_first(store):
    card = str(uuid4())
    store.save_shown([shown(card)])
    store.save_shown([shown(card, shown_at=NOW + timedelta(days=1)), shown(str(uuid4()))])
    assert {row.card: row.shown_at for row in rows(store, card_shown)}[card] == NOW
    assert len(rows(store, card_shown)) == 2  # 1 + 1 new


def test_feedback_is_kept_with_what_is_known_of_its_card(store):
    ours, theirs = str(uuid4()), str(uuid4())
    store.save_shown([shown(ours)])
    unknown = store.save_feedback("fracture-risk-patient-view", [told(ours), told(theirs)], NOW)
    assert unknown == {theirs}
    kept = {row.card: row for row in rows(store, feedback)}
    assert (kept[ours].advisory, kept[ours].version, kept[ours].indicator) == ("mirels", "2026.11.1", "warning")
    assert (kept[ours].hook_instance, kept[ours].outcome_at, kept[ours].received_at) == ("call-1", NOW, NOW)
    assert kept[theirs].advisory is None


def test_the_same_said_twice_is_one_row_and_another_outcome_a_second(store):
    card = str(uuid4())
    store.save_shown([shown(card)])
    for _ in range(2):
        store.save_feedback("s", [told(card), told(card)], NOW)
    assert len(rows(store, feedback)) == 1
    store.save_feedback("s", [told(card, "accepted", 5)], NOW)
    assert len(rows(store, feedback)) == 2
    tallies, unknown = store.tallies()
    assert [(t.advisory, t.shown, t.accepted, t.overridden) for t in tallies] == [
        ("mirels", 1, 1, 0)
    ]  # the last counts
    assert unknown == 0


def test_reasons_are_counted_and_cards_of_others_apart(store):
    cards = [str(uuid4()) for _ in range(4)]
    store.save_shown([shown(card) for card in cards[:3]])
    reasons = ["ovr-mdt", "ovr-mdt", None, "ovr-data"]
    entries = [told(card, reason_code=reason) for card, reason in zip(cards, reasons, strict=True)]
    store.save_feedback("s", entries, NOW)
    tallies, unknown = store.tallies()
    assert tallies[0].reasons == {"ovr-mdt": 2, "": 1}
    assert unknown == 1


def test_the_earlier_clock_counts_for_an_override(store):
    """A client whose clock runs ahead must not silence a card for longer than was asked."""
    card = str(uuid4())
    store.save_shown([shown(card)])
    store.save_feedback("s", [told(card, minutes=60 * 24 * 365)], NOW)
    assert [row.at for row in store.overrides(["f" * 64], NOW - timedelta(days=7))] == [NOW]
    assert store.overrides(["e" * 64], NOW - timedelta(days=7)) == []
    assert store.overrides(["f" * 64], NOW + timedelta(seconds=1)) == []


def test_who_thinks_again_has_not_overridden(store):
    card = str(uuid4())
    store.save_shown([shown(card)])
    store.save_feedback("s", [told(card), told(card, "accepted", 5)], NOW)
    assert store.overrides(["f" * 64], NOW - timedelta(days=7)) == []


def test_what_another_worker_keeps_is_seen_at_once(store, store_url):
    """Each thread keeps a connection to ask with; it must not go on seeing what there was when it was opened."""
    assert store.overrides(["f" * 64], NOW - timedelta(days=7)) == []
    other = stored.Store(Store(url=store_url))
    card = str(uuid4())
    other.save_shown([shown(card)])
    other.save_feedback("s", [told(card)], NOW)
    assert [row.at for row in store.overrides(["f" * 64], NOW - timedelta(days=7))] == [NOW]
    other.close()


def test_a_closed_store_has_no_connection_left_and_opens_again(tmp_path):
    """SQLite removes its journal with the last connection; three threads and this one have each kept one."""
    store = stored.Store(Store(url=f"sqlite:///{tmp_path}/store.db"))
    asked, closed = threading.Barrier(4), threading.Event()

    def ask() -> None:
        store.overrides(["f" * 64], NOW)
        asked.wait(60)
        closed.wait(60)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    store.overrides(["f" * 64], NOW)
    asked.wait(60)
    assert (tmp_path / "store.db-wal").exists()
    store.close()
    assert not (tmp_path / "store.db-wal").exists()
    closed.set()
    for thread in threads:
        thread.join(60)
    assert store.overrides(["f" * 64], NOW) == []
    store.close()


def test_last_shown_leaves_out_the_call_itself(store):
    day = timedelta(days=1)
    store.save_shown([shown(str(uuid4())), shown(str(uuid4()), hook_instance="call-2", shown_at=NOW + day)])
    assert store.last_shown(["o" * 64], before="call-3") == {("o" * 64, "f" * 64): NOW + day}
    assert store.last_shown(["o" * 64], before="call-2") == {("o" * 64, "f" * 64): NOW}
    assert store.last_shown(["p" * 64], before="call-3") == {}


def test_threads_write_at_once(store):
    """8 x 25 = 200 posts, none of them lost and none refused."""

    def write(_: int) -> None:
        for _ in range(25):
            store.save_feedback("s", [told(str(uuid4()))], NOW)

    store.prepare()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert len(rows(store, feedback)) == 200


def test_feedback_reaches_the_disk_before_it_is_acknowledged(store):
    """What protects it from a power cut: SQLite's FULL (2), PostgreSQL's default; quick writes do without."""
    asked = {"sqlite": "PRAGMA synchronous", "postgresql": "SHOW synchronous_commit"}[store.url.get_backend_name()]
    with store._work("keep") as connection:
        assert connection.exec_driver_sql(asked).scalar() in (2, "on")
    with store._work("record", quick=True) as connection:
        assert connection.exec_driver_sql(asked).scalar() in (1, "off")


def test_a_store_that_failed_is_left_alone_by_calls_and_asked_again_by_feedback(tmp_path):
    folder = tmp_path / "later"
    store = stored.Store(Store(url=f"sqlite:///{folder}/store.db"))
    with pytest.raises(StoreError, match="OperationalError"):
        store.save_shown([shown(str(uuid4()))])
    assert not store.reachable()
    folder.mkdir()
    with pytest.raises(StoreError, match="failed a moment ago"):
        store.save_shown([shown(str(uuid4()))])
    store.save_feedback("s", [told(str(uuid4()))], NOW)
    assert store.reachable()
    store.close()


def test_a_postgresql_that_stops_answering_holds_nobody_up(postgresql):
    """Its process is stopped, as when its machine or its disk hangs: its own timeouts do not run either."""
    store = stored.Store(Store(url=postgresql))
    store.prepare()
    with store._work("look", reading=True) as connection:
        process = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
    os.kill(process, signal.SIGSTOP)
    try:
        with pytest.raises(StoreError, match="last_shown: no answer"):
            store.last_shown(["o" * 64], before="call-1")
        with pytest.raises(StoreError, match="overrides: the store failed a moment ago"):
            store.overrides(["f" * 64], NOW)
    finally:
        os.kill(process, signal.SIGCONT)
    assert store.reachable()
    store.close()


def test_an_error_tells_no_value(store_url):
    store = stored.Store(Store(url=store_url))
    store.prepare()
    with store._work("break") as connection:
        connection.execute(sa.text("DROP TABLE feedback"))
    with pytest.raises(StoreError) as caught:
        store.save_feedback("s", [told(str(uuid4()), reason_code="hunter2")], NOW)
    assert "hunter2" not in str(caught.value)
    assert str(caught.value).startswith("keep feedback: ")
    store.close()


@pytest.mark.parametrize("url", ["mysql://a:hunter2@b/c", "sqlite://", "sqlite:///:memory:", "nonsense"])
def test_an_address_that_is_none(url):
    with pytest.raises(SettingsError, match=r"store\.url: found .*, allowed: sqlite:///FILE, postgresql") as caught:
        stored.Store(Store(url=url))
    assert "hunter2" not in str(caught.value)


def test_a_file_is_meant_from_where_the_settings_stand(tmp_path):
    settings = tmp_path / "osteohooks.toml"
    settings.write_text('[store]\nurl = "sqlite:///data/store.db"\n')
    assert load_settings(settings, {}).store.url == f"sqlite:///{tmp_path}/data/store.db"
    settings.write_text('[store]\nurl = "sqlite:////var/store.db"\n')
    assert load_settings(settings, {}).store.url == "sqlite:////var/store.db"


# --- Killed in the middle


POSTS = 1000
KILLED_AFTER = (250, 600)  # acknowledged posts; the service is killed twice
SERVE = [sys.executable, "-c", "from cds_service.cli import main; main()", "serve", "--workers", "2", "--port"]
PATH = "/cds-services/fracture-risk-patient-view/feedback"


class Service:
    """A real ``osteohooks serve`` on loopback that can be killed with all its processes."""

    def __init__(self, url: str, folder) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.errors = folder / "stderr"
        self.environ = os.environ | {
            "OSTEOHOOKS__STORE__URL": url,
            "OSTEOHOOKS__STORE__HASH_KEY_FILE": str(folder / "store.key"),
            "PROMETHEUS_MULTIPROC_DIR": str(folder / "counts"),  # who is killed does not clear up
        }
        self.start()

    def start(self) -> None:
        with self.errors.open("ab") as errors:
            self.process = subprocess.Popen(
                [*SERVE, str(self.port)],
                env=self.environ,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        assert self.process.stdout is not None
        assert b"OsteoHooks at" in self.process.stdout.readline(), self.errors.read_text()[-2000:]

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()


def post(connection: HTTPConnection, card: str) -> bool:
    """Whether the feedback was acknowledged."""
    entry = {"card": card, "outcome": "overridden", "outcomeTimestamp": "2026-11-21T09:30:00Z"}
    connection.request("POST", PATH, json.dumps({"feedback": [entry]}), {"Content-Type": "application/json"})
    response = connection.getresponse()
    response.read()
    return response.status == 200


def test_what_was_acknowledged_survives_a_kill(store_url, tmp_path):
    """1,000 posts by four clients; the service is killed twice in the middle, and what was not acknowledged sent again.

    Then 1,000 were acknowledged, 1,000 are in the store, and what was sent twice is there once.
    """
    service = Service(store_url, tmp_path)
    waiting = [str(uuid4()) for _ in range(POSTS)]
    cards = set(waiting)
    acknowledged: set[str] = set()
    in_store = stored.Store(Store(url=store_url))
    turn = threading.Lock()

    def deliver(until: int) -> None:
        """One client: posts one card after another until so many are acknowledged or the service is gone."""
        connection = HTTPConnection("127.0.0.1", service.port, timeout=60)
        while True:
            with turn:
                if len(acknowledged) >= until or not waiting:
                    break
                card = waiting.pop()
            try:
                kept = post(connection, card)
            except (OSError, HTTPException):
                with turn:
                    waiting.append(card)
                break
            with turn:
                (acknowledged.add if kept else waiting.append)(card)
        connection.close()

    def round_of_posts(kill_after: int | None) -> None:
        clients = [threading.Thread(target=deliver, args=(POSTS,)) for _ in range(4)]
        for client in clients:
            client.start()
        if kill_after is not None:
            while len(acknowledged) < kill_after and any(client.is_alive() for client in clients):
                clients[0].join(timeout=0.001)
            service.kill()
        for client in clients:
            client.join(timeout=120)

    try:
        for kill_after in KILLED_AFTER:
            round_of_posts(kill_after)
            assert kill_after <= len(acknowledged) < POSTS, "killed in the middle"
            kept = {row.card for row in rows(in_store, feedback)}
            assert acknowledged <= kept
            service.start()
        round_of_posts(None)
    finally:
        service.kill()
    assert acknowledged == cards
    assert sorted(row.card for row in rows(in_store, feedback)) == sorted(cards)
    in_store.close()
