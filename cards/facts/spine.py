"""The spine: which lesions lie in it, what was done to a level and when, and what is ordered for it."""

from __future__ import annotations

from cards.facts.radiotherapy import may_cover
from cards.situation import Situation
from fhir_mappings.chart import Chart, derived
from fhir_mappings.conditions import Problem
from fhir_mappings.lesions import Item, Lesion
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.sites import Site
from fhir_mappings.when import When

SURGERY = ("proc-spine-surgery",)
AUGMENTATION = ("proc-vertebroplasty", "proc-kyphoplasty")
RADIOTHERAPY = ("proc-radiotherapy", "proc-stereotactic-radiosurgery")
TREATMENT = (*SURGERY, *AUGMENTATION, *RADIOTHERAPY)
DONE = ("done", "fulfilled")
EN_BLOC = ("proc-en-bloc-spondylectomy",)
CONSULT = ("spine-surgery-consult",)

EMERGENCY_BANDS = frozenset({"emergency", "emergency-at-level", "compression"})
"""The bands of ``spine-emergency`` that stand in for what other advisories would say of a level (ruling 8)."""


def in_spine(site: Site) -> bool:
    """A vertebra, the sacrum, or the spine without a level."""
    return site.region == "spine" or site.level is not None


@derived
def spine_lesions(chart: Chart) -> list[Lesion]:
    """Every lesion panel that lies in the spine."""
    return [lesion for lesion in chart.all(Lesion) if in_spine(lesion.site)]


@derived
def spine_disease(chart: Chart) -> Lesion | Problem | None:
    """What says that the spine is affected: a lesion panel, else a metastasis coded there; None without either."""
    if lesions := spine_lesions(chart):
        return lesions[-1]
    coded = [
        problem
        for problem in chart.any(Problem, "bone-metastasis", "bone-metastasis-spine")
        if problem.present
        and problem.certainty != "refuted"
        and ("bone-metastasis-spine" in problem.concepts or any(in_spine(site) for site in problem.sites))
    ]
    return coded[-1] if coded else None


def treatments(chart: Chart) -> list[ProcedureRecord]:
    """Surgery, cement and radiotherapy of the spine on record, whatever the level, oldest first."""
    return [record for record in chart.any(ProcedureRecord, *TREATMENT) if record.state in DONE and _of_spine(record)]


def treated(chart: Chart, lesion: Lesion) -> ProcedureRecord | Item | None:
    """What says that exactly this level was operated or irradiated (ruling 7): a component, else a procedure."""
    said = [lesion.items[name] for name in ("prior-surgery", "prior-radiotherapy") if lesion.yes(name)]
    done = [record for record in treatments(chart) if any(same_level(site, lesion.site) for site in record.sites)]
    return said[0] if said else done[-1] if done else None


def unplaced_treatments(chart: Chart) -> list[ProcedureRecord]:
    """Treatment of the spine whose level is not on record: it may or may not have been the level in question."""
    return [record for record in treatments(chart) if not any(site.level for site in record.sites)]


def treated_after(chart: Chart, when: When | None, lesion: Lesion | None) -> ProcedureRecord | None:
    """The latest treatment that surely came after ``when``, of this lesion's level or of a level not on record.

    Without a lesion (a sign of the patient as a whole) any treatment of the spine counts.
    """
    records = [
        record
        for record in treatments(chart)
        if lesion is None
        or not any(site.level for site in record.sites)
        or any(same_level(site, lesion.site) for site in record.sites)
    ]
    later = [record for record in records if when and record.evidence.when and record.evidence.when.first > when.last]
    return later[-1] if later else None


def drafted_for(lesion: Lesion, situation: Situation, *names: str) -> bool:
    """Something of these names is drafted for this lesion, or for no place in particular."""
    return any(may_cover(draft, lesion.site) for draft in situation.drafted(ProcedureRecord, *names))


def planned_spine_procedures(chart: Chart) -> list[ProcedureRecord]:
    """Spine surgery, augmentation or a spine-surgery consultation that is ordered or booked."""
    return [
        record for record in chart.any(ProcedureRecord, *SURGERY, *AUGMENTATION, *CONSULT) if record.state == "planned"
    ]


def emergency_stands_for(lesion: Lesion, situation: Situation) -> bool:
    """``spine-emergency`` speaks of this level, or of the patient as a whole: it replaces the level's other cards."""
    return any(
        advice.name in EMERGENCY_BANDS and advice.about in (None, lesion.key)
        for advice in situation.said("spine-emergency")
    )


def same_level(one: Site, other: Site) -> bool:
    """The same vertebra; without levels, the same bone (the sacrum)."""
    if one.level or other.level:
        return one.level == other.level
    return one.bone is not None and one.bone == other.bone and one.bone != "vertebra"


def _of_spine(record: ProcedureRecord) -> bool:
    """The procedure is one of the spine by its own nature or by its place."""
    return bool(record.concepts & set(SURGERY + AUGMENTATION)) or any(in_spine(site) for site in record.sites)
