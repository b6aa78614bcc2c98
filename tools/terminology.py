"""What fhir_mappings/codes/ was once written with, from the research list. The JSON files there are the source now.

    python -m tools.terminology RESEARCH_LIST.json FOLDER     # writes into FOLDER, to compare with what is shipped

Beside the research list it reads ``tools/terminology.toml`` (what is split, renamed, added, taken out) and
``tools/terminology-forms.toml`` (our own codes, forms and reasons). See docs/decisions/0101-terminology-files.md.
"""

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CODES = HERE.parent / "fhir_mappings" / "codes"
BASE = "https://osteohooks.org/fhir"
SNOMED = "http://snomed.info/sct"
LOCAL = f"{BASE}/CodeSystem/bone-metastasis"
EXT = f"{BASE}/StructureDefinition"
TRANSLATION = "http://hl7.org/fhir/StructureDefinition/translation"
UNIT = "http://hl7.org/fhir/StructureDefinition/questionnaire-unit"
VERSION, DATE = "2026.11.1", "2026-11-21"
NO_TEXT = {"CPT", "CDT"}  # their descriptors belong to others: codes only
NOTICE = {
    "LN": "LOINC codes are used under the LOINC licence (loinc.org/license), Regenstrief Institute.",
    "SCT": "SNOMED CT codes belong to SNOMED International; their use may need an affiliate licence.",
    "I10": "ICD-10 is published by the World Health Organization.",
    "ATC": "ATC codes are published by the WHO Collaborating Centre for Drug Statistics Methodology.",
    "CPT": "CPT codes belong to the American Medical Association; no descriptors are included.",
    "CDT": "CDT codes belong to the American Dental Association; no descriptors are included.",
}

Row = dict[str, Any]


def main(research: Path, folder: Path) -> None:
    """Writes every file into ``folder``, which may not be the shipped one: later changes were made there by hand.

    Raises KeyError naming a code that has neither a row of its own nor one to take over.
    """
    global CODES
    if folder.resolve() == CODES.resolve():
        raise SystemExit(f"{folder} holds the source. Write another folder, and compare.")
    folder.mkdir(parents=True, exist_ok=True)
    CODES = folder
    table = tomllib.loads((HERE / "terminology.toml").read_text("utf-8"))
    forms = tomllib.loads((HERE / "terminology-forms.toml").read_text("utf-8"))
    found = json.loads(research.read_text("utf-8"))
    short = {uri: key for key, uri in table["systems"].items()}
    concepts, known = _from_research(found, table, short)
    _add_ours(concepts, known, table, {row[0]: row[2] for row in forms["local"]["codes"]})
    for concept in _wide_last(concepts, table["within"]):
        for part in table["within"].get(concept, ()):
            concepts[concept]["rows"] |= concepts[part]["rows"]
    for name, concept in concepts.items():
        _write(_value_set(name, concept, table))
    _write(_local_system(forms))
    _write(_plain_system("advisory", "Advisories", "临床提示", forms["advisory"]["codes"]))
    reasons = [row[:3] for row in forms["override"]["codes"]]
    _write(_plain_system("override-reason", "Override reasons", "不采纳原因", reasons))
    _write(_reason_map(forms))
    for name, spec in forms["maps"].items():
        _write(_map_to_local(name, spec, found, table, short))
    displays = {row[0]: row[2:4] for row in forms["local"]["codes"]}
    displays |= {code: [code, code] for code in forms["local"]["plain"].split()}
    for name, spec in forms["form"].items():
        _write(_form(name, spec, displays, concepts, table | {"words": forms["words"]}))


def _from_research(found: list[Row], table: Row, short: dict[str, str]) -> tuple[dict[str, Row], dict[tuple, Row]]:
    concepts: dict[str, Row] = {}
    known: dict[tuple, Row] = {}
    for entry in found:
        source = entry["concept_id"]
        moved = {(s, c) for s, c, *_ in table["moved"].get(source, ())}
        rows = {}
        for code in entry["codes"]:
            system = short[code["system"]]
            # A WHO category of four characters is only ever extended by national suffixes, so it is read by prefix.
            prefix = code["match"] == "prefix" or system == "I10" or (system, code["code"]) == ("ICM", "M89.8X")
            row = {"display": _display(code.get("display", "")), "seen": code["verified"]}
            key = (system, code["code"] + ("*" if prefix else ""))
            known[key] = row
            if (system, code["code"]) not in moved:
                rows[key] = row
        name = table["rename"].get(source, source.replace("_", "-"))
        if rows or name in table["text"] or name in table["add"]:
            concepts[name] = {"title": [entry["label_en"], entry["label_zh"]], "kind": entry["kind"], "rows": rows}
    return concepts, known


def _add_ours(concepts: dict[str, Row], known: dict[tuple, Row], table: Row, local: dict[str, str]) -> None:
    additions = {name: spec["codes"] for name, spec in table["concept"].items()}
    for name, spec in table["concept"].items():
        concepts[name] = {"title": spec["label"], "kind": spec["kind"], "rows": {}}
    for source in (additions, table["add"]):
        for rows in source.values():
            for system, code, *rest in rows:
                if rest:
                    seen = table["seen"].get(rest[1], rest[1]) or "unverified"
                    known[system, code] = {"display": "" if rest[0] == "@" else rest[0], "seen": seen}
    for source in (additions, table["add"]):
        for name, rows in source.items():
            for system, code, *_ in rows:
                if system == "LOCAL":
                    concepts[name]["rows"]["LOCAL", code] = {"display": local[code], "seen": None}
                else:
                    concepts[name]["rows"][system, code] = known[system, code]


def _wide_last(concepts: dict[str, Row], within: dict[str, list[str]]) -> list[str]:
    """Concepts ordered so that the parts of a wider one come before it."""
    order: list[str] = []

    def visit(name: str) -> None:
        for part in within.get(name, ()):
            visit(part)
        if name not in order:
            order.append(name)

    for name in concepts:
        visit(name)
    return order


def _display(text: str) -> str:
    """The name alone: the research list adds LOINC's axes and components where it saw no long name."""
    text = re.sub(r" \[[^\]]*\|[^\]]*\](?: \(component: .*\))?$", "", text)
    text = re.sub(r"\s*\((?:component: .*|[^()]* conc\.(?:, Ser/Plas)?)\)$", "", text)
    return "" if text.startswith(("[^", "(component")) else re.sub(r"\s+", " ", text).strip()


def _value_set(name: str, concept: Row, table: Row) -> Row:
    text = table["text"].get(name, ())
    rows = concept["rows"]
    out = _head("ValueSet", name, *concept["title"])
    out["extension"] = [{"url": f"{EXT}/concept-kind", "valueCode": concept["kind"]}]
    out["extension"] += [{"url": f"{EXT}/text-match", "valueString": word} for word in text]
    notices = [NOTICE[key] for key in NOTICE if any(row[0] == key for row in rows)]
    if notices:
        out["copyright"] = " ".join(notices)
    if not rows:
        return out
    out["compose"] = {"include": _includes(rows, table["systems"])}
    taken = {(system, code): {"display": "", "seen": None} for system, code in table["exclude"].get(name, ())}
    if taken:
        out["compose"]["exclude"] = _includes(taken, table["systems"])
    return out


def _includes(rows: dict[tuple, Row], systems: dict[str, str]) -> list[Row]:
    """One include with all exact codes of a system, one include for each prefix: FHIR reads several filters as AND."""
    includes: list[Row] = []
    for key, system in systems.items():
        exact = [_concept(key, code, row) for (s, code), row in rows.items() if s == key and not code.endswith("*")]
        if exact:
            includes.append({"system": system, "concept": exact})
        for (s, code), row in rows.items():
            if s == key and code.endswith("*"):
                one_letter = len(code) == 2
                head: Row = {"extension": _seen(row)} if _seen(row) else {}
                head |= (
                    {"property": "code", "op": "regex", "value": f"{code[0]}.*"}
                    if one_letter
                    else {"property": "concept", "op": "is-a", "value": code[:-1]}
                )
                includes.append({"system": system, "filter": [head]})
    return includes


def _concept(system: str, code: str, row: Row) -> Row:
    concept: Row = {"extension": _seen(row)} if _seen(row) else {}
    concept["code"] = code
    if row["display"] and system not in NO_TEXT:
        concept["display"] = row["display"]
    return concept


def _seen(row: Row) -> list[Row]:
    if row["seen"] is None:
        return []
    if row["seen"].startswith("unverified"):
        return [{"url": f"{EXT}/unverified", "valueBoolean": True}]
    return [{"url": f"{EXT}/verified", "valueString": row["seen"]}]


def _head(kind: str, name: str, english: str, chinese: str) -> Row:
    return {
        "resourceType": kind,
        "id": name,
        "url": f"{BASE}/{kind}/{name}",
        "version": VERSION,
        "name": "".join(part.capitalize() for part in name.split("-")),
        "title": english,
        "_title": _zh(chinese),
        "status": "active",
        "experimental": False,
        "date": DATE,
        "publisher": "OsteoHooks",
    }


def _zh(text: str) -> Row:
    parts = [{"url": "lang", "valueCode": "zh-Hans"}, {"url": "content", "valueString": text}]
    return {"extension": [{"url": TRANSLATION, "extension": parts}]}


def _local_system(forms: Row) -> Row:
    rows = [[*row] for row in forms["local"]["codes"]]
    rows += [[code, "value", code, code] for code in forms["local"]["plain"].split()]
    out = _head(
        "CodeSystem", "bone-metastasis", "Bone metastasis: items no standard code names", "骨转移：无标准编码的项目"
    )
    out |= {"caseSensitive": True, "content": "complete", "count": len(rows)}
    out["property"] = [{"code": "kind", "description": "Where the code stands in a record.", "type": "string"}]
    out["concept"] = [
        _described(code, english, chinese) | {"property": [{"code": "kind", "valueString": kind}]}
        for code, kind, english, chinese in rows
    ]
    return out


def _described(code: str, english: str, chinese: str) -> Row:
    designation = {"designation": [{"language": "zh-Hans", "value": chinese}]} if chinese != english else {}
    return {"code": code, "display": english} | designation


def _plain_system(name: str, english: str, chinese: str, rows: list[list[str]]) -> Row:
    out = _head("CodeSystem", name, english, chinese)
    out |= {"caseSensitive": True, "content": "complete", "count": len(rows)}
    return out | {"concept": [_described(*row) for row in rows]}


def _reason_map(forms: Row) -> Row:
    out = _head(
        "ConceptMap",
        "override-reason-to-non-adherence",
        "Override reasons to HL7 non-adherence reasons",
        "不采纳原因到HL7未遵循原因",
    )
    out["sourceUri"] = f"{BASE}/CodeSystem/override-reason"
    target = "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes"
    elements = []
    for code, display, _zh_text, targets in forms["override"]["codes"]:
        mapped = []
        for to, shown, equivalence, comment in targets:
            named = {"code": to, "display": shown} if to else {}
            mapped.append(named | {"equivalence": equivalence, "comment": comment})
        elements.append({"code": code, "display": display, "target": mapped})
    out["targetUri"] = target
    return out | {"group": [{"source": out["sourceUri"], "target": target, "element": elements}]}


def _map_to_local(name: str, spec: Row, found: list[Row], table: Row, short: dict[str, str]) -> Row:
    rows = spec.get("rows")
    if rows is None:
        entry = next(entry for entry in found if entry["concept_id"] == spec["from_notes"])
        rows = [[short[c["system"]], c["code"], c["note"].removeprefix("level "), "equivalent"] for c in entry["codes"]]
    out = _head("ConceptMap", name, *spec["title"])
    groups = []
    for key, system in table["systems"].items():
        elements = [
            {"code": code, "target": [{"code": to, "equivalence": equivalence}]}
            for s, code, to, equivalence in rows
            if s == key
        ]
        if elements:
            groups.append({"source": system, "target": LOCAL, "element": elements})
    return out | {"group": groups}


def _form(name: str, spec: Row, displays: dict[str, list[str]], concepts: dict[str, Row], table: Row) -> Row:
    out = _head("Questionnaire", name, *spec["title"])
    out["subjectType"] = ["Patient"]
    out["item"] = [_item(displays, concepts, table, *item) for item in spec["items"]]
    return out


def _item(
    displays: dict[str, list[str]],
    concepts: dict[str, Row],
    table: Row,
    code: str,
    kind: str,
    detail: str,
    repeats: bool = False,
) -> Row:
    if kind == "place":
        return _place_item(code, table["words"][code], [concepts[name] for name in detail.split()])
    system, coded = LOCAL, code
    if " " in detail and detail.split()[0] in table["systems"]:
        key, coded = detail.split()
        system, english, chinese = table["systems"][key], *concepts[code]["title"]
    else:
        english, chinese = displays[code]
    item: Row = {"linkId": code, "code": [{"system": system, "code": coded}], "text": english}
    if chinese != english:
        item["_text"] = _zh(chinese)
    item["type"] = kind
    if repeats:
        item["repeats"] = True
    if kind == "quantity":
        unit = {"system": "http://unitsofmeasure.org", "code": detail, "display": detail}
        item["extension"] = [{"url": UNIT, "valueCoding": unit}]
    if kind == "choice":
        item["answerOption"] = [_answer(answer, *displays[answer]) for answer in detail.split()]
    return item


def _place_item(code: str, words: list[str], concepts: list[Row]) -> Row:
    """A question about where, answered in SNOMED CT; the question itself is no code of ours."""
    options = [_answer(_first_snomed(concept), *concept["title"], system=SNOMED) for concept in concepts]
    return {"linkId": code, "text": words[0], "_text": _zh(words[1]), "type": "choice", "answerOption": options}


def _first_snomed(concept: Row) -> str:
    return next(str(code) for system, code in concept["rows"] if system == "SCT")


def _answer(code: str, english: str, chinese: str, system: str = LOCAL) -> Row:
    coding: Row = {"system": system, "code": code, "display": english}
    return {"valueCoding": coding | ({"_display": _zh(chinese)} if chinese != english else {})}


def _write(resource: Row) -> None:
    path = CODES / f"{resource['resourceType']}-{resource['id']}.json"
    path.write_text(_laid_out(resource, 0) + "\n", "utf-8")


def _laid_out(value: Any, depth: int) -> str:
    """JSON with whatever fits on one line on one line: a coding with where it was seen reads as one row."""
    short = json.dumps(value, ensure_ascii=False)
    if len(short) + depth <= 118 or not isinstance(value, (dict, list)):
        return short
    pad = " " * (depth + 1)
    if isinstance(value, list):
        return "[\n" + ",\n".join(pad + _laid_out(item, depth + 1) for item in value) + "\n" + pad[1:] + "]"
    parts = (f"{pad}{json.dumps(key)}: {_laid_out(item, depth + 1)}" for key, item in value.items())
    return "{\n" + ",\n".join(parts) + "\n" + pad[1:] + "}"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
