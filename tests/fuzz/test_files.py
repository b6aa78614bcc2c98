"""The command on odd files: never a traceback, a line for each file, an exit status that says what happened."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.advisor import Advisor
from cds_service.commands import evaluate, mapping_report
from cds_service.settings import load_settings
from tests.fuzz import files
from tests.fuzz.profiles import ROUND
from tests.fuzz.values import VALUES


@pytest.fixture(scope="module", autouse=True)
def one_advisor() -> object:
    """What every run of the command would read again, read once."""
    advisor = Advisor(load_settings(environ={}))
    with pytest.MonkeyPatch.context() as patch:
        for command in (evaluate, mapping_report):
            patch.setattr(command, "advisor_from", lambda _: advisor)
        yield


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("odd") / "chart.json"


@ROUND
@given(random=st.randoms(use_true_random=False), command=st.sampled_from(files.COMMANDS))
def test_odd_files(path: Path, random: Random, command: tuple[str, ...]) -> None:
    path.write_bytes(files.content(random))
    assert files.faults(command, path) == [], (command, path.read_bytes())


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_a_file_of_one_value(path: Path, value: bytes) -> None:
    for command in files.COMMANDS[:2]:
        path.write_bytes(value)
        assert files.faults(command, path) == [], (command, value)


@pytest.mark.parametrize(
    "content",
    [
        b'{"resourceType": "Bundle", "entry": 7}',  # --strict went through the entries of a number
        b'{"resourceType": "Observation", "status": "final", "code": {"text": "a"}, "_issued": 7}',  # --strict's models
        b'{"resourceType": "Observation\\u202e", "id": "\\u001b[2J"}',  # steered the terminal
        b'{"resourceType": "Observation", "status": [], "id": "' + b"a" * 100_000 + b'"}',  # wrapped for minutes
    ],
    ids=["entries", "extension", "control", "long"],
)
def test_what_once_broke_it(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    for command in files.COMMANDS:
        assert files.faults(command, path) == [], command
