"""What was said before: an advisory that was overridden, or that needs saying once, is not said again every time.

The clinical document (section 8) asks for limits against alert fatigue. What an advisory may repeat stands in its table
(``repeat`` of a band); how long an override holds is a setting. Who remembers, and how, is the service's business: here
is only what a memory must be able to tell. Without one (ruling 51: ``evaluate``, examples) everything is said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Protocol

import msgspec

from cards.advice import INDICATOR_ORDER, Advice, severity

OVERRIDDEN = "overridden"
SAID_BEFORE = "said before"
AFTER_OVERRIDE = "repeat_after_override_days"
AFTER_CRITICAL_OVERRIDE = "repeat_after_critical_override_hours"


class Repeat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often a band may be said. ``hooks``: where ``days`` and ``once`` hold, everywhere when it names none.

    ``always``: every time, even after an override. ``days``: at most once in so many days, whatever the inputs.
    ``once``: not again on the same inputs.
    """

    always: bool = False
    days: int | None = None
    once: bool = False
    hooks: list[str] = msgspec.field(default_factory=list)


class Said(msgspec.Struct, frozen=True):
    """What an advisory says in one call. ``inputs`` is in clear: a memory keeps no more of it than a keyed hash.

    ``limited``: its band limits how often it is said, so a memory must look for when it was.
    """

    advisory: str
    band: str
    indicator: str
    inputs: str
    limited: bool = False


class Override(msgspec.Struct, frozen=True):
    """A card with the same advice on the same inputs was overridden: at which indicator, and how long ago."""

    indicator: str
    age: timedelta


class Past(msgspec.Struct, frozen=True):
    """What is remembered of one Said, of this patient and other calls.

    ``overrides`` and ``said_same`` are about the same inputs, ``said`` about any; None: not said, or not limited.
    """

    overrides: Sequence[Override] = ()
    said: timedelta | None = None
    said_same: timedelta | None = None


class Memory(Protocol):
    """Knows what was said about one patient before this call."""

    def recall(self, said: Sequence[Said]) -> Sequence[Past]:
        """What is remembered of each, in the same order. Never raises: who cannot remember says that nothing was."""
        ...


def said(advisory: str, advices: Sequence[Advice]) -> Said:
    """What the one card of an advisory's advices says: the band of the worst, the inputs of all."""
    worst = min(advices, key=severity)
    inputs = sorted(_inputs(advice) for advice in advices)
    repeat: Repeat = worst.band.repeat
    limited = repeat.once or repeat.days is not None
    return Said(advisory, worst.name, worst.indicator or "info", "\n".join(inputs), limited)


def silenced(said: Said, repeat: Repeat, past: Past, *, hook: str, setting: Callable[[str], Any]) -> str | None:
    """Why it is not said again, None when it is."""
    if repeat.always:
        return None
    if any(
        _no_milder(override.indicator, said.indicator) and override.age < _held(said.indicator, setting)
        for override in past.overrides
    ):
        return OVERRIDDEN
    if repeat.hooks and hook not in repeat.hooks:
        return None
    recently = repeat.days is not None and past.said is not None and past.said < timedelta(days=repeat.days)
    return SAID_BEFORE if recently or (repeat.once and past.said_same is not None) else None


def _held(indicator: str, setting: Callable[[str], Any]) -> timedelta:
    """How long an override holds."""
    if indicator == "critical":
        return timedelta(hours=int(setting(AFTER_CRITICAL_OVERRIDE)))
    return timedelta(days=int(setting(AFTER_OVERRIDE)))


def _no_milder(overridden: str, now: str) -> bool:
    """Whoever waved away an information has not yet waved away a warning."""
    return INDICATOR_ORDER[overridden] <= INDICATOR_ORDER[now]


def _inputs(advice: Advice) -> str:
    """Everything one advice rests on, in one line; a new value, date or record makes another line."""
    used = sorted(
        f"{finding.name}={finding.shown} {finding.evidence.when or ''} {finding.evidence.reference}"
        for finding in advice.used
    )
    lacking = sorted(miss.name for miss in advice.missing)
    return "; ".join([advice.name, advice.about or "", *used, "without", *lacking])
