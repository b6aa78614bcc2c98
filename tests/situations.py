"""Situations a clinician can write, made into the FHIR a client would send.

A case in ``tests/cases/*.toml`` says what is on record in the words of the rules; here it becomes resources in the form
of the data contract, is read by the real reader and answered by the real engine. Whole numbers for dates are days from
the as-of day (``-90``: ninety days ago); text is taken as written ("2026-08").
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from cards.answer import Answer, answer
from cards.catalogue import Catalogue, load_catalogue
from cards.engine import Run
from cards.situation import Situation
from fhir_mappings.chart import Chart
from fhir_mappings.charts import read_chart
from fhir_mappings.reading import look
from fhir_mappings.terminology import Terminology

CASES = Path(__file__).parent / "cases"
AS_OF = date(2026, 11, 21)
LOCAL = "https://osteohooks.org/fhir/CodeSystem/bone-metastasis"
ATC = "http://www.whocc.no/atc"
UCUM = "http://unitsofmeasure.org"
PATIENT = "case"
SHORT = {"region": "lesion-region", "pain": "lesion-pain", "matrix": "lesion-matrix", "size": "lesion-size-fraction"}
SHORT |= {"level": "spinal-level", "fraction": "lesion-size-fraction"}
UNITS = {
    "lesion-size-fraction": "1",
    "lesion-diameter": "mm",
    "bone-diameter": "mm",
    "cord-distance": "mm",
    "cortical-destruction": "%",
    "vertebral-collapse": "%",
    "life-expectancy": "mo",
    "pain-duration": "d",
}
SCORES = ("mirels-score", "sins-score", "tomita-score", "tokuhashi-score")
LAB_UNITS = {
    "calcium-total": "mmol/L",
    "calcium-albumin-corrected": "mmol/L",
    "albumin-serum": "g/L",
    "creatinine-serum": "umol/L",
    "ctx-serum": "pg/mL",
    "alp-total": "U/L",
    "platelets": "10*9/L",
    "wbc": "10*9/L",
    "inr": "{INR}",
    "creatinine-clearance": "mL/min",
    "body-weight": "kg",
    "body-height": "cm",
    "bmi": "kg/m2",
    "vitamin-d-25oh": "nmol/L",
    "haemoglobin": "g/L",
}
Json = dict[str, Any]
_ENCODER = msgspec.json.Encoder(decimal_format="number")


class Case:
    """One case with its resources built: ``bundle`` is the chart as a client would send it, ``drafts`` the orders."""

    def __init__(self, name: str, content: Json) -> None:
        self.name = name
        self.content = content
        self.hook: str = content.get("hook", "patient-view")
        self.as_of = _day(content["as_of"]) if "as_of" in content else AS_OF
        self._count = 0
        given = content.get("given", {})
        self.resources = [self._patient(given.get("patient", {})), *self._chart(given)]
        self.drafts = list(self._chart(content.get("draft", {}), draft=True))

    @staticmethod
    def today() -> date:
        """The day cases happen on unless they say otherwise."""
        return AS_OF

    def __repr__(self) -> str:
        return self.name

    @property
    def bundle(self) -> Json:
        return {
            "resourceType": "Bundle",
            "type": "collection",
            "entry": [{"resource": resource} for resource in self.resources],
        }

    def answer(self, language: str = "en", catalogue: Catalogue | None = None, max_cards: int = 99) -> Answer:
        """The merged answer of all themes to this case."""
        catalogue = catalogue or self._catalogue()
        chart, situation = self._read(catalogue)
        return answer(
            catalogue,
            chart,
            situation,
            theme=None,
            language=language,
            max_cards=max_cards,
            hook_instance="case",
            subject=f"Patient/{PATIENT}",
        )

    def advices(self) -> list[tuple[str, str]]:
        """Advisory and band of every piece of advice at this hook, before cards are merged."""
        catalogue = self._catalogue()
        chart, situation = self._read(catalogue)
        run = Run(catalogue.advisories, catalogue.tables, chart, situation)
        asked = catalogue.of(None, self.hook)
        return [(advisory.id, advice.name) for advisory in asked for advice in run.advice(advisory.id)]

    def _catalogue(self) -> Catalogue:
        given = self.content.get("settings", {})
        settings = tuple(
            sorted((name, tuple(value) if isinstance(value, list) else value) for name, value in given.items())
        )
        return shipped_catalogue(settings, tuple(self.content.get("off", ())))

    def _read(self, catalogue: Catalogue) -> tuple[Chart, Situation]:
        terminology = shipped_terminology()
        reading = read_chart(
            [look(encoded(resource)) for resource in self.resources],
            terminology=terminology,
            as_of=self.as_of,
            patient_id=PATIENT,
            gaps=self.content.get("gaps"),
            drafts=[look(encoded(draft)) for draft in self.drafts],
        )
        situation = Situation(
            hook=self.hook,
            as_of=self.as_of,
            drafts=reading.drafts,
            selections=self.content.get("selections"),
            settings=catalogue.settings,
        )
        return reading.chart, situation

    # -- the words of a case, one method a kind -------------------------------------------------------------------

    def _patient(self, given: Json) -> Json:
        patient: Json = {
            "resourceType": "Patient",
            "id": given.get("id", PATIENT),
            "gender": given.get("sex", "female"),
        }
        if given.get("birth", True):
            born = f"{self.as_of.year - given['age']}-01-01" if "age" in given else f"{self.as_of.year - 61}-06-30"
            patient["birthDate"] = given.get("birth", born)
        if "deceased" in given:
            patient["deceasedBoolean"] = given["deceased"]
        return patient

    def _chart(self, given: Json, *, draft: bool = False) -> Iterator[Json]:
        builders = {
            "condition": self._condition,
            "lesion": self._lesion,
            "lab": self._lab,
            "assessment": self._assessment,
            "imaging": self._assessment,
            "marker": self._assessment,
            "drug": self._drug,
            "procedure": self._procedure,
            "order": self._order,
            "appointment": self._appointment,
            "resource": lambda entry, draft: dict(entry),
        }
        for kind, entries in given.items():
            if kind == "patient":
                continue
            if kind == "hospice":
                yield self._hospice()
            elif kind == "inpatient":
                yield self._inpatient()
            else:
                for entry in entries:
                    yield builders[kind](dict(entry), draft)

    def _condition(self, given: Json, draft: bool) -> Json:
        condition = self._resource("Condition", given)
        condition["code"] = {"coding": [coding(given["is"])]}
        if "certainty" in given:
            condition["verificationStatus"] = {"coding": [{"system": _VER, "code": _CERTAINTY[given["certainty"]]}]}
        if status := given.get("status", "active"):
            condition["clinicalStatus"] = {"coding": [{"system": _CLIN, "code": status}]}
        if "at" in given:
            condition["bodySite"] = [site(given["at"])]
        if "onset" in given:
            condition["onsetDateTime"] = self._date(given["onset"])
        return condition

    def _lesion(self, given: Json, draft: bool) -> Json:
        lesion = self._observation("bone-lesion", given)
        if "at" in given:
            lesion["bodySite"] = site(given["at"])
        items = {
            SHORT.get(name, name): value for name, value in given.items() if name not in ("at", "date", "id", "status")
        }
        lesion["component"] = [
            {"code": {"coding": [local(name)]}, **self._value(name, one)}
            for name, value in items.items()
            for one in (value if isinstance(value, list) else [value])
        ]
        return lesion

    def _lab(self, given: Json, draft: bool) -> Json:
        name = next(key for key in given if key not in ("date", "unit", "low", "high", "id", "status", "comparator"))
        lab = self._observation(name, given, coding(name))
        unit = given.get("unit", LAB_UNITS.get(name))
        lab["valueQuantity"] = _quantity(given[name], unit) | (
            {"comparator": given["comparator"]} if "comparator" in given else {}
        )
        limits = {key: _quantity(given[key], unit) for key in ("low", "high") if key in given}
        if limits:
            lab["referenceRange"] = [limits]
        return lab

    def _assessment(self, given: Json, draft: bool) -> Json:
        name = next(key for key in given if key not in ("date", "at", "id", "status"))
        code = coding(_STANDARD[name]) if name in _STANDARD else local(name)
        observation = self._observation(name, given, code) | self._value(name, given[name])
        if "at" in given:
            observation["bodySite"] = site(given["at"])
        return observation

    def _drug(self, given: Json, draft: bool) -> Json:
        concept = _medication(given)
        if draft or "ordered" in given:
            return self._medication_request(given, concept, draft)
        kind, key, element = next(row for row in _DRUG_FORMS if row[1] in given)
        resource = self._resource(kind, given) | {"status": given.get("status", "completed")}
        resource["medicationCodeableConcept"] = concept
        resource[element] = self._date(given[key])
        if "dose" in given:
            dose = _quantity(given["dose"], "mg")
            resource["dosage"] = {"dose": dose} if kind == "MedicationAdministration" else [_dose_and_rate(dose)]
        return resource

    def _medication_request(self, given: Json, concept: Json, draft: bool) -> Json:
        request = self._resource("MedicationRequest", given)
        request |= {"intent": "order", "status": given.get("status", "draft" if draft else "active")}
        request["medicationCodeableConcept"] = concept
        if "ordered" in given:
            request["authoredOn"] = self._date(given["ordered"])
        if "stop_reason" in given:
            request["statusReason"] = {"text": given["stop_reason"]}
        if "for" in given:
            request["reasonCode"] = [{"coding": [coding(given["for"])]}]
        dosage: Json = {}
        if "dose" in given:
            dosage |= _dose_and_rate(_quantity(given["dose"], "mg"))
        if "every" in given:
            dosage["timing"] = {"repeat": {"frequency": 1, "period": given["every"], "periodUnit": "d"}}
        if "on" in given:
            dosage.setdefault("timing", {})["event"] = [self._date(given["on"])]
        if "minutes" in given:
            dosage.setdefault("timing", {}).setdefault("repeat", {}).update(
                {"duration": given["minutes"], "durationUnit": "min"}
            )
        if "route" in given:
            dosage["route"] = {"coding": [coding(f"route-{given['route']}")]}
        if dosage:
            request["dosageInstruction"] = [dosage]
        return request

    def _procedure(self, given: Json, draft: bool) -> Json:
        """``done`` makes a Procedure, ``planned`` a ServiceRequest."""
        if "done" in given:
            procedure = self._resource("Procedure", given) | {"status": given.get("status", "completed")}
            procedure["performedDateTime"] = self._date(given["done"])
            return procedure | self._what_and_where(given)
        request = self._resource("ServiceRequest", given) | {"status": "active", "intent": "order"}
        if "planned" in given:
            request["occurrenceDateTime"] = self._date(given["planned"])
        return request | self._what_and_where(given)

    def _order(self, given: Json, draft: bool) -> Json:
        order = self._resource("ServiceRequest", given) | {"status": "draft" if draft else "active", "intent": "order"}
        if "on" in given:
            order["occurrenceDateTime"] = self._date(given["on"])
        if "priority" in given:
            order["priority"] = given["priority"]
        return order | self._what_and_where(given)

    def _appointment(self, given: Json, draft: bool) -> Json:
        appointment: Json = {
            "resourceType": "Appointment",
            "id": given.get("id", self._id("Appointment")),
            "status": given.get("status", "proposed" if draft else "booked"),
            "serviceType": [{"coding": [coding(given["is"])]}],
            "participant": [{"actor": {"reference": f"Patient/{PATIENT}"}, "status": "accepted"}],
        }
        if "on" in given:
            day = self._date(given["on"])
            appointment["start"] = day if "T" in day else f"{day}T09:00:00Z"
        return appointment

    def _hospice(self) -> Json:
        flag = self._resource("Flag", {}) | {"status": "active"}
        return flag | {"code": {"coding": [coding("hospice")]}}

    def _inpatient(self) -> Json:
        encounter = self._resource("Encounter", {}) | {"status": "in-progress"}
        encounter["class"] = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"}
        return encounter

    # -- small parts ----------------------------------------------------------------------------------------------

    def _what_and_where(self, given: Json) -> Json:
        told: Json = {"code": {"coding": [coding(given["is"])]}}
        if "at" in given:
            told["bodySite"] = [site(given["at"])]
        if "for" in given:
            told["reasonCode"] = [{"coding": [coding(given["for"])]}]
        if told_dose := [_radiotherapy(name, given[name]) for name in ("dose_gy", "fractions") if name in given]:
            told["extension"] = told_dose
        return told

    def _resource(self, kind: str, given: Json) -> Json:
        return {
            "resourceType": kind,
            "id": given.get("id", self._id(kind)),
            "subject": {"reference": f"Patient/{PATIENT}"},
        }

    def _observation(self, name: str, given: Json, code: Json | None = None) -> Json:
        observation = self._resource("Observation", given) | {"status": given.get("status", "final")}
        observation["code"] = {"coding": [code or local(name)]}
        observation["effectiveDateTime"] = self._date(given.get("date", -3))
        return observation

    def _value(self, name: str, value: Any) -> Json:
        if isinstance(value, bool):
            return {"valueBoolean": value}
        if isinstance(value, str):
            return {"valueString": value} if " " in value else {"valueCodeableConcept": {"coding": [local(value)]}}
        if name in SCORES or name in _STANDARD or name not in UNITS:
            return {"valueInteger": value} if isinstance(value, int) else {"valueQuantity": _quantity(value, "1")}
        return {"valueQuantity": _quantity(value, UNITS[name])}

    def _date(self, given: Any) -> str:
        if isinstance(given, int):
            return (self.as_of + timedelta(days=given)).isoformat()
        return given.isoformat() if isinstance(given, date) else str(given)

    def _id(self, kind: str) -> str:
        self._count += 1
        return f"{kind.lower()}-{self._count}"


_VER = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
_CLIN = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_CERTAINTY = {"confirmed": "confirmed", "suspected": "provisional", "refuted": "refuted"}
_CERTAINTY |= {"entered-in-error": "entered-in-error"}
_STANDARD = {"karnofsky": "karnofsky", "ecog": "ecog", "pain-severity": "pain-severity"}
_STANDARD |= {"pregnant": "pregnancy-status"}
_STANDARD |= {"er": "estrogen-receptor", "pr": "progesterone-receptor", "her2": "her2"}
_DRUG_FORMS = (
    ("MedicationAdministration", "given", "effectiveDateTime"),
    ("MedicationDispense", "dispensed", "whenHandedOver"),
    ("MedicationStatement", "stated", "effectiveDateTime"),
)
_SIDES = {"left": "7771000", "right": "24028007"}
_CODEX = "http://hl7.org/fhir/us/codex-radiation-therapy/StructureDefinition"
_LATERALITY = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-laterality-qualifier"


@cache
def shipped_terminology() -> Terminology:
    return Terminology.load()


@cache
def shipped_catalogue(settings: tuple[tuple[str, Any], ...] = (), off: tuple[str, ...] = ()) -> Catalogue:
    """The catalogue with a case's ``settings``, without the advisories it turns ``off``."""
    return load_catalogue(dict(settings), off)


@cache
def load_cases() -> tuple[Case, ...]:
    """Every case of every file, named ``<file>/<id>``. Raises KeyError for a case without an id."""
    found = []
    for path in sorted(CASES.glob("*.toml")):
        content = tomllib.loads(path.read_text("utf-8"), parse_float=Decimal)
        found += [Case(f"{path.stem}/{entry['id']}", entry) for entry in content.get("case", ())]
    return tuple(found)


@cache
def _concept_coding(name: str) -> tuple[str, str]:
    terminology = shipped_terminology()
    codes = terminology.codes(name)
    return codes[0] if codes else terminology.prefixes(name)[0]


def coding(name: str) -> Json:
    """A concept's first code, or the local code of that name."""
    if name not in shipped_terminology().ids:
        return local(name)
    system, code = _concept_coding(name)
    return {"system": system, "code": code}


def local(code: str) -> Json:
    return {"system": LOCAL, "code": code}


def site(words: str) -> Json:
    """ "left bone-humerus", "T12", "bone-rib": a body site with its side."""
    *side, where = words.split()
    code = local(where) if where[0].isupper() else coding(where)
    body: Json = {"coding": [code]}
    if side:
        concept = {"coding": [{"system": "http://snomed.info/sct", "code": _SIDES[side[0]]}]}
        body["extension"] = [{"url": _LATERALITY, "valueCodeableConcept": concept}]
    return body


def _medication(given: Json) -> Json:
    """``is``: a concept's first code; ``atc``: just this code; ``text``: no code at all."""
    if "text" in given:
        return {"text": given["text"]}
    return {"coding": [{"system": ATC, "code": given["atc"]} if "atc" in given else coding(f"med-{given['is']}")]}


def _radiotherapy(name: str, value: Any) -> Json:
    """The prescribed dose or number of fractions, as the CodeX radiotherapy extensions have them."""
    if name == "fractions":
        return {"url": f"{_CODEX}/codexrt-radiotherapy-fractions-prescribed", "valuePositiveInt": value}
    dose = {"url": "totalDosePrescribed", "valueQuantity": _quantity(value, "Gy")}
    return {"url": f"{_CODEX}/codexrt-radiotherapy-dose-prescribed-to-volume", "extension": [dose]}


def encoded(resource: Json) -> msgspec.Raw:
    return msgspec.Raw(_ENCODER.encode(resource))


def _quantity(value: Any, unit: str | None) -> Json:
    if unit is None or unit == "":
        return {"value": value}
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def _dose_and_rate(dose: Json) -> Json:
    return {"doseAndRate": [{"doseQuantity": dose}]}


def _day(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)
