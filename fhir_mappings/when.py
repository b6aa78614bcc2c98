"""When something happened, as precisely as it was written and no more.

FHIR dates may be a year, a month, a day or an instant. A partial date is an interval of days; a rule that gives
the same answer on every day of it may speak, any other says ``date not precise`` (data contract 1.6).
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime

import msgspec

from fhir_mappings.ranges import Range

_PARTIAL = re.compile(r"(\d{4})(?:-(\d{2}))?$")
_FIRST_INSTANT = datetime.min.replace(tzinfo=UTC)


class When(msgspec.Struct, frozen=True):
    """The days a FHIR date may mean: ``first`` to ``last``, one day when it is precise.

    ``text`` is the date as written. ``instant`` is set when a time of day was given (taken as UTC where the zone is
    missing). A dateTime counts as the calendar day it is written with (ruling 52).
    """

    text: str
    first: date
    last: date
    instant: datetime | None = None

    @property
    def precise(self) -> bool:
        return self.first == self.last

    @property
    def order(self) -> tuple[date, datetime]:
        """Sort key: later days are greater; on one day a timed value is greater than an untimed one."""
        return (self.last, self.instant or _FIRST_INSTANT)

    def days_before(self, day: date) -> Range:
        """Whole days from this date to ``day`` (negative when it lies after), as a range when the date is partial."""
        return Range.of((day - self.last).days, (day - self.first).days)

    def __str__(self) -> str:
        return self.text[:10]


def read_when(text: str | None) -> When | None:
    """A FHIR date, dateTime or instant as ``When``; None when it is absent or not a date.

    Lenient where real systems are: a missing zone or missing seconds is accepted.
    """
    if not text:
        return None
    try:
        if len(text) == 10:
            day = date.fromisoformat(text)
            return When(text, day, day)
        if partial := _PARTIAL.match(text):
            return _partial(text, int(partial[1]), int(partial[2]) if partial[2] else None)
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return When(text, moment.date(), moment.date(), moment.replace(tzinfo=UTC))
    return When(text, moment.date(), moment.date(), moment)


def read_period(start: str | None, end: str | None, *, as_of: date) -> When | None:
    """The day a period counts as: its end, or its start while the end is open or still ahead (data contract 1.6)."""
    ended = read_when(end)
    return ended if ended and ended.first <= as_of else read_when(start)


def on_day(day: date) -> When:
    """A whole day as ``When``."""
    return When(day.isoformat(), day, day)


def _partial(text: str, year: int, month: int | None) -> When:
    if month is None:
        return When(text, date(year, 1, 1), date(year, 12, 31))
    return When(text, date(year, month, 1), date(year, month, monthrange(year, month)[1]))
