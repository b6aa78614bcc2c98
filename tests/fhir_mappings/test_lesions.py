"""Bone lesions: what one record says, and one lesion of many records whatever their order and number."""

from __future__ import annotations

import json
import random
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappings import lesions, views
from fhir_mappings.assessments import Assessment
from fhir_mappings.chart import Skipped
from fhir_mappings.finding import Missing
from fhir_mappings.lesions import ITEMS, Lesion, merge, read_lesion
from fhir_mappings.ranges import Range
from fhir_mappings.reading import Shelf, decoder
from fhir_mappings.sites import Site
from fhir_mappings.terminology import LOCAL, Terminology
from fhir_mappings.units import ANALYTES

SNOMED = "http://snomed.info/sct"
UCUM = "http://unitsofmeasure.org"
TERMINOLOGY = Terminology.load()
NECK, FEMUR, SHAFT, T9, ILIUM = "29627003", "71341001", "41111004", "33766003", "22356005"
LATERALITY = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-laterality-qualifier"


def local(code: str) -> dict[str, Any]:
    return {"coding": [{"system": LOCAL, "code": code}]}


def at(code: str, side: str | None = None) -> dict[str, Any]:
    concept: dict[str, Any] = {"coding": [{"system": SNOMED, "code": code}]}
    if side:
        lateral = {"coding": [{"system": SNOMED, "code": {"left": "7771000", "right": "24028007"}[side]}]}
        concept["extension"] = [{"url": LATERALITY, "valueCodeableConcept": lateral}]
    return concept


def quantity(value: float | str, unit: str = "mm") -> dict[str, Any]:
    return {"valueQuantity": {"value": value, "unit": unit, "system": UCUM, "code": unit}}


def part(code: str, value: str | bool | dict[str, Any]) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"code": local(code), "valueBoolean": value}
    if isinstance(value, str):
        return {"code": local(code), "valueCodeableConcept": local(value)}
    return {"code": local(code), **value}


def panel(*components: dict[str, Any], identity: str = "p1", day: str = "2026-11-02", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": identity,
        "status": "final",
        "code": local("bone-lesion"),
        "effectiveDateTime": day,
        "component": list(components),
        **more,
    }


def alone(code: str, value: Any, identity: str = "o1", day: str = "2026-11-02", **more: Any) -> dict[str, Any]:
    return {**panel(identity=identity, day=day, **more), **part(code, value), "component": []}


def outcomes(*resources: dict[str, Any], structures: dict[str, Any] | None = None) -> list[Any]:
    shelf = Shelf(TERMINOLOGY, as_of=date(2026, 11, 21))
    for reference, structure in (structures or {}).items():
        shelf.put(reference, msgspec.Raw(json.dumps(structure).encode()))
    found: list[Any] = []
    for resource in resources:
        observation = decoder(views.Observation).decode(json.dumps(resource))
        found += read_lesion(observation, shelf.concepts(observation.code), shelf)
    return found


def read(*resources: dict[str, Any], structures: dict[str, Any] | None = None) -> list[Lesion]:
    return merge(one for one in outcomes(*resources, structures=structures) if isinstance(one, Lesion))


def one(*resources: dict[str, Any], structures: dict[str, Any] | None = None) -> Lesion:
    (lesion,) = read(*resources, structures=structures)
    return lesion


# --- One record -------------------------------------------------------------------------------------------------------


def test_a_panel_with_every_kind_of_item() -> None:
    lesion = one(
        panel(
            part("lesion-matrix", "lytic"),
            part("fractured", False),
            part("cortical-destruction", quantity(60, "%")),
            part("cord-distance", quantity("0.4", "cm")),
            part("mirels-score", {"valueInteger": 10}),
            part("tomita-type", "3"),
            bodySite=at(NECK, "left"),
        )
    )
    assert lesion.key == "left proximal-femur peritrochanteric"
    assert lesion.site == Site("proximal-femur", "peritrochanteric", side="left")
    assert lesion.text("lesion-matrix") == "lytic"
    assert lesion.value("fractured") is False
    assert lesion.number("cortical-destruction") == Range.of(60)
    assert lesion.number("cord-distance") == Range.of(4)  # 0.4 cm x 10
    assert lesion.number("mirels-score") == Range.of(10)
    assert lesion.text("tomita-type") == "3"
    assert lesion.text("lesion-region") == "peritrochanteric"  # from the body site
    item = lesion.item("lesion-matrix")
    assert item and (item.evidence.reference, str(item.evidence.when)) == ("Observation/p1", "2026-11-02")


def test_a_femur_without_a_part_has_no_region() -> None:
    assert isinstance(one(panel(bodySite=at(FEMUR))).item("lesion-region"), Missing)


def test_a_recorded_region_narrows_the_site() -> None:
    lesion = one(panel(part("lesion-region", "peritrochanteric"), bodySite=at(FEMUR, "right")))
    assert lesion.site == Site("proximal-femur", "peritrochanteric", side="right")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("lt-1-3", "lt-1-3"),
        (quantity("0.5", "1"), Range.of(Decimal("0.5"))),
        (quantity(45, "%"), Range.of(Decimal("0.45"))),  # 45 / 100
        ({"valueString": "45 %"}, Range.of(Decimal("0.45"))),
    ],
)
def test_a_size_fraction_is_a_class_or_a_number(value: Any, expected: Any) -> None:
    assert one(panel(part("lesion-size-fraction", value), bodySite=at(SHAFT))).value("lesion-size-fraction") == expected


def test_the_size_fraction_is_the_ratio_of_the_diameters() -> None:
    sizes = part("lesion-diameter", quantity(18)), part("bone-diameter", quantity("2.7", "cm"))
    lesion = one(panel(*sizes, bodySite=at(SHAFT)))
    # 18 mm / 27 mm = 2/3
    assert lesion.number("lesion-size-fraction") == Range.of(Decimal(18) / Decimal(27))
    assert lesion.items["lesion-size-fraction"].evidence.original == "18 mm / 2.7 cm"
    recorded = one(panel(*sizes, part("lesion-size-fraction", "gt-2-3"), bodySite=at(SHAFT)))
    assert recorded.value("lesion-size-fraction") == "gt-2-3"


def test_a_lesion_wider_than_its_bone_fills_it() -> None:
    lesion = one(panel(part("lesion-diameter", quantity(40)), part("bone-diameter", quantity(30)), bodySite=at(SHAFT)))
    assert lesion.number("lesion-size-fraction") == Range.of(1)


def test_a_diameter_with_a_comparator_gives_a_range() -> None:
    more = {"valueQuantity": {"value": 15, "comparator": ">", "unit": "mm"}}
    lesion = one(panel(part("lesion-diameter", more), part("bone-diameter", quantity(30)), bodySite=at(SHAFT)))
    # more than 15 / 30 = 0.5, at most the whole bone
    assert lesion.number("lesion-size-fraction") == Range.of(Decimal("0.5"), 1)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"dataAbsentReason": {"coding": [{"code": "unknown"}]}}, "absent: unknown"),
        ({"valueQuantity": {"value": 80}}, "unit not understood"),
        ({"valueQuantity": {"value": 80, "unit": "bananas"}}, "unit not understood"),
        (quantity(180, "%"), "unreadable"),  # more than the whole cortex
        ({}, "unreadable"),
    ],
)
def test_an_item_that_is_not_understood_says_why(value: Any, why: str) -> None:
    missing = one(panel(part("cortical-destruction", value), bodySite=at(SHAFT))).item("cortical-destruction")
    assert missing == Missing("cortical-destruction", why, "Observation/p1")


def test_a_fraction_that_a_diameter_keeps_from_being_known_says_why() -> None:
    lesion = one(
        panel(
            part("lesion-diameter", {"valueQuantity": {"value": 2}}),
            part("bone-diameter", quantity(30)),
            bodySite=at(SHAFT),
        )
    )
    assert lesion.item("lesion-size-fraction") == Missing(
        "lesion-size-fraction", "unit not understood", "Observation/p1"
    )


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("lesion-matrix", "gt-50"),  # a value of another item
        ("lesion-matrix", {"valueCodeableConcept": {"text": "lytic"}}),  # text in a coded value is no code
        ("lesion-matrix", {"valueString": "probably lytic"}),
        ("fractured", {"valueString": "yes"}),
        ("escc-grade", {"valueInteger": 1}),  # 1a, 1b or 1c
    ],
)
def test_a_value_that_is_not_one_of_the_items_is_unreadable(code: str, value: Any) -> None:
    assert one(panel(part(code, value), bodySite=at(SHAFT))).item(code) == Missing(code, "unreadable", "Observation/p1")


def test_words_and_numbers_that_are_a_value_are_read() -> None:
    lesion = one(
        panel(
            part("lesion-matrix", {"valueString": "Fully lytic"}),
            part("escc-grade", {"valueInteger": 2}),
            part("fractured", {"valueCodeableConcept": {"coding": [{"system": SNOMED, "code": "2667000"}]}}),  # absent
            part("lesion-pain", {"valueCodeableConcept": {"coding": [{"system": SNOMED, "code": "255604002"}]}}),
            bodySite=at(SHAFT),
        )
    )
    assert lesion.text("lesion-matrix") == "lytic"
    assert lesion.items["lesion-matrix"].evidence.original == "Fully lytic"
    assert lesion.text("escc-grade") == "2"
    assert lesion.value("fractured") is False
    assert lesion.text("lesion-pain") == "mild"


def test_repeating_items_keep_all_their_codes_in_order() -> None:
    zones = (part("wbb-zone", zone) for zone in ("12", "4", "5"))
    lesion = one(panel(*zones, part("wbb-layer", "C"), part("wbb-layer", "B"), bodySite=at(T9)))
    assert lesion.text("wbb-zone") == "4 5 12"
    assert lesion.text("wbb-layer") == "B C"


def test_of_repeating_items_only_the_latest_record_counts() -> None:
    old, new = (
        panel(part("wbb-zone", zone), identity=day, day=day, bodySite=at(T9))
        for zone, day in (("4", "2026-01-01"), ("5", "2026-02-01"))
    )
    assert one(new, old).text("wbb-zone") == "5"


def test_a_repeating_item_that_comes_twice_stays_as_it_was_written() -> None:
    written = {"valueCodeableConcept": {**local("4"), "text": "zone four"}}
    zone = panel(part("wbb-zone", written), bodySite=at(T9))
    assert one(zone, zone).items["wbb-zone"].evidence.original == "zone four"


def test_every_number_has_its_units_and_every_value_its_code() -> None:
    kinds = lesions._TABLE["kinds"]
    assert {*kinds["number"], *kinds["total"]} <= ANALYTES.keys()
    assert TERMINOLOGY.local_codes >= ITEMS
    assert {value for values in lesions._TABLE["coded"].values() for value in values} <= TERMINOLOGY.local_codes


# --- The level --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("levels", "location"),
    [
        ("C1 C2 C7 T1 T2 T11 T12 L1 L5 S1", "junctional"),  # occiput-C2, C7-T2, T11-L1, L5-S1
        ("C3 C4 C5 C6 L2 L3 L4", "mobile"),
        ("T3 T4 T5 T6 T7 T8 T9 T10", "semirigid"),
        ("S2 S3 S4 S5", "rigid"),
    ],
)
def test_the_sins_location_follows_from_the_level(levels: str, location: str) -> None:
    for level in levels.split():
        lesion = one(panel(part("spinal-level", level)))
        assert (lesion.key, lesion.site.level, lesion.text("sins-location")) == (level, level, location)


def test_the_level_may_come_as_a_body_site() -> None:
    lesion = one(panel(bodySite=at(T9)))
    assert (lesion.text("spinal-level"), lesion.text("sins-location"), lesion.text("lesion-region")) == (
        "T9",
        "semirigid",
        "spine",
    )


def test_a_recorded_location_stays() -> None:
    assert one(panel(part("sins-location", "mobile"), bodySite=at(T9))).text("sins-location") == "mobile"


# --- One lesion of many records ---------------------------------------------------------------------------------------


def test_the_latest_value_of_each_item_counts() -> None:
    lesion = one(
        panel(
            part("lesion-pain", "mild"),
            part("lesion-matrix", "mixed"),
            identity="a",
            day="2026-01-01",
            bodySite=at(NECK, "left"),
        ),
        panel(part("lesion-pain", "functional"), identity="b", day="2026-10-01", bodySite=at(NECK, "left")),
    )
    assert (lesion.text("lesion-pain"), lesion.text("lesion-matrix")) == ("functional", "mixed")
    assert (lesion.evidence.reference, str(lesion.evidence.when)) == ("Observation/b", "2026-10-01")
    assert str(lesion.items["lesion-matrix"].evidence.when) == "2026-01-01"


def test_the_other_side_is_another_lesion() -> None:
    assert (
        len(read(panel(identity="a", bodySite=at(NECK, "left")), panel(identity="b", bodySite=at(NECK, "right")))) == 2
    )


def test_a_level_agrees_however_it_is_written() -> None:
    assert len(read(panel(part("spinal-level", "T9"), identity="a"), panel(identity="b", bodySite=at(T9)))) == 1


def test_items_of_their_own_join_the_panel_of_their_place() -> None:
    lesion = one(
        panel(part("lesion-pain", "mild"), identity="a", bodySite=at(NECK, "left")),
        alone("lesion-matrix", "lytic", identity="b", bodySite=at(NECK, "left")),
        alone(
            "mirels-score", {"valueQuantity": {"value": 9, "unit": "{score}"}}, identity="c", bodySite=at(NECK, "left")
        ),
    )
    assert (lesion.text("lesion-pain"), lesion.text("lesion-matrix")) == ("mild", "lytic")
    assert lesion.number("mirels-score") == Range.of(9)


def test_on_one_instant_a_component_counts_before_an_observation_and_that_before_text() -> None:
    text = alone("lesion-matrix", {"valueString": "lytic"}, identity="z", bodySite=at(SHAFT))
    single = alone("lesion-matrix", "mixed", identity="y", bodySite=at(SHAFT))
    component = panel(part("lesion-matrix", "blastic"), identity="a", bodySite=at(SHAFT))
    assert one(text, single).text("lesion-matrix") == "mixed"
    assert one(text, single, component).text("lesion-matrix") == "blastic"


def test_of_two_equal_records_the_more_severe_counts() -> None:
    mild, moderate = (
        panel(part("lesion-pain", pain), part("posterior-wall-intact", intact), identity=name, bodySite=at(T9))
        for name, pain, intact in (("z", "mild", False), ("a", "moderate", True))
    )
    lesion = one(mild, moderate)
    assert lesion.text("lesion-pain") == "moderate"
    assert lesion.value("posterior-wall-intact") is False  # a broken wall is the graver


def test_a_time_of_day_is_later_than_a_bare_date() -> None:
    early = panel(part("lesion-pain", "moderate"), identity="z", day="2026-10-01", bodySite=at(SHAFT))
    late = panel(part("lesion-pain", "mild"), identity="a", day="2026-10-01T08:00:00+08:00", bodySite=at(SHAFT))
    assert one(early, late).text("lesion-pain") == "mild"


def test_a_later_absence_keeps_what_is_known_a_later_unreadable_value_does_not() -> None:
    known = panel(part("cortical-destruction", quantity(60, "%")), identity="a", day="2026-01-01", bodySite=at(SHAFT))
    absent = {"dataAbsentReason": {"coding": [{"code": "not-performed"}]}}
    later = panel(part("cortical-destruction", absent), identity="b", day="2026-02-01", bodySite=at(SHAFT))
    assert one(known, later).number("cortical-destruction") == Range.of(60)
    unitless = panel(
        part("cortical-destruction", {"valueQuantity": {"value": 90}}),
        identity="c",
        day="2026-03-01",
        bodySite=at(SHAFT),
    )
    missing = one(known, later, unitless).item("cortical-destruction")
    assert missing == Missing("cortical-destruction", "unit not understood", "Observation/c")
    newest = panel(part("cortical-destruction", quantity(95, "%")), identity="d", day="2026-04-01", bodySite=at(SHAFT))
    assert one(known, unitless, newest).number("cortical-destruction") == Range.of(95)


def test_a_focus_is_one_lesion_whatever_the_site_says() -> None:
    focus = [{"reference": "BodyStructure/b1"}]
    lesion = one(
        panel(part("lesion-pain", "mild"), identity="a", focus=focus, bodySite=at(FEMUR)),
        panel(part("lesion-matrix", "lytic"), identity="b", focus=focus, bodySite=at(NECK)),
    )
    assert lesion.key == "BodyStructure/b1"
    assert lesion.site == Site("proximal-femur", "peritrochanteric")


def test_a_focus_gives_the_site() -> None:
    structure = {
        "resourceType": "BodyStructure",
        "id": "b1",
        "location": at(NECK),
        "locationQualifier": [at("7771000")],
    }
    focus = [{"reference": "BodyStructure/b1"}]
    lesion = one(panel(focus=focus), structures={"BodyStructure/b1": structure})
    assert lesion.key == "BodyStructure/b1"
    assert lesion.site == Site("proximal-femur", "peritrochanteric", side="left")


def test_a_focus_is_the_same_by_any_reference() -> None:
    hand = {"resourceType": "BodyStructure", "id": "b1", "location": at("85562004")}
    references = ("urn:uuid:0001", "BodyStructure/b1", "https://server/fhir/BodyStructure/b1/_history/2")
    panels = [panel(identity=str(i), focus=[{"reference": name}]) for i, name in enumerate(references)]
    assert one(*panels, structures={"urn:uuid:0001": hand, "BodyStructure/b1": hand}).key == "BodyStructure/b1"


def test_the_newest_record_dates_the_lesion_wherever_its_place_was_written() -> None:
    focused = panel(identity="a", day="2026-10-01", focus=[{"reference": "BodyStructure/b1"}], bodySite=at(NECK))
    placed = panel(identity="b", day="2026-01-01", bodySite=at(NECK))
    assert one(focused, placed).evidence.reference == "Observation/a"


def test_a_place_joins_the_one_focus_that_is_there_and_not_one_of_two() -> None:
    first = panel(identity="a", focus=[{"reference": "BodyStructure/b1"}], bodySite=at(NECK))
    second = panel(identity="b", focus=[{"reference": "BodyStructure/b2"}], bodySite=at(NECK))
    plain = panel(part("lesion-pain", "mild"), identity="c", bodySite=at(NECK))
    assert [lesion.key for lesion in read(first, plain)] == ["BodyStructure/b1"]
    assert len(read(first, second, plain)) == 3


def test_a_condition_in_focus_tells_no_lesions_apart() -> None:
    focus = [{"reference": "Condition/metastases"}]
    found = read(
        panel(identity="a", focus=focus, bodySite=at(NECK)), panel(identity="b", focus=focus, bodySite=at(ILIUM))
    )
    assert len(found) == 2


def test_places_without_a_word_here_are_told_apart_by_their_codes() -> None:
    hand, foot = "85562004", "56459004"
    assert (
        len(
            read(
                *(panel(identity=name, bodySite=at(code)) for name, code in zip("abc", (hand, foot, hand), strict=True))
            )
        )
        == 2
    )


def test_panels_without_a_place_are_lesions_of_their_own() -> None:
    found = read(panel(part("lesion-region", "rib"), identity="a"), panel(part("lesion-region", "rib"), identity="b"))
    assert [lesion.key for lesion in found] == ["Observation/a", "Observation/b"]
    assert found[0].site == Site("rib", "rib")


def test_an_item_without_a_lesion_is_skipped_a_total_is_kept() -> None:
    (skip,) = outcomes(alone("lesion-pain", "mild"))
    assert skip == Skipped("Observation/o1", "unreadable", "bodySite", ("lesion-pain",))
    assert one(alone("tokuhashi-score", {"valueInteger": 9})).number("tokuhashi-score") == Range.of(9)


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled", "registered"])
def test_a_panel_that_is_no_result_is_ignored(status: str) -> None:
    assert outcomes({**panel(), "status": status}) == []


def test_a_preliminary_panel_is_used_and_marked_an_odd_status_is_named() -> None:
    lesion = one({**panel(part("lesion-pain", "mild"), bodySite=at(SHAFT)), "status": "preliminary"})
    assert lesion.evidence.preliminary and lesion.items["lesion-pain"].evidence.preliminary
    (skip,) = outcomes({**panel(), "status": "odd"})
    assert skip == Skipped("Observation/p1", "unreadable", "status", ("bone-lesion",))


def test_what_a_panel_says_of_the_patient_is_said_at_its_level() -> None:
    found = outcomes(panel(part("new-neurological-deficit", True), bodySite=at(T9)))
    (deficit,) = (one for one in found if isinstance(one, Assessment))
    assert (deficit.item, deficit.value, deficit.site.level) == ("new-neurological-deficit", True, "T9")


# --- Order and number never matter ------------------------------------------------------------------------------------

_SITES = [
    {},
    {"bodySite": at(NECK, "left")},
    {"bodySite": at(NECK)},
    {"bodySite": at(T9)},
    {"focus": [{"reference": "BodyStructure/b1"}]},
    {"focus": [{"reference": "BodyStructure/b2"}], "bodySite": at(NECK, "left")},
]
_COMPONENTS = [
    part("lesion-pain", "mild"),
    part("lesion-pain", "functional"),
    part("lesion-pain", {"dataAbsentReason": {"coding": [{"code": "unknown"}]}}),
    part("cortical-destruction", quantity(60, "%")),
    part("cortical-destruction", {"valueQuantity": {"value": 60}}),
    part("lesion-size-fraction", "lt-1-3"),
    part("lesion-size-fraction", quantity(50, "%")),
    part("lesion-diameter", quantity(10)),
    part("bone-diameter", quantity(30)),
    part("wbb-zone", "4"),
    part("wbb-zone", "5"),
    part("fractured", True),
    part("fractured", False),
    part("spinal-level", "T9"),
]
_DAYS = ["2026-01-01", "2026-02-01", "2026-02", "2026-02-01T10:00:00Z", ""]
_records = st.lists(
    st.tuples(
        st.sampled_from(_SITES),
        st.sampled_from(_DAYS),
        st.lists(st.sampled_from(_COMPONENTS), max_size=4),
        st.sampled_from(["final", "preliminary"]),
    ),
    max_size=7,
)


@given(_records, st.integers(0, 2**32))
def test_shuffling_and_doubling_records_changes_no_lesion(records: list[Any], chance: int) -> None:
    resources = [
        {**panel(*components, identity=f"o{number}", day=day, **site), "status": status}
        for number, (site, day, components, status) in enumerate(records)
    ]
    shuffle = random.Random(chance)
    again = resources + shuffle.sample(resources, len(resources) // 2)
    shuffle.shuffle(again)
    assert read(*again) == read(*resources)
