"""An advisory: a rule beside its table, the hooks it may speak at, what it reads and whom it asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from cards.advice import Advice
from cards.table import Table
from cards.text import Text
from fhir_mappings.chart import Chart
from fhir_mappings.finding import Finding

if TYPE_CHECKING:
    from cards.situation import Situation

PATIENT_VIEW = "patient-view"
ORDER_SELECT = "order-select"
ORDER_SIGN = "order-sign"
ENCOUNTER_DISCHARGE = "encounter-discharge"
APPOINTMENT_BOOK = "appointment-book"
HOOKS = (PATIENT_VIEW, ORDER_SELECT, ORDER_SIGN, ENCOUNTER_DISCHARGE, APPOINTMENT_BOOK)

Advices = Iterator[Advice]
Rule = Callable[[Chart, "Situation", Table], Advices]


class Advisory(msgspec.Struct, frozen=True, eq=False):
    """A rule and its table. ``id`` is the card's topic code: the file stem in kebab-case.

    Two are equal only when they are the same one: each is read once, and what its cards share is kept by it.
    """

    id: str
    theme: str
    hooks: tuple[str, ...]
    reads: tuple[type[Finding], ...]
    asks: tuple[str, ...]
    rule: Rule
    table: Table

    @property
    def title(self) -> Text:
        return self.table.title


class Mark(msgspec.Struct, frozen=True):
    """What the decorator notes on a rule."""

    hooks: tuple[str, ...]
    reads: tuple[type[Finding], ...]
    asks: tuple[str, ...]


def advisory(
    *, hooks: Sequence[str], reads: Sequence[type[Finding]], asks: Sequence[str] = ()
) -> Callable[[Rule], Rule]:
    """Marks the rule of the advisory that its file is named after.

    ``hooks``: where it may speak. ``reads``: the kinds of finding it looks at, from which the prefetch is derived.
    ``asks``: ids of the advisories it consults with ``situation.said``.
    """

    def mark(rule: Rule) -> Rule:
        rule.mark = Mark(tuple(hooks), tuple(reads), tuple(asks))  # type: ignore[attr-defined]
        return rule

    return mark
