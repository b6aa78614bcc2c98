"""A client of the service, and the smallest patient worth talking about."""

import json
import logging
from uuid import uuid4

import pytest
import sqlalchemy

from cds_service.app import create_app
from cds_service.settings import load_settings
from tests import ehr
from tests.conftest import require
from tests.postgresql import programs, running

INSTANCE = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"
MIRELS = "/cds-services/fracture-risk-patient-view"
LOCAL = "https://osteohooks.org/fhir/CodeSystem/bone-metastasis"
SNOMED = "http://snomed.info/sct"


@pytest.fixture(scope="session")
def serve():
    """A test client of the service with the settings of some environment variables; each is made once.

    Without a store, unless a test names one: a test must not remember another's cards.
    """
    made = {}

    def serve(**settings: str):
        key = tuple(sorted(settings.items()))
        if key not in made:
            environ = {"OSTEOHOOKS__STORE__URL": ""} | {
                f"OSTEOHOOKS__{name.upper()}": value for name, value in settings.items()
            }
            made[key] = create_app(load_settings(environ=environ)).test_client()
        return made[key]

    return serve


@pytest.fixture(scope="session")
def postgresql():
    """The address of a running PostgreSQL with an empty database."""
    found = programs()
    require(found, "needs PostgreSQL (apt-get install postgresql)")
    with running(found) as address:
        yield address


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request, tmp_path):
    """The address of an empty store, on each of the two databases."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.db"
    address = request.getfixturevalue("postgresql")
    name = f"test_{uuid4().hex}"
    with sqlalchemy.create_engine(address, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    return address.replace("/postgres?", f"/{name}?")


@pytest.fixture
def client(serve):
    return serve(server__allow_as_of="true")


def coded(code: str, system: str = LOCAL) -> dict:
    return {"coding": [{"system": system, "code": code}]}


def searchset(*resources: dict) -> dict:
    bundle = {"resourceType": "Bundle", "type": "searchset", "total": len(resources)}
    return bundle | ({"entry": [{"resource": resource} for resource in resources]} if resources else {})


PATIENT = {"resourceType": "Patient", "id": "17", "gender": "female", "birthDate": "1961-02-03"}
METASTASIS = {
    "resourceType": "Condition",
    "id": "mets",
    "subject": {"reference": "Patient/17"},
    "code": coded("94222008", SNOMED),
    "recordedDate": "2026-05-01",
}
LESION = {  # Mirels 3 + 3 + 3 + 3 = 12
    "resourceType": "Observation",
    "id": "lesion",
    "status": "final",
    "subject": {"reference": "Patient/17"},
    "code": coded("bone-lesion"),
    "effectiveDateTime": "2026-11-02",
    "component": [
        {"code": coded("lesion-region"), "valueCodeableConcept": coded("peritrochanteric")},
        {"code": coded("lesion-matrix"), "valueCodeableConcept": coded("lytic")},
        {"code": coded("lesion-pain"), "valueCodeableConcept": coded("functional")},
        {"code": coded("lesion-size-fraction"), "valueCodeableConcept": coded("gt-2-3")},
    ],
}


def hook_request(hook: str = "patient-view", *, context: dict | None = None, **more) -> dict:
    """A request about patient 17 as of 2026-11-21; ``prefetch`` and the like as keywords."""
    return {
        "hook": hook,
        "hookInstance": INSTANCE,
        "context": {"userId": "Practitioner/1", "patientId": "17"} | (context or {}),
        "extension": {"org.osteohooks.as-of": "2026-11-21"},
    } | more


@pytest.fixture
def complete(client):
    """Every prefetch key of a service answered: the given ones as given, the others with nothing found."""

    def complete(service: str = "fracture-risk-patient-view", **given) -> dict:
        entries = client.get("/cds-services").get_json()["services"]
        keys = next(entry["prefetch"] for entry in entries if entry["id"] == service)
        empty = {key: PATIENT if key == "patient" else searchset() for key in keys if key != "encounter"}
        return empty | {key.replace("_", "-"): value for key, value in given.items()}

    return complete


@pytest.fixture
def example() -> type:
    """The pieces above, for tests that cannot import this file by name."""

    class Example:
        patient, metastasis, lesion = PATIENT, METASTASIS, LESION
        instance, mirels = INSTANCE, MIRELS
        request = staticmethod(hook_request)
        searchset = staticmethod(searchset)
        coded = staticmethod(coded)

    return Example


@pytest.fixture(scope="module")
def trust(tmp_path_factory):
    """A folder with the key set of an EHR, for ``ehr.trusting``."""
    folder = tmp_path_factory.mktemp("trust")
    public = ehr.jwks(ehr.key("es"), ehr.key("rs", "RS384"), ehr.key("es256", "ES256"))
    (folder / "ehr.jwks.json").write_text(json.dumps(public))
    return folder


@pytest.fixture
def not_logged(caplog):
    """Asserts that no part of a token stands in any record, also not in what a formatter may leave out."""
    caplog.set_level(logging.DEBUG)

    def not_logged(token: str | None) -> None:
        everything = "".join(str(record.__dict__) for record in caplog.records)
        assert not [part for part in (token or "").split(".") if part and part in everything]

    return not_logged


@pytest.fixture
def refused(caplog, not_logged):
    """Asserts that a response is the one refusal there is; gives the reason, which only the log has."""

    def refused(response, token: str | None) -> str:
        [*_, record] = [record for record in caplog.records if record.message == "token refused"]
        assert (response.status_code, response.mimetype) == (401, "application/fhir+json")
        assert response.get_json() == ehr.REFUSED
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert record.why not in response.text + str(response.headers)
        not_logged(token)
        return record.why

    return refused
