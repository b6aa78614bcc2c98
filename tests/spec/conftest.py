"""The client, the smallest patient worth talking about, and every recorded example as it is answered now."""

import msgspec
import pytest

from tests.cds_service.conftest import client, complete, example, serve
from tests.record_examples import EXAMPLES, LANGUAGES

__all__ = ["client", "complete", "example", "serve"]


@pytest.fixture(scope="session")
def recorded_requests():
    return {path.parent.name: path.read_bytes() for path in sorted(EXAMPLES.glob("*/request.json"))}


@pytest.fixture(scope="session")
def recorded_answers():
    """The recorded answer to every example, in every language, as bytes; tests/test_examples.py keeps them true."""
    paths = [path for language in LANGUAGES for path in sorted(EXAMPLES.glob(f"*/card.{language}.json"))]
    return {f"{path.parent.name}.{path.stem}": path.read_bytes() for path in paths}


@pytest.fixture(scope="session")
def cards(recorded_answers):
    """Every card of every recorded answer."""
    return [card for body in recorded_answers.values() for card in msgspec.json.decode(body)["cards"]]
