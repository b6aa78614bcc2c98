"""The terminology: what the files hold, what a coding belongs to, the traps, and what a site may add."""

import importlib
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from fhir_mappings.terminology import (
    ATC,
    CONCEPT,
    HCPCS,
    ICD10,
    ICD10CM,
    LOCAL,
    LOINC,
    RXNORM,
    SNOMED,
    Terminology,
    TerminologyError,
)
from tests.conftest import require

ROOT = Path(__file__).parents[2]
CODES = ROOT / "fhir_mappings" / "codes"
FILES = sorted(CODES.glob("*.json"))
MOVED = tomllib.loads((ROOT / "tools" / "terminology.toml").read_text("utf-8"))
EXTENSION = "https://osteohooks.org/fhir/StructureDefinition/"
WITHOUT_TEXT = ("http://www.ama-assn.org/go/cpt", "http://www.ada.org/cdt")


@pytest.fixture(scope="module")
def terminology() -> Terminology:
    return Terminology.load()


def resource(name: str) -> dict[str, Any]:
    return json.loads((CODES / f"{name}.json").read_text("utf-8"))


# --- The files


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_is_valid_fhir_and_says_who_it_is(path: Path) -> None:
    data = json.loads(path.read_text("utf-8"))
    kind = data["resourceType"]
    model = getattr(importlib.import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
    model.model_validate(data)
    assert path.name == f"{kind}-{data['id']}.json"
    assert data["url"] == f"https://osteohooks.org/fhir/{kind}/{data['id']}"
    assert (data["version"], data["publisher"], data["experimental"]) == ("2026.11.1", "OsteoHooks", False)
    assert data["title"] and _chinese(data["_title"])


def _chinese(primitive: dict[str, Any]) -> str:
    parts = {part["url"]: part for part in primitive["extension"][0]["extension"]}
    assert parts["lang"]["valueCode"] == "zh-Hans"
    return parts["content"]["valueString"]


def _includes() -> list[tuple[str, dict[str, Any]]]:
    return [
        (path.name, include)
        for path in FILES
        if path.name.startswith("ValueSet-")
        for include in json.loads(path.read_text("utf-8")).get("compose", {}).get("include", ())
    ]


def test_every_code_says_where_it_was_seen_or_that_it_is_unverified() -> None:
    for name, include in _includes():
        if include["system"] == LOCAL:
            continue
        for entry in include.get("concept", include.get("filter")):
            urls = [extension["url"] for extension in entry.get("extension", ())]
            assert urls in ([EXTENSION + "verified"], [EXTENSION + "unverified"]), f"{name}: {entry}"


def test_no_machine_path_in_what_was_seen() -> None:
    for path in FILES:
        assert not re.search(r'"(/|[A-Za-z]:\\|file:)', path.read_text("utf-8")), path.name


def test_no_descriptor_of_cpt_or_cdt_is_shipped() -> None:
    systems = [include["system"] for _, include in _includes()]
    assert set(WITHOUT_TEXT) <= set(systems)
    for name, include in _includes():
        if include["system"] in WITHOUT_TEXT:
            assert all("display" not in code and "designation" not in code for code in include["concept"]), name


def test_an_include_has_one_filter_because_several_would_be_joined_with_and() -> None:
    assert all(len(include.get("filter", [1])) == 1 for _, include in _includes())


def test_local_codes_are_unique_and_shown_in_both_languages() -> None:
    for name in ("bone-metastasis", "advisory", "override-reason"):
        system = resource(f"CodeSystem-{name}")
        codes = [concept["code"] for concept in system["concept"]]
        assert len(codes) == len(set(codes)) == system["count"]
        for concept in system["concept"]:
            told = {designation["language"] for designation in concept.get("designation", ())}
            assert concept["display"] and (told == {"zh-Hans"} or re.fullmatch(r"[A-Z0-9abc-]+", concept["display"]))


def test_forms_ask_local_codes_and_offer_local_answers(terminology: Terminology) -> None:
    asked = set()
    for form in ("bone-lesion", "spine-lesion", "patient-assessment"):
        for item in resource(f"Questionnaire-{form}")["item"]:
            asked.add(item["linkId"])
            if item["linkId"] in ("body-site", "laterality"):  # where it is: no code of ours, answers of SNOMED CT
                answers = [option["valueCoding"] for option in item["answerOption"]]
                assert all(one["system"] == SNOMED and terminology.concepts(SNOMED, one["code"]) for one in answers)
                continue
            coding = item["code"][0]
            assert item["linkId"] in {coding["code"]} | terminology.concepts(coding["system"], coding["code"])
            assert coding["system"] != LOCAL or coding["code"] in terminology.local_codes
            assert (item["type"] == "choice") == ("answerOption" in item)
            assert (item["type"] == "quantity") == ("extension" in item)
            for option in item.get("answerOption", ()):
                answer = option["valueCoding"]
                assert answer["system"] == LOCAL and answer["display"] == terminology.label(answer["code"], "en")
    kinds = {c["code"]: c["property"][0]["valueString"] for c in resource("CodeSystem-bone-metastasis")["concept"]}
    items = {code for code, kind in kinds.items() if kind in ("component", "observation", "imaging")}
    assert asked == items | {"karnofsky", "ecog", "pain-severity", "body-site", "laterality"}


def test_every_override_reason_is_mapped_or_said_to_have_no_match() -> None:
    reasons = {concept["code"] for concept in resource("CodeSystem-override-reason")["concept"]}
    elements = resource("ConceptMap-override-reason-to-non-adherence")["group"][0]["element"]
    assert {element["code"] for element in elements} == reasons
    for element in elements:
        for target in element["target"]:
            assert ("code" in target) == (target["equivalence"] != "unmatched")


def test_a_concept_id_that_is_also_a_local_code_means_the_same(terminology: Terminology) -> None:
    """Readers put concepts and local codes into one set: one word must not mean two things."""
    for word in terminology.ids & terminology.local_codes:
        assert word in terminology.concepts(LOCAL, word), word


# --- The research list


def test_every_code_of_the_research_list_is_carried_over(realdata: Path, terminology: Terminology) -> None:
    path = realdata.parent / "terminology.json"
    require(path.is_file(), "no terminology.json beside the folder of real records")
    keys = {uri: key for key, uri in MOVED["systems"].items()}
    for entry in json.loads(path.read_text("utf-8")):
        source = entry["concept_id"]
        elsewhere = {(key, code): where.split() for key, code, where, _ in MOVED["moved"].get(source, ())}
        for code in entry["codes"]:
            name = MOVED["rename"].get(source, source.replace("_", "-"))
            expected = elsewhere.get((keys[code["system"]], code["code"]), [name])
            found = terminology.concepts(code["system"], code["code"])
            if (name, code["code"]) == ("primary-unknown", "C80") and code["system"] == ICD10CM:
                found = terminology.concepts(ICD10CM, "C80.1")  # C80.0 is taken out, so C80 as such is not asked
            assert set(expected) <= found, (source, code["system"], code["code"], found)


# --- Traps


@pytest.mark.parametrize(
    ("system", "code", "inside", "outside"),
    [
        (SNOMED, "94222008", "bone-metastasis", "bone-marrow-metastasis"),
        (SNOMED, "314990009", "not-bone-metastasis-trap", "bone-metastasis"),
        (ICD10CM, "C79.5", "bone-metastasis", "bone-marrow-metastasis"),
        (ICD10CM, "C7951", "bone-metastasis", "bone-marrow-metastasis"),
        (ICD10CM, "C79.52", "bone-marrow-metastasis", "bone-metastasis"),
        (ICD10, "C79.52", "bone-marrow-metastasis", "bone-metastasis"),
        (ICD10, "C79.5", "bone-metastasis", "bone-marrow-metastasis"),
        (ICD10, "c79.500x003", "bone-metastasis", "bone-marrow-metastasis"),
        (SNOMED, "94217008", "bone-marrow-metastasis", "bone-metastasis"),
        (SNOMED, "94300004", "bone-metastasis", "primary-bone-cancer"),
        (ICD10, "C80.0", "primary-unknown", "cancer-disseminated"),
        (ICD10CM, "C80.0", "cancer-disseminated", "primary-unknown"),
        (ICD10CM, "C80.1", "primary-unknown", "cancer-disseminated"),
        (ICD10CM, "E83.52", "hypercalcaemia", "calcium-metabolism-disorder"),
        (ICD10, "E83.5", "calcium-metabolism-disorder", "hypercalcaemia"),
        (ICD10, "C11.9", "primary-nasopharynx", "primary-head-neck"),
        (ICD10, "C53.9", "primary-cervix", "primary-uterus"),
        (SNOMED, "41607009", "histology-renal-cell", "primary-kidney"),
        (SNOMED, "25370001", "histology-hcc", "primary-liver"),
        (SNOMED, "55921005", "histology-myeloma", "primary-multiple-myeloma"),
        (SNOMED, "109841003", "primary-liver", "histology-hcc"),
        (ATC, "M05BA08", "med-bisphosphonate-any", "med-denosumab"),
        (ATC, "M05BX04", "med-denosumab", "med-bisphosphonate-any"),
        (ATC, "A12AX", "med-calcium", "med-bisphosphonate-any"),
        (ATC, "A12AX", "med-vitamin-d", "med-bisphosphonate-any"),
        (ATC, "A12AA04", "med-calcium", "med-vitamin-d"),
        (ATC, "A11CC05", "med-vitamin-d", "med-calcium"),
        (RXNORM, "1046398", "med-denosumab-120", "med-denosumab-60"),
        (RXNORM, "993452", "med-denosumab-60", "med-denosumab-120"),
        (RXNORM, "1046398", "med-denosumab", "med-denosumab-60"),
        (RXNORM, "993449", "med-denosumab", "med-denosumab-120"),
        (RXNORM, "705824", "med-zoledronic-acid-5", "med-zoledronic-acid-4"),
        (RXNORM, "351114", "med-bisphosphonate-any", "med-zoledronic-acid-5"),
        (HCPCS, "J0897", "med-denosumab", "med-denosumab-120"),
        (ATC, "L01XC07", "med-vegf-antibody", "med-egfr-antibody"),
        (ATC, "L02BG03", "med-systemic-therapy", "med-vegf-tki"),
        (LOINC, "29265-6", "calcium-albumin-corrected", "calcium-total"),
        (LOINC, "38214-3", "pain-severity-other-scale", "pain-severity"),
        (LOCAL, "egfr", "egfr-mutation", "estimated-gfr"),
        (LOINC, "33914-3", "estimated-gfr", "egfr-mutation"),
        (LOCAL, "tooth-extraction", "dental-procedure", "proc-root-canal"),
    ],
)
def test_a_code_belongs_here_and_not_there(
    terminology: Terminology, system: str, code: str, inside: str, outside: str
) -> None:
    found = terminology.concepts(system, code)
    assert inside in found
    assert outside not in found


def test_diagnostic_bisphosphonates_are_no_therapy(terminology: Terminology) -> None:
    assert terminology.concepts(ATC, "V09BA01") == frozenset()
    assert terminology.concepts(ATC, "V09BA02") == frozenset()


@pytest.mark.parametrize(
    ("system", "code"),
    [
        ("LOINC", "2000-8"),
        ("loinc", "2000-8"),
        ("https://loinc.org", "2000-8"),
        ("http://loinc.org/", "2000-8"),
        ("http://loinc.org|2.77", " 2000-8 "),
        ("urn:oid:2.16.840.1.113883.6.1", "2000-8"),
    ],
)
def test_a_system_written_in_a_way_that_is_common_is_understood(
    terminology: Terminology, system: str, code: str
) -> None:
    assert terminology.concepts(system, code) == {"calcium-total"}


@pytest.mark.parametrize(
    ("system", "code", "concept"),
    [
        ("urn:oid:2.16.840.1.113883.6.96", "94222008", "bone-metastasis"),
        ("http://snomed.info/sct/900000000000207008/version/20240101", "94222008", "bone-metastasis"),
        ("urn:oid:2.16.840.1.113883.6.90", "C79.51", "bone-metastasis"),
        ("urn:oid:2.16.840.1.113883.6.3", "C79.5", "bone-metastasis"),
        ("urn:oid:2.16.840.1.113883.6.88", "993449", "med-denosumab"),
        ("urn:oid:2.16.840.1.113883.6.73", "M05BX04", "med-denosumab"),
        ("https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "J0897", "med-denosumab"),
        ("http://terminology.hl7.org/CodeSystem/CD2", "D7140", "proc-tooth-extraction"),
        ("http://www.ada.org/cdt", "D7140", "proc-tooth-extraction"),
    ],
)
def test_other_names_of_a_system(terminology: Terminology, system: str, code: str, concept: str) -> None:
    assert concept in terminology.concepts(system, code)


@pytest.mark.parametrize(
    ("system", "code"),
    [
        (None, "94222008"),
        ("", "94222008"),
        (SNOMED, None),
        (SNOMED, ""),
        (LOINC, "94222008"),  # a SNOMED id under LOINC's name is seen in public data; it is not guessed at
        ("http://example.org/codes", "94222008"),
        ("http://hl7.org/fhir/sid/icd-10-gm", "C79.5"),  # national editions are their own systems
        (ICD10CM, "94222008"),
        (SNOMED, "942220"),
    ],
)
def test_a_code_without_its_system_belongs_nowhere(
    terminology: Terminology, system: str | None, code: str | None
) -> None:
    assert terminology.concepts(system, code) == frozenset()
    assert terminology.local(system, code) is None


def test_hostile_codes_do_not_fill_the_memory(terminology: Terminology) -> None:
    for number in range(50_000):
        terminology.concepts(ICD10, f"Z{number}")
    assert len(terminology._remembered) <= 20_000


def test_a_code_longer_than_any_is_not_remembered(terminology: Terminology) -> None:
    known = len(terminology._remembered)
    assert terminology.meaning(ICD10, "C79.5" + "0" * 300) == terminology.meaning(ICD10, "C79.50")
    assert terminology.meaning(SNOMED, "9" * 300) == frozenset()
    assert len(terminology._remembered) <= known + 1  # C79.50 itself


def test_a_coding_says_the_same_when_it_is_asked_again(terminology: Terminology) -> None:
    for _ in range(2):
        assert terminology.said(SNOMED, "52120002").local == "T11"
        assert terminology.said(SNOMED, "52120002").meaning >= {"T11"}
        assert "bone-metastasis" in terminology.said(SNOMED, "94222008").concepts
        assert terminology.said(LOINC, "94222008").meaning == frozenset()
        assert terminology.said(ICD10, "c79.5").key == (ICD10, "C795")


@pytest.mark.parametrize(
    "text", ["Incadronate", "注射用因卡膦酸二钠", "因\u200b卡膦酸", "英卡膦酸", "ＩＮＣＡＤＲＯＮＩＣ acid"]
)
def test_incadronate_is_known_by_its_text(terminology: Terminology, text: str) -> None:
    assert terminology.of_text(text) == {"med-incadronate", "med-bisphosphonate-any"}


@pytest.mark.parametrize("text", ["", "denosumab", "唑来膦酸", "bisphosphonate", "cadronate"])
def test_no_other_drug_is_known_by_its_text(terminology: Terminology, text: str) -> None:
    assert terminology.of_text(text) == frozenset()


def test_local_codes_are_told_and_mapped(terminology: Terminology) -> None:
    assert terminology.local(LOCAL, "peritrochanteric") == "peritrochanteric"
    assert terminology.local(LOCAL, "Peritrochanteric") is None
    assert terminology.local(LOCAL, "no-such-code") is None
    assert terminology.local(SNOMED, "52120002") == "T11"
    assert terminology.local(LOINC, "LA9624-3") == "2"
    assert terminology.local(LOINC, "2000-8") is None


def test_codes_prefixes_and_labels(terminology: Terminology) -> None:
    assert (SNOMED, "94222008") in terminology.codes("bone-metastasis")
    assert (ICD10, "C795") in terminology.prefixes("bone-metastasis")
    assert terminology.label("bone-metastasis", "en") == "Bone metastasis (any site)"
    assert terminology.label("bone-metastasis", "zh-Hans") == "骨转移"
    assert terminology.label("lytic", "zh-CN") == "溶骨性"
    assert "med-denosumab" in terminology.of_kind("medication")
    for ask in (terminology.codes, terminology.prefixes, lambda word: terminology.label(word, "en")):
        with pytest.raises(KeyError):
            ask("no-such-concept")


# --- A site's own files


def concept_map(*targets: tuple[str, str, str], equivalence: str = "equivalent", **more: Any) -> dict[str, Any]:
    """A ConceptMap of the site system: (site code, target system, target code)."""
    groups = [
        {
            "source": "http://hospital.example/codes",
            "target": system,
            "element": [{"code": code, "target": [{"code": to, "equivalence": equivalence, **more}]}],
        }
        for code, system, to in targets
    ]
    return {"resourceType": "ConceptMap", "status": "active", "group": groups}


def value_set(concept: str, **compose: Any) -> dict[str, Any]:
    include = {"system": "http://hospital.example/codes", "concept": [{"code": "CA-1"}]}
    return {"resourceType": "ValueSet", "id": concept, "status": "active", "compose": {"include": [include], **compose}}


def site(folder: Path, **files: Any) -> Terminology:
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / f"{name}.json").write_text(text, "utf-8")
    return Terminology.load(folder)


SITE = "http://hospital.example/codes"


def test_a_site_maps_its_codes_to_local_to_standard_and_to_concepts(tmp_path: Path) -> None:
    mapped = site(
        tmp_path,
        a=concept_map(("LYT", LOCAL, "lytic"), ("EMB", LOCAL, "embolization")),
        b=concept_map(("Ca", LOINC, "2000-8"), ("DMAB", CONCEPT, "med-denosumab-120"), ("T11", SNOMED, "52120002")),
        c=value_set("albumin-serum"),
        d=concept_map(("MIX", CONCEPT, "mixed")),
    )
    assert mapped.local(SITE, "LYT") == "lytic"
    assert mapped.local(SITE, "MIX") == "mixed"
    assert "proc-embolization" in mapped.concepts(SITE, "EMB")
    assert mapped.concepts(SITE, "Ca") == {"calcium-total"}
    assert (SITE, "Ca") in mapped.codes("calcium-total")
    assert mapped.concepts(SITE, "DMAB") == {"med-denosumab-120"}
    assert mapped.local(SITE, "T11") == "T11"
    assert mapped.concepts(SITE, "CA-1") == {"albumin-serum"}
    assert Terminology.load().concepts(SITE, "Ca") == frozenset()


def test_a_site_says_what_a_standard_code_means_there(tmp_path: Path) -> None:
    own = concept_map(("C79.500x009", CONCEPT, "bone-marrow-metastasis"))
    own["group"][0]["source"] = ICD10
    mapped = site(tmp_path, a=own)
    assert mapped.concepts(ICD10, "C79.500X009") == {"bone-marrow-metastasis"}
    assert "bone-metastasis" in mapped.concepts(ICD10, "C79.500x001")


def test_the_same_mapping_twice_is_no_conflict_and_a_stated_non_match_is_none(tmp_path: Path) -> None:
    twice = concept_map(("Ca", LOINC, "2000-8"))
    none = concept_map(("Mg", LOINC, "2000-8"), equivalence="disjoint")
    mapped = site(tmp_path, a=twice, b=twice, c=none)
    assert mapped.concepts(SITE, "Ca") == {"calcium-total"}
    assert mapped.concepts(SITE, "Mg") == frozenset()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"a": concept_map(("Ca", LOINC, "2000-8")), "b": concept_map(("Ca", LOINC, "1995-0"))},
            r"b\.json: group\[0\]\.element\[0\]\.target\[0\]: .*#Ca is mapped to '1995-0' .* to '2000-8' at a\.json",
        ),
        ({"a": concept_map(("X", LOCAL, "lytc"))}, r"a\.json: group\[0\].*no concept .* knows .*#lytc"),
        ({"a": concept_map(("X", LOINC, "0000-0"))}, r"a\.json: group\[0\].*no concept"),
        ({"a": concept_map(("X", CONCEPT, "calcium"))}, r"a\.json: group\[0\].*'calcium' is no concept id"),
        ({"a": concept_map(("X", LOINC, "2000-8"), equivalence="narrower")}, r"a\.json: group\[0\].*'narrower'"),
        (
            {"a": concept_map(("X", LOINC, "2000-8"), equivalence="unmatched")},
            r"a\.json: group\[0\].*'unmatched'.*2000-8",
        ),
        ({"a": concept_map(("X", LOINC, ""))}, r"a\.json: group\[0\].*needs a source code and a target code"),
        ({"a": concept_map(("X", LOINC, "2000-8"), relationship="equivalent")}, r"a\.json: group\[0\].*R5"),
        ({"a": {"resourceType": "ConceptMap", "group": [{"element": []}]}}, r"a\.json: group\[0\]: needs source"),
        ({"a": value_set("calcium")}, r"a\.json: id: 'calcium' is no concept"),
        ({"a": value_set("calcium-total", exclude=[])} | {"b": "{"}, r"b\.json: not JSON"),
        (
            {"a": value_set("calcium-total", exclude=[{"system": LOINC, "concept": [{"code": "2000-8"}]}])},
            r"a\.json: compose\.exclude",
        ),
        (
            {"a": value_set("calcium-total", include=[{"valueSet": ["http://x.example/vs"]}])},
            r"a\.json: compose\.include\[0\]",
        ),
        (
            {
                "a": value_set(
                    "bone-metastasis",
                    include=[
                        {"system": SNOMED, "filter": [{"property": "concept", "op": "is-a", "value": "94222008"}]}
                    ],
                )
            },
            r"a\.json: compose\.include\[0\]\.filter",
        ),
        ({"a": {"resourceType": "Patient"}}, r"a\.json: resourceType: 'Patient'"),
        ({"a": {"resourceType": "ConceptMap", "group": 3}}, r"a\.json: group: Expected `array`"),
        ({"a": "[]"}, r"a\.json: resourceType: Expected `object`"),
    ],
)
def test_a_site_file_that_cannot_be_used_says_which_where_and_why(
    tmp_path: Path, files: dict[str, Any], message: str
) -> None:
    with pytest.raises(TerminologyError, match=message):
        site(tmp_path, **files)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TerminologyError, match="no such folder"):
        Terminology.load(tmp_path / "codes")
