"""No token twice, on SQLite and on PostgreSQL, whoever asks first."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from cds_service import replay
from cds_service.replay import SpentTokens
from cds_service.settings import Store as StoreSettings
from cds_service.store import Store, StoreError
from cds_service.tables import spent_token


@pytest.fixture
def stores(store_url):
    """Four stores on one database, as four workers have them."""
    opened = [Store(StoreSettings(url=store_url)) for _ in range(4)]
    yield opened
    for store in opened:
        store.close()


def kept(store) -> list[sa.Row]:
    with store._work("look", reading=True) as connection:
        return list(connection.execute(sa.select(spent_token)))


def test_seen_the_second_time_by_all(stores):
    memories = [SpentTokens(store) for store in stores]
    expires = time.time() + 300
    assert [memory.seen("iss", "jti", expires) for memory in memories] == [False, True, True, True]
    assert memories[1].seen("another iss", "jti", expires) is False
    assert memories[1].seen("is", "sjti", expires) is False  # not the two words in a row


def test_of_many_at_once_one_is_first(stores):
    """Eight threads over four stores, the same 20 tokens each: each is new once, and 8 x 20 - 20 = 140 times not."""
    memories = [SpentTokens(store) for store in stores] * 2
    barrier = threading.Barrier(len(memories))

    def use(memory: SpentTokens) -> list[bool]:
        barrier.wait()
        return [memory.seen("iss", str(number), time.time() + 300) for number in range(20)]

    with ThreadPoolExecutor(len(memories)) as pool:
        seen = [answer for answers in pool.map(use, memories) for answer in answers]
    assert (seen.count(False), seen.count(True)) == (20, 140)


def test_nothing_of_a_token_can_be_read(stores):
    SpentTokens(stores[0]).seen("https://ehr.example.org", "patient-17", time.time() + 300)
    (row,) = kept(stores[0])
    assert len(row.token) == 64
    assert "ehr" not in str(row) and "17" not in row.token.replace(row.token, "")


def test_what_has_expired_is_forgotten_and_nothing_else(stores):
    """300 s ahead and 200 s ago stay (200 s are within the margin of 300), 400 s ago goes."""
    memory = SpentTokens(stores[0])
    now = time.time()
    memory.seen("iss", "first", now + 300)  # looks for what to forget, and not again for a minute
    memory.seen("iss", "second", now - 200)
    memory.seen("iss", "third", now - 400)
    assert len(kept(stores[0])) == 3
    memory._tidy(datetime.now(UTC) + timedelta(minutes=1) - timedelta(seconds=5))
    assert len(kept(stores[0])) == 3  # 55 s after
    SpentTokens(stores[1])._tidy(datetime.now(UTC))
    assert sorted(round(row.until.timestamp() - now) for row in kept(stores[0])) == [100, 600]  # + 300 s of margin


def test_a_failure_to_tidy_up_refuses_nobody(stores, monkeypatch, caplog):
    def broken(*_):
        raise StoreError("forget spent tokens: OperationalError at execute, line 1")

    monkeypatch.setattr(Store, "forget_spent", broken)
    assert SpentTokens(stores[0]).seen("iss", "jti", time.time() + 300) is False
    assert [record.message for record in caplog.records] == ["store failed"]


def test_a_store_that_is_not_there_is_said(tmp_path):
    store = Store(StoreSettings(url=f"sqlite:///{tmp_path}/none/store.db"))
    with pytest.raises(StoreError):
        replay.SpentTokens(store).seen("iss", "jti", time.time() + 300)
