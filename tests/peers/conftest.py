"""The peers, started once for all of these tests, with every recorded example on the FHIR server."""

import pytest

from tests.conftest import require
from tests.peers.charts import RECORDED, Example, transaction
from tests.peers.programs import ask, hapi, lacking, put, service

PATIENT_WAITS_MS = "60000"  # how fast the peers are on this machine is not what is tested here


@pytest.fixture(scope="session")
def examples():
    return {name: Example(name) for name in RECORDED}


@pytest.fixture(scope="session")
def fhir(tmp_path_factory, examples):
    """The base of HAPI FHIR, loaded with the charts of the examples."""
    require(not lacking(), lacking())
    with hapi(tmp_path_factory.mktemp("hapi")) as base:
        put(base, transaction([one for example in examples.values() for one in example.resources]))
        yield base


@pytest.fixture(scope="session")
def asked(tmp_path_factory, examples, fhir):
    """What the client brings back for every example from a service with some settings."""

    def asked(fetch: bool, **settings):
        settings = {
            "server__allow_as_of": "true",
            "server__deadline_ms": PATIENT_WAITS_MS,
            "fhir__timeout_ms": PATIENT_WAITS_MS,
            "store__url": "",
        } | settings
        calls = [
            {
                "name": name,
                "id": example.service,
                "context": example.context,
                "extension": example.extension,
                "fetch": fetch,
            }
            for name, example in examples.items()
        ]
        with service(tmp_path_factory.mktemp("service"), **settings) as base:
            return ask({"service": base, "fhir": fhir, "calls": calls})

    return asked


@pytest.fixture(scope="session")
def prefetched(asked):
    """The client fills the prefetch templates from HAPI FHIR."""
    return asked(fetch=False)


@pytest.fixture(scope="session")
def fetched(asked, fhir):
    """The client sends no prefetch, and the service fetches from HAPI FHIR, one resource a page."""
    return asked(fetch=True, fhir__allow=fhir, fhir__page_size="1", fhir__max_pages="20")
