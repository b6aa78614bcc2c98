"""A bone biopsy, or bone surgery without one: will the tissue tell, is the bone safe, is histology still owed?"""

from __future__ import annotations

from typing import cast

from cards.advisory import ORDER_SELECT, ORDER_SIGN, Advices, advisory
from cards.facts.diagnosis import BONE_METASTASIS, CONFIRMED, OTHER_METASTASES, PRIMARIES, SUSPECTED, diagnosis
from cards.facts.extent import SOLITARY, extent
from cards.facts.imaging import same_place
from cards.facts.long_bones import weight_bearing
from cards.facts.pathology import BIOPSY
from cards.facts.regimen import treated_before
from cards.facts.surgery import is_emergency
from cards.fracture_risk.mirels import eligible, lesion_score
from cards.score import Score
from cards.situation import Situation
from cards.table import Table
from cards.text import joined
from cards.words import lesion_place
from fhir_mappings.assessments import Assessment
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Finding
from fhir_mappings.lesions import Lesion
from fhir_mappings.medications import DrugRecord
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.sites import Site

SURGERY = ("proc-spine-surgery", "proc-long-bone-fixation", "proc-vertebroplasty", "proc-kyphoplasty")
HISTORY = "cancer-history"
KNOWN_SITES = frozenset(PRIMARIES) - {"primary-unknown"}
NOT_A_PRIMARY = frozenset(
    (*BONE_METASTASIS, *OTHER_METASTASES, "primary-unknown", "cancer-generic", "cancer-disseminated")
)


@advisory(
    hooks=[ORDER_SELECT, ORDER_SIGN],
    reads=[Lesion, ProcedureRecord, Problem, Assessment, DrugRecord],
    asks=["spine-emergency", "mirels"],
)
def biopsy(chart: Chart, situation: Situation, table: Table) -> Advices:
    biopsies = _drafts(situation, BIOPSY)
    if biopsies:
        yield from _low_yield(biopsies, chart, table)
        yield from _fracture_risk(biopsies, chart, situation, table)
        return
    surgery = _drafts(situation, *SURGERY)
    if surgery and not any(is_emergency(draft, situation) for draft in surgery):
        yield from _before_surgery(surgery, chart, table)


def _drafts(situation: Situation, *names: str) -> list[ProcedureRecord]:
    return [draft for draft in situation.drafted(ProcedureRecord, *names) if draft.state == "draft"]


def _low_yield(biopsies: list[ProcedureRecord], chart: Chart, table: Table) -> Advices:
    """Every lesion the biopsy may be meant for is blastic and was described after systemic therapy."""
    targets = _targets(biopsies, chart)
    if targets and all(_blastic_after_therapy(lesion, chart) for lesion in targets):
        items = [lesion.items.get(name) for lesion in targets for name in ("lesion-matrix", "systemic-therapy-before")]
        yield table.advise("low-yield", used=[*biopsies, *items], about="yield")


def _blastic_after_therapy(lesion: Lesion, chart: Chart) -> bool:
    return lesion.text("lesion-matrix") == "blastic" and treated_before(chart, lesion) is True


def _fracture_risk(biopsies: list[ProcedureRecord], chart: Chart, situation: Situation, table: Table) -> Advices:
    """Every lesion the biopsy may be meant for carries weight and has a Mirels score that speaks."""
    targets = _targets(biopsies, chart)
    scores = {lesion.key: _speaking_score(lesion, situation) for lesion in targets}
    if not all(scores.values()):
        return
    for lesion in targets:
        score = scores[lesion.key]
        assert score is not None
        yield table.advise(
            "fracture-risk",
            used=[*biopsies, *lesion.items.values()],
            missing=score.missing,
            about=lesion.key,
            bone=lesion_place(lesion),
            total=score.total,
        )


def _speaking_score(lesion: Lesion, situation: Situation) -> Score | None:
    """The Mirels score of a weight-bearing bone when every total it can reach calls for a surgical opinion."""
    mirels = cast(Table, situation.table("mirels"))
    if not weight_bearing(lesion.site) or not eligible(lesion):
        return None
    score = lesion_score(lesion, mirels)
    lowest = mirels.reach(score.total)[0]
    return score if lowest is not None and not lowest.silent else None


def _before_surgery(surgery: list[ProcedureRecord], chart: Chart, table: Table) -> Advices:
    """Bone surgery for what may be a metastasis, no biopsy on record, and a reason to want one."""
    metastasis = diagnosis(chart)
    lesions = _targets(surgery, chart)
    if not lesions and metastasis.status not in (CONFIRMED, SUSPECTED):
        return
    reasons = _reasons(chart)
    if not reasons or not chart.lacks(ProcedureRecord, BIOPSY):
        return
    yield table.advise(
        "before-surgery",
        used=[*surgery, metastasis.problem, *(finding for findings in reasons.values() for finding in findings)],
        notes=["exceptions"],
        about="surgery",
        reason=joined(table.word[name] for name in reasons),
    )


def _reasons(chart: Chart) -> dict[str, list[Finding]]:
    """Why histology of the bone is wanted: one lesion only, or no primary that explains it today."""
    found: dict[str, list[Finding]] = {}
    if (how_many := extent(chart)).kind == SOLITARY:
        found["solitary"] = list(how_many.used)
    primaries = _primaries(chart)
    if not primaries and not chart.gap(Problem):
        found["no-primary"] = []
    elif primaries and not any(problem.present and HISTORY not in problem.concepts for problem in primaries):
        found["inactive"] = list(primaries)
    return found


def _primaries(chart: Chart) -> list[Problem]:
    """Every primary cancer on record, active or not: a known site, any other named cancer, a history of cancer."""
    return [
        problem
        for problem in chart.any(Problem, *KNOWN_SITES, "cancer-any", HISTORY)
        if problem.certainty == CONFIRMED and (problem.concepts & KNOWN_SITES or not problem.concepts & NOT_A_PRIMARY)
    ]


def _targets(drafts: list[ProcedureRecord], chart: Chart) -> list[Lesion]:
    """The lesions at the drafts' body sites; all lesions when a draft names none."""
    sites: list[Site] = [site for draft in drafts for site in draft.sites]
    if any(not draft.sites for draft in drafts):
        return chart.all(Lesion)
    return [lesion for lesion in chart.all(Lesion) if any(same_place(site, lesion.site) for site in sites)]
