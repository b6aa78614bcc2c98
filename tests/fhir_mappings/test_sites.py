"""Body sites: a code becomes a bone, a region, a vertebra and a side, or NOWHERE."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from fhir_mappings import sites, views
from fhir_mappings.reading import Shelf
from fhir_mappings.sites import NOWHERE, Site, combine, observed_site, read_site
from fhir_mappings.terminology import LOCAL, Terminology

SNOMED = "http://snomed.info/sct"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
ICDO3 = "http://terminology.hl7.org/CodeSystem/icd-o-3"
LATERALITY = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-laterality-qualifier"
RIGHT = {"coding": [{"system": SNOMED, "code": "24028007"}]}
TERMINOLOGY = Terminology.load()


@pytest.fixture
def shelf() -> Shelf:
    return Shelf(TERMINOLOGY, as_of=date(2026, 11, 21))


def body_site(*codes: str, system: str = SNOMED, **more: Any) -> views.BodySite:
    return msgspec.convert({"coding": [{"system": system, "code": code} for code in codes], **more}, views.BodySite)


@pytest.mark.parametrize(
    ("system", "code", "site"),
    [
        (SNOMED, "29627003", Site("proximal-femur", "peritrochanteric")),  # neck of femur
        (SNOMED, "71341001", Site("femur")),  # a femur without a part: lower limb and peritrochanteric both fit
        (SNOMED, "41111004", Site("femur", "lower-limb")),  # shaft
        (SNOMED, "310652005", Site("femur", "lower-limb")),  # distal
        (SNOMED, "61685007", Site("lower-limb")),  # "lower limb" holds the proximal femur too
        (SNOMED, "12611008", Site("tibia", "lower-limb")),
        (SNOMED, "20760004", Site("humerus", "upper-limb")),
        (SNOMED, "23416004", Site("ulna", "upper-limb")),
        (SNOMED, "118645006", Site("pelvis")),  # acetabulum or not: unknown
        (SNOMED, "719537008", Site("acetabulum", "pelvis-acetabulum", side="right")),
        (SNOMED, "22356005", Site("ilium", "pelvis-other")),
        (SNOMED, "280849005", Site("vertebra", "spine", "T12")),
        (SNOMED, "65985001", Site("vertebra", "spine", "S1")),
        (SNOMED, "122496007", Site("vertebra", "spine")),  # lumbar column: no level
        (SNOMED, "54735007", Site("sacrum", "spine")),
        (SNOMED, "113197003", Site("rib", "rib")),
        (SNOMED, "91609006", Site("mandible", "other")),
        (SNOMED, "94300004", Site("femur")),  # secondary malignant neoplasm of femur
        (SNOMED, "94389000", Site("vertebra", "spine")),
        (SNOMED, "94504009", Site("pubis", "pelvis-other")),
        (ICD10CM, "M84.551A", Site("femur", side="right")),
        (ICD10CM, "m84522d", Site("humerus", "upper-limb", side="left")),
        (ICD10CM, "M84.58XA", NOWHERE),  # other specified site
        (ICDO3, "C41.2", Site("vertebra", "spine")),
        (ICDO3, "C41.9", Site("bone")),
        (ICDO3, "C50.9", NOWHERE),
        (LOCAL, "T12", Site("vertebra", "spine", "T12")),
        (LOCAL, "pelvis-acetabulum", Site("acetabulum", "pelvis-acetabulum")),
        (LOCAL, "lytic", NOWHERE),
        (SNOMED, "10200004", NOWHERE),  # liver
        ("http://loinc.org", "71341001", NOWHERE),  # the right number under the wrong system
        ("http://loinc.org", "56873002", NOWHERE),
        (SNOMED, "94222008", NOWHERE),  # a bone metastasis, the bone not said
    ],
)
def test_a_code_names_its_place(shelf: Shelf, system: str, code: str, site: Site) -> None:
    assert read_site(body_site(code, system=system), shelf) == site


def test_every_level_of_the_terminology_has_its_name(shelf: Shelf) -> None:
    levels = {read_site(body_site(code), shelf).level for _, code in TERMINOLOGY.codes("site-vertebra-levels")}
    # 7 cervical + 12 thoracic + 5 lumbar + 5 sacral = 29
    assert len(levels) == 29
    assert None not in levels


def test_every_bone_code_of_the_terminology_is_placed(shelf: Shelf) -> None:
    concepts = [name for name in TERMINOLOGY.of_kind("bodysite") if name != "site-visceral"]
    concepts += ["bone-metastasis-spine", "bone-metastasis-long-bone", "bone-metastasis-other-site"]
    for concept in concepts:
        for system, code in TERMINOLOGY.codes(concept):
            assert read_site(body_site(code, system=system), shelf).known, f"{concept}: {code}"


def test_the_table_uses_only_codes_and_concepts_of_the_terminology() -> None:
    for place in sites._TABLE["place"]:
        for concept in place.get("concepts", ()):
            assert concept in TERMINOLOGY.ids, concept
        for code in [*place.get("codes", ()), *place.get("disorders", ())]:
            assert TERMINOLOGY.concepts(SNOMED, code), code
        for code in place.get("local", ()):
            assert code in TERMINOLOGY.local_codes, code
        assert place["bone"] in sites.WITHIN


def test_the_side_comes_from_the_mcode_extension(shelf: Shelf) -> None:
    right = [{"url": LATERALITY, "valueCodeableConcept": RIGHT}]
    assert read_site(body_site("29627003", extension=right), shelf).side == "right"


def test_a_side_that_contradicts_the_code_is_unknown(shelf: Shelf) -> None:
    left = {"coding": [{"system": SNOMED, "code": "7771000"}]}
    site = body_site("719537008", extension=[{"url": LATERALITY, "valueCodeableConcept": left}])
    assert read_site(site, shelf) == Site("acetabulum", "pelvis-acetabulum", side=None)


def test_a_side_alone_is_no_place(shelf: Shelf) -> None:
    assert (
        read_site(body_site("10200004", extension=[{"url": LATERALITY, "valueCodeableConcept": RIGHT}]), shelf)
        == NOWHERE
    )


def test_text_alone_is_no_place(shelf: Shelf) -> None:
    assert read_site(msgspec.convert({"text": "left femur"}, views.BodySite), shelf) == NOWHERE
    assert read_site(None, shelf) == NOWHERE


def test_the_narrower_of_two_codings_counts(shelf: Shelf) -> None:
    assert read_site(body_site("71341001", "310651003"), shelf) == Site("proximal-femur", "peritrochanteric")
    assert read_site(body_site("33766003", "421060004"), shelf) == Site("vertebra", "spine", "T9")


def test_codings_of_two_bones_name_no_place(shelf: Shelf) -> None:
    assert read_site(body_site("71341001", "85050009"), shelf) == NOWHERE
    assert combine([Site("vertebra", "spine", "T9"), Site("vertebra", "spine", "T10")]) == NOWHERE


def test_combining_does_not_depend_on_the_order() -> None:
    parts = [Site("femur"), Site("lower-limb", "lower-limb"), Site("femur", side="left")]
    assert combine(parts) == combine(parts[::-1]) == Site("femur", "lower-limb", side="left")


def test_a_body_structure_in_focus_gives_place_and_side(shelf: Shelf) -> None:
    structure = {"location": {"coding": [{"system": SNOMED, "code": "29627003"}]}, "locationQualifier": [RIGHT]}
    shelf.put("BodyStructure/b1", msgspec.Raw(msgspec.json.encode({"resourceType": "BodyStructure", **structure})))
    observation = views.Observation(focus=[views.Reference("http://server/fhir/BodyStructure/b1")])
    assert observed_site(observation, shelf) == Site("proximal-femur", "peritrochanteric", side="right")


def test_an_r5_body_structure_is_read_too(shelf: Shelf) -> None:
    part = {"structure": {"coding": [{"system": SNOMED, "code": "85050009"}]}, "laterality": RIGHT}
    shelf.put("BodyStructure/b5", msgspec.Raw(msgspec.json.encode({"includedStructure": [part]})))
    observation = views.Observation(body_structure=views.Reference("BodyStructure/b5"))
    assert observed_site(observation, shelf) == Site("humerus", "upper-limb", side="right")


def test_a_body_structure_that_is_not_at_hand_is_nowhere(shelf: Shelf) -> None:
    assert observed_site(views.Observation(body_structure=views.Reference("BodyStructure/none")), shelf) == NOWHERE


def test_a_proximal_femur_is_inside_the_femur() -> None:
    assert Site("proximal-femur").inside("femur")
    assert not Site("femur").inside("proximal-femur")
    assert not NOWHERE.inside("bone")
