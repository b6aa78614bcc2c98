"""What is kept: cards shown, what became of them, and tokens used. SQLite on one machine, PostgreSQL for several.

Nothing of a patient is in it: no id, no value, no text a user typed. A keyed hash (``suppression``) tells a repeat.

Feedback is acknowledged only once it is safe: a commit that reaches the disk. The rows that calls write and read are
worth less than the call: cards shown are recorded a moment later (``recording``), and both are quick: they wait for no
disk, hardly for another writer, and after a failure the store is left alone for a while.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from functools import wraps
from time import monotonic
from typing import Any, ParamSpec, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from cds_service import metrics
from cds_service.databases import address, bring_up_to_date, engine_of
from cds_service.faults import where
from cds_service.recording import Recorder
from cds_service.settings import Store as StoreSettings
from cds_service.tables import (
    ADD_FEEDBACK,
    ADD_SHOWN,
    LAST_SHOWN,
    OF_OVERRIDES,
    SPEND,
    card_shown,
    feedback,
    spent_token,
)

ACCEPTED, OVERRIDDEN = "accepted", "overridden"

_REST_S = 5.0  # how long calls leave a store alone that failed
_ANSWER_S = {True: 0.5, False: 6.0}  # what a quick statement, and any other, waits for a PostgreSQL that is silent
_THREADS = 8  # that wait for PostgreSQL; a stopped one holds no more of them than this

_log = logging.getLogger("osteohooks")
P = ParamSpec("P")
T = TypeVar("T")


class StoreError(Exception):
    """The store could not do it. The message names what failed and no value."""


def failed(doing: str, error: StoreError) -> None:
    """A store failure that nobody has to wait for: told to those who run the service."""
    metrics.store_failures.labels(doing).inc()
    _log.warning("store failed", extra={"doing": doing, "why": str(error)})


def in_time(*, quick: bool) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """A method of the store that raises StoreError when PostgreSQL does not answer.

    Its own timeouts are of no use when it is stopped, or waits for its disk: the line is open and nothing comes.
    """

    def limited(work: Callable[P, T]) -> Callable[P, T]:
        @wraps(work)
        def run(*args: P.args, **kwargs: P.kwargs) -> T:
            store: Any = args[0]
            return store.wait(work.__name__, quick, lambda: work(*args, **kwargs))

        return run

    return limited


class ShownRow(msgspec.Struct, frozen=True):
    """One row of ``card_shown``."""

    card: str
    advisory: str
    version: str
    band: str
    indicator: str
    service: str
    hook_instance: str
    shown_at: datetime
    occasion: str
    fingerprint: str


class FeedbackEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one card, as the client tells it. ``entry`` names these words: the same words, the same name."""

    card: str
    entry: str
    outcome: str
    outcome_at: datetime
    suggestions: list[str] = []
    reason_system: str | None = None
    reason_code: str | None = None
    commented: bool = False


class OverrideRow(msgspec.Struct, frozen=True):
    """A card whose last word was an override. ``at``: when, by the earlier of the client's clock and ours."""

    fingerprint: str
    indicator: str
    at: datetime


class Tally(msgspec.Struct):
    """One advisory's cards: how many were shown, and what became of them."""

    advisory: str
    shown: int = 0
    accepted: int = 0
    overridden: int = 0
    reasons: dict[str, int] = msgspec.field(default_factory=dict)


class Store:
    """The store of one process. Opened at first use, so after a fork, and brought up to date then."""

    def __init__(self, settings: StoreSettings) -> None:
        """Raises SettingsError for an address that is none of a store."""
        self.url = address(settings)
        self._backend = self.url.get_backend_name()
        self._engine: sa.Engine | None = None
        self._opening = threading.Lock()
        self._kept = threading.local()
        self._resting_until = 0.0
        self._threads = ThreadPoolExecutor(_THREADS, "store")
        self._recorder = Recorder(self._record)

    @property
    def is_file(self) -> bool:
        """True for SQLite: one machine, one file."""
        return self._backend == "sqlite"

    def prepare(self) -> None:
        """Opens the store and brings it up to date. Raises StoreError."""
        with self._work("open", reading=True):
            pass

    def reachable(self) -> bool:
        try:
            self.ask()
        except StoreError:
            return False
        return True

    @in_time(quick=False)
    def ask(self) -> None:
        """Anything at all. Raises StoreError."""
        with self._work("ask", reading=True) as connection:
            connection.execute(sa.select(1))

    def wait(self, doing: str, quick: bool, work: Callable[[], T]) -> T:
        """What the work gives. Raises StoreError when it does not come (``in_time``); a file always answers."""
        if self.is_file:
            return work()
        if quick:
            self._check_rested(doing)
        try:
            return self._threads.submit(work).result(_ANSWER_S[quick])
        except TimeoutError:
            self._resting_until = monotonic() + _REST_S
            raise StoreError(f"{doing}: no answer") from None

    def close(self) -> None:
        self._recorder.settle()
        self._kept = threading.local()  # what threads kept goes back to the pool
        with self._opening:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None

    def record(self, rows: Sequence[ShownRow]) -> None:
        """Records cards within a fraction of a second. A failure is logged and counted; nobody waits to hear of it."""
        if not self._recorder.add(rows):
            failed("record", StoreError("record: too many cards are waiting for the store"))

    def _record(self, rows: list[ShownRow]) -> None:
        try:
            self.save_shown(rows)
        except StoreError as error:
            failed("record", error)

    def save_shown(self, rows: Iterable[ShownRow]) -> None:
        """Records cards now; one that is recorded already stays as it was. Quick. Raises StoreError.

        Waits for a silent PostgreSQL as long as it is silent: it is the recorder's thread that does.
        """
        if values := [msgspec.structs.asdict(row) for row in rows]:
            with self._work("record cards", quick=True) as connection:
                connection.execute(ADD_SHOWN[self._backend], values)

    @in_time(quick=False)
    def save_feedback(self, service: str, entries: Sequence[FeedbackEntry], received_at: datetime) -> set[str]:
        """Keeps feedback for good; gives the cards that were never shown, kept all the same. Raises StoreError."""
        self._recorder.settle()
        of_the_card = ("advisory", "version", "indicator", "hook_instance", "fingerprint")
        columns = [card_shown.c.card, *(card_shown.c[name] for name in of_the_card)]
        asked = sa.select(*columns).where(card_shown.c.card.in_([entry.card for entry in entries]))
        with self._work("keep feedback") as connection:
            known = {row["card"]: row for row in connection.execute(asked).mappings()}
            values = [
                msgspec.structs.asdict(entry)
                | {"service": service, "received_at": received_at}
                | {name: known[entry.card][name] if entry.card in known else None for name in of_the_card}
                for entry in entries
            ]
            connection.execute(ADD_FEEDBACK[self._backend], values)
        return {entry.card for entry in entries} - known.keys()

    @in_time(quick=True)
    def overrides(self, fingerprints: Sequence[str], since: datetime) -> list[OverrideRow]:
        """The overrides since then of cards with these fingerprints, unless the user thought again. Quick.

        Raises StoreError.
        """
        if self.is_file and not self._told_of(fingerprints):
            return []
        with self._work("recall overrides", reading=True, quick=True) as connection:
            found = connection.execute(OF_OVERRIDES, {"fingerprints": list(fingerprints), "since": since})
            last = {row.card: row for row in found}
        return [
            OverrideRow(row.fingerprint, row.indicator, min(row.outcome_at, row.received_at))
            for row in last.values()
            if row.outcome == OVERRIDDEN
        ]

    def _told_of(self, fingerprints: Sequence[str]) -> bool:
        """Whether there is any feedback on these.

        Nearly always there is none, and SQLite's own driver says so ten times as fast as SQLAlchemy.
        """
        marks = ", ".join("?" * len(fingerprints))
        asked = f"SELECT 1 FROM feedback WHERE fingerprint IN ({marks}) LIMIT 1"
        with self._failing("recall overrides", quick=True):
            return self._line().execute(asked, fingerprints).fetchone() is not None

    def _line(self) -> Any:
        """A connection that the thread keeps: taking one from the pool takes longer than the answer does."""
        if not hasattr(self._kept, "line"):
            self._kept.line = self._opened().raw_connection()
        return self._kept.line

    @in_time(quick=True)
    def last_shown(self, occasions: Sequence[str], *, before: str) -> dict[tuple[str, str], datetime]:
        """When a card of these occasions was last shown in another call than ``before`` (its hook instance).

        By occasion and fingerprint. Quick. Raises StoreError.
        """
        self._recorder.settle()
        with self._work("recall cards", reading=True, quick=True) as connection:
            found = connection.execute(LAST_SHOWN, {"occasions": list(occasions), "before": before})
            return {(occasion, fingerprint): at for occasion, fingerprint, at in found}

    @in_time(quick=False)
    def spend(self, token: str, until: datetime) -> bool:
        """Records that a token was used; True the first time, whichever worker or machine asks. Raises StoreError.

        Not quick: whoever is in doubt refuses the caller, so a busy store is waited for and not left alone.
        """
        with self._work("spend a token") as connection:
            return connection.scalar(SPEND[self._backend], {"token": token, "until": until}) is not None

    @in_time(quick=False)
    def forget_spent(self, before: datetime) -> None:
        """Forgets the tokens that were to be known until ``before`` at the latest. Raises StoreError."""
        with self._work("forget spent tokens") as connection:
            connection.execute(sa.delete(spent_token).where(spent_token.c.until < before))

    def tallies(self) -> tuple[list[Tally], int]:
        """What became of the cards of each advisory, and how many cards with feedback were none of ours.

        Of a card with several feedbacks the last counts. Raises StoreError.
        """
        shown = sa.select(card_shown.c.advisory, sa.func.count()).group_by(card_shown.c.advisory)
        told = sa.select(feedback.c.card, feedback.c.advisory, feedback.c.outcome, feedback.c.reason_code)
        with self._work("report", reading=True) as connection:
            counts = {advisory: count for advisory, count in connection.execute(shown)}
            ordered = told.order_by(feedback.c.outcome_at, feedback.c.received_at)
            last = {row.card: row for row in connection.execute(ordered)}
        tallies = {advisory: Tally(advisory, count) for advisory, count in counts.items()}
        reasons: dict[str, Counter[str]] = {}
        for row in (row for row in last.values() if row.advisory is not None):
            tally = tallies.setdefault(row.advisory, Tally(row.advisory))
            if row.outcome == ACCEPTED:
                tally.accepted += 1
            else:
                tally.overridden += 1
                reasons.setdefault(row.advisory, Counter())[row.reason_code or ""] += 1
        for advisory, counted in reasons.items():
            tallies[advisory].reasons = dict(counted.most_common())
        return sorted(tallies.values(), key=lambda tally: tally.advisory), sum(
            row.advisory is None for row in last.values()
        )

    @contextmanager
    def _work(self, doing: str, *, reading: bool = False, quick: bool = False) -> Iterator[sa.Connection]:
        """One transaction. Raises StoreError; for quick work also while the store is left alone."""
        with self._failing(doing, quick=quick), self._opened().connect() as raw:
            connection = raw.execution_options(reading=reading, quick=quick)
            with connection.begin():
                yield connection

    @contextmanager
    def _failing(self, doing: str, *, quick: bool) -> Iterator[None]:
        if quick:
            self._check_rested(doing)
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            if quick:
                self._resting_until = monotonic() + _REST_S
            cause = getattr(error, "orig", None) or error
            raise StoreError(f"{doing}: {where(cause)}") from None

    def _check_rested(self, doing: str) -> None:
        if monotonic() < self._resting_until:
            raise StoreError(f"{doing}: the store failed a moment ago")

    def _opened(self) -> sa.Engine:
        with self._opening:
            if self._engine is None:
                engine = engine_of(self.url)
                try:
                    bring_up_to_date(engine)
                except BaseException:
                    engine.dispose()
                    raise
                self._engine = engine
            return self._engine
