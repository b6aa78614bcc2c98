"""Records ``examples/``: for every advisory the request of its example case and the answer to it, in both languages.

    python -m tests.record_examples          # all
    python -m tests.record_examples mirels   # some

The request uses the template keys of the advisory's service, filled as a client would fill them, and an as-of
extension, so that the recorded cards stay what they are. ``tests/test_examples.py`` replays them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import msgspec

from cards.advisory import APPOINTMENT_BOOK, ENCOUNTER_DISCHARGE, ORDER_SELECT, ORDER_SIGN
from cds_service.app import create_app
from cds_service.prefetch import SEARCHES
from cds_service.settings import Settings, load_settings
from fhir_mappings.reading import Search
from tests.situations import PATIENT, Case, load_cases, shipped_catalogue, shipped_terminology

EXAMPLES = Path(__file__).parent.parent / "examples"
LANGUAGES = ("en", "zh-Hans")
Json = dict[str, Any]


def example_cases() -> dict[str, Case]:
    """The example case of every advisory that has one."""
    catalogue = shipped_catalogue()
    cases = {case.name.split("/")[0].replace("_", "-"): case for case in load_cases() if case.content.get("example")}
    return {name: case for name, case in sorted(cases.items()) if name in catalogue.advisories}


def request_of(advisory: str, case: Case) -> Json:
    """The CDS Hooks request a client would send for the case."""
    theme = shipped_catalogue().advisories[advisory].theme
    context: Json = {"userId": "Practitioner/example", "patientId": PATIENT}
    if case.hook == ENCOUNTER_DISCHARGE:
        context["encounterId"] = "example"
    drafts = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": draft} for draft in case.drafts]}
    if case.hook in (ORDER_SELECT, ORDER_SIGN):
        context["draftOrders"] = drafts
    if case.hook == ORDER_SELECT:
        context["selections"] = [f"{draft['resourceType']}/{draft['id']}" for draft in case.drafts]
    if case.hook == APPOINTMENT_BOOK:
        context["appointments"] = drafts
    keys = shipped_catalogue().keys(theme, case.hook)
    return {
        "hook": case.hook,
        "hookInstance": str(uuid5(NAMESPACE_URL, f"https://osteohooks.org/examples/{advisory}")),
        "context": context,
        "prefetch": {key: found for key in keys if (found := _answer(SEARCHES[key], case)) is not None},
        "extension": {"org.osteohooks.as-of": case.as_of.isoformat()},
    }


def _answer(search: Search, case: Case) -> Json | None:
    """What a client's FHIR server answers to one template: the resource read, or a searchset."""
    found = [resource for resource in case.resources if _matches(search, resource)]
    if search.read:
        return found[0] if found else None
    bundle: Json = {"resourceType": "Bundle", "type": "searchset", "total": len(found)}
    return bundle | ({"entry": [{"resource": resource} for resource in found]} if found else {})


def _matches(search: Search, resource: Json) -> bool:
    if resource["resourceType"] != search.resource_type:
        return False
    if not search.concepts and not search.local:
        return True
    terminology = shipped_terminology()
    wanted = {code for concept in search.concepts for _, code in terminology.codes(concept)} | set(search.local)
    return any(coding["code"] in wanted for coding in resource["code"]["coding"])


def service_settings() -> Settings:
    """Settings under which the recorded day counts and nothing is remembered."""
    return load_settings(environ={"OSTEOHOOKS__SERVER__ALLOW_AS_OF": "true", "OSTEOHOOKS__STORE__URL": ""})


def answers(advisory: str, request: bytes) -> dict[str, Json]:
    """The answer of the advisory's service, over HTTP, in both languages."""
    theme = shipped_catalogue().advisories[advisory].theme
    client = create_app(service_settings()).test_client()
    told = {}
    for language in LANGUAGES:
        hook = msgspec.json.decode(request)["hook"]
        reply = client.post(
            f"/cds-services/{theme}-{hook}",
            data=request,
            headers={"Content-Type": "application/json", "Accept-Language": language},
        )
        assert reply.status_code == 200, reply.text
        told[language] = msgspec.json.decode(reply.data)
    return told


def pretty(content: Json) -> bytes:
    return msgspec.json.format(msgspec.json.Encoder(decimal_format="number").encode(content), indent=2) + b"\n"


def main(names: list[str]) -> None:
    for advisory, case in example_cases().items():
        if names and advisory not in names:
            continue
        folder = EXAMPLES / advisory
        folder.mkdir(parents=True, exist_ok=True)
        request = pretty(request_of(advisory, case))
        (folder / "request.json").write_bytes(request)
        for language, told in answers(advisory, request).items():
            (folder / f"card.{language}.json").write_bytes(pretty(told))
        print(f"examples/{advisory}")


if __name__ == "__main__":
    main(sys.argv[1:])
