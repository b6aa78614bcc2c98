"""``/fhir``: the codes and forms the service uses, as the FHIR resources they are kept in."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec
from flask import Blueprint, Response, request

import fhir_mappings
from cds_service.errors import FHIR_JSON, Refusal
from cds_service.replies import reply

FOLDER = Path(fhir_mappings.__file__).parent / "codes"
TYPES = ("CodeSystem", "ValueSet", "ConceptMap", "Questionnaire")


class _Shelved(msgspec.Struct, rename="camel"):
    resource_type: str
    id: str
    url: str | None = None
    raw: msgspec.Raw = msgspec.Raw(b"")


@cache
def shelf() -> dict[str, dict[str, _Shelved]]:
    """Every shipped resource by type and id, read at the first call."""
    found: dict[str, dict[str, _Shelved]] = {kind: {} for kind in TYPES}
    for path in sorted(FOLDER.glob("*.json")):
        raw = path.read_bytes()
        resource = msgspec.json.decode(raw, type=_Shelved)
        resource.raw = msgspec.Raw(raw)
        found[resource.resource_type][resource.id] = resource
    return found


def terminology(base_url: str) -> Blueprint:
    """``GET /fhir/{type}`` (``?url=`` and ``?_id=`` narrow it) and ``GET /fhir/{type}/{id}``."""
    blueprint = Blueprint("terminology", __name__, url_prefix="/fhir")
    kinds = f"<any({','.join(TYPES)}):kind>"

    @blueprint.get(f"/{kinds}")
    def search(kind: str) -> Response:
        url, identity = request.args.get("url"), request.args.get("_id")
        matches = [
            resource
            for resource in shelf()[kind].values()
            if url in (None, resource.url) and identity in (None, resource.id)
        ]
        bundle: dict[str, object] = {"resourceType": "Bundle", "type": "searchset", "total": len(matches)}
        if matches:
            bundle["entry"] = [
                {"fullUrl": f"{base_url}/fhir/{kind}/{match.id}", "resource": match.raw, "search": {"mode": "match"}}
                for match in matches
            ]
        return reply(bundle, mimetype=FHIR_JSON)

    @blueprint.get(f"/{kinds}/<identity>")
    def read(kind: str, identity: str) -> Response:
        resource = shelf()[kind].get(identity)
        if resource is None:
            raise Refusal(404, f"there is no {kind} of this id; GET /fhir/{kind} lists them")
        return reply(bytes(resource.raw), mimetype=FHIR_JSON)

    return blueprint
