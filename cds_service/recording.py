"""Rows that are written a moment later, by a thread of their own, so that no answer waits for the store."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

Row = TypeVar("Row")

MOST = 10_000  # rows that may wait: what a minute of full load makes
_GATHER_S = 0.05  # how long rows are gathered: one transaction for all of them costs about as much as for one
_SETTLE_S = 0.25


class Recorder(Generic[Row]):
    """Writes rows in batches, in the order they came. ``write`` takes a batch and must not raise.

    The thread starts with the first row, so after a fork. What waits when the process ends in an orderly way is written
    before it does (``ThreadPoolExecutor`` finishes what it has begun).
    """

    def __init__(self, write: Callable[[list[Row]], None]) -> None:
        self._write = write
        self._waiting: list[Row] = []
        self._added = self._written = 0
        self._busy = False
        self._changed = threading.Condition()
        self._hurry = threading.Event()
        self._thread = ThreadPoolExecutor(1, "recorder")

    def add(self, rows: Sequence[Row]) -> bool:
        """Takes rows to be written soon; False when too many are waiting, and these are not taken."""
        with self._changed:
            if len(self._waiting) + len(rows) > MOST:
                return False
            self._waiting += rows
            self._added += len(rows)
            if rows and not self._busy:
                self._busy = True
                self._thread.submit(self._run)
        return True

    def settle(self) -> None:
        """Waits until what was added before is written, a quarter of a second at most."""
        with self._changed:
            if self._written < self._added:
                wanted = self._added
                self._hurry.set()
                self._changed.wait_for(lambda: self._written >= wanted, _SETTLE_S)

    def _run(self) -> None:
        while rows := self._gathered():
            try:
                self._write(rows)
            finally:
                with self._changed:
                    self._written += len(rows)
                    self._changed.notify_all()

    def _gathered(self) -> list[Row]:
        self._hurry.wait(_GATHER_S)
        with self._changed:
            self._hurry.clear()
            rows, self._waiting = self._waiting, []
            self._busy = bool(rows)
            return rows
