"""``mapping-report``, and what a site does with it: one ConceptMap, and its own codes are read."""

import json

import pytest
from fhir.resources.R4B.conceptmap import ConceptMap

from cds_service.cli import main
from fhir_mappings.terminology import Terminology
from tests.cds_service.conftest import LOCAL, SNOMED

SITE = "http://hospital.example/codes"
CONCEPT = "https://osteohooks.org/fhir/ValueSet"
SUBJECT = {"reference": "Patient/p"}
SECRET = "Zyxwv"  # stands for anything about a person


@pytest.fixture
def run(capsys):
    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        printed = capsys.readouterr()
        return ended.value.code, printed.out, printed.err

    return run


def site(code: str, display: str | None = None) -> dict:
    return {"coding": [{"system": SITE, "code": code} | ({"display": display} if display else {})]}


def calcium(number: int, **more) -> dict:
    return {
        "resourceType": "Observation",
        "id": f"ca-{number}",
        "status": "final",
        "code": site("CA-T", "Calcium, total\u200b (Serum)"),
        "subject": SUBJECT,
        "effectiveDateTime": "2026-11-20",
        "valueQuantity": {"value": 3.4, "unit": "mmol/L"},
    } | more


LESION = {
    "resourceType": "Observation",
    "id": "lesion",
    "status": "final",
    "code": {"coding": [{"system": LOCAL, "code": "bone-lesion"}]},
    "subject": SUBJECT,
    "effectiveDateTime": "2026-11-10",
    "bodySite": {"coding": [{"system": SNOMED, "code": "29627003"}]},
    "component": [
        {"code": site("WHERE"), "valueCodeableConcept": site("TROCH")},
        {"code": site("LOOK"), "valueCodeableConcept": site("HOLE")},
        {
            "code": {"coding": [{"system": LOCAL, "code": "lesion-pain"}]},
            "valueCodeableConcept": site("WALKING", "hurts on walking"),
        },
        {
            "code": {"coding": [{"system": LOCAL, "code": "lesion-size-fraction"}]},
            "valueQuantity": {"value": 0.7, "unit": "1", "system": "http://unitsofmeasure.org", "code": "1"},
        },
        {
            "code": {"coding": [{"system": LOCAL, "code": "lesion-diameter"}]},
            "valueQuantity": {"value": 1, "unit": "hands"},
        },
    ],
}
CHART = [
    {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1960-01-01", "name": [{"family": SECRET}]},
    {
        "resourceType": "Condition",
        "id": "mets",
        "code": {"coding": [{"system": SNOMED, "code": "94222008"}]},
        "subject": SUBJECT,
    },
    {"resourceType": "Condition", "id": "told", "code": {"text": SECRET}, "subject": SUBJECT},
    {"resourceType": "Device", "id": "d", "type": site("IGNORED")},
    calcium(1),
    calcium(2, code=site("CA-T")),
    calcium(
        3,
        code={"coding": [{"system": "http://loinc.org", "code": "2000-8"}]},
        valueQuantity={"value": 3, "unit": "parts"},
    ),
    LESION,
]


@pytest.fixture
def chart(tmp_path):
    path = tmp_path / "chart.json"
    path.write_text(json.dumps(CHART))
    return str(path)


def test_most_frequent_first_with_a_hint_and_nothing_of_the_patient(run, chart):
    status, out, err = run("mapping-report", chart)
    assert (status, err) == (0, "")
    lines = [line.split() for line in out.splitlines() if line.startswith("  ")]
    first, *_ = lines
    assert first == ["2", "Observation", "CA-T", "Calcium,", "total", "(Serum)", "maybe", "calcium-total"]
    assert [line[2] for line in lines[1:4]] == ["LOOK", "WHERE", "WALKING"]
    assert ["1", "calcium-total", "parts"] in lines
    assert ["1", "Condition"] in lines  # without a code
    assert "IGNORED" not in out
    assert "Zyxwv" not in out and "3.4" not in out and "\u200b" not in out


def test_json_has_the_same(run, chart):
    told = json.loads(run("mapping-report", chart, "--format", "json")[1])
    assert told["codes"][0] == {
        "place": "Observation",
        "system": SITE,
        "code": "CA-T",
        "display": "Calcium, total (Serum)",
        "maybe": "calcium-total",
        "count": 2,
    }
    assert told["units"] == [
        {"name": "calcium-total", "unit": "parts", "count": 1},
        {"name": "lesion-diameter", "unit": "hands", "count": 1},
    ]
    assert told["withoutCode"] == {"Condition": 1}
    assert SECRET not in json.dumps(told)


def test_the_skeleton_is_a_valid_map_that_maps_nothing(run, chart, tmp_path):
    folder = tmp_path / "codes"
    folder.mkdir()
    status, _, err = run("mapping-report", chart, "--skeleton", str(folder / "map.json"))
    assert (status, err.split(": ")[1]) == (0, "4 codes to map\n")
    written = json.loads((folder / "map.json").read_text())
    ConceptMap.model_validate(written)
    assert Terminology.load(folder).meaning(SITE, "CA-T") == frozenset()
    assert run("mapping-report", chart, "--skeleton", str(folder / "map.json"))[0] == 2  # never overwrites


def fill_in(skeleton: dict, **targets: str) -> dict:
    for element in skeleton["group"][0]["element"]:
        if element["code"] in targets:
            element["target"] = [{"code": targets[element["code"]], "equivalence": "equivalent"}]
    return skeleton


def topics(line: str) -> set[str]:
    return {card["source"]["topic"]["code"] for card in json.loads(line)["cards"]}


def test_one_map_makes_a_laboratory_code_and_a_lesion_item_readable(run, chart, tmp_path):
    """End to end. Calcium 3.4 mmol/L without a readable code is no card, with one it is hypercalcaemia. The lesion's
    looks unread leave Mirels open; lytic (3) makes it 2..3 + 3 + 3 + 3."""
    folder = tmp_path / "codes"
    folder.mkdir()
    config = tmp_path / "osteohooks.toml"
    config.write_text(f'[codes]\nfolder = "{folder}"\n')
    judged = ("evaluate", chart, "--as-of", "2026-11-21", "--format", "json", "--config", str(config))
    before = run(*judged)[1]
    assert "hypercalcemia" not in topics(before)
    run("mapping-report", chart, "--config", str(config), "--skeleton", str(folder / "map.json"))
    filled = fill_in(
        json.loads((folder / "map.json").read_text()),
        **{"CA-T": "calcium-total", "LOOK": "lesion-matrix", "WALKING": "functional", "WHERE": "lesion-region"},
    )
    more = [("HOLE", "lytic"), ("TROCH", "peritrochanteric")]  # seen only now that their questions are
    (folder / "map.json").write_text(json.dumps(filled))
    told = json.loads(run("mapping-report", chart, "--config", str(config), "--format", "json")[1])
    assert {one["code"]: one["place"] for one in told["codes"]} == dict.fromkeys(("HOLE", "TROCH"), "Observation.value")
    filled["group"][0]["element"] += [
        {"code": code, "target": [{"code": target, "equivalence": "equivalent"}]} for code, target in more
    ]
    (folder / "map.json").write_text(json.dumps(filled))
    after = run(*judged)[1]
    assert {"hypercalcemia", "mirels"} <= topics(after)
    mirels = next(card for card in json.loads(after)["cards"] if card["source"]["topic"]["code"] == "mirels")
    score = mirels["extension"]["org.osteohooks.evidence"]["score"]
    assert score["total"] == 3 + 3 + 3 + 3  # peritrochanteric, functional pain, lytic, 0.7 > 2/3
    told = json.loads(run("mapping-report", chart, "--config", str(config), "--format", "json")[1])
    assert "codes" not in told or told["codes"] == []


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ({"code": "calcium-totl", "equivalence": "equivalent"}, "'calcium-totl' is no concept id"),
        ({"code": "calcium-total", "equivalence": "unmatched"}, "'unmatched' says that no code matches"),
        ({"equivalence": "equivalent"}, "needs a source code and a target code"),
    ],
)
@pytest.mark.parametrize(
    "command", [("config", "check"), ("serve",), ("evaluate", "chart.json"), ("mapping-report", "x")]
)
def test_a_map_that_cannot_be_used_stops_the_start(run, tmp_path, command, target, reason):
    (tmp_path / "own.json").write_text(
        json.dumps(
            {
                "resourceType": "ConceptMap",
                "status": "draft",
                "group": [{"source": SITE, "target": CONCEPT, "element": [{"code": "CA-T", "target": [target]}]}],
            }
        )
    )
    config = tmp_path / "osteohooks.toml"
    config.write_text(f'[codes]\nfolder = "{tmp_path}"\n')
    status, out, err = run(*command, "--config", str(config))
    assert (status, out) == (2, "")
    (line,) = err.splitlines()
    assert "own.json: group[0].element[0].target[0]: " in line
    assert reason in line


def test_two_files_that_contradict_stop_the_start(run, tmp_path):
    for name, target in (("a", "calcium-total"), ("b", "calcium-ionized")):
        element = {"code": "CA-T", "target": [{"code": target, "equivalence": "equivalent"}]}
        group = {"source": SITE, "target": CONCEPT, "element": [element]}
        (tmp_path / f"{name}.json").write_text(json.dumps({"resourceType": "ConceptMap", "group": [group]}))
    config = tmp_path / "osteohooks.toml"
    config.write_text(f'[codes]\nfolder = "{tmp_path}"\n')
    status, _, err = run("config", "check", "--config", str(config))
    assert status == 2
    assert "b.json: group[0].element[0].target[0]" in err and "a.json" in err and "Keep one." in err


def test_a_value_set_adds_codes_to_a_concept(run, tmp_path, chart):
    include = [{"system": SITE, "concept": [{"code": "CA-T"}]}]
    added = {"resourceType": "ValueSet", "id": "calcium-total", "status": "active", "compose": {"include": include}}
    (tmp_path / "ValueSet-own.json").write_text(json.dumps(added))
    (tmp_path / "chart.json").rename(tmp_path / "chart.txt")
    config = tmp_path / "osteohooks.toml"
    config.write_text(f'[codes]\nfolder = "{tmp_path}"\n')
    status, out, _ = run(
        "evaluate", str(tmp_path / "chart.txt"), "--as-of", "2026-11-21", "--format", "json", "--config", str(config)
    )
    assert status == 0
    assert "hypercalcemia" in topics(out)


def test_the_real_records_give_a_short_list(run, realdata):
    status, out, _ = run("mapping-report", *map(str, sorted(realdata.glob("*.json"))))
    assert status == 0
    assert len(out.splitlines()) < 80
    assert out.splitlines()[-1].split() == ["6", "estimated-gfr", "mL/min"]
    assert "Claim" not in out and "Encounter" not in out


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_counted(run, chart, tmp_path):
    status, out, err = run("mapping-report", str(tmp_path / "none.json"), chart)
    assert (status, "no such file" in err, "CA-T" in out) == (1, True, True)
