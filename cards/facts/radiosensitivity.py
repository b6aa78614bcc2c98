"""How the primary tumour answers to conventional radiotherapy: a lookup, no judgement of this patient's lesion."""

from __future__ import annotations

import msgspec

from cards.facts.diagnosis import CONFIRMED, primary_sites
from cards.situation import Situation
from cards.table import Cells
from fhir_mappings.chart import Chart, derived
from fhir_mappings.conditions import Problem

SENSITIVE, RESISTANT, UNKNOWN = "sensitive", "resistant", "unknown"


class Radiosensitivity(msgspec.Struct, frozen=True):
    """``answer``: sensitive, resistant or unknown; ``used``: the diagnoses of the primaries it rests on."""

    answer: str
    used: tuple[Problem, ...] = ()


@derived
def radiosensitivity(chart: Chart, situation: Situation) -> Radiosensitivity:
    """What the listed primaries say together; unknown for a primary that is not listed, and where two disagree.

    Lung cancer counts as resistant only where its histology is on record: small-cell cancer is not listed, and ICD-10
    does not tell the two apart.
    """
    table = situation.table("radiosensitivity")
    answers: set[str] = set()
    used: list[Problem] = []
    for site, latest in primary_sites(chart).items():
        problems = _of(chart, site) or [latest]
        answers.add(_answer({name for problem in problems for name in problem.names}, table))
        used.append(problems[-1])
    return Radiosensitivity(answers.pop() if len(answers) == 1 else UNKNOWN, tuple(used))


def _of(chart: Chart, site: str) -> list[Problem]:
    """Every confirmed diagnosis of one primary: an older entry may be the one that names the histology."""
    return [problem for problem in chart.any(Problem, f"primary-{site}") if problem.certainty == CONFIRMED]


def _answer(names: set[str], table: Cells) -> str:
    said = {kind for kind in (SENSITIVE, RESISTANT) if names & set(table.choice(kind))}
    if "primary-lung" in names and names & set(table.choice("not_small_cell")):
        said.add(RESISTANT)
    return said.pop() if len(said) == 1 else UNKNOWN
