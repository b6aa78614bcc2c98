"""Feedback (cds-hooks F1 to F3): validated, kept before it is acknowledged, and never a word about a patient."""

import gzip
import json
from uuid import uuid4

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from cds_service.cli import osteohooks

PATH = "/cds-services/fracture-risk-patient-view/feedback"
OVERRIDE_SYSTEM = "https://osteohooks.org/fhir/CodeSystem/override-reason"
AT = "2026-11-21T09:30:00Z"


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    return f"sqlite:///{tmp_path_factory.mktemp('store')}/store.db"


@pytest.fixture
def service(serve, url):
    """The service with an empty store."""
    made = serve(store__url=url, server__allow_as_of="true")
    made.get("/health/ready")  # opens the store
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for table in ("feedback", "card_shown"):
            connection.execute(sa.text(f"DELETE FROM {table}"))
    engine.dispose()
    return made


@pytest.fixture
def shown(service, example):
    """The cards of one call, by advisory."""
    prefetch = {"conditions": example.searchset(example.metastasis), "lesions": example.searchset(example.lesion)}
    response = service.post(example.mirels, json=example.request(prefetch=prefetch))
    return {card["source"]["topic"]["code"]: card for card in response.get_json()["cards"]}


@pytest.fixture
def send(service):
    def send(*entries, path: str = PATH):
        return service.post(path, json={"feedback": list(entries)})

    return send


@pytest.fixture
def kept(url):
    def kept() -> list[dict]:
        engine = sa.create_engine(url)
        with engine.connect() as connection:
            found = [dict(row) for row in connection.execute(sa.text("SELECT * FROM feedback")).mappings()]
        engine.dispose()
        return found

    return kept


def overridden(card: str | None = None, **more) -> dict:
    return {"card": card or str(uuid4()), "outcome": "overridden", "outcomeTimestamp": AT} | more


def accepted(card: str | None = None, *suggestions: str, **more) -> dict:
    named = [{"id": suggestion} for suggestion in suggestions or (str(uuid4()),)]
    return overridden(card) | {"outcome": "accepted", "acceptedSuggestions": named} | more


# --- F1: what an entry holds


def test_f1_an_accepted_card_is_kept_with_its_suggestions_and_what_it_said(send, shown, kept):
    card = shown["mirels"]
    suggestion = card["suggestions"][0]["uuid"]
    response = send(accepted(card["uuid"], suggestion))
    assert (response.status_code, response.mimetype, response.get_json()) == (200, "application/json", {"kept": 1})
    (row,) = kept()
    assert (row["card"], row["outcome"], json.loads(row["suggestions"])) == (card["uuid"], "accepted", [suggestion])
    evidence = card["extension"]["org.osteohooks.evidence"]
    assert (row["advisory"], row["version"], row["indicator"]) == ("mirels", evidence["version"], card["indicator"])
    assert row["hook_instance"] == "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"
    assert row["outcome_at"].startswith("2026-11-21 09:30:00")


def test_f1_an_overridden_card_is_kept_with_its_reason(send, shown, kept):
    reason = {"reason": {"code": "ovr-mdt", "system": OVERRIDE_SYSTEM, "display": "MDT decision"}}
    assert send(overridden(shown["mirels"]["uuid"], overrideReason=reason)).status_code == 200
    assert [(row["reason_system"], row["reason_code"]) for row in kept()] == [(OVERRIDE_SYSTEM, "ovr-mdt")]


@pytest.mark.parametrize(
    ("entry", "place"),
    [
        (overridden(outcome="ignored"), "feedback[0].outcome"),
        (overridden(outcome=None), "feedback[0].outcome"),
        ({"card": str(uuid4()), "outcomeTimestamp": AT}, "feedback[0].outcome"),
        ({"outcome": "overridden", "outcomeTimestamp": AT}, "feedback[0].card"),
        (overridden(card="Ms Example, bed 3"), "feedback[0].card"),
        (overridden(outcomeTimestamp="yesterday"), "feedback[0].outcomeTimestamp"),
        (overridden(outcomeTimestamp="2026-11-21T09:30:00"), "feedback[0].outcomeTimestamp"),  # which zone?
        (overridden(outcomeTimestamp="0001-01-01T00:00:00+14:00"), "feedback[0].outcomeTimestamp"),
        ({"card": str(uuid4()), "outcome": "overridden"}, "feedback[0].outcomeTimestamp"),
        (accepted(acceptedSuggestions=None), "feedback[0].acceptedSuggestions"),
        (accepted(acceptedSuggestions=[]), "feedback[0].acceptedSuggestions"),
        (accepted(acceptedSuggestions=[{}]), "feedback[0].acceptedSuggestions[0].id"),
        (accepted(acceptedSuggestions=[{"id": "the first"}]), "feedback[0].acceptedSuggestions[0].id"),
        (overridden(overrideReason="because"), "feedback[0].overrideReason"),
        (overridden(overrideReason={"reason": {"code": 7}}), "feedback[0].overrideReason.reason.code"),
        (overridden(overrideReason={"reason": {"code": "a\u0000b"}}), "feedback[0].overrideReason.reason.code"),
        (overridden(overrideReason={"reason": {"code": "x" * 129}}), "feedback[0].overrideReason.reason.code"),
    ],
)
def test_f1_what_is_wrong_is_named_and_nothing_is_kept(send, kept, entry, place):
    response = send(entry)
    assert (response.status_code, response.mimetype) == (400, "application/fhir+json")
    issue = response.get_json()["issue"][0]
    assert issue["expression"] == [place]
    assert issue["diagnostics"].startswith(f"{place}: ")
    for value in ("ignored", "bed 3", "yesterday", "because", "the first"):
        assert value not in response.text
    assert kept() == []


def test_f1_the_second_entry_is_named_and_the_first_not_kept(send, kept):
    response = send(overridden(), overridden(outcome="accepted"))
    assert response.get_json()["issue"][0]["expression"] == ["feedback[1].acceptedSuggestions"]
    assert kept() == []


@pytest.mark.parametrize("body", [{}, {"feedback": []}, {"feedback": {}}, [], {"feedback": [overridden()] * 1001}])
def test_f1_one_to_a_thousand_entries(service, body):
    assert service.post(PATH, json=body).status_code == 400


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json(service, body):
    response = service.post(PATH, data=body, content_type="application/json")
    assert (response.status_code, response.get_json()["resourceType"]) == (400, "OperationOutcome")


# --- F2: batches, repeats


def test_f2_a_batch_across_calls_is_kept_whole(send, kept):
    assert send(*[overridden() for _ in range(30)], accepted()).get_json()["kept"] == 31
    assert len(kept()) == 31


def test_f2_the_same_feedback_again_changes_nothing(send, shown, kept):
    entry = accepted(shown["mirels"]["uuid"])
    first = send(entry)
    before = kept()
    again = send(entry)
    assert (again.status_code, again.get_json()) == (200, first.get_json())
    assert kept() == before


def test_f2_a_second_suggestion_of_a_card_loses_no_first(send, shown, kept):
    card, one, other = shown["mirels"]["uuid"], str(uuid4()), str(uuid4())
    send(accepted(card, one))
    send(accepted(card, other))
    assert sorted(json.loads(row["suggestions"])[0] for row in kept()) == sorted([one, other])


# --- F3: reasons as clients send them


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ({"reason": {"code": "ovr-mdt", "system": OVERRIDE_SYSTEM}}, "ovr-mdt"),  # no display: the sandbox
        ({"reason": {"code": "site-7", "system": "https://ehr.example.org/reasons"}}, "site-7"),  # the client's own
        ({"reason": {"code": "patient-refuses"}}, "patient-refuses"),
        ({"reason": None, "userComment": "seen"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_f3_reasons_without_display_and_of_clients_are_taken(send, kept, reason, expected):
    assert send(overridden(overrideReason=reason)).status_code == 200
    assert [row["reason_code"] for row in kept()] == [expected]


def test_a_card_that_was_not_shown_is_told_apart_and_kept(send, shown, kept):
    strange = str(uuid4())
    response = send(overridden(shown["mirels"]["uuid"]), overridden(f"urn:uuid:{strange.upper()}"))
    assert (response.status_code, response.get_json()) == (200, {"kept": 2, "unknownCards": [strange]})
    assert {row["card"]: row["advisory"] for row in kept()}[strange] is None


def test_a_comment_is_counted_and_not_kept(service, send, kept, caplog):
    def comments() -> float:
        lines = service.get("/metrics").text.splitlines()
        return next(float(line.split()[-1]) for line in lines if line.startswith("osteohooks_feedback_comments_total"))

    before = comments()
    send(overridden(overrideReason={"userComment": "Ms Example asked to wait"}))
    assert comments() == before + 1
    assert [row["commented"] for row in kept()] == [1]
    assert "Example" not in str(kept()) + caplog.text + service.get("/metrics").text


# --- Where it goes, and when it cannot


def test_feedback_goes_to_a_service_that_there_is(send):
    assert send(overridden(), path="/cds-services/no-such-service/feedback").status_code == 404


def test_get_is_not_for_feedback(service):
    assert service.get(PATH).status_code == 405


def test_a_gzip_body_is_read(service):
    body = gzip.compress(json.dumps({"feedback": [overridden()]}).encode())
    headers = {"Content-Encoding": "gzip"}
    assert service.post(PATH, data=body, headers=headers, content_type="application/json").status_code == 200


def test_without_a_store_none_is_taken(serve):
    response = serve().post(PATH, json={"feedback": [overridden()]})
    assert (response.status_code, response.get_json()["resourceType"]) == (404, "OperationOutcome")


def test_what_cannot_be_kept_is_not_acknowledged(serve, tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    client = serve(store__url=f"sqlite:///{folder}/store.db", store__hash_key_file=str(tmp_path / "key"))
    folder.rmdir()
    response = client.post(PATH, json={"feedback": [overridden()]})
    assert (response.status_code, response.get_json()["issue"][0]["code"]) == (503, "transient")
    assert response.headers["Retry-After"] == "1"
    folder.mkdir()
    assert client.post(PATH, json={"feedback": [overridden()]}).status_code == 200  # asked again at once


# --- The report


@pytest.fixture
def report(url, monkeypatch):
    def report(*arguments: str):
        monkeypatch.setenv("OSTEOHOOKS__STORE__URL", url)
        return CliRunner().invoke(osteohooks, ["feedback", "report", *arguments])

    return report


def test_report_counts_by_advisory(send, shown, report):
    """One Mirels card was shown; it was overridden, then accepted: the last counts. One card was none of ours."""
    card = shown["mirels"]["uuid"]
    send(overridden(card, overrideReason={"reason": {"code": "ovr-mdt"}}), overridden())
    told = json.loads(report("--format", "json").output)
    mirels = {"advisory": "mirels", "shown": 1, "accepted": 0, "overridden": 1, "reasons": {"ovr-mdt": 1}}
    assert mirels in told["advisories"]
    assert told["unknownCards"] == 1
    send(accepted(card, outcomeTimestamp="2026-11-21T09:31:00Z"))
    told = json.loads(report("--format", "json").output)
    assert mirels | {"accepted": 1, "overridden": 0, "reasons": {}} in told["advisories"]


def test_report_for_people(send, shown, report):
    send(overridden(shown["mirels"]["uuid"]), overridden())
    lines = report().output.splitlines()
    assert lines[0].split() == ["advisory", "shown", "accepted", "overridden", "reasons"]
    assert ["mirels", "1", "0", "1", "none", "given", "1"] in [line.split() for line in lines]
    assert lines[-1] == "Feedback on cards that were not shown by this service: 1"


def test_report_makes_no_store(tmp_path, monkeypatch):
    settings = tmp_path / "osteohooks.toml"
    settings.write_text('[store]\nurl = "sqlite:///none.db"\n')
    monkeypatch.delenv("OSTEOHOOKS__STORE__URL", raising=False)
    result = CliRunner().invoke(osteohooks, ["feedback", "report", "--config", str(settings)])
    assert result.exit_code == 2
    assert "there is no store at" in result.output
    assert not list(tmp_path.glob("*.db"))
