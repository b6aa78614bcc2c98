"""Assessments, tumour markers and imaging: what each answer means, and what does not answer."""

from __future__ import annotations

import json
import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fhir_mappings import assessments, views
from fhir_mappings.assessments import PREFETCH, READERS, Assessment, Imaging, Marker, from_value
from fhir_mappings.chart import Chart, Skipped
from fhir_mappings.finding import UNIT_NOT_UNDERSTOOD, UNREADABLE, Evidence
from fhir_mappings.ranges import INFINITY, Range
from fhir_mappings.reading import Shelf, decoder
from fhir_mappings.sites import Site
from fhir_mappings.terminology import LOCAL, Terminology

LOINC, SNOMED, HGNC = "http://loinc.org", "http://snomed.info/sct", "http://www.genenames.org/geneId"
INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
TERMINOLOGY = Terminology.load()
KARNOFSKY, ECOG, PAIN, PAIN_LINE, FACES = "89243-0", "89247-1", "72514-3", "38214-3", "38221-8"
ER, PR, HER2 = "85337-4", "85339-0", "85319-2"
POSITIVE, NEGATIVE, EQUIVOCAL = "10828004", "260385009", "42425007"
FEMUR, LEFT = "71341001", "7771000"


def coded(*pairs: tuple[str, str]) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code} for system, code in pairs]}


def value(code: str, system: str = LOCAL) -> dict[str, Any]:
    return {"valueCodeableConcept": coded((system, code))}


def observation(code: str, system: str = LOCAL, **elements: Any) -> dict[str, Any]:
    return {"id": "o1", "status": "final", "code": coded((system, code)), "effectiveDateTime": "2026-11-20", **elements}


def read(resource: dict[str, Any]) -> list[Any]:
    """What every reader that wants the Observation makes of it."""
    shelf = Shelf(TERMINOLOGY, as_of=date(2026, 11, 21))
    view = decoder(views.Observation).decode(json.dumps(resource))
    concepts = shelf.concepts(view.code)
    wanted = [reader for _, reader in READERS if reader.wants is None or reader.wants & concepts]
    return [found for reader in wanted for found in reader.read(view, concepts, shelf)]


def one(resource: dict[str, Any]) -> Any:
    found = read(resource)
    assert len(found) == 1, found
    return found[0]


def unread(why: str, element: str, *names: str) -> Skipped:
    return Skipped("Observation/o1", why, element, names)


# --- Scales ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"valueInteger": 90}, 90),
        ({"valueQuantity": {"value": 70, "unit": "%"}}, 70),
        ({"valueQuantity": {"value": 70}}, 70),
        ({"valueString": "80%"}, 80),
        (value("LA29179-1", LOINC), 60),
        ({"interpretation": [coded((LOINC, "LA29176-7"))]}, 90),
        ({"valueInteger": 0}, 0),
    ],
)
def test_karnofsky(said: dict[str, Any], expected: int) -> None:
    found = one(observation(KARNOFSKY, LOINC, **said))
    assert (found.item, found.number) == ("karnofsky", Range.of(expected))


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 75, 110, -10])
def test_an_ecog_grade_under_a_karnofsky_code_is_rejected_and_named(number: int) -> None:
    assert one(observation(KARNOFSKY, LOINC, valueInteger=number)) == unread(UNREADABLE, "valueInteger", "karnofsky")


def test_a_karnofsky_code_labelled_ecog_is_neither() -> None:
    """A 0 would mean dead on the one and fully active on the other."""
    resource = observation(KARNOFSKY, LOINC, valueInteger=0)
    resource["code"]["coding"][0]["display"] = "ECOG Performance Status"
    assert one(resource) == unread(UNREADABLE, "code", "karnofsky")


def test_a_code_of_two_scales_is_neither() -> None:
    resource = observation(KARNOFSKY, LOINC, valueInteger=0)
    resource["code"] = coded((LOINC, KARNOFSKY), (LOINC, ECOG))
    assert one(resource) == unread(UNREADABLE, "code", "ecog", "karnofsky")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"valueInteger": 1}, 1),
        (value("LA9624-3", LOINC), 2),
        ({"interpretation": [coded((LOINC, "LA9625-0"))]}, 3),
        ({"interpretation": coded((LOINC, "LA9625-0"))}, 3),  # STU3: one, not a list
        ({"valueQuantity": {"value": 4, "code": "{score}", "system": "http://unitsofmeasure.org"}}, 4),
    ],
)
def test_ecog(said: dict[str, Any], expected: int) -> None:
    found = one(observation(ECOG, LOINC, **said))
    assert (found.item, found.number) == ("ecog", Range.of(expected))


def test_ecog_never_becomes_karnofsky() -> None:
    assert [found.names for found in read(observation(ECOG, LOINC, valueInteger=1))] == [("ecog",)]


def test_an_interpretation_without_an_answer_code_answers_nothing() -> None:
    resource = observation(ECOG, LOINC, interpretation=[coded((INTERPRETATION, "N"))])
    assert one(resource) == unread(UNREADABLE, "value", "ecog")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"valueInteger": 8}, "8"),
        ({"valueString": "8/10"}, "8"),
        ({"valueString": "7.5 / 10"}, "7.5"),
        ({"valueQuantity": {"value": 3.86, "unit": "{score}"}}, "3.86"),
        ({"valueQuantity": {"value": 45, "unit": "mm"}}, "4.5"),
    ],
)
def test_pain(said: dict[str, Any], expected: str) -> None:
    found = one(observation(PAIN, LOINC, **said))
    assert (found.item, found.number) == ("pain-severity", Range.of(Decimal(expected)))


def test_pain_out_of_range() -> None:
    assert one(observation(PAIN, LOINC, valueInteger=11)) == unread(UNREADABLE, "valueInteger", "pain-severity")


def test_pain_on_a_line_needs_its_unit() -> None:
    """8 may be 8 mm or 8 cm of a line of 10 cm."""
    bare = observation(PAIN_LINE, LOINC, valueQuantity={"value": 8})
    assert one(bare) == unread(UNIT_NOT_UNDERSTOOD, "valueQuantity", "pain-severity")
    line = one(observation(PAIN_LINE, LOINC, valueQuantity={"value": 80, "unit": "mm"}))
    assert (line.item, line.number) == ("pain-severity", Range.of(8))


def test_pain_in_faces_is_not_a_number() -> None:
    faces = observation(FACES, LOINC, **value("LA-anything", LOINC))
    assert one(faces) == unread(UNREADABLE, "valueCodeableConcept", "pain-severity")


def test_the_site_of_pain() -> None:
    resource = observation(PAIN, LOINC, valueInteger=6, bodySite=coded((SNOMED, FEMUR)))
    assert one(resource).site.bone == "femur"
    assert one(observation(PAIN, LOINC, valueInteger=6)).site == Site()


# --- Items of the data contract --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "codes"),
    [
        ("frankel-grade", "A B C D E"),
        ("visceral-metastases", "none treatable untreatable"),
        ("bone-metastases-extent", "solitary multiple"),
        ("pain-pattern", "local mechanical radicular migratory"),
        ("primary-growth", "slow moderate rapid"),
    ],
)
def test_coded_items(item: str, codes: str) -> None:
    for code in codes.split():
        found = one(observation(item, **value(code)))
        assert (type(found), found.item, found.value) == (Assessment, item, code)


@pytest.mark.parametrize(
    "said",
    [
        value("lytic"),  # a local code, of another item
        value("A", "urn:site"),
        {"valueString": "A"},  # text alone never matches
        {"valueBoolean": True},
        {"valueCodeableConcept": coded((LOCAL, "A"), (LOCAL, "B"))},
        {"valueCodeableConcept": {"text": "A"}},
    ],
)
def test_other_answers_to_a_coded_item_are_named(said: dict[str, Any]) -> None:
    found = one(observation("frankel-grade", **said))
    assert (found.why, found.names) == (UNREADABLE, ("frankel-grade",))


def test_frankel_by_its_snomed_scale() -> None:
    assert one(observation("273460004", SNOMED, **value("C"))).value == "C"


YES_NO = [
    "new-neurological-deficit",
    "progressive-neurological-deficit",
    "sphincter-disturbance",
    "palpable-lump",
    "exposed-jaw-bone",
    "pain-relieved-by-simple-analgesics",
    "thigh-or-groin-pain",
    "hypercalcemia-symptoms",
]


@pytest.mark.parametrize("item", YES_NO)
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"valueBoolean": True}, True),
        ({"valueBoolean": False}, False),
        (value("LA33-6", LOINC), True),
        (value("LA32-8", LOINC), False),
        (value("373066001", SNOMED), True),
        (value("373067005", SNOMED), False),
        (value("52101004", SNOMED), True),  # present
        (value("2667000", SNOMED), False),  # absent
        (value("Y", "http://terminology.hl7.org/CodeSystem/v2-0136"), True),
    ],
)
def test_yes_no_items(item: str, said: dict[str, Any], expected: bool) -> None:
    found = one(observation(item, **said))
    assert (found.item, found.value, found.shown) == (item, expected, str(expected).lower())


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (value("LA4489-6", LOINC), "absent: unknown"),
        (value("261665006", SNOMED), "absent: unknown"),
        ({"valueCodeableConcept": coded((LOINC, "LA33-6"), (LOINC, "LA32-8"))}, UNREADABLE),
        ({"valueString": "yes"}, UNREADABLE),
        ({"valueInteger": 1}, UNREADABLE),
        ({"dataAbsentReason": coded(("any", "asked-declined"))}, "absent: asked-declined"),
        ({}, UNREADABLE),
    ],
)
def test_unknown_is_not_no(said: dict[str, Any], why: str) -> None:
    found = one(observation("sphincter-disturbance", **said))
    assert isinstance(found, Skipped)
    assert (found.why, found.names) == (why, ("sphincter-disturbance",))


@pytest.mark.parametrize(
    ("item", "said", "expected"),
    [
        ("life-expectancy", {"valueQuantity": {"value": 6, "unit": "mo"}}, Range.of(6)),
        ("life-expectancy", {"valueQuantity": {"value": 15, "unit": "wk"}}, Range.of(Decimal("3.5"))),  # 15 x 7 / 30
        ("life-expectancy", {"valueQuantity": {"value": 1, "unit": "a"}}, Range.of(12)),
        ("life-expectancy", {"valueString": "<3 months"}, Range(-INFINITY, Decimal(3), hi_open=True)),
        (
            "life-expectancy",
            {"valueRange": {"low": {"value": 3, "unit": "mo"}, "high": {"value": 6, "unit": "mo"}}},
            Range.of(3, 6),
        ),
        ("pain-duration", {"valueQuantity": {"value": 3, "unit": "wk"}}, Range.of(21)),  # 3 x 7
        ("extraspinal-bone-metastases", {"valueInteger": 0}, Range.of(0)),
        (
            "extraspinal-bone-metastases",
            {"valueQuantity": {"value": 3, "comparator": ">="}},
            Range(Decimal(3), INFINITY),
        ),
        ("vertebral-metastases", {"valueQuantity": {"value": 2, "unit": "{lesions}"}}, Range.of(2)),
    ],
)
def test_numbers(item: str, said: dict[str, Any], expected: Range) -> None:
    found = one(observation(item, **said))
    assert (found.item, found.number) == (item, expected)


def test_a_duration_without_a_unit_is_not_understood() -> None:
    found = one(observation("life-expectancy", valueInteger=6))
    assert found == unread(UNIT_NOT_UNDERSTOOD, "valueInteger", "life-expectancy")


@pytest.mark.parametrize(
    ("code", "system", "expected"),
    [
        ("LA15173-0", LOINC, True),
        ("77386006", SNOMED, True),
        ("LA26683-5", LOINC, False),
        ("60001007", SNOMED, False),
    ],
)
def test_pregnancy(code: str, system: str, expected: bool) -> None:
    found = one(observation("82810-3", LOINC, **value(code, system)))
    assert (found.item, found.value) == ("pregnant", expected)


def test_pregnancy_unknown() -> None:
    found = one(observation("82810-3", LOINC, **value("LA4489-6", LOINC)))
    assert found == unread("absent: unknown", "valueCodeableConcept", "pregnant")


@pytest.mark.parametrize("status", ["registered", "cancelled", "entered-in-error"])
def test_what_is_no_result_is_ignored(status: str) -> None:
    assert read(observation(KARNOFSKY, LOINC, valueInteger=90) | {"status": status}) == []
    assert read(observation(ER, LOINC, **value(POSITIVE, SNOMED)) | {"status": status}) == []


def test_a_status_that_is_not_understood_is_named() -> None:
    assert one(observation(PAIN, LOINC, valueInteger=6) | {"status": "?"}) == unread(
        UNREADABLE, "status", "pain-severity"
    )
    assert one(observation(ER, LOINC, **value(POSITIVE, SNOMED)) | {"status": "?"}) == unread(
        UNREADABLE, "status", "er"
    )


def test_a_preliminary_observation_says_so() -> None:
    assert one(observation(KARNOFSKY, LOINC, valueInteger=90) | {"status": "preliminary"}).evidence.preliminary


# --- Two answers of one instant --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "better", "worse"),
    [
        ("frankel-grade", value("E"), value("B")),
        ("visceral-metastases", value("none"), value("untreatable")),
        ("hypercalcemia-symptoms", {"valueBoolean": False}, {"valueBoolean": True}),
        ("pain-relieved-by-simple-analgesics", {"valueBoolean": True}, {"valueBoolean": False}),
        (
            "life-expectancy",
            {"valueQuantity": {"value": 9, "unit": "mo"}},
            {"valueQuantity": {"value": 2, "unit": "mo"}},
        ),
        ("vertebral-metastases", {"valueInteger": 1}, {"valueInteger": 3}),
    ],
)
def test_of_one_instant_the_worse_answer_counts(item: str, better: dict[str, Any], worse: dict[str, Any]) -> None:
    """Data contract 1.7, whichever of the two resources has the later id."""
    expected = one(observation(item, **worse)).value
    for first, second in [(better, worse), (worse, better)]:
        both = [one(observation(item) | {"id": name} | said) for name, said in (("a", first), ("b", second))]
        found = Chart(both, as_of=date(2026, 11, 21)).latest(Assessment, item)
        assert found and found.value == expected


# --- from_value, for questionnaires ----------------------------------------------------------------------------------


def test_from_value_fills_in_what_was_written_and_keeps_what_is_given() -> None:
    shelf = Shelf(TERMINOLOGY, as_of=date(2026, 11, 21))
    answer = decoder(views.Value).decode(json.dumps({"valueQuantity": {"value": 2, "unit": "mo"}}))
    found = from_value("pain-duration", answer, Evidence("QuestionnaireResponse/q1"), shelf)
    assert isinstance(found, Assessment)
    assert (found.number, found.evidence) == (Range.of(60), Evidence("QuestionnaireResponse/q1", original="2 mo"))
    kept = from_value("pain-duration", answer, Evidence("Q/1", original="two months"), shelf)
    assert isinstance(kept, Assessment) and kept.evidence.original == "two months"


def test_from_value_answers_every_item_of_the_patient_questionnaire() -> None:
    """Every linkId of the shipped questionnaire is an item here, and an empty answer is no finding."""
    shelf = Shelf(TERMINOLOGY, as_of=date(2026, 11, 21))
    folder = Path(assessments.__file__).parent / "codes"
    questions = json.loads((folder / "Questionnaire-patient-assessment.json").read_text("utf-8"))["item"]
    for question in questions:
        options = [option["valueCoding"]["code"] for option in question.get("answerOption", [])]
        for said in [value(code) for code in options] or [{"valueBoolean": True}, {"valueInteger": 0}]:
            answer = decoder(views.Value).decode(json.dumps(said))
            assert from_value(question["linkId"], answer, Evidence(), shelf) is not None, question["linkId"]
        assert from_value(question["linkId"], views.Value(), Evidence(), shelf) is None
    assert from_value("shoe-size", views.Value(value_integer=Decimal(44)), Evidence(), shelf) is None


def test_every_answer_of_the_table_is_a_local_code() -> None:
    table = tomllib.loads(Path(assessments.__file__).with_name("assessments.toml").read_text("utf-8"))
    for item, answers in (table["coded"] | table["imaging"]).items():
        assert {item, *answers} <= TERMINOLOGY.local_codes
    assert set(table["yes_no"]) - {"pregnant"} <= TERMINOLOGY.local_codes


# --- Receptors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "marker"), [(ER, "er"), (PR, "pr"), (HER2, "her2")])
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (value(POSITIVE, SNOMED), "positive"),
        (value(NEGATIVE, SNOMED), "negative"),
        (value(EQUIVOCAL, SNOMED), "equivocal"),
        (value("LA6576-8", LOINC), "positive"),
        (value("LA6577-6", LOINC), "negative"),
        (value("positive"), "positive"),
        ({"valueBoolean": False}, "negative"),
        ({"valueString": "negative"}, "negative"),
        ({"valueString": " Positive "}, "positive"),
        ({"valueString": "(阳性)"}, "positive"),
        ({"valueString": "0"}, "negative"),
        ({"valueString": "equivocal"}, "equivocal"),
        ({"valueString": "see report", "interpretation": [coded((INTERPRETATION, "POS"))]}, "positive"),
        ({"interpretation": [coded((SNOMED, NEGATIVE))]}, "negative"),
    ],
)
def test_receptors(code: str, marker: str, said: dict[str, Any], expected: str) -> None:
    found = one(observation(code, LOINC, **said))
    assert (type(found), found.marker, found.value) == (Marker, marker, expected)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"valueQuantity": {"value": 90, "unit": "%"}}, "positive"),
        ({"valueQuantity": {"value": 1, "unit": "%"}}, "positive"),  # from 1 %
        ({"valueQuantity": {"value": 0.9, "unit": "%"}}, "negative"),
        ({"valueQuantity": {"value": 1, "unit": "%", "comparator": "<"}}, "negative"),
        ({"valueQuantity": {"value": 10, "unit": "%", "comparator": ">"}}, "positive"),
        ({"valueString": "90 %"}, "positive"),
        ({"valueString": "++"}, "positive"),
    ],
)
def test_hormone_receptors_by_percent_of_cells(said: dict[str, Any], expected: str) -> None:
    assert one(observation("85329-1", LOINC, **said)).value == expected


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"valueQuantity": {"value": 10, "unit": "%", "comparator": "<"}}, UNIT_NOT_UNDERSTOOD),  # 0 or 9 %: both sides
        ({"valueQuantity": {"value": 90}}, UNIT_NOT_UNDERSTOOD),
        ({"valueQuantity": {"value": 20, "unit": "fmol/mg"}}, UNIT_NOT_UNDERSTOOD),
        ({"valueString": "see report"}, UNREADABLE),
        ({"valueCodeableConcept": coded((SNOMED, POSITIVE), (SNOMED, NEGATIVE))}, UNREADABLE),
        ({"dataAbsentReason": coded(("any", "not-performed"))}, "absent: not-performed"),
        ({}, UNREADABLE),
    ],
)
def test_receptors_that_are_not_understood(said: dict[str, Any], why: str) -> None:
    found = one(observation(ER, LOINC, **said))
    assert isinstance(found, Skipped)
    assert (found.why, found.names) == (why, ("er",))


def test_the_laboratory_s_own_conclusion_goes_before_the_percentage() -> None:
    said = {"valueQuantity": {"value": 5, "unit": "%"}, "interpretation": [coded((INTERPRETATION, "NEG"))]}
    assert one(observation(ER, LOINC, **said)).value == "negative"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("0", "negative"),
        ("1+", "negative"),
        ("2+", "equivocal"),
        ("3+", "positive"),
        ("IHC 2+", "equivocal"),
        ("(++)", "equivocal"),
        ("+++", "positive"),
        ("greater than 2.2", "positive"),
    ],
)
def test_her2_by_its_score(said: str, expected: str) -> None:
    assert one(observation(HER2, LOINC, valueString=said)).value == expected


@pytest.mark.parametrize(
    "said", [{"valueQuantity": {"value": 2.5, "unit": "1"}}, {"valueQuantity": {"value": 80, "unit": "%"}}]
)
def test_a_her2_number_alone_does_not_decide(said: dict[str, Any]) -> None:
    assert one(observation("49683-6", LOINC, **said)) == unread(UNIT_NOT_UNDERSTOOD, "valueQuantity", "her2")


def test_a_receptor_by_the_disorder_it_makes() -> None:
    assert one(observation(ER, LOINC, **value("416053008", SNOMED))).value == "positive"
    assert one(observation(PR, LOINC, **value("441118006", SNOMED))).value == "negative"
    progesterone = one(observation(ER, LOINC, **value("416561008", SNOMED)))  # says nothing of the other receptor
    assert progesterone == unread(UNREADABLE, "valueCodeableConcept", "er")


def test_serum_her2_is_no_tissue_status() -> None:
    assert not TERMINOLOGY.concepts(LOINC, "32996-1") & {
        concept for _, reader in READERS for concept in reader.wants or ()
    }


# --- Genes and histology ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gene", ["egfr", "stk11", "keap1", "met"])
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (value("mutated"), "mutated"),
        (value("wild-type"), "wild-type"),
        (value(POSITIVE, SNOMED), "mutated"),
        (value("LA9634-2", LOINC), "wild-type"),
    ],
)
def test_local_gene_codes(gene: str, said: dict[str, Any], expected: str) -> None:
    found = one(observation(gene, **said))
    assert (type(found), found.marker, found.value) == (Marker, gene, expected)


def variant(result: str, *genes: str, **extra: Any) -> dict[str, Any]:
    components = [{"code": coded((LOINC, "48018-6"))} | value(gene, HGNC) for gene in genes]
    components += [{"code": coded((LOINC, code))} | said for code, said in extra.items()]
    return observation("69548-6", LOINC, component=components, **value(result, LOINC))


PRESENT, ABSENT = "LA9633-4", "LA9634-2"


@pytest.mark.parametrize(("hgnc", "gene"), [("3236", "egfr"), ("11389", "stk11"), ("23177", "keap1"), ("7029", "met")])
def test_a_variant_belongs_to_the_gene_that_was_studied(hgnc: str, gene: str) -> None:
    present, absent = one(variant(PRESENT, f"HGNC:{hgnc}")), one(variant(ABSENT, f"HGNC:{hgnc}"))
    assert [(found.marker, found.value) for found in (present, absent)] == [(gene, "mutated"), (gene, "wild-type")]


def test_a_variant_of_another_or_of_no_gene_says_nothing() -> None:
    assert read(variant(PRESENT, "HGNC:1101")) == []
    assert read(variant(PRESENT)) == []


def test_one_absent_variant_does_not_make_a_wild_type() -> None:
    assert read(variant(ABSENT, "HGNC:3236", **{"48004-6": {"valueString": "c.2573T>G"}})) == []


def test_one_variant_in_one_of_several_genes_is_in_none_for_sure() -> None:
    assert one(variant(PRESENT, "HGNC:3236", "HGNC:7029")) == unread(UNREADABLE, "valueCodeableConcept", "egfr", "met")
    assert [found.marker for found in read(variant(ABSENT, "HGNC:3236", "HGNC:7029"))] == ["egfr", "met"]


def test_a_variant_without_a_clear_result_is_named() -> None:
    assert one(variant("LA18198-4", "HGNC:3236")) == unread(UNREADABLE, "valueCodeableConcept", "egfr")


@pytest.mark.parametrize(
    ("code", "result", "expected"),
    [
        ("21665-5", POSITIVE, ["mutated"]),
        ("21665-5", NEGATIVE, ["wild-type"]),
        ("55764-5", POSITIVE, ["mutated"]),
        ("55764-5", NEGATIVE, []),  # exon 19 is not the gene
    ],
)
def test_egfr_tests(code: str, result: str, expected: list[str]) -> None:
    assert [found.value for found in read(observation(code, LOINC, **value(result, SNOMED)))] == expected


def test_histology_is_the_concept_of_its_value() -> None:
    icd_o = value("8140/3", "http://terminology.hl7.org/CodeSystem/icd-o-3")
    found = one(observation("31206-6", LOINC, **icd_o))
    assert (found.marker, found.value) == ("histology", "histology-adenocarcinoma")
    lung = {found.value for found in read(observation("31206-6", LOINC, **value("254626006", SNOMED)))}
    assert "primary-lung-adenocarcinoma" in lung
    assert one(observation("31206-6", LOINC, valueString="adeno")) == unread(UNREADABLE, "valueString", "histology")


def test_a_histology_panel_is_read_by_its_components() -> None:
    part = {"code": coded((LOINC, "31206-6"))} | value("8140/3", "http://terminology.hl7.org/CodeSystem/icd-o-3")
    assert one(observation("77753-2", LOINC, component=[part])).value == "histology-adenocarcinoma"


# --- Imaging ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("modality", ["bone-scan", "ct", "mri", "x-ray", "pet-ct"])
@pytest.mark.parametrize("result", ["positive", "negative", "destruction", "no-destruction"])
def test_imaging_of_the_skeleton(modality: str, result: str) -> None:
    site = coded((SNOMED, FEMUR)) | {
        "extension": [{"url": "laterality", "valueCodeableConcept": coded((SNOMED, LEFT))}]
    }
    found = one(observation(modality, **value(result), bodySite=site))
    assert (type(found), found.modality, found.value) == (Imaging, modality, result)
    assert (found.site.bone, found.site.side) == ("femur", "left")


def test_imaging_with_a_standard_answer() -> None:
    assert one(observation("bone-scan", **value(POSITIVE, SNOMED))).value == "positive"


@pytest.mark.parametrize("result", ["sclerotic-rim", "new-blastic", "new-lytic", "soft-tissue-growth", "stable"])
def test_bone_response(result: str) -> None:
    found = one(observation("bone-response", **value(result)))
    assert (found.modality, found.value) == ("bone-response", result)


def test_an_imaging_answer_of_another_item_is_named() -> None:
    assert one(observation("ct", **value("stable"))) == unread(UNREADABLE, "valueCodeableConcept", "ct")


def test_a_standard_examination_counts_only_for_bone() -> None:
    chest, bone_scan = "24627-2", "25031-6"
    assert read(observation(chest, LOINC, **value(POSITIVE, SNOMED))) == []  # a CT of the chest may show anything
    assert read(observation(chest, LOINC, valueString="report")) == []
    assert one(observation(chest, LOINC, **value("destruction"))).modality == "ct"
    assert one(observation(chest, LOINC, **value(POSITIVE, SNOMED), bodySite=coded((SNOMED, FEMUR)))).site.known
    assert one(observation(bone_scan, LOINC, **value(POSITIVE, SNOMED))).modality == "bone-scan"


# --- Prefetch and real records ---------------------------------------------------------------------------------------


def test_the_searches_name_codes_the_terminology_knows() -> None:
    for search in PREFETCH.values():
        assert all(TERMINOLOGY.codes(concept) for concept in search.concepts)
        assert set(search.local) <= TERMINOLOGY.local_codes


def test_every_item_is_searched_for() -> None:
    wants = {concept for _, reader in READERS for concept in reader.wants or ()}
    searched = {name for search in PREFETCH.values() for name in (*search.concepts, *search.local)}
    standard_examinations = {"imaging-ct", "imaging-mri", "imaging-x-ray", "imaging-pet-ct"}
    own_names = {"pain-severity-line", "pregnant"}
    assert wants - searched == standard_examinations | own_names


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("mcode4_Observation-karnofsky-performance-status-normal-activity.json", {"karnofsky": "90"}),
        (
            "mcode4_Bundle-mcode-patient-bundle-jenny-m.json",
            {"ecog": "0", "er": "positive", "pr": "negative", "her2": "negative"},
        ),
        (
            "mcode-app_TrialMatching_Patient02.json",
            {"ecog": "1", "er": "positive", "pr": "positive", "her2": "negative"},
        ),
    ],
)
def test_real_records(realdata: Path, file: str, expected: dict[str, str]) -> None:
    content = json.loads((realdata / file).read_text("utf-8"))
    resources = [entry["resource"] for entry in content["entry"]] if "entry" in content else [content]
    observations = [resource for resource in resources if resource["resourceType"] == "Observation"]
    found = [outcome for resource in observations for outcome in read(resource)]
    assert {outcome.names[0]: outcome.shown for outcome in found if not isinstance(outcome, Skipped)} == expected
