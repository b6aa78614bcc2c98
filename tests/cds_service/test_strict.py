"""``evaluate --strict`` on what is shipped: the examples are valid FHIR, not only readable."""

from pathlib import Path

import pytest

from cds_service.files import resources_in
from cds_service.strict import flaws

REQUESTS = sorted((Path(__file__).parents[2] / "examples").glob("*/request.json"))


@pytest.mark.parametrize("request_file", REQUESTS, ids=[path.parent.name for path in REQUESTS])
def test_every_example_is_valid_fhir(request_file: Path) -> None:
    assert flaws(resources_in(request_file.read_bytes())) == []
