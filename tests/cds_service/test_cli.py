"""The command (service contract): what it prints, where, and how it ends."""

import json
import subprocess
import sys

import pytest

from cds_service import examples
from cds_service.cli import main


@pytest.fixture
def run(capsys):
    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        printed = capsys.readouterr()
        return ended.value.code, printed.out, printed.err

    return run


@pytest.fixture
def write(tmp_path):
    def write(content, name: str = "chart.json") -> str:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return str(path)

    return write


@pytest.fixture
def chart(example):
    return [example.patient, example.metastasis, example.lesion]


AS_OF = ("--as-of", "2026-11-21")
JSON = ("--format", "json")


def topics(line: str) -> list[str]:
    return [card["source"]["topic"]["code"] for card in json.loads(line)["cards"]]


# --- evaluate: every shape a chart comes in


def bundle(resources, kind="collection", **more):
    return {"resourceType": "Bundle", "type": kind, "entry": [{"resource": one} | more for one in resources]}


@pytest.mark.parametrize("kind", ["collection", "searchset", "transaction", "batch", "document", "message", "history"])
def test_a_bundle_of_any_type(run, write, chart, kind):
    status, out, _ = run("evaluate", write(bundle(chart, kind)), *AS_OF, *JSON)
    assert (status, "mirels" in topics(out)) == (0, True)


def test_an_array_ndjson_and_one_resource(run, write, chart, example):
    lines = b"\n".join(json.dumps(one).encode() for one in chart) + b"\n\n"
    for content in (chart, lines, b"\xef\xbb\xbf" + lines, bundle([bundle(chart)])):
        status, out, _ = run("evaluate", write(content), *AS_OF, *JSON)
        assert (status, "mirels" in topics(out)) == (0, True)
    assert "mirels" in topics(run("evaluate", write(example.lesion), *AS_OF, *JSON)[1])


def test_standard_input(run, chart, monkeypatch):
    from io import BytesIO, TextIOWrapper

    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(json.dumps(chart).encode())))
    assert "mirels" in topics(run("evaluate", "-", *AS_OF, *JSON)[1])


def test_a_whole_request_brings_its_hook_context_and_day(run, write, complete, example):
    prefetch = complete(conditions=example.searchset(example.metastasis), lesions=example.searchset(example.lesion))
    file = write(example.request(prefetch=prefetch))
    told = json.loads(run("evaluate", file, "--hook", "order-sign", *JSON)[1])
    assert told["extension"]["org.osteohooks.evaluation"]["asOf"] == "2026-11-21"
    assert "mirels" in [card["source"]["topic"]["code"] for card in told["cards"]]
    later = json.loads(run("evaluate", file, "--as-of", "2026-12-01", *JSON)[1])
    assert later["extension"]["org.osteohooks.evaluation"]["asOf"] == "2026-12-01"


def test_template_keys_mean_what_they_mean_over_http(run, write, example):
    file = write(example.request(prefetch={"patient": example.patient, "lesions": example.searchset(example.lesion)}))
    told = json.loads(run("evaluate", file, *JSON)[1])["extension"]["org.osteohooks.evaluation"]
    missing = {miss["why"] for entry in told["notEvaluated"] for miss in entry["missing"]}
    assert missing == {"not supplied"}


def test_a_bundle_under_another_key_is_the_whole_chart(run, write, chart, example):
    file = write(example.request(prefetch={"everything": bundle(chart)}))
    told = json.loads(run("evaluate", file, *JSON)[1])["extension"]["org.osteohooks.evaluation"]
    assert "mirels" in told["evaluated"]
    assert "not supplied" not in json.dumps(told)
    cut = bundle(chart) | {"link": [{"relation": "next", "url": "http://x/2"}]}
    told = run("evaluate", write(example.request(prefetch={"everything": cut})), *JSON)[1]
    assert "page not followed" in told


def test_43_drafts_in_a_file_speak_only_where_there_is_an_order(run, write, chart, example):
    order = {
        "resourceType": "MedicationRequest",
        "id": "draft",
        "status": "draft",
        "subject": {"reference": "Patient/17"},
        "medicationCodeableConcept": example.coded("M05BX04", "http://www.whocc.no/atc"),
    }
    active = order | {
        "id": "active",
        "intent": "order",
        "status": "active",
        "authoredOn": "2026-11-01",
        "medicationCodeableConcept": example.coded("M05BA08", "http://www.whocc.no/atc"),
    }
    file = write([*chart, order, active])
    assert "bma-duplicate" in topics(run("evaluate", file, "--hook", "order-sign", *AS_OF, *JSON)[1])
    assert "bma-duplicate" not in topics(run("evaluate", file, *AS_OF, *JSON)[1])


def test_only(run, write, chart):
    file = write(chart)
    assert topics(run("evaluate", file, *AS_OF, *JSON, "--only", "hypercalcemia", "--only", "bma-start")[1]) == [
        "bma-start"
    ]
    status, out, err = run("evaluate", file, "--only", "mirel")
    assert (status, out) == (2, "")
    assert 'there is no advisory "mirel"' in err


# --- evaluate: what cannot be read


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", "is empty"),
        (b" \n ", "is empty"),
        (b"hello", "is not JSON (line 1, column 1)"),
        (b'{\n  "resourceType": "Bundle",\n}', "is not JSON (line 3, column 1)"),
        (b'{"resourceType": "Patient"', "is not JSON: it ends too early"),
        (b'{"a": 1}', "is JSON, but not FHIR"),
        (b"[1, 2]", "is JSON, but not FHIR"),
        (b"17", "is JSON, but not FHIR"),
        (b"\x00\x01PNG", "is not text"),
        (b"[" * 100_000, "is nested too deeply"),
        (b'{"hook": "patient-view", "context": {"patientId": "17"}}', "hookInstance: is missing"),
        (b'{"hook": "patient-view", "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"}', "context: is missing"),
    ],
    ids=range(12),
)
def test_one_clear_line(run, write, content, error):
    file = write(content)
    status, out, err = run("evaluate", file)
    assert (status, out) == (1, "")
    assert err.startswith(f"{file}: {error}")
    assert len(err.splitlines()) == 1
    status, out, err = run("evaluate", file, *JSON)
    assert (status, err) == (1, "")
    assert json.loads(out).keys() == {"file", "error"}


def test_a_folder_and_no_file(run, tmp_path):
    assert run("evaluate", str(tmp_path))[2] == f"{tmp_path}: is a folder; name the files in it\n"
    assert run("evaluate", f"{tmp_path}/none")[2] == f"{tmp_path}/none: there is no such file\n"


def test_the_others_still_run(run, write, chart):
    good, bad = write(chart), write(b"", "bad.json")
    status, out, _ = run("evaluate", bad, good, *AS_OF, *JSON)
    first, second = out.splitlines()
    assert status == 1
    assert json.loads(first) == {"file": bad, "error": "is empty"}
    assert "mirels" in topics(second)


def test_a_line_that_is_none_is_named_and_skipped(run, write, chart):
    lines = b"\n".join([*(json.dumps(one).encode() for one in chart), b'{"resourceType": '])
    told = json.loads(run("evaluate", write(lines), *AS_OF, *JSON)[1])
    assert "mirels" in topics(json.dumps(told))
    assert [skip["why"] for skip in told["extension"]["org.osteohooks.evaluation"]["skipped"]] == ["unreadable"]


def test_strict_names_element_and_rule(run, write, chart, example):
    flawed = example.metastasis | {"id": "flawed", "recordedDate": "yesterday", "colour": "red"}
    status, out, _ = run("evaluate", write([*chart, flawed]), *AS_OF, *JSON, "--strict")
    assert status == 1
    assert json.loads(out)["invalid"] == [
        {
            "resource": "Condition/flawed",
            "element": "recordedDate",
            "rule": "DateTime value string does not match spec regex",
        },
        {"resource": "Condition/flawed", "element": "colour", "rule": "Extra inputs are not permitted"},
    ]
    assert "yesterday" not in out
    status, again, _ = run("evaluate", write(bundle([*chart, flawed])), *AS_OF, *JSON, "--strict")
    assert json.loads(again)["invalid"] == json.loads(out)["invalid"]
    wibble = {"resourceType": "Wibble", "id": "w"}
    status, again, _ = run("evaluate", write(bundle([wibble], id="a_b")), *AS_OF, "--strict")
    assert "not valid FHIR R4: Wibble/w: resourceType: is not a resource type of FHIR R4" in again
    status, out, _ = run("evaluate", write(chart), *AS_OF, *JSON, "--strict")
    assert (status, "invalid" in json.loads(out)) == (0, False)


# --- evaluate: for reading


@pytest.mark.parametrize("width", ["60", "80"])
@pytest.mark.parametrize("language", ["en", "zh-Hans"])
def test_text_fits_and_shows_the_arithmetic(run, write, chart, monkeypatch, width, language):
    from cds_service.terminal import cells

    monkeypatch.setenv("COLUMNS", width)
    status, out, _ = run("evaluate", write(chart), *AS_OF, "--lang", language, "--only", "mirels")
    assert status == 0
    assert max(cells(line) for line in out.splitlines()) <= int(width)
    assert "\x1b" not in out
    lines = [line.split() for line in out.splitlines()]
    assert sum(line[-1:] == ["3"] for line in lines) == 4  # 3 + 3 + 3 + 3
    assert any(line[-1:] == ["12"] for line in lines)
    assert ("WARNING" if language == "en" else "【警告】") in out


def test_a_silent_file_says_so_in_one_line(run, write, example):
    status, out, _ = run("evaluate", write(example.patient), *AS_OF)
    assert status == 0
    assert "Nothing to say:" in out


def test_what_could_not_be_known_is_listed(run, write, example):
    cut = bundle([example.patient]) | {"link": [{"relation": "next", "url": "http://x/2"}]}
    out = run("evaluate", write(cut), *AS_OF)[1]
    assert "Not evaluated:" in out


# --- the others


def test_try(run, monkeypatch, tmp_path, complete, example):
    folder = tmp_path / "mirels"
    folder.mkdir()
    prefetch = complete(conditions=example.searchset(example.metastasis), lesions=example.searchset(example.lesion))
    (folder / "request.json").write_text(json.dumps(example.request(prefetch=prefetch)))
    monkeypatch.setattr(examples, "folder", lambda: tmp_path)
    status, out, _ = run("try", "mirels")
    assert status == 0
    assert "Mirels 12" in out and "2026-11-21" in out
    assert "Mirels评分12分" in run("try", "mirels", "--lang", "zh")[1].replace("\n  ", "")
    assert run("try")[1] == "mirels\n"
    status, _, err = run("try", "nothing")
    assert (status, err) == (2, 'osteohooks: there is no example "nothing"; there are: mirels\n')


def test_services_and_advisories(run):
    assert "fracture-risk-patient-view" in run("services")[1]
    assert {"id", "hook", "prefetch"} <= json.loads(run("services", *JSON)[1])[0].keys()
    assert "mirels" in run("advisories")[1]
    listed = {one["id"]: one for one in json.loads(run("advisories", *JSON)[1])}
    assert listed["mirels"]["theme"] == "fracture-risk"


def test_explain_every_advisory_in_both_languages(run):
    for one in json.loads(run("advisories", *JSON)[1]):
        for language in ("en", "zh-Hans"):
            status, out, _ = run("explain", one["id"], "--lang", language)
            assert status == 0
            assert one["id"] in out
    out = run("explain", "mirels")[1]
    for told in (
        "peritrochanteric region  3",
        "pubmed.ncbi.nlm.nih.gov/2684463",
        "not for",
        "draft",
        "mirels_threshold",
    ):
        assert told in out
    assert run("explain", "nothing")[0] == 2


def test_config(run, write, monkeypatch):
    assert run("config", "check")[0] == 0
    monkeypatch.setenv("OSTEOHOOKS__STORE__URL", "postgresql+psycopg://joan:hunter2@db/osteo")
    status, out, _ = run("config", "show")
    assert status == 0
    assert "hunter2" not in out and 'url = "postgresql+psycopg://joan:***@db/osteo"' in out
    status, _, err = run("config", "check", "--config", write(b"[server]\nport = 1", "o.toml"))
    assert (status, len(err.splitlines())) == (2, 1)
    assert "server.port: found a key that is not known" in err
    status, _, err = run("config", "check", "--config", write(b"[thresholds]\nmirels = 1", "o.toml"))
    assert status == 2
    assert "mirels_threshold" in err


def test_config_show_can_be_read_again(run, write):
    out = run("config", "show")[1]
    assert run("config", "check", "--config", write(out.encode(), "again.toml"))[0] == 0


@pytest.mark.parametrize(
    "arguments", [(), ("--help",), ("evaluate", "--help"), ("serve", "--help"), ("config", "--help"), ("try", "--help")]
)
def test_help_everywhere(run, arguments):
    status, out, err = run(*arguments)
    assert status == (0 if arguments else 2)
    assert "Usage: osteohooks" in out + err


@pytest.mark.parametrize(
    "arguments",
    [
        ("evaluat",),
        ("evaluate",),
        ("evaluate", "x", "--as-of", "soon"),
        ("evaluate", "x", "--hook", "patient"),
        ("evaluate", "x", "--lang", "fr"),
        ("serve", "--port", "high"),
        ("serve", "--host", "0.0.0.0"),
    ],
)
def test_wrong_use_is_one_line_and_2(run, arguments):
    status, out, err = run(*arguments)
    assert (status, out, len(err.splitlines())) == (2, "", 1)


def test_no_traceback_without_debug(run, write, chart, monkeypatch):
    def broken(*_, **__):
        raise ValueError("born 1961-02-03")

    monkeypatch.setattr("cds_service.advisor.read_chart", broken)
    status, _, err = run("evaluate", write(chart))
    assert status == 1
    assert "ValueError at broken" in err and "1961" not in err and "Traceback" not in err
    with pytest.raises(ValueError):
        main(["evaluate", write(chart), "--debug"])


def test_evaluate_imports_no_server(write, chart):
    """Starting fast is mostly not importing: what only the server needs stays out."""
    heavy = {"flask", "werkzeug", "jinja2", "requests", "sqlalchemy", "pydantic", "fhir.resources", "gunicorn"}
    program = (
        "import sys; from cds_service.cli import _run; status = _run(sys.argv[1:], False); "
        f"print(status, sorted({heavy!r} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program, "evaluate", write(chart)], capture_output=True, text=True)
    assert done.stderr.strip() == "0 []"
