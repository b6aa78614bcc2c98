"""The chart: the findings of one patient as of one day, and what could not be known.

A rule asks the chart; the chart answers with findings or with a ``Missing`` that says why. Every question whose answer
is unknown (rather than absent) is noted in ``unknown``, so that an advisory that stays silent because it could not
know is told apart from one that had nothing to say.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date
from functools import wraps
from operator import attrgetter
from typing import Any, Concatenate, ParamSpec, TypeVar

from fhir_mappings.finding import DATE_NOT_PRECISE, NOT_RECORDED, TOO_OLD, Finding, Missing, Why
from fhir_mappings.finding import Skipped as Skipped
from fhir_mappings.patient import Person

F = TypeVar("F", bound=Finding)
T = TypeVar("T")
P = ParamSpec("P")


class Chart:
    """Findings by kind and name. ``gaps``: for each prefetch key that is not complete, why."""

    def __init__(
        self,
        findings: Iterable[Finding],
        *,
        as_of: date,
        gaps: dict[str, Why] | None = None,
        skipped: Iterable[Skipped] = (),
    ) -> None:
        self.as_of = as_of
        self.gaps = gaps or {}
        self.skipped = tuple(skipped)
        self.unknown: dict[str, Missing] = {}
        self.facts: dict[Callable[..., Any], tuple[Any, dict[str, Missing]]] = {}
        self._unread = {name: skip for skip in self.skipped for name in skip.names}
        self._by_kind: dict[type, list[Any]] = defaultdict(list)
        self._by_name: dict[tuple[type, str], list[Any]] = defaultdict(list)
        for finding in findings:
            self._by_kind[type(finding)].append(finding)
        for kind, found in self._by_kind.items():
            if len(found) > 1:
                found.sort(key=attrgetter("order"))
            for finding in found:
                for name in finding.names:
                    self._by_name[kind, name].append(finding)

    @property
    def findings(self) -> list[Finding]:
        """Every finding, kind by kind, oldest first within a kind."""
        return [finding for found in self._by_kind.values() for finding in found]

    @property
    def person(self) -> Person | None:
        people = self._by_kind.get(Person)
        return people[-1] if people else None

    def all(self, kind: type[F], name: str | None = None, *, within_days: int | None = None) -> list[F]:
        """Every such finding, oldest first; with ``within_days`` only those surely that recent."""
        found: list[F] = self._by_kind.get(kind, []) if name is None else self._by_name.get((kind, name), [])
        if self.gaps:
            self._note_gap(kind, name)
        if within_days is None:
            return list(found)
        return [finding for finding in found if self._recent(finding, within_days) is True]

    def any(self, kind: type[F], *names: str) -> list[F]:
        """Every finding with any of the names, each once, oldest first."""
        if self.gaps:
            self._note_gap(kind, names[0] if names else None)
        named = {id(finding) for name in names for finding in self._by_name.get((kind, name), ())}
        return [finding for finding in self._by_kind.get(kind, ()) if id(finding) in named]

    def latest(self, kind: type[F], name: str, *, within_days: int | None = None) -> F | Missing:
        """The newest such finding, or a ``Missing`` that says why there is none."""
        found: list[F] = self._by_name.get((kind, name), [])
        if not found:
            return self._missing(kind, name)
        newest = found[-1]
        if within_days is None:
            return newest
        recent = self._recent(newest, within_days)
        if recent:
            return newest
        return self._noted(Missing(name, DATE_NOT_PRECISE if recent is None else TOO_OLD, newest.evidence.reference))

    def lacks(self, kind: type[F], *names: str, within_days: int | None = None) -> bool:
        """True only when it is known that there is no such finding: unknown is not no (ruling 40)."""
        return all(self._lacks(kind, name, within_days) for name in names or (None,))

    def gap(self, kind: type[F]) -> Why | None:
        """Why the absence of such findings cannot be known, None when it can."""
        key = self._gap_key(kind)
        return self.gaps[key] if key else None

    def derive(self, fact: Callable[..., T], context: tuple[Any, ...]) -> tuple[T, dict[str, Missing]]:
        """A fact worked out from the chart and remembered, with what it could not know.

        ``context`` (the situation) is the same at every use of one chart.
        """
        outer, self.unknown = self.unknown, {}
        answer = fact(self, *context)
        self.facts[fact], self.unknown = (answer, self.unknown), outer
        return self.facts[fact]

    def _lacks(self, kind: type[F], name: str | None, within_days: int | None) -> bool:
        found: list[F] = self._by_kind.get(kind, []) if name is None else self._by_name.get((kind, name), [])
        if within_days is None:
            if found:
                return False
        elif any(self._recent(finding, within_days) is not False for finding in found):
            return False
        return self._missing(kind, name or kind.__name__.lower()).known_absent

    def _missing(self, kind: type[F], name: str) -> Missing:
        if (skip := self._unread.get(name)) is not None:
            return self._noted(Missing(name, skip.why, skip.reference))
        key = self._gap_key(kind)
        return self._noted(Missing(name, self.gaps[key], key=key) if key else Missing(name, NOT_RECORDED))

    def _note_gap(self, kind: type[F], name: str | None) -> None:
        if (key := self._gap_key(kind)) is not None:
            self._noted(Missing(name or kind.__name__.lower(), self.gaps[key], key=key))

    def _gap_key(self, kind: type[F]) -> str | None:
        return next((key for key in kind.keys if key in self.gaps), None) if self.gaps else None

    def _noted(self, missing: Missing) -> Missing:
        if not missing.known_absent:
            self.unknown[missing.name] = missing
        return missing

    def _recent(self, finding: Finding, within_days: int) -> bool | None:
        when = finding.evidence.when
        return None if when is None else when.days_before(self.as_of).at_most(within_days)


def derived(fact: Callable[Concatenate[Chart, P], T]) -> Callable[Concatenate[Chart, P], T]:
    """Marks a function of the chart (and the situation) as a fact that is worked out once a chart.

    What it could not know is noted at every use.
    """

    @wraps(fact)
    def ask(chart: Chart, *context: P.args, **_: P.kwargs) -> T:
        answer, unknown = chart.facts.get(fact) or chart.derive(fact, context)
        if unknown:
            chart.unknown.update(unknown)
        return answer

    return ask
