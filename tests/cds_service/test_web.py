"""CORS (cds-hooks S6), the codes and forms under /fhir, operations, and the page for people."""

import re

import pytest

from cds_service import examples

PREFLIGHT = {"Origin": "https://ehr.example.org", "Access-Control-Request-Method": "POST"}


def test_s6_preflight(client, example):
    response = client.options(example.mirels, headers=PREFLIGHT)
    assert response.status_code == 204
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    allowed = response.headers["Access-Control-Allow-Headers"]
    assert "authorization" in allowed and "content-type" in allowed
    assert "POST" in response.headers["Access-Control-Allow-Methods"]


@pytest.mark.parametrize("path", ["/cds-services", "/cds-services/nothing", "/fhir/ValueSet"])
def test_s6_answers_and_refusals_are_readable_for_the_browser(client, path):
    assert client.get(path, headers=PREFLIGHT).headers["Access-Control-Allow-Origin"] == "*"


def test_s6_named_origins_only(serve):
    client = serve(server__cors_origins="https://ehr.example.org")
    named = client.get("/cds-services", headers={"Origin": "https://ehr.example.org"})
    assert named.headers["Access-Control-Allow-Origin"] == "https://ehr.example.org"
    assert "Origin" in named.headers["Vary"]
    other = client.get("/cds-services", headers={"Origin": "https://elsewhere.example.org"})
    assert "Access-Control-Allow-Origin" not in other.headers


def test_s6_off(serve):
    assert "Access-Control-Allow-Origin" not in serve(server__cors_origins="[]").get("/cds-services").headers


def test_s6_the_page_is_not_shared(client):
    assert "Access-Control-Allow-Origin" not in client.get("/").headers


@pytest.mark.parametrize("kind", ["CodeSystem", "ValueSet", "ConceptMap", "Questionnaire"])
def test_fhir_lists_and_reads(client, kind):
    response = client.get(f"/fhir/{kind}")
    assert response.mimetype == "application/fhir+json"
    bundle = response.get_json()
    assert (bundle["type"], bundle["total"]) == ("searchset", len(bundle["entry"]))
    first = bundle["entry"][0]["resource"]
    assert bundle["entry"][0]["fullUrl"].endswith(f"/fhir/{kind}/{first['id']}")
    assert client.get(f"/fhir/{kind}/{first['id']}").get_json() == first
    found = client.get(f"/fhir/{kind}", query_string={"url": first["url"]}).get_json()
    assert [entry["resource"]["id"] for entry in found["entry"]] == [first["id"]]
    assert "entry" not in client.get(f"/fhir/{kind}?_id=nothing").get_json()


@pytest.mark.parametrize("path", ["/fhir/ValueSet/nothing", "/fhir/Patient", "/fhir", "/nowhere"])
def test_what_is_not_there_is_an_operation_outcome(client, path):
    response = client.get(path)
    assert (response.status_code, response.mimetype) == (404, "application/fhir+json")
    assert response.get_json()["issue"][0]["code"] == "not-found"


def test_operations(client):
    assert client.get("/health/live").status_code == 200
    assert client.get("/health/ready").status_code == 200
    assert client.get("/metrics").mimetype == "text/plain"


@pytest.fixture
def shown(monkeypatch, tmp_path, client, complete, example):
    """The page with one example whose chart has markup in it."""
    import json

    lesion = example.lesion | {"id": "<b id=evil>"}
    request = example.request(
        prefetch=complete(conditions=example.searchset(example.metastasis), lesions=example.searchset(lesion))
    )
    (tmp_path / "mirels").mkdir()
    (tmp_path / "mirels" / "request.json").write_text(json.dumps(request))
    monkeypatch.setattr(examples, "folder", lambda: tmp_path)
    return lambda query="": client.get(f"/?{query}")


def test_the_page_shows_an_examples_cards(shown):
    page = shown("example=mirels").text
    assert re.search(r'<article class="card warning">', page)
    assert "Mirels 12" in page
    assert '<td class="number">3</td>' in page


def test_the_page_in_chinese(shown):
    response = shown("example=mirels&lang=zh-Hans")
    assert response.headers["Content-Language"] == "zh-Hans"
    assert '<html lang="zh-Hans">' in response.text
    assert "Mirels评分12分" in response.text


def test_the_page_runs_no_script_and_nothing_from_a_chart_becomes_markup(shown):
    response = shown("example=%3Cscript%3E&lang=%3Cscript%3E")
    assert response.status_code == 200
    assert "<script" not in response.text
    assert "<b id=evil>" not in response.text
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'") and "script-src" not in policy and "unsafe" not in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"


def test_the_page_without_examples(monkeypatch, client, tmp_path):
    monkeypatch.setattr(examples, "folder", lambda: tmp_path)
    assert client.get("/").status_code == 200


def test_the_style_sheet_is_served(client):
    path = re.search(r'rel="stylesheet" href="(.+?)"', client.get("/").text)[1]
    assert client.get(path).mimetype == "text/css"
