"""Hypothesis strategies: resources of every type that is read, valid or slightly broken, and whole charts of them."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import strategies as st

from tests.forms import forms

Resource = dict[str, Any]

_CARE: tuple[Resource, ...] = (
    {"resourceType": "Patient", "id": "me", "gender": "female", "birthDate": "1960-01", "deceasedBoolean": False},
    {
        "resourceType": "Encounter",
        "id": "e",
        "status": "in-progress",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
        "subject": {"reference": "Patient/me"},
        "period": {"start": "2026-11-20"},
    },
    *(
        {
            "resourceType": kind,
            "id": "h",
            "status": "active",
            element: coded if kind == "Flag" else [coded],
            "subject": {"reference": "Patient/me"},
        }
        for kind, element, coded in (
            ("Flag", "code", {"coding": [{"system": "http://snomed.info/sct", "code": "385763009"}]}),
            ("CarePlan", "category", {"coding": [{"system": "http://snomed.info/sct", "code": "385763009"}]}),
        )
    ),
    {
        "resourceType": "MedicationRequest",
        "id": "m",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/me"},
        "medicationCodeableConcept": {"coding": [{"system": "http://www.whocc.no/atc", "code": "M05BX04"}]},
        "authoredOn": "2026-11-01",
        "dosageInstruction": [
            {
                "timing": {
                    "repeat": {"frequency": 1, "period": 28, "periodUnit": "d", "boundsPeriod": {"start": "2026"}}
                },
                "route": {"coding": [{"system": "http://snomed.info/sct", "code": "34206005"}]},
                "doseAndRate": [{"doseQuantity": {"value": 120, "unit": "mg"}}],
            }
        ],
    },
    *(  # of older versions: named, not read
        {"resourceType": kind, "id": "old", "status": "active", "subject": {"reference": "Patient/me"}}
        for kind in ("MedicationOrder", "ProcedureRequest")
    ),
    *(
        {
            "resourceType": kind,
            "id": "m",
            "status": "completed",
            "subject": {"reference": "Patient/me"},
            "medicationCodeableConcept": {"coding": [{"system": "http://www.whocc.no/atc", "code": "M05BA08"}]},
            element: "2026-11-01",
        }
        for kind, element in (("MedicationDispense", "whenHandedOver"), ("MedicationStatement", "effectiveDateTime"))
    ),
)
_VALID: tuple[Resource, ...] = (*_CARE, *(one for form in forms() for one in form.resources))
READ_TYPES = sorted({one["resourceType"] for one in _VALID} - {"Medication", "BodyStructure"})

_junk = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(
        [
            "",
            " ",
            "1e400",
            "NaN",
            "2026-13-45",
            "0000-00-00",
            "9999-12-31T24:00:00Z",
            "#",
            "urn:uuid:",
            "Patient/",
            "\u200b",
        ]
    ),
    st.sampled_from(
        [
            "[]",
            "{}",
            "[null]",
            "[[]]",
            '{"coding": [null]}',
            '{"coding": [{"system": 3, "code": []}]}',
            '{"reference": "#"}',
            '{"value": "twelve", "unit": 7}',
            '{"start": "2026-11-20", "end": "2026-11-01"}',
        ]
    ).map(json.loads),
)


def valid() -> st.SearchStrategy[Resource]:
    """A resource of any type and form that is read."""
    return st.sampled_from(_VALID).map(_plain)


@st.composite
def broken(draw: st.DrawFn) -> Resource:
    """A valid resource in which a few elements, at any depth, are replaced, taken away, or put where none belong."""
    resource = copy.deepcopy(draw(valid()))
    for _ in range(draw(st.integers(1, 3))):
        if not (places := _places(resource)):
            break
        holder, key = draw(st.sampled_from(places))
        how = draw(st.sampled_from(["replace", "replace", "remove", "wrap", "nest"]))
        if how == "remove":
            del holder[key]
        elif how == "wrap":
            holder[key] = [holder[key]]
        elif how == "nest":
            holder[key] = copy.deepcopy(holder)
        else:
            holder[key] = draw(_junk)
    return resource


def odd_bytes() -> st.SearchStrategy[bytes]:
    """What is not JSON, not an object, cut short or nested too deeply."""
    cut = st.tuples(valid(), st.integers(1, 60)).map(lambda one: json.dumps(one[0]).encode()[: -one[1]])
    deep = st.just(b'{"resourceType":"Observation","component":' + b"[" * 5000 + b"]" * 5000 + b"}")
    return st.one_of(cut, st.binary(max_size=20), deep, st.sampled_from([b"[]", b"3", b"null", b'"x"', b"{}", b"\xff"]))


def resources() -> st.SearchStrategy[list[Resource]]:
    """A chart: a handful of resources, with identities of their own or shared, or none."""

    def named(given: list[tuple[Resource, str | None]]) -> list[Resource]:
        return [{**one, "id": identity} if identity is None or identity else one for one, identity in given]

    identities = st.sampled_from(["", "a", "b", "c", None])
    return st.lists(st.tuples(st.one_of(valid(), broken()), identities), max_size=8).map(named)


def _plain(resource: Resource) -> Resource:
    return {key: value for key, value in resource.items() if key != "fullUrl"}


def _places(node: Any, top: bool = True) -> list[tuple[Any, Any]]:
    """Every (holder, key) of a resource but its type: all that may be broken."""
    keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else []
    own = [(node, key) for key in keys if not (top and key == "resourceType")]
    return own + [place for key in keys for place in _places(node[key], False)]
