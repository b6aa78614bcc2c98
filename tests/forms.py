"""Every form in which the data contract lets a fact arrive, for every kind of fact.

A ``Form`` writes one fact in one form. Its twin is the same fact in the plain form of its kind; ``test_forms.py`` holds
that both read alike: the same finding, or unknown for the same reason. ``docs/forms.md`` is printed from here.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from functools import cache
from typing import Any, NamedTuple

import msgspec

from fhir_mappings.assessments import Assessment, Imaging
from fhir_mappings.chart import Chart
from fhir_mappings.charts import read_chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Finding
from fhir_mappings.labs import Lab
from fhir_mappings.lesions import Lesion
from fhir_mappings.markers import Marker
from fhir_mappings.medications import DrugRecord
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.ranges import Range
from fhir_mappings.reading import look
from fhir_mappings.terminology import (
    ATC,
    BASE,
    CPT,
    HCPCS,
    ICD10,
    ICD10CM,
    ICDO3,
    LOCAL,
    LOINC,
    RXNORM,
    SNOMED,
    Terminology,
)

Resource = dict[str, Any]
AS_OF = date(2026, 11, 21)
UCUM = "http://unitsofmeasure.org"
DAY = "2026-11-10"
_UUID = "urn:uuid:00000000-0000-4000-8000-00000000000a"

KINDS = (
    "lesion",
    "recorded total",
    "laboratory",
    "assessment",
    "yes or no",
    "marker",
    "imaging",
    "condition",
    "drug",
    "procedure",
    "plan",
)


class Form(NamedTuple):
    """``kind`` of fact, the ``name`` of the form, the resources (with a fullUrl where one is needed), the twin's."""

    kind: str
    name: str
    resources: tuple[Resource, ...]
    twin: tuple[Resource, ...]


# --- Reading, and what of it must be the same -------------------------------------------------------------------------


@cache
def terminology() -> Terminology:
    return Terminology.load()


def read(resources: tuple[Resource, ...]) -> Chart:
    supplied = [
        look(msgspec.Raw(json.dumps({k: v for k, v in one.items() if k != "fullUrl"}).encode()), one.get("fullUrl"))
        for one in resources
    ]
    return read_chart(supplied, terminology=terminology(), as_of=AS_OF, patient_id="me").chart


def meaning(chart: Chart) -> list[tuple[Any, ...]]:
    """What a rule can tell: each finding without where it was found, each unknown with its reason."""
    said = [_said(finding) for finding in chart.findings if type(finding).__name__ != "Person"]
    unknown = [(name, skip.why) for skip in chart.skipped for name in skip.names]
    unread = [(missing.name, missing.why) for one in chart.all(Lesion) for missing in one.unread.values()]
    return sorted(map(repr, [*said, *sorted(unknown), *sorted(unread)]))  # type: ignore[arg-type]


def _said(finding: Finding) -> tuple[Any, ...]:
    when = finding.evidence.when
    day = (when.first, when.last) if when else None
    return (type(finding).__name__, day, *_KEPT[type(finding)](finding))


_WANTED = {
    "bone-metastasis",
    "proc-radiotherapy",
    "proc-embolization",
    "med-bisphosphonate-any",
    "med-denosumab",
}  # a wide concept beside the narrow one may differ between code systems


def _of(names: tuple[str, ...]) -> list[str]:
    return sorted(_WANTED & set(names))


def _value(value: Any) -> Any:
    """A value so that 25 and 25.0 are the same."""
    if isinstance(value, Range):
        return (value.lo.normalize(), value.hi.normalize(), value.lo_open, value.hi_open)
    return value


_KEPT: dict[type, Callable[[Any], tuple[Any, ...]]] = {
    Lesion: lambda one: (one.site, sorted((code, _value(item.value)) for code, item in one.items.items())),
    Lab: lambda one: (one.analyte, _value(one.value), one.unit),
    Assessment: lambda one: (one.name, _value(one.value)),
    Marker: lambda one: (one.marker, one.value),
    Imaging: lambda one: (one.modality, one.value, one.site),
    Problem: lambda one: (_of(one.names), one.certainty, one.present),
    DrugRecord: lambda one: (_of(one.names), one.record, one.status),
    ProcedureRecord: lambda one: (_of(one.names), one.state),
}


# --- Words of FHIR --------------------------------------------------------------------------------------------------


def code(system: str, *codes: str, **more: Any) -> Resource:
    return {"coding": [{"system": system, "code": one, **more} for one in codes]}


def local(word: str) -> Resource:
    return code(LOCAL, word)


def quantity(value: Any, unit: str | None = None, **more: Any) -> Resource:
    return {"value": value} | ({"unit": unit} if unit else {}) | more


def ucum(value: Any, unit: str, **more: Any) -> Resource:
    return {"value": value, "system": UCUM, "code": unit, **more}


def observation(coded: Resource, identity: str = "o", **more: Any) -> Resource:
    return {
        "resourceType": "Observation",
        "id": identity,
        "status": "final",
        "code": coded,
        "subject": {"reference": "Patient/me"},
        "effectiveDateTime": DAY,
        **more,
    }


def component(coded: Resource, **value: Any) -> Resource:
    return {"code": coded, **value}


def response(form: str, *items: Resource, **more: Any) -> Resource:
    return {
        "resourceType": "QuestionnaireResponse",
        "id": "q",
        "status": "completed",
        "questionnaire": f"{BASE}/Questionnaire/{form}",
        "subject": {"reference": "Patient/me"},
        "authored": DAY,
        "item": list(items),
        **more,
    }


def answer(link: str, **value: Any) -> Resource:
    return {"linkId": link, "answer": [value]}


def absent(word: str = "asked-unknown") -> Resource:
    return {"dataAbsentReason": code("http://terminology.hl7.org/CodeSystem/data-absent-reason", word)}


def condition(coded: Resource, **more: Any) -> Resource:
    return {
        "resourceType": "Condition",
        "id": "c",
        "code": coded,
        "subject": {"reference": "Patient/me"},
        "onsetDateTime": DAY,
        **more,
    }


def given(**more: Any) -> Resource:
    return {
        "resourceType": "MedicationAdministration",
        "id": "m",
        "status": "completed",
        "subject": {"reference": "Patient/me"},
        "effectiveDateTime": DAY,
        **more,
    }


def procedure(coded: Resource, **more: Any) -> Resource:
    return {
        "resourceType": "Procedure",
        "id": "p",
        "status": "completed",
        "code": coded,
        "subject": {"reference": "Patient/me"},
        **({"performedDateTime": DAY} | more),
    }


def order(coded: Resource, **more: Any) -> Resource:
    return {
        "resourceType": "ServiceRequest",
        "id": "s",
        "status": "active",
        "intent": "order",
        "code": coded,
        "subject": {"reference": "Patient/me"},
        "occurrenceDateTime": "2026-11-25",
        **more,
    }


# --- The forms of each kind -----------------------------------------------------------------------------------------

FEMUR, ACETABULUM, RIGHT = code(SNOMED, "29627003"), code(SNOMED, "37783008"), code(SNOMED, "24028007")
_LATERALITY = {
    "url": "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-laterality-qualifier",
    "valueCodeableConcept": RIGHT,
}
_ITEMS: dict[str, Resource] = {
    "lesion-matrix": {"valueCodeableConcept": local("lytic")},
    "lesion-pain": {"valueCodeableConcept": local("functional")},
    "fractured": {"valueBoolean": False},
}


def _panel(site: Resource | None = FEMUR, items: dict[str, Resource] | None = None, **more: Any) -> Resource:
    parts = [component(local(name), **value) for name, value in (items or _ITEMS).items()]
    placed = {"bodySite": site} if site else {}
    return observation(local("bone-lesion"), component=parts, **placed, **more)


def _lesions() -> Iterator[Form]:
    plain = (_panel(),)

    def form(name: str, *resources: Resource, twin: tuple[Resource, ...] = plain) -> Form:
        return Form("lesion", name, resources, twin)

    yield form("panel with components", *plain)
    yield form(
        "separate Observations",
        *(observation(local(name), name, bodySite=FEMUR, **value) for name, value in _ITEMS.items()),
    )
    yield form(
        "QuestionnaireResponse",
        response(
            "bone-lesion",
            answer("body-site", valueCoding=FEMUR["coding"][0]),
            answer("lesion-matrix", valueCoding=local("lytic")["coding"][0]),
            answer("lesion-pain", valueCoding=local("functional")["coding"][0]),
            answer("fractured", valueBoolean=False),
        ),
    )
    half = (_panel(items={"lesion-size-fraction": {"valueQuantity": ucum(0.5, "1")}}),)
    yield form(
        "percentage",
        _panel(items={"lesion-size-fraction": {"valueQuantity": ucum(50, "%")}}),
        twin=half,
    )
    width = (_panel(items={"lesion-diameter": {"valueQuantity": ucum(25, "mm")}}),)
    yield form(
        "unit as text only", _panel(items={"lesion-diameter": {"valueQuantity": quantity(25, "mm")}}), twin=width
    )
    yield form("another unit", _panel(items={"lesion-diameter": {"valueQuantity": ucum(2.5, "cm")}}), twin=width)
    yield form("value as a string", _panel(items={"lesion-diameter": {"valueString": "25 mm"}}), twin=width)
    unknown = (observation(local("lesion-pain"), bodySite=FEMUR, **absent()),)
    yield form("dataAbsentReason", _panel(items={"lesion-pain": absent()}), twin=unknown)
    sided = (_panel({**ACETABULUM, "extension": [_LATERALITY]}),)
    yield form("lateralised site", _panel(code(SNOMED, "719537008")), twin=sided)
    structure = {"resourceType": "BodyStructure", "id": "b", "location": FEMUR}
    yield form("reference, relative", _panel(None, bodyStructure={"reference": "BodyStructure/b"}), structure)
    yield form(
        "R5 shape",
        _panel(None, bodyStructure={"reference": "BodyStructure/b"}),
        {
            "resourceType": "BodyStructure",
            "id": "b",
            "includedStructure": [{"structure": FEMUR}],
        },
    )
    yield form(
        "reference, urn:uuid",
        _panel(None, bodyStructure={"reference": _UUID}),
        structure | {"fullUrl": _UUID},
    )
    yield from _common("lesion", plain)


def _totals() -> Iterator[Form]:
    plain = (observation(local("mirels-score"), bodySite=FEMUR, valueInteger=9),)

    def form(name: str, *resources: Resource) -> Form:
        return Form("recorded total", name, resources, plain)

    yield form("integer", *plain)
    yield form(
        "quantity with code", observation(local("mirels-score"), bodySite=FEMUR, valueQuantity=ucum(9, "{score}"))
    )
    yield form("value as a string", observation(local("mirels-score"), bodySite=FEMUR, valueString="9"))
    yield form("panel with components", _panel(items={"mirels-score": {"valueInteger": 9}}))
    yield from _common("recorded total", plain)


def _laboratory() -> Iterator[Form]:
    calcium = code(LOINC, "17861-6")
    plain = (observation(calcium, valueQuantity=ucum(12, "mg/dL")),)

    def form(name: str, *resources: Resource, twin: tuple[Resource, ...] = plain) -> Form:
        return Form("laboratory", name, resources, twin)

    yield form("quantity with code", *plain)
    yield form("unit as text only", observation(calcium, valueQuantity=quantity(12, "mg/dL")))
    yield form("system UCUM, no code", observation(calcium, valueQuantity=quantity(12, "mg/dL", system=UCUM)))
    yield form("another unit", observation(calcium, valueQuantity=ucum("2.994", "mmol/L")))
    yield form("number as a string", observation(calcium, valueQuantity=ucum("12", "mg/dL")))
    yield form("value as a string", observation(calcium, valueString="12 mg/dL"))
    egfr, unit = code(LOINC, "33914-3"), "mL/min/{1.73_m2}"
    below = (observation(egfr, valueQuantity=ucum(30, unit, comparator="<")),)
    yield form("comparator", observation(egfr, valueString="<30 mL/min/1.73m2"), twin=below)
    panel = code(LOINC, "24323-8")
    yield form(
        "panel with components", observation(panel, component=[component(calcium, valueQuantity=ucum(12, "mg/dL"))])
    )
    unknown = (observation(calcium, **absent()),)
    yield form("dataAbsentReason", observation(panel, component=[component(calcium, **absent())]), twin=unknown)
    value = {"valueQuantity": ucum(12, "mg/dL")}
    yield form(
        "second coding",
        observation({"coding": [{"system": "http://x.example", "code": "1"}, *calcium["coding"]]}, **value),
    )
    yield form("system misspelt", observation(code("LOINC", "17861-6"), **value))
    yield from _common("laboratory", plain)


def _assessments() -> Iterator[Form]:
    karnofsky = code(LOINC, "89243-0")
    plain = (observation(karnofsky, valueInteger=70),)

    def form(name: str, *resources: Resource, twin: tuple[Resource, ...] = plain) -> Form:
        return Form("assessment", name, resources, twin)

    yield form("integer", *plain)
    yield form("quantity with code", observation(karnofsky, valueQuantity=ucum(70, "{score}")))
    yield form("value as a string", observation(karnofsky, valueString="70"))
    yield form("number as a string", observation(karnofsky, valueInteger="70"))
    yield form(
        "panel with components", observation(code(LOINC, "71969-0"), component=[component(karnofsky, valueInteger=70)])
    )
    yield form("QuestionnaireResponse", response("patient-assessment", answer("karnofsky", valueInteger=70)))
    nested = {"linkId": "g", "item": [answer("karnofsky", valueInteger=70)]}
    yield form(
        "QuestionnaireResponse, nested, of a version",
        response("patient-assessment", nested, questionnaire=f"{BASE}/Questionnaire/patient-assessment|1"),
    )
    two = (observation(code(LOINC, "89247-1"), valueInteger=2),)
    yield form(
        "coded answer", observation(code(LOINC, "89247-1"), valueCodeableConcept=code(LOINC, "LA9624-3")), twin=two
    )
    weeks = (observation(local("life-expectancy"), valueQuantity=ucum(12, "mo")),)
    yield form("another unit", observation(local("life-expectancy"), valueQuantity=ucum(1, "a")), twin=weeks)
    yield form(
        "unit as text only", observation(local("life-expectancy"), valueQuantity=quantity(12, "months")), twin=weeks
    )
    short = (observation(local("life-expectancy"), valueQuantity=ucum(3, "mo", comparator="<")),)
    yield form("comparator", observation(local("life-expectancy"), valueString="<3 mo"), twin=short)
    unknown = (observation(karnofsky, **absent()),)
    yield form("dataAbsentReason", observation(karnofsky, valueInteger=70, **absent()), twin=unknown)
    yield from _common("assessment", plain)


def _yes_no() -> Iterator[Form]:
    item = local("sphincter-disturbance")
    plain = (observation(item, valueBoolean=True),)

    def form(name: str, *resources: Resource, twin: tuple[Resource, ...] = plain) -> Form:
        return Form("yes or no", name, resources, twin)

    yield form("boolean", *plain)
    yield form("coded answer", observation(item, valueCodeableConcept=code(LOINC, "LA9633-4")))
    yield form(
        "QuestionnaireResponse", response("patient-assessment", answer("sphincter-disturbance", valueBoolean=True))
    )
    unknown = (observation(item, **absent()),)
    yield form("dataAbsentReason", observation(item, valueBoolean=True, **absent()), twin=unknown)
    yield from _common("yes or no", plain)


def _markers() -> Iterator[Form]:
    receptor = code(LOINC, "85337-4")
    plain = (observation(receptor, valueCodeableConcept=code(SNOMED, "10828004")),)

    def form(name: str, *resources: Resource, twin: tuple[Resource, ...] = plain) -> Form:
        return Form("marker", name, resources, twin)

    yield form("coded answer", *plain)
    yield form("coded answer, LOINC", observation(receptor, valueCodeableConcept=code(LOINC, "LA6576-8")))
    yield form("value as a string", observation(receptor, valueString="Positive"))
    yield form("percentage", observation(receptor, valueQuantity=ucum(90, "%")))
    flag = code("http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "POS")
    yield form("interpretation", observation(receptor, valueString="see report", interpretation=[flag]))
    unknown = (observation(receptor, **absent()),)
    yield form("dataAbsentReason", observation(receptor, valueString="positive", **absent()), twin=unknown)
    yield from _common("marker", plain)


def _imaging() -> Iterator[Form]:
    plain = (observation(local("bone-scan"), valueCodeableConcept=local("positive"), bodySite=FEMUR),)

    def form(name: str, *resources: Resource, twin: tuple[Resource, ...] = plain) -> Form:
        return Form("imaging", name, resources, twin)

    yield form("coded answer", *plain)
    yield form(
        "coded answer, LOINC",
        observation(local("bone-scan"), valueCodeableConcept=code(LOINC, "LA6576-8"), bodySite=FEMUR),
    )
    yield form(
        "standard code", observation(code(LOINC, "39627-5"), valueCodeableConcept=local("positive"), bodySite=FEMUR)
    )
    sided = (plain[0] | {"bodySite": {**ACETABULUM, "extension": [_LATERALITY]}},)
    yield form("lateralised site", plain[0] | {"bodySite": code(SNOMED, "719537008")}, twin=sided)
    yield from _common("imaging", plain)


def _conditions() -> Iterator[Form]:
    plain = (condition(code(SNOMED, "94222008")),)

    def form(name: str, *resources: Resource, twin: tuple[Resource, ...] = plain) -> Form:
        return Form("condition", name, resources, twin)

    yield form("SNOMED CT", *plain)
    yield form("ICD-10-CM", condition(code(ICD10CM, "C79.51")))
    yield form("ICD-10, national suffix", condition(code(ICD10, "C79.500x001")))
    yield form("ICD without its dot", condition(code(ICD10CM, "C7951")))
    yield form("generic code and body site", condition(code(SNOMED, "128462008"), bodySite=[code(SNOMED, "71341001")]))
    yield form("generic code and ICD-O-3 site", condition(code(SNOMED, "128462008"), bodySite=[code(ICDO3, "C40.2")]))
    yield form("lateralised site", condition(code(SNOMED, "128462008"), bodySite=[code(SNOMED, "719537008")]))
    yield form(
        "Observation with Present", observation(code(SNOMED, "94222008"), valueCodeableConcept=code(LOINC, "LA9633-4"))
    )
    yield form("boolean", observation(code(SNOMED, "94222008"), valueBoolean=True))
    confirmed = {"verificationStatus": "confirmed", "clinicalStatus": "active"}
    yield form("states as words (DSTU2, STU3)", condition(code(SNOMED, "94222008"), **confirmed))
    yield form(
        "R5 shape", condition(code(SNOMED, "94222008"), participant=[{"actor": {"reference": "Practitioner/x"}}])
    )
    yield form(
        "second coding",
        condition({"coding": [{"system": "http://x.example", "code": "1"}, *code(ICD10CM, "C79.51")["coding"]]}),
    )
    yield from _common("condition", plain)


def _drugs() -> Iterator[Form]:
    zoledronate = code(RXNORM, "77655")
    medication = {"resourceType": "Medication", "id": "x", "code": zoledronate}
    plain = (given(medicationCodeableConcept=zoledronate),)

    def form(name: str, *resources: Resource, twin: tuple[Resource, ...] = plain) -> Form:
        return Form("drug", name, resources, twin)

    yield form("RxNorm", *plain)
    yield form("RxNorm, a product", given(medicationCodeableConcept=code(RXNORM, "1114085")))
    yield form("ATC", given(medicationCodeableConcept=code(ATC, "M05BA08")))
    yield form("HCPCS, a Procedure", procedure(code(HCPCS, "J3489")))
    coded_twin = (given(medicationCodeableConcept=code(ATC, "M05BA08")),)
    yield form("text (incadronate)", given(medicationCodeableConcept={"text": "Incadronate disodium"}), twin=coded_twin)
    yield form("contained Medication", given(contained=[medication], medicationReference={"reference": "#x"}))
    yield form("reference, relative", given(medicationReference={"reference": "Medication/x"}), medication)
    yield form(
        "reference, absolute",
        given(medicationReference={"reference": "https://x.example/fhir/Medication/x"}),
        medication,
    )
    yield form("reference, urn:uuid", given(medicationReference={"reference": _UUID}), medication | {"fullUrl": _UUID})
    parts = {"resourceType": "Medication", "id": "x", "ingredient": [{"itemCodeableConcept": zoledronate}]}
    yield form("ingredients only", given(contained=[parts], medicationReference={"reference": "#x"}))
    dated = {"effectiveDateTime": None, "occurenceDateTime": DAY}
    yield form("R5 shape", given(medication={"concept": zoledronate}, **dated))
    yield form(
        "R5 shape, referenced", given(medication={"reference": {"reference": "#x"}}, contained=[medication], **dated)
    )
    period = {"effectiveDateTime": None, "effectivePeriod": {"start": "2026-11-09", "end": DAY}}
    yield form("period", given(medicationCodeableConcept=zoledronate, **period))
    yield form(
        "second coding",
        given(
            medicationCodeableConcept={"coding": [{"system": "http://x.example", "code": "1"}, *zoledronate["coding"]]}
        ),
    )
    yield from _common("drug", plain)


def _procedures() -> Iterator[Form]:
    plain = (procedure(local("radiotherapy")),)

    def form(name: str, *resources: Resource) -> Form:
        return Form("procedure", name, resources, plain)

    yield form("our own code", *plain)
    yield form("SNOMED CT", procedure(code(SNOMED, "53438000")))
    yield form("CPT", procedure(code(CPT, "77412")))
    period = {"start": "2026-11-01", "end": DAY}
    yield form("period", procedure(local("radiotherapy"), performedDateTime=None, performedPeriod=period))
    yield form("R5 shape", procedure(local("radiotherapy"), performedDateTime=None, occurrencePeriod=period))
    yield from _common("procedure", plain)


def _plans() -> Iterator[Form]:
    plain = (order(local("embolization")),)

    def form(name: str, *resources: Resource) -> Form:
        return Form("plan", name, resources, plain)

    yield form("our own code", *plain)
    yield form("SNOMED CT", order(code(SNOMED, "16736007")))
    yield form("R5 shape", order({"concept": local("embolization")}))
    booked = {
        "resourceType": "Appointment",
        "id": "a",
        "status": "booked",
        "start": "2026-11-25",
        "participant": [{"actor": {"reference": "Patient/me"}, "status": "accepted"}],
    }
    yield form("Appointment, serviceType", booked | {"serviceType": [local("embolization")]})
    yield form("Appointment, reasonCode", booked | {"reasonCode": [local("embolization")]})
    yield from _common("plan", plain)


# --- Forms that every kind has --------------------------------------------------------------------------------------

_PATIENT = {"resourceType": "Patient", "id": "me"}
_DATE = {
    "Observation": "effectiveDateTime",
    "Condition": "onsetDateTime",
    "MedicationAdministration": "effectiveDateTime",
    "Procedure": "performedDateTime",
    "ServiceRequest": "occurrenceDateTime",
}


def _common(kind: str, plain: tuple[Resource, ...]) -> Iterator[Form]:
    (fact,) = plain

    def form(name: str, *resources: Resource, twin: tuple[Resource, ...] = plain) -> Form:
        return Form(kind, name, resources, twin)

    for name, reference in (
        ("patient, relative", "Patient/me"),
        ("patient, absolute", "https://x.example/fhir/Patient/me"),
        ("patient, a version", "Patient/me/_history/3"),
    ):
        yield form(name, _PATIENT, fact | {"subject": {"reference": reference}})
    yield form("patient, urn:uuid", _PATIENT | {"fullUrl": _UUID}, fact | {"subject": {"reference": _UUID}})
    yield form("the same twice", fact, fact)
    other = {"reference": "Patient/other"}
    yield form("another patient beside", _PATIENT, fact, fact | {"id": "elsewhere", "subject": other})
    element = _DATE[fact["resourceType"]]
    if fact["resourceType"] == "Observation":
        yield form("period", fact | {element: None, "effectivePeriod": {"start": "2026-11-01", "end": DAY}})
        yield form("issued only", fact | {element: None, "issued": f"{DAY}T08:00:00Z"})
        yield form("amended", fact | {"status": "amended"})
    yield form("time without zone", fact | {element: f"{fact[element]}T08:00:00"})
    month = fact | {element: "2026-10"}
    yield form("partial date", month, month, twin=(month,))


def forms() -> list[Form]:
    """Every form of every kind."""
    makers = (
        _lesions,
        _totals,
        _laboratory,
        _assessments,
        _yes_no,
        _markers,
        _imaging,
        _conditions,
        _drugs,
        _procedures,
        _plans,
    )
    return [form for maker in makers for form in maker()]


def holds(form: Form) -> bool:
    """Whether the form reads as its twin does, and says anything at all."""
    said = meaning(read(form.resources))
    return bool(said) and said == meaning(read(form.twin))


def page() -> str:
    """``docs/forms.md``."""
    held = {(form.kind, form.name): holds(form) for form in forms()}
    kinds = Counter(name for _, name in held)
    names = sorted(kinds, key=lambda name: kinds[name] > len(KINDS) / 2)  # what every kind has comes last
    lines = [
        "# Forms a fact may arrive in / 数据可采用的形式",
        "",
        "Printed from `tests/forms.py` (`make docs`). ✓: a fact in this form reads as the same fact in its plain form,",
        "as `tests/fhir_mappings/test_forms.py` shows; empty: the form does not exist for this kind of fact.",
        "",
        f"| form | {' | '.join(KINDS)} |",
        f"|---|{':-:|' * len(KINDS)}",
    ]
    sign = {True: "✓", False: "✗", None: ""}
    lines += [f"| {name} | {' | '.join(sign[held.get((kind, name))] for kind in KINDS)} |" for name in names]
    return "\n".join(lines) + "\n"
