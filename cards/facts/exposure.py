"""Who takes which bone-modifying agent: doses, orders, the last dose, does it go on (data contract 4, ruling 41)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

import msgspec

from cards.facts.diagnosis import diagnosis
from cards.situation import Situation
from fhir_mappings.chart import Chart, derived
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Missing
from fhir_mappings.medications import DrugRecord
from fhir_mappings.ranges import Range

DENOSUMAB = "med-denosumab"
BISPHOSPHONATE = "med-bisphosphonate-any"
BISPHOSPHONATES = (
    "med-zoledronic-acid",
    "med-pamidronate",
    "med-ibandronate",
    "med-clodronate",
    "med-alendronate",
    "med-risedronate",
    "med-incadronate",
)
BONE_MODIFYING = (DENOSUMAB, *BISPHOSPHONATES, BISPHOSPHONATE)

OSTEOPOROSIS_TABLETS = ("med-alendronate", "med-risedronate")  # there is no infusion of them, whatever is written

ACTIVE, STOPPED, UNKNOWN, NEVER = "active", "stopped", "unknown", "never"
ONCOLOGY, OSTEOPOROSIS, OTHER_USE, UNCLEAR = "oncology", "osteoporosis", "gctb-or-hcm", "unclear"

_ENDED = ("stopped", "completed", "cancelled", "ended")


class Course(msgspec.Struct, frozen=True):
    """One drug in one chart.

    ``last``: the record that dates the last dose, by the order of trust (given, dispensed, stated, ordered).
    ``status``: ``active``; ``stopped`` (an order or statement says so and none is active); ``unknown`` (an "active"
    entry whose last dose is too long ago); ``never``. ``doses``: one record for each day a dose is on record.
    ``days``: since the last dose, a range when its date is partial; None when no dose is dated.
    """

    drug: str
    records: tuple[DrugRecord, ...] = ()
    doses: tuple[DrugRecord, ...] = ()
    last: DrugRecord | None = None
    status: str = NEVER
    order_active: bool = False
    documented_stop: bool = False
    days: Range | None = None

    @property
    def ordered_only(self) -> bool:
        """True when only an order dates the last dose: "ordered, administration not confirmed"."""
        return self.last is not None and self.last.record == "ordered"

    @property
    def stop_record(self) -> DrugRecord | None:
        """The order or statement that says the drug was stopped, None when the stop is not documented."""
        ended = [
            record for record in self.records if record.record in ("ordered", "stated") and record.status in _ENDED
        ]
        return ended[-1] if ended and self.documented_stop else None

    @property
    def later_records(self) -> list[str]:
        """Dates of less trusted records (dispensed, stated) of a dose after the last one: to be verified."""
        if self.last is None or self.last.evidence.when is None:
            return []
        last = self.last.evidence.when.last
        later = [record.evidence.when for record in self.doses if record.trust > self.last.trust]
        return [str(when) for when in later if when is not None and when.first > last][-1:]

    @property
    def dose_mg(self) -> Decimal | None:
        """The dose of the newest record that has one."""
        return next((record.dose_mg for record in reversed(self.records) if record.dose_mg is not None), None)

    @property
    def interval_days(self) -> Decimal | None:
        """The interval of the newest order that is still active, else of the newest record that has one."""
        active = [record for record in self.records if record.status == "active"]
        planned = [record.interval_days for record in (*self.records, *active) if record.interval_days is not None]
        return planned[-1] if planned else None


def course(chart: Chart, situation: Situation, drug: str) -> Course:
    """The course of one drug. Topical and eye preparations do not count."""
    records = [record for record in chart.all(DrugRecord, drug) if record.route != "topical"]
    if not records:
        return Course(drug)
    doses = _doses(records)
    last = _last(records)
    order_active = any(record.record in ("ordered", "stated") and record.status == "active" for record in records)
    stop = _documented_stop(records, order_active, last)
    return Course(
        drug=drug,
        records=tuple(records),
        doses=tuple(doses),
        last=last,
        status=_status(drug, records, last, order_active, stop, chart, situation),
        order_active=order_active,
        documented_stop=stop,
        days=last.evidence.when.days_before(chart.as_of) if last and last.evidence.when else None,
    )


@derived
def denosumab(chart: Chart, situation: Situation) -> Course:
    return course(chart, situation, DENOSUMAB)


@derived
def bisphosphonates(chart: Chart, situation: Situation) -> dict[str, Course]:
    """The course of each bisphosphonate on record; one known only by its class is under the class."""
    courses = [course(chart, situation, drug) for drug in BISPHOSPHONATES]
    found = {taken.drug: taken for taken in courses if taken.records}
    unnamed = [record for record in chart.all(DrugRecord, BISPHOSPHONATE) if not record.concepts & set(BISPHOSPHONATES)]
    if unnamed:
        found[BISPHOSPHONATE] = course(chart, situation, BISPHOSPHONATE)
    return found


@derived
def bone_modifying(chart: Chart, situation: Situation) -> list[Course]:
    """Every bone-modifying agent on record, denosumab first."""
    taken = denosumab(chart, situation)
    return ([taken] if taken.records else []) + list(bisphosphonates(chart, situation).values())


def product(chart: Chart, situation: Situation, records: Iterable[DrugRecord]) -> str:
    """Which denosumab these records are: by dose and interval, never by code alone (DENOSUMAB-PRODUCT).

    ``oncology``, ``osteoporosis``, ``gctb-or-hcm`` (giant cell tumour or hypercalcaemia: early repeats are right) or
    ``unclear``: a missing dose, or a dose and interval that do not go together.
    """
    table = situation.table("exposure")
    known = list(records)
    dose, interval = dose_and_interval(known)
    long_interval = interval is not None and interval >= table.number("osteoporosis_interval")
    if dose == table.number("oncology_mg") and not long_interval:
        return OTHER_USE if _other_use(chart, known) else ONCOLOGY
    if dose == table.number("osteoporosis_mg") and (interval is None or long_interval):
        return UNCLEAR if diagnosis(chart).confirmed else OSTEOPOROSIS
    return UNCLEAR


def which_denosumab(chart: Chart, situation: Situation, drafts: Sequence[DrugRecord] = ()) -> str:
    """Which denosumab is on record, judged together with what is drafted (see ``product``)."""
    if not drafts:
        return _denosumab_on_record(chart, situation)
    return product(chart, situation, [*denosumab(chart, situation).records, *drafts])


def dose_and_interval(records: Sequence[DrugRecord]) -> tuple[Decimal | None, Decimal | None]:
    """The newest dose in mg and the newest interval in days that goes with it, not one of another product's dose."""
    dose = next((record.dose_mg for record in reversed(records) if record.dose_mg is not None), None)
    same = [record for record in records if record.dose_mg in (None, dose)]
    return dose, next((record.interval_days for record in reversed(same) if record.interval_days is not None), None)


def unseen_doses(chart: Chart, course: Course) -> list[Missing]:
    """What may hold a later dose, when the last one was not seen given and part of the drugs could not be had."""
    gap = chart.gap(DrugRecord)
    if gap is None or course.last is None or course.last.record == "given":
        return []
    return [Missing(course.drug, gap)]


def tablets(drug: str, records: Iterable[DrugRecord]) -> bool:
    """True when the drug is taken by mouth: then its status and period say whether it is taken (ruling 41)."""
    return all(record.route == "oral" or (record.route is None and drug in OSTEOPOROSIS_TABLETS) for record in records)


def last_bone_modifying(chart: Chart, situation: Situation) -> Course | None:
    """The agent whose last dose is the most recent, None when none is on record."""
    dated = [taken for taken in bone_modifying(chart, situation) if taken.last is not None]
    return max(dated, key=lambda taken: taken.last.order if taken.last else (), default=None)


@derived
def _denosumab_on_record(chart: Chart, situation: Situation) -> str:
    return product(chart, situation, denosumab(chart, situation).records)


def _other_use(chart: Chart, records: list[DrugRecord]) -> bool:
    reasons = {reason for record in records for reason in record.reasons}
    if reasons & {"giant-cell-tumour-of-bone", "hypercalcaemia"}:
        return True
    return any(problem.present for problem in chart.all(Problem, "giant-cell-tumour-of-bone"))


def _doses(records: list[DrugRecord]) -> list[DrugRecord]:
    """One record a day, the most trusted: copies of one dose in several resources are one dose."""
    by_day: dict[date, DrugRecord] = {}
    for record in records:
        when = record.evidence.when
        if when is None or record.record == "ordered":
            continue
        if when.first not in by_day or record.trust < by_day[when.first].trust:
            by_day[when.first] = record
    return [by_day[day] for day in sorted(by_day)]


def _last(records: list[DrugRecord]) -> DrugRecord | None:
    dated = [record for record in records if record.evidence.when is not None]
    if not dated:
        return None
    trusted = min(record.trust for record in dated)
    return [record for record in dated if record.trust == trusted][-1]


def _documented_stop(records: list[DrugRecord], order_active: bool, last: DrugRecord | None) -> bool:
    """An order or statement says the drug was stopped, none is active, and no dose follows a dated stop."""
    if order_active:
        return False
    ended = [record for record in records if record.record in ("ordered", "stated") and record.status in _ENDED]
    given_after = [
        record
        for record in ended
        if record.stop and last and last.evidence.when and last.evidence.when.first > record.stop.last
    ]
    return len(ended) > len(given_after)


def _status(
    drug: str,
    records: list[DrugRecord],
    last: DrugRecord | None,
    order_active: bool,
    stopped: bool,
    chart: Chart,
    situation: Situation,
) -> str:
    table = situation.table("exposure")
    since = last.evidence.when.days_before(chart.as_of) if last and last.evidence.when else None
    if order_active:
        if tablets(drug, records):
            return ACTIVE if _within_period(records, chart.as_of) else UNKNOWN
        # An order written since the last dose has no dose of its own yet: its own date counts.
        dosed = [last] if last and last.record != "ordered" else []
        dates = [record.evidence.when for record in (*dosed, *_active(records)) if record.evidence.when]
        recent = any(when.days_before(chart.as_of).at_most(table.number("order_active")) for when in dates)
        return ACTIVE if recent else UNKNOWN
    if stopped:
        return STOPPED
    if since is not None and since.at_most(table.number("dose_active")):
        return ACTIVE
    return UNKNOWN


def _within_period(records: list[DrugRecord], day: date) -> bool:
    return any(record.stop is None or record.stop.last >= day for record in _active(records))


def _active(records: Iterable[DrugRecord]) -> list[DrugRecord]:
    return [record for record in records if record.status == "active"]
