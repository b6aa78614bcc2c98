"""Discovery (cds-hooks D1-D5, P1, P2)."""

import re

import pytest

from cards.catalogue import load_catalogue

TOKENS = {"{{context.patientId}}", "{{context.encounterId}}", "{{context.userId}}"}


@pytest.fixture
def entries(client):
    return client.get("/cds-services").get_json()["services"]


def empty_members(value, path="$"):
    """Where a body holds null, "", [] or {}."""
    if value is None or value in ("", [], {}):
        yield path
    for key, part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from empty_members(part, f"{path}.{key}")


def test_d1_always_there(client):
    response = client.get("/cds-services")
    assert (response.status_code, response.mimetype) == (200, "application/json")
    assert client.get("/cds-services/").status_code == 200


def test_d1_no_service_is_an_empty_list(serve):
    every = ",".join(load_catalogue().advisories)
    assert serve(advisories__off=every).get("/cds-services").get_json() == {"services": []}


def test_d2_what_every_service_says(entries):
    for entry in entries:
        assert {"hook", "title", "description", "id", "version", "hookVersion", "prefetch"} <= entry.keys()
        assert entry["hookVersion"] == "1.0"
        assert re.fullmatch(r"\d+\.\d+\.\d+", entry["version"])


def test_d3_an_id_is_a_theme_and_a_hook_and_recurs_never(entries):
    ids = [entry["id"] for entry in entries]
    assert len(ids) == len(set(ids))
    assert all(entry["id"].endswith(f"-{entry['hook']}") for entry in entries)
    assert "fracture-risk-patient-view" in ids


def test_d4_nothing_is_null_or_empty(client):
    assert list(empty_members(client.get("/cds-services").get_json())) == []


def test_p1_templates_use_tokens_the_hook_allows(entries):
    for entry in entries:
        for template in entry["prefetch"].values():
            assert set(re.findall(r"{{.+?}}", template)) <= TOKENS


def test_p2_searches_are_restricted(entries):
    for entry in entries:
        for template in entry["prefetch"].values():
            if "?" not in template:
                assert re.fullmatch(r"[A-Z]\w+/{{context\.\w+}}", template)
                continue
            parameters = [part.split("=", 1)[0] for part in template.split("?", 1)[1].split("&")]
            assert parameters[0] == "patient"
            assert not [name for name in parameters if ":" in name or "." in name]
            assert "_count" in parameters


def test_p2_codes_stand_without_their_system_but_ours(entries):
    templates = {key: text for entry in entries for key, text in entry["prefetch"].items()}
    assert "loinc.org" not in templates["labs"]
    assert "https://osteohooks.org/fhir/CodeSystem/bone-metastasis|bone-lesion" in templates["lesions"]


def test_the_page_size_is_a_setting(serve):
    services = serve(fhir__page_size="50").get("/cds-services").get_json()["services"]
    assert services[0]["prefetch"]["conditions"].endswith("&_count=50")


@pytest.mark.parametrize(("asked", "language", "word"), [("en", "en", "fracture"), ("zh-CN", "zh-Hans", "骨折")])
def test_discovery_speaks_both_languages(client, asked, language, word):
    response = client.get("/cds-services", headers={"Accept-Language": asked})
    assert response.headers["Content-Language"] == language
    assert "Accept-Language" in response.headers["Vary"]
    titles = [one["title"] for one in response.get_json()["services"] if one["id"].startswith("fracture-risk")]
    assert all(word in title.lower() for title in titles)
