"""Real public records that nobody here wrote: they run, and what could not be read is named."""

import json

import pytest

from cds_service.cli import main

MCODE = "mcode-app_TrialMatching_Patient02.json"


@pytest.fixture
def evaluate(capsys, realdata):
    def evaluate(*names: str, arguments: tuple[str, ...] = ()) -> dict[str, dict]:
        with pytest.raises(SystemExit) as ended:
            main(["evaluate", *(str(realdata / name) for name in names), "--format", "json", *arguments])
        assert ended.value.code == 0
        printed = capsys.readouterr()
        assert printed.err == ""
        return dict(zip(names, map(json.loads, printed.out.splitlines()), strict=True))

    return evaluate


def topics(answer: dict) -> list[str]:
    return [card["source"]["topic"]["code"] for card in answer["cards"]]


def test_the_mcode_patient_has_gone_without_since_2019(evaluate):
    (answer,) = evaluate(MCODE, arguments=("--as-of", "2026-11-21")).values()
    card = answer["cards"][topics(answer).index("bma-start")]
    inputs = card["extension"]["org.osteohooks.evidence"]["inputs"]
    assert "2019-06-01" in [found.get("date") for found in inputs]


def test_a_month_after_the_dose_nothing_is_to_be_started(evaluate):
    (answer,) = evaluate(MCODE, arguments=("--as-of", "2019-07-01")).values()
    assert "bma-start" not in topics(answer)


def test_every_file_runs_and_skips_by_name(evaluate, realdata):
    names = sorted(path.name for path in realdata.glob("*.json"))
    answers = evaluate(*names, arguments=("--as-of", "2026-11-21"))
    skipped = {
        name: answer["extension"]["org.osteohooks.evaluation"].get("skipped", []) for name, answer in answers.items()
    }
    assert all(skip["resource"] and skip["why"] for several in skipped.values() for skip in several)
    assert {skip["why"] for skip in skipped["pddi_digoxin-order-select.json"]} == {"other FHIR version"}
