"""A score that knows its lowest and highest possible total.

With every item known both are the same number. A missing item, or one known only within options (a femur without a
part), widens the range; nothing is ever scored as zero because it is missing (clinical document 1.5).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from cards.text import Text
from fhir_mappings.finding import Missing
from fhir_mappings.ranges import Range


class Option(Text, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One row of a score's table."""

    points: int


class ScoreItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One item of a score with its options. ``input``: the name of the finding that answers it."""

    source: str
    label: Text
    options: dict[str, Option]
    input: str = ""


class Scored(msgspec.Struct, frozen=True):
    """One item as it was scored; ``option`` is None when it is missing or undecided."""

    item: str
    low: int
    high: int
    option: str | None = None


class Score(msgspec.Struct, frozen=True):
    """A total from ``low`` to ``high`` and how it came about; ``missing`` are the items that were not known.

    ``recorded``: the total someone wrote down, when it stands for items that are not known.
    """

    items: tuple[Scored, ...]
    missing: tuple[Missing, ...] = ()
    recorded: int | None = None

    @classmethod
    def of_recorded(cls, total: Range) -> Score:
        """A total that was written down without its items. Raises ValueError for one not known exactly."""
        return cls((), recorded=int(total.value))

    @property
    def low(self) -> int:
        return sum(item.low for item in self.items) if self.recorded is None else self.recorded

    @property
    def high(self) -> int:
        return sum(item.high for item in self.items) if self.recorded is None else self.recorded

    @property
    def complete(self) -> bool:
        return not self.missing

    @property
    def total(self) -> Range:
        return Range.of(self.low, self.high)

    @property
    def anything_known(self) -> bool:
        return any(item.option for item in self.items)


def score(table: Mapping[str, ScoreItem], answers: Mapping[str, Any]) -> Score:
    """Scores ``answers`` (item -> option name, set of possible option names, or Missing) by ``table``.

    Raises KeyError for an item or option the table does not have: a defect in the rule, not in the chart.
    """
    scored, missing = [], []
    for name, item in table.items():
        answer = answers[name]
        possible = _possible(item, answer)
        points = [item.options[option].points for option in possible]
        decided = next(iter(possible)) if len(possible) == 1 else None
        scored.append(Scored(name, min(points), max(points), decided))
        if decided is None:
            missing.append(answer if isinstance(answer, Missing) else Missing(item.input or name))
    return Score(tuple(scored), tuple(missing))


def _possible(item: ScoreItem, answer: Any) -> tuple[str, ...]:
    if isinstance(answer, str):
        return (answer,)
    if isinstance(answer, Missing) or answer is None:
        return tuple(item.options)
    return tuple(sorted(answer))
