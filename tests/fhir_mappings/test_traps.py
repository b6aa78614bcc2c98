"""The traps of real records, one test each, named after the trap and sprung through ``read_chart``.

Each was met in a public record or a published example; the readers' own tests go into their details.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import msgspec
import pytest

from fhir_mappings.assessments import Assessment, Imaging
from fhir_mappings.chart import Chart
from fhir_mappings.charts import Reading, read_chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import NOT_RECORDED, OTHER_VERSION, UNIT_NOT_UNDERSTOOD, UNREADABLE
from fhir_mappings.labs import Lab
from fhir_mappings.lesions import Lesion
from fhir_mappings.markers import Marker
from fhir_mappings.medications import DrugRecord
from fhir_mappings.patient import Person
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.reading import Supplied, look
from fhir_mappings.terminology import ATC, HCPCS, ICD10, ICD10CM, LOCAL, LOINC, RXNORM, SNOMED, Terminology

TERMINOLOGY = Terminology.load()
AS_OF = date(2026, 11, 21)
UCUM = "http://unitsofmeasure.org"
Resource = dict[str, Any]


def read(*resources: Resource | bytes, drafts: tuple[Resource, ...] = (), **more: Any) -> Reading:
    def supplied(resource: Resource | bytes) -> Supplied:
        raw = resource if isinstance(resource, bytes) else json.dumps(resource).encode()
        return look(msgspec.Raw(raw), full_url=None)

    return read_chart(
        [supplied(one) for one in resources],
        terminology=TERMINOLOGY,
        as_of=AS_OF,
        drafts=[supplied(one) for one in drafts],
        **more,
    )


def chart(*resources: Resource | bytes, **more: Any) -> Chart:
    return read(*resources, **more).chart


def code(system: str, *codes: str, **more: Any) -> Resource:
    return {"coding": [{"system": system, "code": one, **more} for one in codes]}


def observation(coded: Resource, identity: str = "o", **more: Any) -> Resource:
    return {
        "resourceType": "Observation",
        "id": identity,
        "status": "final",
        "code": coded,
        "effectiveDateTime": "2026-11-20",
        **more,
    }


def lab(loinc: str, value: Any, unit: str | None = None, **more: Any) -> Resource:
    return observation(code(LOINC, loinc), valueQuantity={"value": value} | ({"unit": unit} if unit else {}), **more)


def condition(coded: Resource, **more: Any) -> Resource:
    return {"resourceType": "Condition", "id": "c", "code": coded, **more}


def state(kind: str, word: str) -> Resource:
    return code(f"http://terminology.hl7.org/CodeSystem/condition-{kind}", word)


def drug(kind: str, coded: Resource, **more: Any) -> Resource:
    return {"resourceType": kind, "id": "m", "medicationCodeableConcept": coded, **more}


def given(coded: Resource, **more: Any) -> Resource:
    return drug("MedicationAdministration", coded, **{"status": "completed", "effectiveDateTime": "2026-11-01", **more})


def ordered(coded: Resource, **more: Any) -> Resource:
    return drug(
        "MedicationRequest", coded, **{"status": "active", "intent": "order", "authoredOn": "2026-11-01", **more}
    )


def procedure(coded: Resource, **more: Any) -> Resource:
    return {
        "resourceType": "Procedure",
        "id": "p",
        "status": "completed",
        "code": coded,
        "performedDateTime": "2026-11-01",
        **more,
    }


def problems(*resources: Resource) -> set[str]:
    return {name for found in chart(*resources).all(Problem) for name in found.names}


def shown(found: Chart, name: str) -> list[str]:
    return [one.shown for one in found.all(Lab, name)]


def skips(found: Chart) -> list[tuple[str, str, str]]:
    return [(skip.reference, skip.why, skip.element) for skip in found.skipped]


METASTASIS = code(SNOMED, "94222008")
DENOSUMAB = code(RXNORM, "993449")
ZOLEDRONATE = code(RXNORM, "77655")
CALCIUM = "2000-8"


# --- Laboratory ---


def test_13959_2_is_called_ionised_and_holds_total_calcium() -> None:
    total = [{"low": {"value": 2.25, "unit": "mmol/L"}, "high": {"value": 2.65, "unit": "mmol/L"}}]
    found = chart(lab("13959-2", 2.39, "mmol/L", referenceRange=total))
    assert not found.all(Lab)
    assert skips(found) == [("Observation/o", UNREADABLE, "referenceRange")]


def test_creatinine_in_mmol_l() -> None:
    assert shown(chart(lab("14682-9", 0.09, "mmol/L")), "creatinine-serum") == ["90 umol/L"]  # x 1000


def test_creatinine_in_blood_labelled_urine_is_read_by_its_code() -> None:
    labelled = observation(
        code(LOINC, "38483-4", display="Creatinine in Urine"), valueQuantity={"value": 1, "unit": "mg/dL"}
    )
    assert shown(chart(labelled), "creatinine-serum") == ["88.4 umol/L"]  # 1 mg/dL x 88.4


def test_egfr_under_two_units() -> None:
    found = chart(lab("33914-3", 40, "mL/min/{1.73_m2}", identity="a"), lab("33914-3", 55, "mL/min", identity="b"))
    assert [one.evidence.reference for one in found.all(Lab, "estimated-gfr")] == ["Observation/a"]
    assert skips(found) == [("Observation/b", UNIT_NOT_UNDERSTOOD, "valueQuantity")]


@pytest.mark.parametrize("urine", ["2004-0", "14957-5", "17862-4"])
def test_urine_codes(urine: str) -> None:
    assert not chart(lab(urine, 5, "mmol/L")).findings


def test_a_calcium_without_a_unit_is_not_guessed() -> None:
    found = chart(lab(CALCIUM, 12))
    assert not found.all(Lab)
    assert not found.lacks(Lab, "calcium-total")  # unknown, not absent
    assert found.latest(Lab, "calcium-total").why == UNIT_NOT_UNDERSTOOD


@pytest.mark.parametrize(
    ("quantity", "value"),
    [
        ({"value": 12, "unit": "mg/dL", "system": UCUM}, "2.994 mmol/L"),  # 12 x 0.2495; US Core: no code
        ({"value": 12, "system": UCUM, "code": "mg/dL"}, "2.994 mmol/L"),
        ({"value": 12, "unit": "MG/DL"}, "2.994 mmol/L"),
        ({"value": "12", "unit": "mg/dl"}, "2.994 mmol/L"),  # a number as a string
        ({"value": 3, "unit": "mmol/l"}, "3 mmol/L"),
        ({"value": 3, "unit": "mmol/L", "system": SNOMED, "code": "258813002"}, "3 mmol/L"),  # a code of no UCUM
    ],
)
def test_units_by_text_by_code_and_by_a_code_that_is_not_ucum(quantity: Resource, value: str) -> None:
    assert shown(chart(observation(code(LOINC, CALCIUM), valueQuantity=quantity)), "calcium-total") == [value]


def test_three_letters_for_micro() -> None:
    for unit in ("µmol/L", "μmol/L", "umol/L"):  # U+00B5, U+03BC, u
        assert shown(chart(lab("14682-9", 90, unit)), "creatinine-serum") == ["90 umol/L"]


def test_albumin_in_umol_l_has_its_own_code() -> None:
    found = chart(lab("54347-0", 600, "umol/L"))
    assert not [one for one in shown(found, "albumin-serum") if one.startswith("600")]


def test_bone_alkaline_phosphatase_in_two_units_that_have_no_factor() -> None:
    found = chart(lab("17838-4", 20, "ug/L", identity="a"), lab("17838-4", 90, "U/L", identity="b"))
    units = [{one.unit for one in found.all(Lab, name)} for name in {one.analyte for one in found.all(Lab)}]
    assert all(len(several) == 1 for several in units)  # never two units under one name


def test_neutrophils_that_no_patient_has() -> None:
    assert not chart(lab("26499-4", 3000, "10*3/uL")).all(Lab)  # 3000 x 10^9/L


def test_a_comparator_of_no_known_kind() -> None:
    found = chart(observation(code(LOINC, CALCIUM), valueQuantity={"value": 3, "unit": "mmol/L", "comparator": "="}))
    assert not found.all(Lab)
    assert [why for _, why, _ in skips(found)] == [UNREADABLE]


def test_a_comparator_keeps_its_direction() -> None:
    less = observation(code(LOINC, "33914-3"), valueQuantity={"value": 30, "comparator": "<", "unit": "mL/min/1.73m2"})
    (found,) = chart(less).all(Lab)
    assert (found.value.at_least(30), found.value.at_least(10)) == (False, None)


def test_a_value_as_a_string() -> None:
    assert shown(chart(observation(code(LOINC, CALCIUM), valueString="2.9 mmol/L")), "calcium-total") == ["2.9 mmol/L"]
    words = chart(observation(code(LOINC, CALCIUM), valueString="high normal"))
    assert skips(words) == [("Observation/o", UNREADABLE, "valueString")]


def test_a_data_absent_reason_is_unknown_with_that_reason() -> None:
    why = code("http://terminology.hl7.org/CodeSystem/data-absent-reason", "error")
    found = chart(observation(code(LOINC, CALCIUM), dataAbsentReason=why))
    assert found.latest(Lab, "calcium-total").why == "absent: error"


def test_several_codings_any_of_which_matches() -> None:
    both = {"coding": [{"system": "http://hospital.example", "code": "CA"}, {"system": LOINC, "code": CALCIUM}]}
    assert shown(chart(observation(both, valueQuantity={"value": 3, "unit": "mmol/L"})), "calcium-total")


def test_codings_that_contradict_are_named() -> None:
    found = chart(observation(code(LOINC, CALCIUM, "1751-7"), valueQuantity={"value": 3, "unit": "mmol/L"}))
    assert not found.all(Lab)
    assert skips(found) == [("Observation/o", UNREADABLE, "code")]


def test_corrected_calcium_is_used_as_it_is() -> None:
    found = chart(lab("29265-6", 2.9, "mmol/L"))
    assert not shown(found, "calcium-total")
    assert [one.analyte for one in found.all(Lab)] == ["calcium-albumin-corrected"]


def test_zero_width_spaces_in_displays() -> None:
    spaced = code(LOINC, "2160-0", display="Creatinine [Mass/\u200bvolume] in Serum or Plasma")
    assert shown(chart(observation(spaced, valueQuantity={"value": 1, "unit": "mg/dL"})), "creatinine-serum")


# --- Code systems ---


@pytest.mark.parametrize(
    "system",
    ["LOINC", "https://loinc.org", "http://loinc.org/", "urn:oid:2.16.840.1.113883.6.1", "HTTP://LOINC.ORG"],
)
def test_wrong_system_strings(system: str) -> None:
    resource = observation(code(system, CALCIUM), valueQuantity={"value": 3, "unit": "mmol/L"})
    assert shown(chart(resource), "calcium-total") == ["3 mmol/L"]


def test_a_snomed_code_under_loinc_is_nothing() -> None:
    assert not chart(condition(code(LOINC, "94222008"))).findings


def test_a_code_without_a_system_is_nothing() -> None:
    assert not chart(condition({"coding": [{"code": "94222008"}]})).findings


def test_text_alone_is_nothing_but_for_incadronate() -> None:
    assert not chart(condition({"text": "bone metastasis"}), given({"text": "denosumab 120 mg"})).all(DrugRecord)
    assert chart(given({"text": "注射用英卡膦酸二钠"})).all(DrugRecord, "med-bisphosphonate-any")


@pytest.mark.parametrize("written", ["C79.51", "C7951", "c79.51", " C79.51 "])
def test_icd_codes_as_people_write_them(written: str) -> None:
    assert "bone-metastasis" in problems(condition(code(ICD10CM, written)))


def test_a_chinese_suffix_of_icd_10() -> None:
    assert "bone-metastasis" in problems(condition(code(ICD10, "C79.500x001")))


@pytest.mark.parametrize("system", [ICD10CM, ICD10])
def test_c79_52_is_marrow(system: str) -> None:
    assert problems(condition(code(system, "C79.52"))) & {"bone-metastasis", "bone-marrow-metastasis"} == {
        "bone-marrow-metastasis"
    }


def test_94217008_is_marrow() -> None:
    assert "bone-metastasis" not in problems(condition(code(SNOMED, "94217008")))


def test_314990009_is_a_metastasis_from_a_bone_tumour() -> None:
    assert "bone-metastasis" not in problems(condition(code(SNOMED, "314990009")))


@pytest.mark.parametrize(
    ("morphology", "disorder", "concept"),
    [("25370001", "109841003", "primary-hcc"), ("55921005", "109989006", "primary-multiple-myeloma")],
)
def test_morphology_look_alikes(morphology: str, disorder: str, concept: str) -> None:
    assert concept in problems(condition(code(SNOMED, disorder)))
    assert concept not in problems(condition(code(SNOMED, morphology)))


def test_c80_0_is_unknown_primary_at_the_who_and_disseminated_in_the_us() -> None:
    assert "primary-unknown" in problems(condition(code(ICD10, "C80.0")))
    assert "primary-unknown" not in problems(condition(code(ICD10CM, "C80.0")))


def test_e83_5_is_high_and_low_calcium_at_the_who() -> None:
    assert "hypercalcaemia" not in problems(condition(code(ICD10, "E83.5")))
    assert "hypercalcaemia" in problems(condition(code(ICD10CM, "E83.52")))


def test_a_wrong_display_does_not_matter() -> None:
    labelled = code(SNOMED, "94222008", display="Secondary malignant neoplasm of liver")
    found = problems(condition(labelled))
    assert "bone-metastasis" in found and "mets-liver" not in found


# --- Conditions ---


def test_missing_clinical_status_is_present() -> None:
    (found,) = chart(condition(METASTASIS, verificationStatus=state("ver-status", "confirmed"))).all(Problem)
    assert (found.present, found.certainty) == (True, "confirmed")


@pytest.mark.parametrize("word", ["remission", "resolved", "inactive"])
def test_remission_is_history(word: str) -> None:
    (found,) = chart(condition(METASTASIS, clinicalStatus=state("clinical", word))).all(Problem)
    assert not found.present


def test_abatement_may_say_resolved() -> None:
    (found,) = chart(condition(METASTASIS, abatementDateTime="2025-01-01")).all(Problem)
    assert not found.present


@pytest.mark.parametrize("word", ["provisional", "differential", "unconfirmed"])
def test_a_diagnosis_to_rule_out_is_suspected(word: str) -> None:
    (found,) = chart(condition(METASTASIS, verificationStatus=state("ver-status", word))).all(Problem)
    assert found.certainty == "suspected"


def test_refuted_is_evidence_and_entered_in_error_is_nothing() -> None:
    (found,) = chart(condition(METASTASIS, verificationStatus=state("ver-status", "refuted"))).all(Problem)
    assert found.certainty == "refuted"
    assert not chart(condition(METASTASIS, verificationStatus=state("ver-status", "entered-in-error"))).findings


def test_a_status_of_no_known_kind_is_named() -> None:
    found = chart(condition(METASTASIS, verificationStatus=state("ver-status", "foo")))
    assert not found.all(Problem)
    assert skips(found) == [("Condition/c", UNREADABLE, "verificationStatus")]


def test_a_generic_metastasis_and_a_bone_as_its_body_site() -> None:
    generic = condition(code(SNOMED, "128462008"), bodySite=[code(SNOMED, "71341001")])
    assert "bone-metastasis" in problems(generic)
    assert "bone-metastasis" not in problems(condition(code(SNOMED, "128462008")))


@pytest.mark.parametrize(
    ("system", "answer", "certainty"),
    [(LOINC, "LA9633-4", ["confirmed"]), (SNOMED, "52101004", ["confirmed"]), (LOINC, "LA9634-2", [])],
)
def test_bone_metastasis_as_an_observation_with_present_or_absent(
    system: str, answer: str, certainty: list[str]
) -> None:
    found = chart(observation(METASTASIS, valueCodeableConcept=code(system, answer)))
    assert [one.certainty for one in found.all(Problem, "bone-metastasis")] == certainty


def test_value_boolean_false_turns_history_of_metastasis_around() -> None:
    (no,) = chart(observation(code(SNOMED, "1287652008"), valueBoolean=False)).all(Problem)
    assert (no.certainty, no.present) == ("refuted", False)


def test_older_conditions_wrote_their_states_as_words() -> None:
    (found,) = chart(condition(METASTASIS, clinicalStatus="active", verificationStatus="confirmed")).all(Problem)
    assert (found.present, found.certainty) == (True, "confirmed")


# --- Scores, markers, lesions ---


@pytest.mark.parametrize("value", [1, 2, 3, 4, 5])
def test_the_karnofsky_code_with_a_value_of_0_to_5(value: int) -> None:
    """0 is a value of both scales (fhir-conventions 7 takes 0, 10 .. 100): only a label can tell it, see below."""
    found = chart(observation(code(LOINC, "89243-0"), valueInteger=value))
    assert not found.all(Assessment)
    assert [why for _, why, _ in skips(found)] == [UNREADABLE]
    assert found.latest(Assessment, "karnofsky").why == UNREADABLE


def test_the_karnofsky_code_labelled_ecog() -> None:
    for value in (0, 10):
        labelled = code(LOINC, "89243-0", display="ECOG performance status")
        assert not chart(observation(labelled, valueInteger=value)).all(Assessment)


def test_ecog_as_an_answer_code() -> None:
    found = chart(observation(code(LOINC, "89247-1"), valueCodeableConcept=code(LOINC, "LA9624-3")))
    assert [one.shown for one in found.all(Assessment, "ecog")] == ["2"]


@pytest.mark.parametrize(
    "value",
    [
        {"valueCodeableConcept": code(SNOMED, "10828004")},
        {"valueCodeableConcept": code(LOINC, "LA6576-8")},
        {"valueString": "positive"},
    ],
)
def test_one_result_in_many_codes(value: Resource) -> None:
    assert [one.value for one in chart(observation(code(LOINC, "85337-4"), **value)).all(Marker, "er")] == ["positive"]


def test_a_gene_variant_that_is_absent_says_nothing_of_the_gene() -> None:
    parts = [
        {"code": code(LOINC, "48018-6"), "valueCodeableConcept": code("http://www.genenames.org", "HGNC:3236")},
        {"code": code(LOINC, "81252-9"), "valueCodeableConcept": code("http://www.ncbi.nlm.nih.gov/clinvar", "1")},
    ]
    absent = observation(code(LOINC, "69548-6"), valueCodeableConcept=code(LOINC, "LA9634-2"), component=parts)
    assert not chart(absent).all(Marker)


def test_a_test_for_variants_alone_says_nothing_of_egfr() -> None:
    assert not chart(observation(code(LOINC, "69548-6"), valueCodeableConcept=code(LOINC, "LA9633-4"))).all(Marker)


def test_a_tumour_size_is_no_lesion_of_bone() -> None:
    size = {"code": code(LOINC, "33728-7"), "valueQuantity": {"value": 1.2, "unit": "cm"}}
    assert not chart(observation(code(LOINC, "21889-1"), component=[size])).findings


def test_a_score_of_one_lesion_is_not_that_of_another() -> None:
    lesions = [
        observation(
            code(LOCAL, "sins-score"),
            identity,
            valueInteger=total,
            bodySite={"coding": [{"system": LOCAL, "code": level}]},
        )
        for identity, level, total in (("a", "T12", 13), ("b", "L3", 4))
    ]
    found = {one.site.level: one.number("sins-score") for one in chart(*lesions).all(Lesion)}
    assert {level: total.lo for level, total in found.items()} == {"T12": 13, "L3": 4}


def test_an_imaging_code_of_another_part_says_nothing_of_bone() -> None:
    ct = code(LOINC, "24627-2")  # CT of the chest
    assert not chart(observation(ct, valueCodeableConcept=code(LOCAL, "positive"))).all(Imaging)


# --- Drugs ---


@pytest.mark.parametrize(
    ("old", "new", "concept"),
    [
        ("L01XC07", "L01FG01", "med-vegf-antibody"),
        ("L01XC06", "L01FE01", "med-egfr-antibody"),
        ("N03AX12", "N02BF01", "med-adjuvant-analgesic"),
    ],
)
def test_moved_atc_codes(old: str, new: str, concept: str) -> None:
    for one in (old, new):
        assert [concept in record.names for record in chart(given(code(ATC, one))).all(DrugRecord)] == [True]


def test_the_diagnostic_dronic_acid_is_no_therapy() -> None:
    assert not chart(given(code(ATC, "V09BA01"))).all(DrugRecord)


@pytest.mark.parametrize("system", [HCPCS, "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"])
def test_j0897_is_denosumab_of_either_dose(system: str) -> None:
    (found,) = chart(procedure(code(system, "J0897"))).all(DrugRecord, "med-denosumab")
    assert (found.record, found.dose_mg) == ("given", None)


@pytest.mark.parametrize("status", ["not-done", "entered-in-error"])
def test_a_dose_not_given_is_no_dose(status: str) -> None:
    assert not chart(given(DENOSUMAB, status=status)).all(DrugRecord)


def test_a_dose_partly_given_is_one() -> None:
    assert chart(given(DENOSUMAB, status="stopped")).all(DrugRecord)


@pytest.mark.parametrize("status", ["not-taken", "intended"])
def test_a_drug_not_taken_is_no_exposure(status: str) -> None:
    assert not chart(drug("MedicationStatement", DENOSUMAB, status=status, effectiveDateTime="2026-11-01")).findings


@pytest.mark.parametrize("intent", ["proposal", "plan", "option"])
def test_a_proposal_is_no_order(intent: str) -> None:
    assert not chart(ordered(DENOSUMAB, intent=intent)).all(DrugRecord)


def test_do_not_perform() -> None:
    assert not chart(ordered(DENOSUMAB, doNotPerform=True)).all(DrugRecord)


@pytest.mark.parametrize("status", ["declined", "cancelled"])
def test_a_dispense_that_was_not_handed_over(status: str) -> None:
    assert not chart(drug("MedicationDispense", DENOSUMAB, status=status, whenHandedOver="2026-11-01")).findings


def test_a_course_is_dated_by_its_end() -> None:
    (found,) = chart(
        given(DENOSUMAB, effectiveDateTime=None, effectivePeriod={"start": "2026-10-01", "end": "2026-10-02"})
    ).all(DrugRecord)
    assert str(found.evidence.when) == "2026-10-02"


def test_authored_on_is_when_it_was_written_not_when_it_was_given() -> None:
    (found,) = chart(ordered(DENOSUMAB, status="completed")).all(DrugRecord)
    assert found.record == "ordered"


@pytest.mark.parametrize("route", ["418401004", "372464004"])  # intravitreal, intradermal
def test_a_drug_for_the_eye_is_not_systemic(route: str) -> None:
    (found,) = chart(given(code(RXNORM, "253337"), dosage={"route": code(SNOMED, route)})).all(DrugRecord)
    assert found.route not in ("intravenous", "subcutaneous", "oral")


@pytest.mark.parametrize("route", ["47625008", "255560000"])
def test_two_codes_of_intravenous(route: str) -> None:
    (found,) = chart(given(ZOLEDRONATE, dosage={"route": code(SNOMED, route)})).all(DrugRecord)
    assert found.route == "intravenous"


def test_a_medication_with_ingredients_only() -> None:
    medication = {"resourceType": "Medication", "id": "x", "ingredient": [{"itemCodeableConcept": DENOSUMAB}]}
    resource = given(DENOSUMAB, contained=[medication], medicationReference={"reference": "#x"})
    del resource["medicationCodeableConcept"]
    assert chart(resource).all(DrugRecord, "med-denosumab")


def test_a_medication_that_cannot_be_found_may_be_any_drug() -> None:
    resource = given(DENOSUMAB, medicationReference={"reference": "Medication/elsewhere"})
    del resource["medicationCodeableConcept"]
    found = chart(resource)
    assert not found.lacks(DrugRecord, "med-denosumab")
    assert skips(found) == [("MedicationAdministration/m", UNREADABLE, "medicationReference")]


def test_a_draft_without_intent_or_status() -> None:
    bare = drug("MedicationRequest", DENOSUMAB)
    assert [one.status for one in read(drafts=(bare,)).drafts] == ["draft"]


# --- Procedures ---


@pytest.mark.parametrize("status", ["not-done", "entered-in-error", "preparation"])
def test_a_procedure_not_done(status: str) -> None:
    found = chart(procedure(code(SNOMED, "53438000"), status=status)).all(ProcedureRecord)
    assert not [one for one in found if one.state == "done"]


def test_a_history_of_a_procedure_is_another_fact() -> None:
    assert not chart(condition(code(SNOMED, "429479009"))).all(ProcedureRecord)


def test_an_order_that_was_revoked_is_no_plan() -> None:
    order = {"resourceType": "ServiceRequest", "id": "s", "status": "revoked", "intent": "order"}
    assert not chart(order | {"code": code(LOCAL, "embolization")}).findings


def test_an_order_not_to_do_something_is_no_plan() -> None:
    order = {"resourceType": "ServiceRequest", "id": "s", "status": "active", "intent": "order", "doNotPerform": True}
    assert not chart(order | {"code": code(LOCAL, "embolization")}).findings


def test_a_radiotherapy_course_has_a_period_and_its_dose_in_extensions() -> None:
    found = chart(
        procedure(
            code(SNOMED, "1217123003"),
            performedDateTime=None,
            performedPeriod={"start": "2026-08-15", "end": "2026-10-25"},
        )
    )
    (course,) = found.all(ProcedureRecord, "proc-radiotherapy")
    assert str(course.evidence.when) == "2026-10-25"


# --- Shapes of a resource ---


def test_an_unknown_element_costs_nothing() -> None:
    assert chart(condition(METASTASIS, shoeSize={"value": [1, {"a": None}]})).all(Problem)


def test_an_identity_with_an_underscore() -> None:
    (found,) = chart(condition(METASTASIS, id="a_b")).all(Problem)
    assert found.evidence.reference == "Condition/a_b"


def test_null_is_absent() -> None:
    assert chart(condition(METASTASIS, onsetDateTime=None, clinicalStatus=None)).all(Problem)


def test_a_resource_of_an_unknown_type() -> None:
    assert not chart({"resourceType": "FooType", "id": "f"}).findings


@pytest.mark.parametrize("status", ["foo", "registered", "cancelled", "entered-in-error", None])
def test_a_status_that_is_no_result(status: str | None) -> None:
    assert not chart(lab(CALCIUM, 3, "mmol/L", status=status)).all(Lab)


def test_preliminary_is_used_and_flagged() -> None:
    (found,) = chart(lab(CALCIUM, 3, "mmol/L", status="preliminary")).all(Lab)
    assert found.evidence.preliminary


def test_an_unfinished_questionnaire_is_ignored() -> None:
    form = {"linkId": "karnofsky", "answer": [{"valueInteger": 70}]}
    response = {
        "resourceType": "QuestionnaireResponse",
        "id": "q",
        "status": "in-progress",
        "questionnaire": "https://osteohooks.org/fhir/Questionnaire/patient-assessment|2026.11.1",
        "authored": "2026-11-20",
        "item": [{"linkId": "group", "item": [form]}],
    }
    assert not chart(response).findings
    assert chart(response | {"status": "completed"}).all(Assessment, "karnofsky")


# --- Dates ---


@pytest.mark.parametrize("written", ["2026-11-20T10:00:00", "2026-11-20T10:00Z", "2026-11-20T10:00"])
def test_a_time_without_zone_or_seconds(written: str) -> None:
    (found,) = chart(lab(CALCIUM, 3, "mmol/L", effectiveDateTime=written)).all(Lab)
    assert str(found.evidence.when) == "2026-11-20"


@pytest.mark.parametrize("written", ["01/04/2026", "", "yesterday"])
def test_what_is_no_date_is_an_unknown_date(written: str) -> None:
    (found,) = chart(lab(CALCIUM, 3, "mmol/L", effectiveDateTime=written)).all(Lab)
    assert found.evidence.when is None


def test_partial_and_full_dates_sort_together() -> None:
    days = ["2026-03-05", "2026", "2026-03", "2026-03-04T10:00:00+08:00"]
    labs = [lab(CALCIUM, 3, "mmol/L", identity=str(n), effectiveDateTime=day) for n, day in enumerate(days)]
    found = chart(*labs).all(Lab)  # by the last day each may mean; a year that is not over is not past
    assert [one.evidence.when.text for one in found] == [days[3], days[0], days[2], days[1]]


def test_a_month_is_every_day_of_it() -> None:
    found = chart(lab(CALCIUM, 3, "mmol/L", effectiveDateTime="2026-10"))
    assert found.latest(Lab, "calcium-total", within_days=60)  # 21 to 51 days ago
    assert found.latest(Lab, "calcium-total", within_days=30).why == "date not precise"


def test_a_zone_does_not_move_the_day() -> None:
    (found,) = chart(lab(CALCIUM, 3, "mmol/L", effectiveDateTime="2026-11-20T23:30:00+08:00")).all(Lab)
    assert str(found.evidence.when) == "2026-11-20"


def test_the_date_is_effective_else_issued_and_never_last_updated() -> None:
    issued = lab(CALCIUM, 3, "mmol/L", effectiveDateTime=None, issued="2026-11-19T08:00:00Z")
    (found,) = chart(issued).all(Lab)
    assert str(found.evidence.when) == "2026-11-19"
    updated = lab(CALCIUM, 3, "mmol/L", effectiveDateTime=None, meta={"lastUpdated": "2026-11-19T08:00:00Z"})
    (found,) = chart(updated).all(Lab)
    assert found.evidence.when is None


def test_what_lies_ahead_is_not_used() -> None:
    assert not chart(lab(CALCIUM, 3, "mmol/L", effectiveDateTime="2026-11-22")).all(Lab)


def test_one_resource_twice_counts_once_and_the_later_version_counts() -> None:
    old = lab(CALCIUM, 3, "mmol/L", meta={"versionId": "1", "lastUpdated": "2026-11-20T08:00:00Z"})
    new = lab(
        CALCIUM, 2.5, "mmol/L", meta={"versionId": "2", "lastUpdated": "2026-11-20T09:00:00Z"}, status="corrected"
    )
    for order in ((old, new), (new, old), (old, new, old)):
        assert shown(chart(*order), "calcium-total") == ["2.5 mmol/L"]


# --- References and patients ---

PATIENT = {"resourceType": "Patient", "id": "me", "gender": "female", "birthDate": "1960-01-01"}


@pytest.mark.parametrize("reference", ["Patient/me", "http://x.example/fhir/Patient/me", "Patient/me/_history/2"])
def test_references_relative_absolute_and_versioned(reference: str) -> None:
    assert chart(PATIENT, condition(METASTASIS, subject={"reference": reference}), patient_id="me").all(Problem)


def test_a_prefixed_patient_id() -> None:
    found = chart(PATIENT, condition(METASTASIS, subject={"reference": "Patient/me"}), patient_id="Patient/me")
    assert found.all(Problem) and found.all(Person)


@pytest.mark.parametrize("url", ["urn:uuid:00000000-0000-4000-8000-000000000001", "urn:uuid:mCODEPatient02"])
def test_a_full_url_that_is_a_uuid_and_one_that_is_none(url: str) -> None:
    resources = [
        look(msgspec.Raw(json.dumps(PATIENT).encode()), url),
        look(msgspec.Raw(json.dumps(condition(METASTASIS, id="a", subject={"reference": url})).encode())),
        look(msgspec.Raw(json.dumps(condition(METASTASIS, id="b", subject={"reference": "Patient/me"})).encode())),
    ]
    assert len(read_chart(resources, terminology=TERMINOLOGY, as_of=AS_OF).chart.all(Problem)) == 2


@pytest.mark.parametrize("subject", [{"identifier": {"value": "1"}}, {"display": "somebody"}])
def test_a_reference_without_a_reference_is_the_patient_of_the_call(subject: Resource) -> None:
    assert chart(PATIENT, condition(METASTASIS, subject=subject)).all(Problem)


def test_another_patient_is_ignored_and_named() -> None:
    found = chart(PATIENT, condition(METASTASIS, subject={"reference": "Patient/other"}), patient_id="me")
    assert not found.all(Problem)
    assert skips(found) == [("Condition/c", "another patient", "")]


# --- Versions ---


def test_r5_a_drug_as_a_codeable_reference_given_at_an_occurence() -> None:
    dose = {
        "resourceType": "MedicationAdministration",
        "id": "m",
        "status": "completed",
        "medication": {"concept": DENOSUMAB},
        "occurenceDateTime": "2026-11-01",
    }
    (found,) = chart(dose).all(DrugRecord, "med-denosumab")
    assert str(found.evidence.when) == "2026-11-01"


@pytest.mark.parametrize(("word", "status"), [("taking", ["active"]), ("not-taking", []), ("stopped", ["stopped"])])
def test_r5_a_statement_is_recorded_and_adherence_says_the_rest(word: str, status: list[str]) -> None:
    adherence = {"code": code("http://hl7.org/fhir/CodeSystem/medication-statement-adherence", word)}
    statement = {
        "resourceType": "MedicationStatement",
        "id": "m",
        "status": "recorded",
        "medication": {"concept": DENOSUMAB},
        "effectiveDateTime": "2026-11-01",
        "adherence": adherence,
    }
    assert [one.status for one in chart(statement).all(DrugRecord)] == status


def test_r5_an_order_that_ended() -> None:
    order = {"resourceType": "MedicationRequest", "id": "m", "status": "ended", "intent": "order"}
    (found,) = chart(order | {"medication": {"concept": DENOSUMAB}, "authoredOn": "2026-01-01"}).all(DrugRecord)
    assert found.status == "completed"


def test_r5_a_procedure_with_an_occurrence() -> None:
    done = procedure(code(SNOMED, "53438000"), performedDateTime=None, occurrenceDateTime="2026-11-02")
    (found,) = chart(done).all(ProcedureRecord)
    assert str(found.evidence.when) == "2026-11-02"


def test_r5_an_order_whose_code_is_a_codeable_reference() -> None:
    order = {"resourceType": "ServiceRequest", "id": "s", "status": "active", "intent": "order"}
    assert chart(order | {"code": {"concept": code(LOCAL, "embolization")}}).all(ProcedureRecord)


def test_r5_a_body_structure_with_included_structures() -> None:
    structure = {
        "resourceType": "BodyStructure",
        "id": "b",
        "includedStructure": [{"structure": code(SNOMED, "71341001"), "laterality": code(SNOMED, "7771000")}],
    }
    pain = {"code": code(LOCAL, "lesion-pain"), "valueCodeableConcept": code(LOCAL, "mild")}
    panel = observation(code(LOCAL, "bone-lesion"), component=[pain], bodyStructure={"reference": "BodyStructure/b"})
    (found,) = chart(panel, structure).all(Lesion)
    assert (found.site.bone, found.site.side) == ("femur", "left")


@pytest.mark.parametrize(
    ("resource", "element"),
    [
        (lab(CALCIUM, 3, "mmol/L", context={"reference": "Encounter/e"}), "context"),
        (lab(CALCIUM, 3, "mmol/L", category={"text": "laboratory"}), "category"),
        (ordered(DENOSUMAB, dosageInstruction=[{"doseQuantity": {"value": 120}}]), "dosageInstruction.doseQuantity"),
        (drug("MedicationStatement", DENOSUMAB, status="active", taken="y"), "taken"),
    ],
)
def test_older_versions_are_named_by_the_element_that_told(resource: Resource, element: str) -> None:
    found = chart(resource)
    assert not found.findings
    assert [(why, where) for _, why, where in skips(found)] == [(OTHER_VERSION, element)]


def test_nothing_was_ever_measured_is_not_the_same_as_unread() -> None:
    found = chart(PATIENT)
    assert found.latest(Lab, "calcium-total").why == NOT_RECORDED
    assert found.lacks(Lab, "calcium-total")


# --- What cannot be decoded is unknown, under the names a rule asks by ---


@pytest.mark.parametrize(
    ("resource", "kind", "name"),
    [
        (observation(code(LOINC, "85337-4"), valueCodeableConcept=7), Marker, "er"),
        (observation(code(LOINC, "82810-3"), valueBoolean={}), Assessment, "pregnant"),
        (observation(code(LOINC, "38214-3"), valueInteger={}), Assessment, "pain-severity"),
        (observation(code(LOINC, "13959-2"), valueQuantity=[]), Lab, "calcium-ionized"),
        (observation(code(LOINC, CALCIUM), valueQuantity=[]), Lab, "calcium-total"),
        (condition(code(SNOMED, "128462008"), bodySite=3), Problem, "bone-metastasis"),
        (given(DENOSUMAB, dosage="once"), DrugRecord, "med-denosumab"),
        (given({"coding": 3}), DrugRecord, "med-zoledronic-acid"),
        (procedure(code(LOCAL, "radiotherapy"), performedPeriod="May"), ProcedureRecord, "proc-radiotherapy"),
        ({"resourceType": "Observation", "id": "o", "code": 5}, Lab, "calcium-total"),
        ({"resourceType": "Observation", "id": "o", "code": "calcium"}, Marker, "er"),
        ({"resourceType": "Condition", "id": "c", "code": []}, Problem, "bone-metastasis"),
        ({"resourceType": "Procedure", "id": "p", "code": []}, ProcedureRecord, "proc-bone-biopsy"),
        ({"resourceType": "QuestionnaireResponse", "id": "q", "item": 3}, Assessment, "pain-pattern"),
    ],
)
def test_what_cannot_be_decoded_is_unknown_not_absent(resource: Resource, kind: Any, name: str) -> None:
    found = chart(PATIENT, resource)
    assert not found.all(kind, name)
    assert not found.lacks(kind, name)
    assert found.latest(kind, name).why == UNREADABLE
    assert chart(PATIENT).lacks(kind, name)


def test_a_lesion_that_cannot_be_decoded_is_not_the_absence_of_lesions() -> None:
    assert not chart(PATIENT, observation(code(LOCAL, "bone-lesion"), component=3)).lacks(Lesion)
    assert chart(PATIENT).lacks(Lesion)


def test_what_cannot_be_decoded_but_says_what_it_is_leaves_the_rest_known() -> None:
    found = chart(PATIENT, observation(code(LOINC, CALCIUM), valueQuantity=[]))
    assert found.lacks(Lab, "albumin-serum")
    assert chart(PATIENT, observation(code("http://x.example", "1"), valueQuantity=[])).skipped == ()
