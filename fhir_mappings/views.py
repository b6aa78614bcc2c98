"""Small typed views of FHIR resources: only the elements some reader uses, everything optional.

Real clients send FHIR that is not quite valid; a view asks for no more than it needs. Unknown elements are skipped
unread, which is what makes reading fast. The names are FHIR's; R5 spellings stand beside R4's where they differ.
``fhir.resources`` models check what we emit and what ``evaluate --strict`` is asked about, not what comes in.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TypeVar

import msgspec

V = TypeVar("V", bound="View")


class View(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """Base of all views: camelCase in JSON, snake_case in Python. Trees, so the collector need not look for circles."""


class Code(View, frozen=True):
    """As much of a Coding as the first look at a resource needs."""

    system: str | None = None
    code: str | None = None


class Codes(View, frozen=True):
    """As much of a CodeableConcept (R4) or CodeableReference (R5) as the first look needs."""

    coding: list[Code] | None = None
    concept: Codes | None = None

    @property
    def codings(self) -> list[Code]:
        found = self.coding or []
        return found + self.concept.codings if self.concept else found


class Coding(View, frozen=True):
    system: str | None = None
    code: str | None = None
    display: str | None = None


class CodeableConcept(View, frozen=True):
    """R4 CodeableConcept, or R5 CodeableReference (its ``concept`` and ``reference``)."""

    coding: list[Coding] | None = None
    text: str | None = None
    concept: CodeableConcept | None = None
    reference: Reference | None = None

    @property
    def codings(self) -> list[Coding]:
        found = self.coding or []
        return found + self.concept.codings if self.concept else found


class Reference(View, frozen=True):
    reference: str | None = None
    type: str | None = None
    display: str | None = None


class Extension(View, frozen=True):
    url: str | None = None
    value_codeable_concept: CodeableConcept | None = None
    value_coding: Coding | None = None
    value_code: str | None = None
    value_string: str | None = None
    value_decimal: Decimal | None = None
    value_integer: Decimal | None = None
    value_unsigned_int: Decimal | None = None
    value_positive_int: Decimal | None = None
    value_date: str | None = None
    value_date_time: str | None = None
    value_reference: Reference | None = None
    value_quantity: Quantity | None = None
    extension: list[Extension] | None = None


class Meta(View, frozen=True):
    last_updated: str | None = None
    version_id: str | None = None


class Quantity(View, frozen=True):
    value: Decimal | None = None
    comparator: str | None = None
    unit: str | None = None
    system: str | None = None
    code: str | None = None


class Period(View, frozen=True):
    start: str | None = None
    end: str | None = None


class BodySite(CodeableConcept, frozen=True):
    """A body site with its extensions (mCODE laterality and location qualifiers)."""

    extension: list[Extension] | None = None


class SimpleRange(View, frozen=True):
    low: Quantity | None = None
    high: Quantity | None = None


class ReferenceRange(View, frozen=True):
    low: Quantity | None = None
    high: Quantity | None = None
    text: str | None = None


class Part(View, frozen=True):
    """The code of a component, as far as the first look needs it."""

    code: Codes | None = None


class Owner(View, frozen=True):
    """Whose a resource is."""

    reference: str | None = None


class Head(View, frozen=True):
    """The first look at a resource: enough to tell whether any reader wants it."""

    resource_type: str | None = None
    id: str | None = None
    meta: Meta | None = None
    code: Codes | str | None = None
    component: list[Part] | None = None
    subject: Owner | None = None
    patient: Owner | None = None


class Value(View, frozen=True):
    """Elements shared by an Observation and its components."""

    code: CodeableConcept | None = None
    value_quantity: Quantity | None = None
    value_integer: Decimal | None = None
    value_decimal: Decimal | None = None
    value_string: str | None = None
    value_boolean: bool | None = None
    value_codeable_concept: CodeableConcept | None = None
    value_date_time: str | None = None
    value_range: SimpleRange | None = None
    data_absent_reason: CodeableConcept | None = None
    interpretation: list[CodeableConcept] | CodeableConcept | None = None
    reference_range: list[ReferenceRange] | None = None


class Observation(Value, frozen=True):
    id: str | None = None
    status: str | None = None
    body_site: BodySite | None = None
    body_structure: Reference | None = None  # R5
    focus: list[Reference] | None = None
    method: CodeableConcept | None = None
    effective_date_time: str | None = None
    effective_period: Period | None = None
    effective_instant: str | None = None
    issued: str | None = None
    component: list[Value] | None = None
    context: Reference | None = None  # STU3


class Condition(View, frozen=True):
    id: str | None = None
    clinical_status: CodeableConcept | str | None = None  # DSTU2/STU3 wrote a string
    verification_status: CodeableConcept | str | None = None
    category: list[CodeableConcept] | CodeableConcept | str | None = None
    code: CodeableConcept | None = None
    body_site: list[BodySite] | None = None
    onset_date_time: str | None = None
    onset_period: Period | None = None
    abatement_date_time: str | None = None
    abatement_period: Period | None = None
    abatement_boolean: bool | None = None  # DSTU2
    abatement_string: str | None = None
    abatement_age: Quantity | None = None
    abatement_range: SimpleRange | None = None
    recorded_date: str | None = None
    asserted_date: str | None = None  # STU3
    date_recorded: str | None = None  # DSTU2
    extension: list[Extension] | None = None


class Repeat(View, frozen=True):
    frequency: Decimal | None = None
    period: Decimal | None = None
    period_max: Decimal | None = None
    period_unit: str | None = None
    duration: Decimal | None = None
    duration_unit: str | None = None
    bounds_period: Period | None = None


class Timing(View, frozen=True):
    repeat: Repeat | None = None
    event: list[str] | None = None
    code: CodeableConcept | None = None


class Ratio(View, frozen=True):
    numerator: Quantity | None = None
    denominator: Quantity | None = None


class DoseAndRate(View, frozen=True):
    dose_quantity: Quantity | None = None
    dose_range: SimpleRange | None = None
    rate_quantity: Quantity | None = None
    rate_ratio: Ratio | None = None


class Dosage(View, frozen=True):
    text: str | None = None
    timing: Timing | None = None
    route: CodeableConcept | None = None
    dose_and_rate: list[DoseAndRate] | DoseAndRate | None = None
    dose: Quantity | None = None  # MedicationAdministration.dosage
    rate_quantity: Quantity | None = None
    rate_ratio: Ratio | None = None


class Ingredient(View, frozen=True):
    item_codeable_concept: CodeableConcept | None = None
    item_reference: Reference | None = None
    item: CodeableConcept | None = None  # R5


class Medication(View, frozen=True):
    resource_type: str | None = None
    id: str | None = None
    code: CodeableConcept | None = None
    ingredient: list[Ingredient] | None = None


class Adherence(View, frozen=True):
    """R5: whether a stated drug is really taken."""

    code: CodeableConcept | None = None


class DispenseRequest(View, frozen=True):
    validity_period: Period | None = None


class MedicationRecord(View, frozen=True):
    """MedicationRequest, -Administration, -Statement and -Dispense: one view, each uses its own elements."""

    id: str | None = None
    status: str | None = None
    status_reason: list[CodeableConcept] | CodeableConcept | None = None
    intent: str | None = None
    do_not_perform: bool | None = None
    medication_codeable_concept: CodeableConcept | None = None
    medication_reference: Reference | None = None
    medication: CodeableConcept | None = None  # R5
    contained: list[Medication] | None = None
    authored_on: str | None = None
    effective_date_time: str | None = None
    effective_period: Period | None = None
    effective_dose_period: Period | None = None  # R5
    occurence_date_time: str | None = None  # R5 spells it so
    occurence_period: Period | None = None
    occurrence_date_time: str | None = None
    occurrence_period: Period | None = None
    when_handed_over: str | None = None
    when_prepared: str | None = None
    date_asserted: str | None = None
    dosage: list[Dosage] | Dosage | None = None
    dosage_instruction: list[Dosage] | Dosage | None = None
    dispense_request: DispenseRequest | None = None
    reason_code: list[CodeableConcept] | None = None
    reason_reference: list[Reference] | None = None
    reason: list[CodeableConcept] | None = None  # R5
    status_changed: str | None = None  # R5
    adherence: Adherence | None = None  # R5


class Procedure(View, frozen=True):
    id: str | None = None
    status: str | None = None
    code: CodeableConcept | None = None
    body_site: list[BodySite] | None = None
    performed_date_time: str | None = None
    performed_period: Period | None = None
    occurrence_date_time: str | None = None  # R5
    occurrence_period: Period | None = None
    reason_code: list[CodeableConcept] | None = None
    reason_reference: list[Reference] | None = None
    reason: list[CodeableConcept] | None = None  # R5
    extension: list[Extension] | None = None


class ServiceRequest(View, frozen=True):
    id: str | None = None
    status: str | None = None
    intent: str | None = None
    priority: str | None = None
    do_not_perform: bool | None = None
    code: CodeableConcept | None = None
    order_detail: list[CodeableConcept] | None = None
    body_site: list[BodySite] | None = None
    reason_code: list[CodeableConcept] | None = None
    reason_reference: list[Reference] | None = None
    reason: list[CodeableConcept] | None = None  # R5
    quantity_quantity: Quantity | None = None
    occurrence_date_time: str | None = None
    occurrence_period: Period | None = None
    occurrence_timing: Timing | None = None
    authored_on: str | None = None
    extension: list[Extension] | None = None


class Identified(View, frozen=True):
    """A resource of which only the name is of use: one of another FHIR version."""

    id: str | None = None


class Participant(View, frozen=True):
    actor: Reference | None = None


class Appointment(View, frozen=True):
    id: str | None = None
    status: str | None = None
    service_type: list[CodeableConcept] | None = None
    reason_code: list[CodeableConcept] | None = None
    reason: list[CodeableConcept] | None = None  # R5
    reason_reference: list[Reference] | None = None
    start: str | None = None
    end: str | None = None
    created: str | None = None
    requested_period: list[Period] | None = None
    participant: list[Participant] | None = None


class Patient(View, frozen=True):
    id: str | None = None
    birth_date: str | None = None
    gender: str | None = None
    deceased_boolean: bool | None = None
    deceased_date_time: str | None = None


class Encounter(View, frozen=True):
    id: str | None = None
    status: str | None = None
    class_: Coding | list[CodeableConcept] | None = msgspec.field(default=None, name="class")
    period: Period | None = None


class CareRecord(View, frozen=True):
    """Flag and CarePlan, read for hospice or comfort care only."""

    id: str | None = None
    status: str | None = None
    code: CodeableConcept | None = None
    category: list[CodeableConcept] | None = None
    period: Period | None = None


class BodyStructure(View, frozen=True):
    id: str | None = None
    location: CodeableConcept | None = None
    location_qualifier: list[CodeableConcept] | None = None
    included_structure: list[IncludedStructure] | None = None  # R5


class IncludedStructure(View, frozen=True):
    structure: CodeableConcept | None = None
    laterality: CodeableConcept | None = None


class Answer(View, frozen=True):
    value_boolean: bool | None = None
    value_decimal: Decimal | None = None
    value_integer: Decimal | None = None
    value_string: str | None = None
    value_coding: Coding | None = None
    value_quantity: Quantity | None = None
    value_date: str | None = None
    value_date_time: str | None = None
    item: list[AnswerItem] | None = None


class AnswerItem(View, frozen=True):
    link_id: str | None = None
    answer: list[Answer] | None = None
    item: list[AnswerItem] | None = None


class QuestionnaireResponse(View, frozen=True):
    id: str | None = None
    status: str | None = None
    questionnaire: str | None = None
    authored: str | None = None
    item: list[AnswerItem] | None = None
