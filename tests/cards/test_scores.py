"""Every combination of the four scores, judged by oracles written from the papers' tables, not from ours.

Mirels 1989 (PMID 2684463), SINS: Fisher 2010 (doi 10.1097/BRS.0b013e3181e16ae2), Tomita 2001 (PMID 11224867), revised
Tokuhashi 2005 (as reprinted in doi 10.5312/wjo.v5.i3.262). The rules run in the real engine on findings made here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cards.advice import Advice
from cards.advisory import ENCOUNTER_DISCHARGE, ORDER_SIGN, PATIENT_VIEW
from cards.catalogue import load_catalogue
from cards.engine import Run
from cards.facts.diagnosis import PRIMARY_SITES
from cards.situation import Situation
from cards.table import TableError
from fhir_mappings.assessments import Assessment, Marker
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Evidence, Finding
from fhir_mappings.lesions import Item, Lesion
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.ranges import Range
from fhir_mappings.sites import Site
from fhir_mappings.when import on_day
from tests.situations import shipped_catalogue

AS_OF = date(2026, 11, 21)
SEEN = Evidence("Observation/one", on_day(AS_OF))

# --- The papers' tables -----------------------------------------------------------------------------------------------

MIRELS = {
    "lesion-region": {"upper-limb": 1, "lower-limb": 2, "peritrochanteric": 3},
    "lesion-pain": {"mild": 1, "moderate": 2, "functional": 3},
    "lesion-matrix": {"blastic": 1, "mixed": 2, "lytic": 3},
    "lesion-size-fraction": {"lt-1-3": 1, "1-3-to-2-3": 2, "gt-2-3": 3},
}
FEMUR = {**MIRELS, "lesion-region": {"lower-limb": 2, "peritrochanteric": 3}}
SINS = {
    "sins-location": {"junctional": 3, "mobile": 2, "semirigid": 1, "rigid": 0},
    "sins-pain": {"mechanical": 3, "occasional": 1, "none": 0},
    "lesion-matrix": {"lytic": 2, "mixed": 1, "blastic": 0},
    "sins-alignment": {"subluxation": 4, "deformity": 2, "normal": 0},
    "sins-collapse": {"gt-50": 3, "lt-50": 2, "involved-gt-50": 1, "none": 0},
    "sins-posterolateral": {"bilateral": 3, "unilateral": 1, "none": 0},
}
TOMITA = {
    "primary-growth": {"slow": 1, "moderate": 2, "rapid": 4},
    "visceral-metastases": {"none": 0, "treatable": 2, "untreatable": 4},
    "bone-metastases-extent": {"solitary": 1, "multiple": 2},
}
# Every value that has to fall in a group of the paper: both ends of each group, and what lies beyond the last.
TOKUHASHI: dict[str, dict[Any, int]] = {
    "karnofsky": {10: 0, 40: 0, 50: 1, 70: 1, 80: 2, 100: 2},
    "extraspinal-bone-metastases": {0: 2, 1: 1, 2: 1, 3: 0, 7: 0},
    "vertebral-metastases": {1: 2, 2: 1, 3: 0, 7: 0},
    "visceral-metastases": {"none": 2, "treatable": 1, "untreatable": 0},
    "frankel-grade": {"A": 0, "B": 0, "C": 1, "D": 1, "E": 2},
    "primary": {"lung": 0, "liver": 1, "melanoma": 2, "kidney": 3, "rectum": 4, "prostate": 5},
}
TOKUHASHI_PRIMARY = {
    **dict.fromkeys(("lung", "stomach", "bladder", "oesophagus", "pancreas", "osteosarcoma"), 0),
    **dict.fromkeys(("liver", "gallbladder", "unknown"), 1),
    **dict.fromkeys(("kidney", "uterus"), 3),
    "rectum": 4,
    **dict.fromkeys(("thyroid", "breast", "prostate", "carcinoid-net"), 5),
}  # any other: 2
TOMITA_PRIMARY = {
    **dict.fromkeys(("breast", "thyroid", "prostate"), "slow"),
    **dict.fromkeys(("kidney", "uterus"), "moderate"),
    **dict.fromkeys(("lung", "stomach", "unknown", "liver", "colon"), "rapid"),
}  # any other: not in the table


def mirels_band(total: int) -> str | None:
    """Up to 7 radiotherapy without fixation is safe; 8 is the border; from 9 the risk is high."""
    return None if total <= 7 else "borderline" if total == 8 else "high"


def sins_band(total: int) -> str | None:
    return None if total <= 6 else "potentially-unstable" if total <= 12 else "unstable"


def tomita_band(total: int) -> str:
    return "wide" if total <= 3 else "marginal" if total <= 5 else "palliative" if total <= 7 else "supportive"


def tokuhashi_band(total: int) -> str:
    return "lower" if total <= 8 else "middle" if total <= 11 else "higher"


# --- Charts with one lesion or one patient ----------------------------------------------------------------------------

METASTASIS = Problem(evidence=Evidence("Condition/metastasis"), concepts=frozenset({"bone-metastasis"}))
PLANNED = ProcedureRecord(
    evidence=Evidence("ServiceRequest/surgery", on_day(AS_OF)),
    concepts=frozenset({"proc-spine-surgery"}),
    state="planned",
)
RADIOTHERAPY = ProcedureRecord(
    evidence=Evidence("ServiceRequest/draft"), concepts=frozenset({"proc-radiotherapy"}), state="draft"
)


def said(advisory: str, findings: list[Finding], hook: str = PATIENT_VIEW) -> Advice | None:
    """What one advisory says of these findings; at order-sign radiotherapy is being signed."""
    catalogue = shipped_catalogue()
    drafts = [RADIOTHERAPY] if hook == ORDER_SIGN else []
    situation = Situation(hook=hook, as_of=AS_OF, drafts=drafts, settings=catalogue.settings)
    run = Run(catalogue.advisories, catalogue.tables, Chart([METASTASIS, *findings], as_of=AS_OF), situation)
    advices = run.advice(advisory)
    assert len(advices) <= 1
    return advices[0] if advices else None


def lesion(items: Mapping[str, str | None], site: Site) -> Lesion:
    recorded = {name: Item(evidence=SEEN, item=name, value=value) for name, value in items.items() if value}
    return Lesion(evidence=SEEN, key="one", site=site, items=recorded)


def long_bone(items: Mapping[str, str | None]) -> list[Finding]:
    """A lesion of a femur: without a region it may be lower limb or peritrochanteric, nothing else."""
    return [lesion(items, Site(bone="femur", region=None))]


def vertebra(items: Mapping[str, str | None]) -> list[Finding]:
    return [lesion(items, Site(bone="vertebra", region="spine"))]


def patient(items: Mapping[str, Any]) -> list[Finding]:
    """A patient with a spine lesion, spine surgery planned, and the given assessments and primary."""
    found: list[Finding] = [lesion({}, Site(bone="vertebra", region="spine")), PLANNED]
    for name, value in items.items():
        if name == "primary":
            found += primary(value)
        elif value is not None:
            answer = Range.of(value) if isinstance(value, int) else value
            found.append(Assessment(evidence=SEEN, item=name, value=answer))
    return found


def primary(site: str | None) -> list[Finding]:
    concepts = frozenset({f"primary-{site}"})
    return [Problem(evidence=Evidence("Condition/primary"), concepts=concepts)] if site else []


def span(advice: Advice) -> tuple[int, int]:
    assert advice.score is not None
    return advice.score.low, advice.score.high


def combinations(table: Mapping[str, Mapping[Any, int]], *, missing: bool = False) -> Iterator[dict[str, Any]]:
    """Every combination of one option an item; with ``missing`` each item may be None too."""
    columns = [[*options, None] if missing else list(options) for options in table.values()]
    yield from (dict(zip(table, row, strict=True)) for row in product(*columns))


def points(table: Mapping[str, Mapping[Any, int]], items: Mapping[str, Any]) -> int:
    return sum(table[name][value] for name, value in items.items())


def completions(table: Mapping[str, Mapping[Any, int]], items: Mapping[str, Any]) -> list[int]:
    """Every total the known items may still reach, by filling in every missing one."""
    open_items = {name: [value] if value is not None else list(table[name]) for name, value in items.items()}
    return [points(table, dict(zip(items, row, strict=True))) for row in product(*open_items.values())]


# --- Mirels -----------------------------------------------------------------------------------------------------------


def test_all_81_mirels_combinations() -> None:
    judged = 0
    for items in combinations(MIRELS):
        total, advice = points(MIRELS, items), said("mirels", long_bone(items))
        assert (advice.name if advice else None) == mirels_band(total), items
        if advice:
            assert span(advice) == (total, total), items
            assert advice.indicator == "warning"
        judged += 1
    assert judged == 3**4


def test_all_175_partial_mirels_combinations() -> None:
    """Each item missing in every combination: the lowest band when all totals speak, a question when some do."""
    judged = 0
    for items in combinations(MIRELS, missing=True):
        if None not in items.values():
            continue
        judged += 1
        totals = completions(FEMUR if items["lesion-region"] is None else MIRELS, items)
        advice = said("mirels", long_bone(items))
        if max(totals) <= 7 or not any(items.values()):
            assert advice is None, items
        elif min(totals) <= 7:
            assert advice and (advice.name, advice.indicator) == ("ask", "info"), items
        else:
            assert advice and (advice.name, advice.indicator) == (mirels_band(min(totals)), "warning"), items
        if advice:
            assert span(advice) == (min(totals), max(totals)), items
            assert {missing.name for missing in advice.missing} == {name for name in items if items[name] is None}
    assert judged == 4**4 - 3**4


def test_pain_none_counts_as_mild() -> None:
    for items in combinations({**MIRELS, "lesion-pain": {"mild": 1}}):
        mild, none = (said("mirels", long_bone({**items, "lesion-pain": pain})) for pain in ("mild", "none"))
        assert (mild and span(mild)) == (none and span(none))


# --- SINS -------------------------------------------------------------------------------------------------------------


def test_all_1296_sins_combinations() -> None:
    judged = 0
    for items in combinations(SINS):
        total, advice = points(SINS, items), said("sins", vertebra(items))
        assert (advice.name if advice else None) == sins_band(total), items
        if advice:
            assert span(advice) == (total, total), items
            assert advice.indicator == ("critical" if total >= 13 else "warning"), items
        judged += 1
    assert judged == 4 * 3 * 3 * 3 * 4 * 3 == 1296


@given(st.fixed_dictionaries({name: st.sampled_from([*options, None]) for name, options in SINS.items()}))
@settings(max_examples=300, deadline=None)
def test_partial_sins(items: dict[str, str | None]) -> None:
    totals, advice = completions(SINS, items), said("sins", vertebra(items))
    begun = any(value for name, value in items.items() if name != "sins-location")
    if not begun or max(totals) <= 6:
        assert advice is None
    elif None in items.values() and min(totals) <= 6:
        assert advice and (advice.name, advice.indicator) == ("ask", "info")
    else:
        assert advice and advice.name == sins_band(min(totals))
        assert advice.indicator == ("critical" if None not in items.values() and totals[0] >= 13 else "warning")


# --- Tomita -----------------------------------------------------------------------------------------------------------


def test_all_18_tomita_combinations() -> None:
    totals = set()
    for items in combinations(TOMITA):
        total, advice = points(TOMITA, items), said("tomita", patient(items))
        assert advice and (advice.name, advice.indicator) == (tomita_band(total), "info"), items
        assert span(advice) == (total, total), items
        totals.add(total)
    assert totals == set(range(2, 11))  # "all integers reachable": the printed 4, 2, 0 for each item could not


def test_the_points_the_consensus_prints_are_not_to_be_had() -> None:
    """4, 2, 0 for each item contradicts its own bands, which begin at 2 and hold odd totals: published points only."""
    assert load_catalogue({"tomita_points": "published"})
    with pytest.raises(TableError, match="tomita_points"):
        load_catalogue({"tomita_points": "4-2-0"})


@pytest.mark.parametrize("site", [*PRIMARY_SITES, "osteosarcoma"])
def test_tomita_growth_of_every_primary(site: str) -> None:
    """The growth class of each primary; the class is asked for where the paper does not list the site."""
    findings = patient({"primary": site, "visceral-metastases": "none", "bone-metastases-extent": "solitary"})
    advice = said("tomita", findings)
    assert advice is not None
    if (growth := TOMITA_PRIMARY.get(site)) is None:
        assert (advice.name, [missing.name for missing in advice.missing]) == ("ask", ["primary-growth"])
    else:
        assert span(advice)[0] == TOMITA["primary-growth"][growth] + 0 + 1


def test_every_partial_tomita_combination_asks() -> None:
    """Ruling 9: a partial score asks, even where every total lies in one band."""
    for items in combinations(TOMITA, missing=True):
        if None not in items.values():
            continue
        totals, advice = completions(TOMITA, items), said("tomita", patient(items))
        if not any(items.values()):
            assert advice is None
        else:
            assert advice and (advice.name, advice.indicator) == ("ask", "info"), items
            assert span(advice) == (min(totals), max(totals)), items


# --- Tokuhashi --------------------------------------------------------------------------------------------------------


def test_all_tokuhashi_combinations() -> None:
    """Every combination of points (3 x 3 x 3 x 3 x 3 x 6 = 1458), by one value of each group."""
    one_each = {name: {points: value for value, points in rows.items()} for name, rows in TOKUHASHI.items()}
    classes = {name: {value: points for points, value in rows.items()} for name, rows in one_each.items()}
    totals, judged = set(), 0
    for items in combinations(classes):
        total, advice = points(classes, items), said("tokuhashi", patient(items))
        assert advice and (advice.name, advice.indicator) == (tokuhashi_band(total), "info"), items
        assert span(advice) == (total, total), items
        totals.add(total)
        judged += 1
    assert (totals, judged) == (set(range(16)), 3**5 * 6)


@pytest.mark.parametrize(("item", "value"), [(item, value) for item, rows in TOKUHASHI.items() for value in rows])
def test_every_value_falls_in_its_tokuhashi_group(item: str, value: Any) -> None:
    """Both ends of every group of the paper: Karnofsky 40 and 50, 70 and 80; two metastases and three."""
    best = {name: max(rows, key=rows.__getitem__) for name, rows in TOKUHASHI.items()}
    advice = said("tokuhashi", patient(best | {item: value}))
    assert advice and span(advice)[0] == points(TOKUHASHI, best | {item: value})


@pytest.mark.parametrize("site", [*PRIMARY_SITES, "osteosarcoma"])
def test_tokuhashi_points_of_every_primary(site: str) -> None:
    best = {name: max(rows, key=rows.__getitem__) for name, rows in TOKUHASHI.items()}
    advice = said("tokuhashi", patient(best | {"primary": site}))
    assert advice and span(advice)[0] == 2 + 2 + 2 + 2 + 2 + TOKUHASHI_PRIMARY.get(site, 2)


def test_receptor_negative_breast_cancer_in_both_scores() -> None:
    """Tomita 1 becomes 2, Tokuhashi 5 becomes 3 (consensus 2023); receptor-positive disease keeps its points."""
    best = {name: max(rows, key=rows.__getitem__) for name, rows in TOKUHASHI.items()} | {"primary": "breast"}
    best |= {"bone-metastases-extent": "solitary"}
    for value, growth, prognosis in (("positive", 1, 5), ("negative", 2, 3)):
        findings = [*patient(best), Marker(evidence=SEEN, marker="er", value=value)]
        tomita, tokuhashi = said("tomita", findings), said("tokuhashi", findings)
        assert tomita and span(tomita)[0] == growth + 0 + 1
        assert tokuhashi and span(tokuhashi)[0] == 2 + 2 + 2 + 2 + 2 + prognosis


# --- What must hold whatever the items --------------------------------------------------------------------------------

RANK = {None: 0, "info": 1, "warning": 2, "critical": 3}
MIRELS_BANDS = [None, "borderline", "high"]
SINS_BANDS = [None, "potentially-unstable", "unstable"]
TOMITA_BANDS = ["wide", "marginal", "palliative", "supportive"]
TOKUHASHI_BANDS = ["higher", "middle", "lower"]
HOOKS = [PATIENT_VIEW, ORDER_SIGN, ENCOUNTER_DISCHARGE]
SCORES = [
    ("mirels", MIRELS, long_bone, MIRELS_BANDS),
    ("sins", SINS, vertebra, SINS_BANDS),
    ("tomita", TOMITA, patient, TOMITA_BANDS),
    ("tokuhashi", TOKUHASHI, patient, TOKUHASHI_BANDS),
]


def _name(advice: Advice | None) -> str | None:
    return advice.name if advice else None


def _indicator(advice: Advice | None) -> int:
    return RANK[advice.indicator if advice else None]


@pytest.mark.parametrize(("advisory", "table", "chart_of", "bands"), SCORES, ids=[score[0] for score in SCORES])
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_a_worse_option_never_lowers_the_band(
    advisory: str, table: dict[str, dict[Any, int]], chart_of: Any, bands: list[str | None], data: st.DataObject
) -> None:
    items = {name: data.draw(st.sampled_from(list(options)), label=name) for name, options in table.items()}
    changed = data.draw(st.sampled_from(list(table)))
    sign = -1 if table is TOKUHASHI else 1  # more Tokuhashi points are better
    worse = [value for value in table[changed] if sign * table[changed][value] >= sign * table[changed][items[changed]]]
    before = said(advisory, chart_of(items))
    after = said(advisory, chart_of(items | {changed: data.draw(st.sampled_from(worse))}))
    assert bands.index(_name(after)) >= bands.index(_name(before))
    assert _indicator(after) >= _indicator(before)


# A femur without a region may be lower limb or peritrochanteric: an arm is no answer that could have gone missing.
UNKNOWABLE = [(advisory, FEMUR if table is MIRELS else table, chart_of) for advisory, table, chart_of, _ in SCORES]


@pytest.mark.parametrize(("advisory", "table", "chart_of"), UNKNOWABLE, ids=[score[0] for score in UNKNOWABLE])
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_an_unknown_never_raises_the_indicator(
    advisory: str, table: dict[str, dict[Any, int]], chart_of: Any, data: st.DataObject
) -> None:
    """What is missing may ask (info); it never makes a card more urgent, and never a critical one (1.5, point 6)."""
    items = {name: data.draw(st.sampled_from([*options, None]), label=name) for name, options in table.items()}
    known = [name for name, value in items.items() if value is not None]
    hook = data.draw(st.sampled_from(HOOKS))
    before = said(advisory, chart_of(items), hook)
    for name in known:
        after = said(advisory, chart_of(items | {name: None}), hook)
        assert _indicator(after) <= max(_indicator(before), RANK["info"])
        assert _indicator(after) < RANK["critical"]
