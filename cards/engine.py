"""Runs the advisories on one chart: gates first, then each rule once, whoever asks for it.

A rule that asks what another said gets that rule's advice of the same run; so precedence between advisories is
written where it is meant, in the rule that gives way.
"""

from __future__ import annotations

from collections.abc import Mapping
from weakref import ref

import msgspec

from cards.advice import Advice, at_most
from cards.advisory import Advisory
from cards.facts.diagnosis import UNKNOWN, states
from cards.situation import Situation
from cards.table import Band, Cells, Table
from cards.words import word
from fhir_mappings.chart import Chart
from fhir_mappings.finding import NOT_RECORDED, Missing

MISSING_LIMIT = "warning"  # clinical document 1.5.6: missing data never make a critical card
HOSPICE_LIMIT = "warning"  # gate G7


class Unevaluated(msgspec.Struct, frozen=True):
    """An advisory that could not be evaluated, and what it did not know."""

    advisory: str
    missing: tuple[Missing, ...]


class Run:
    """One evaluation of one chart in one situation."""

    def __init__(
        self, advisories: Mapping[str, Advisory], tables: Mapping[str, Cells], chart: Chart, situation: Situation
    ) -> None:
        self.advisories = advisories
        self.chart = chart
        self.situation = situation
        self.unevaluated: dict[str, Unevaluated] = {}
        self._advice: dict[str, list[Advice]] = {}
        this = ref(self)  # else a call would leave a circle behind, with the whole chart in it
        situation.attach(lambda name: run.advice(name) if (run := this()) else [], tables)
        self.closed = _closed(chart, situation)
        self.states = frozenset() if self.closed else states(chart, situation)
        chart.unknown = {}

    def advice(self, advisory_id: str) -> list[Advice]:
        """What the advisory says, worked out once; nothing when a gate silences it."""
        if advisory_id not in self._advice:
            self._advice[advisory_id] = []  # an advisory that is switched off, or asks in a circle, says nothing
            if advisory_id in self.advisories:
                self._advice[advisory_id] = self._evaluate(self.advisories[advisory_id])
        return self._advice[advisory_id]

    def _evaluate(self, advisory: Advisory) -> list[Advice]:
        if self.closed:
            return []
        if self.states and (barred := self.states - self._may_speak_under(advisory.table)):
            if barred == {UNKNOWN}:
                why = self.chart.gaps.get("conditions", NOT_RECORDED)
                self.unevaluated[advisory.id] = Unevaluated(
                    advisory.id, (Missing("bone-metastasis", why, key="conditions"),)
                )
            return []
        outer, self.chart.unknown = self.chart.unknown, {}
        advices = [
            self._settled(advice, advisory.table)
            for advice in advisory.rule(self.chart, self.situation, advisory.table)
            if self._speaks(advice.band)
        ]
        unknown, self.chart.unknown = self.chart.unknown, outer
        if unknown and not advices:
            self.unevaluated[advisory.id] = Unevaluated(advisory.id, tuple(unknown.values()))
        return advices

    def _may_speak_under(self, table: Table) -> frozenset[str]:
        allowed = set(table.speaks_when)
        for setting, more in table.speaks_if.items():
            if self.situation.setting(setting):
                allowed.update(more)
        return frozenset(allowed)

    def _settled(self, advice: Advice, table: Table) -> Advice:
        """The advice with its final indicator and, for a suspected lesion, the words that say so (gate G9)."""
        indicator = advice.indicator or advice.band.indicator_for(self.situation.hook)
        if advice.score is not None and not advice.score.complete:
            indicator = at_most(indicator, MISSING_LIMIT)
        if "hospice" in self.states:
            indicator = at_most(indicator, HOSPICE_LIMIT)
        prefix = word("card", "prefix") if table.prefix_suspected and "suspected" in self.states else None
        return msgspec.structs.replace(advice, indicator=indicator, prefix=prefix)

    def _speaks(self, band: Band) -> bool:
        return not band.silent or bool(band.speaks_if and self.situation.setting(band.speaks_if))


def _closed(chart: Chart, situation: Situation) -> str | None:
    """Why nothing at all is said: the patient has died (G1) or is a minor (G2); None when rules may run."""
    person = chart.person
    if person is None:
        return None if situation.setting("assume_adult") else "age unknown"
    if person.deceased:
        return "deceased"
    age = person.age_years(situation.as_of)
    if age is None:
        return None if situation.setting("assume_adult") else "age unknown"
    return "minor" if age.below(situation.setting("adult_years")) else None
