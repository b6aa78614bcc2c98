"""Made-up records of any size, shaped and sized like what hospitals send (about 1 KB a resource).

Most of a real chart is of no interest to any rule: vital signs, panels, encounters, narrative. ``relevant`` resources
(a metastasis, a lesion, calcium, denosumab ...) come from the example case of mirels and a few more, so that every
kind of reader has work to do.
"""

from __future__ import annotations

import random
from typing import Any

import msgspec

Json = dict[str, Any]
PATIENT = "case"
HOOK_INSTANCE = "6f2c2ee1-5b0c-4f3b-9a53-8f8e6f0c9a11"
LOINC = "http://loinc.org"
NOISE = [  # codes no rule asks for: vital signs, lipids, electrolytes, differential counts
    ("8867-4", "Heart rate", "/min"),
    ("9279-1", "Respiratory rate", "/min"),
    ("8310-5", "Body temperature", "Cel"),
    ("2093-3", "Cholesterol [Mass/volume] in Serum or Plasma", "mg/dL"),
    ("2951-2", "Sodium [Moles/volume] in Serum or Plasma", "mmol/L"),
    ("6298-4", "Potassium [Moles/volume] in Blood", "mmol/L"),
    ("2339-0", "Glucose [Mass/volume] in Blood", "mg/dL"),
    ("786-4", "MCHC [Mass/volume] by Automated count", "g/dL"),
]
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def noise(number: int, rng: random.Random) -> Json:
    """An Observation nobody asks for, with the usual baggage: narrative, profiles, categories, performer."""
    code, display, unit = rng.choice(NOISE)
    day = f"2026-{rng.randint(1, 11):02d}-{rng.randint(1, 20):02d}T08:15:00+00:00"
    return {
        "resourceType": "Observation",
        "id": f"noise-{number}",
        "meta": {
            "versionId": "1",
            "lastUpdated": day,
            "profile": ["http://hl7.org/fhir/StructureDefinition/vitalsigns"],
        },
        "text": {
            "status": "generated",
            "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{display} {"x" * 180}</div>',
        },
        "status": "final",
        "category": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                        "code": "vital-signs",
                        "display": "vital-signs",
                    }
                ]
            }
        ],
        "code": {"coding": [{"system": LOINC, "code": code, "display": display}], "text": display},
        "subject": {"reference": f"Patient/{PATIENT}"},
        "encounter": {"reference": f"Encounter/{number // 9}"},
        "effectiveDateTime": day,
        "issued": day,
        "performer": [{"reference": "Practitioner/1", "display": "laboratory"}],
        "valueQuantity": {
            "value": round(rng.uniform(1, 140), 2),
            "unit": unit,
            "system": "http://unitsofmeasure.org",
            "code": unit,
        },
    }


def request(size: int, resources: list[Json], keys: dict[str, list[str]], hook: str = "patient-view") -> bytes:
    """A CDS Hooks request of ``size`` resources: the relevant ones under their keys, the rest noise among the labs.

    ``keys``: template key -> resource types it holds (an Observation goes under ``labs`` whatever its code; the reader
    looks at codes, not keys).
    """
    rng = random.Random(size)
    filler = [noise(number, rng) for number in range(max(0, size - len(resources)))]
    prefetch: Json = {}
    for key, kinds in keys.items():
        found = [resource for resource in resources if resource["resourceType"] in kinds]
        if key == "patient":
            prefetch[key] = found[0]
            continue
        entries = found + (filler if key == "labs" else [])
        rng.shuffle(entries)
        bundle: Json = {"resourceType": "Bundle", "type": "searchset", "total": len(entries)}
        prefetch[key] = bundle | {"entry": [{"fullUrl": _url(entry), "resource": entry} for entry in entries]}
    body = {
        "hook": hook,
        "hookInstance": HOOK_INSTANCE,
        "context": {"userId": "Practitioner/1", "patientId": PATIENT},
        "prefetch": prefetch,
    }
    return _ENCODER.encode(body)


def _url(resource: Json) -> str:
    return f"https://ehr.example.org/fhir/{resource['resourceType']}/{resource['id']}"
