"""The promises every advisory keeps, checked for all at once. A failure names the file to fix.

Promised once here: sourced, bilingual, short, every band reached by a case, an example marked, never an order,
suggestions valid and draft. ``broken_promises`` takes any advisory, so that each promise can be shown to fail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cards import words
from cards.activities import definitions, proposal, text_of
from cards.advisory import HOOKS, Advisory
from cards.card import SUMMARY_LIMIT
from cards.table import Band, load_table
from cards.text import CHINESE, ENGLISH, LANGUAGES, Text, said
from tests.situations import Case, load_cases, shipped_catalogue

ADVISORIES = sorted(shipped_catalogue().advisories.values(), key=lambda advisory: advisory.id)

# An imperative that changes treatment, at the start of a sentence ("Stop denosumab", "停用…"), is an order.
ORDER_EN = re.compile(
    r"(?:^|[.;:!?] )(?:Stop|Start|Give|Discontinue|Withhold|Hold|Administer|Prescribe|Operate|Irradiate|Switch|Resume|"
    r"Increase|Reduce|Pause|Cancel|Omit|Inject|Infuse|Fix|Embolise)\b"
)
ORDER_ZH = re.compile(
    r"(?:^|[，。；：！])(?:立即)?(?:停用|停药(?!后|1年)|给予|启用(?!.{0,5}前)|使用|手术|放疗|恢复用药|换用|加量|减量|暂停)"
)
HAN = re.compile(r"[\u4e00-\u9fff]")


def broken_promises(advisory: Advisory, cases: tuple[Case, ...]) -> Iterator[str]:
    """Every promise this advisory breaks, each as: file, place, what to write."""
    file = f"cards/{advisory.theme.replace('-', '_')}/{advisory.id.replace('-', '_')}"
    table = advisory.table
    for place, text in texts_of(advisory):
        if not text.en.strip() or not text.zh.strip():
            yield f"{file}.toml: {place} is empty in one language. Write both."
        elif not HAN.search(text.zh) and len(text.zh) > 12:
            yield f"{file}.toml: {place}.zh has no Chinese in it. Write it under {place}.en."
        if HAN.search(text.en):
            yield f"{file}.toml: {place}.en has Chinese in it. Write English."
        for language, pattern in ((ENGLISH, ORDER_EN), (CHINESE, ORDER_ZH)):
            if not place.startswith("sources.") and (found := pattern.search(text.say(language))):
                order = found[0].strip()
                yield f'{file}.toml: {place} orders ("{order}"). Write "Consider ..." or "Please verify ...".'
        if re.search(r"\bseed\b", text.en, re.IGNORECASE):
            yield f"{file}.toml: {place} says seed. Cite the document."
    for band in table.band.values():
        yield from _short(file, band, table.longest, prefixed=table.prefix_suspected)
        for name in band.suggest + band.recommend:
            if name not in definitions():
                yield f"{file}.toml: band.{band.name} suggests {name}. Write cards/activities/{name}.json."
    yield from _cases(file, advisory, cases)
    for hook in advisory.hooks:
        if hook not in HOOKS:
            yield f"{file}.py: {hook} is no hook. Write one of: {', '.join(HOOKS)}."
    if "seed" in Path(f"{file}.py").read_text("utf-8").lower():
        yield f"{file}.py says seed. Cite the document."


def texts_of(advisory: Advisory) -> Iterator[tuple[str, Text]]:
    """Every bilingual text of a table with its place."""
    table = advisory.table
    yield from (("title", table.title), ("purpose", table.purpose), ("not_for", table.not_for))
    for band in table.band.values():
        if band.summary:
            yield f"band.{band.name}.summary", band.summary
        for bullet in band.bullets:
            yield f"band.{band.name}.bullets", bullet
    for name, note in table.note.items():
        yield f"note.{name}", note
    for name, word in table.word.items():
        yield f"word.{name}", word
    for name, source in table.sources.items():
        if isinstance(source.cite, Text):
            yield f"sources.{name}.cite", source.cite
        if source.says:
            yield f"sources.{name}.says", source.says
    for name, item in table.score.items():
        yield f"score.{name}.label", item.label


def _short(file: str, band: Band, longest: dict[str, Any], *, prefixed: bool) -> Iterator[str]:
    """The summary with the longest values stays under 140 characters, the prefix of a suspected lesion included."""
    if band.summary is None:
        return
    for missing in sorted(band.summary.placeholders - set(longest)):
        yield f"{file}.toml: longest has no {missing}. Write the longest value it can take."
    if band.summary.placeholders - set(longest):
        return
    for language in LANGUAGES:
        values = {name: said(value, language) for name, value in longest.items()}
        rendered = band.summary.fill(language, values)
        length = len(rendered) + (len(words.word("card", "prefix").say(language)) if prefixed else 0)
        if length > SUMMARY_LIMIT:
            place = f"band.{band.name}.summary.{language}"
            yield f"{file}.toml: {place} is {length} characters. Write at most {SUMMARY_LIMIT}."


def _cases(file: str, advisory: Advisory, cases: tuple[Case, ...]) -> Iterator[str]:
    """Every band is reached by a case, one case is the example, and one shows what is silent."""
    stem = advisory.id.replace("-", "_")
    own = [case for case in cases if case.name.startswith(f"{stem}/")]
    if not own:
        yield f"tests/cases/{stem}.toml is missing. Write the situations of {advisory.id}."
        return
    reached = {band for case in cases for band in bands_of(case).get(advisory.id, ())}
    for band in advisory.table.band.values():
        if band.name not in reached and not (band.silent and not band.speaks_if):
            yield f"tests/cases/{stem}.toml: no case reaches band.{band.name}. Write one."
    examples = [case for case in own if case.content.get("example")]
    if len(examples) != 1:
        yield f"tests/cases/{stem}.toml: {len(examples)} cases say example = true. Mark exactly one."
    if not any(advisory.id in case.content.get("silent", ()) for case in own):
        yield f"tests/cases/{stem}.toml: no case shows {advisory.id} silent. Write one."


@cache
def bands_of(case: Case) -> dict[str, set[str]]:
    """The bands each advisory gives in a case, before cards are merged."""
    reached: dict[str, set[str]] = {}
    for record in case.advices():
        reached.setdefault(record[0], set()).add(record[1])
    return reached


@pytest.mark.parametrize("advisory", ADVISORIES, ids=lambda advisory: advisory.id)
def test_every_advisory_keeps_every_promise(advisory: Advisory) -> None:
    broken = list(broken_promises(advisory, load_cases()))
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("case", load_cases(), ids=repr)
def test_every_card_of_every_case_is_sound(case: Case) -> None:
    english, chinese = case.answer("en"), case.answer("zh-Hans")
    for card in (*english.cards, *chinese.cards):
        assert len(card["summary"]) <= SUMMARY_LIMIT
        assert "…" not in card["summary"], card["summary"]
        assert not list(_empty(card)), list(_empty(card))
        assert not re.search(r"\{[a-z_]+\}", card["summary"] + card.get("detail", "")), card
    for one, other in zip(english.cards, chinese.cards, strict=True):
        assert HAN.search(other["summary"]), other["summary"]
        assert not HAN.search(one["summary"] + _without_inputs(one["detail"])), one
        assert without_text(one) == without_text(other), "translating changes text only"
    msgspec.json.encode(english.cards)


@pytest.mark.parametrize("name", sorted(definitions()))
def test_every_activity_makes_a_valid_draft_in_both_languages(name: str) -> None:
    from fhir.resources.R4B import get_fhir_model_class

    definition = definitions()[name]
    get_fhir_model_class("ActivityDefinition").model_validate(definition)
    assert HAN.search(text_of(definition, "title").zh), f"cards/activities/{name}.json: title has no Chinese"
    for language in LANGUAGES:
        resource = proposal(name, language, "Patient/1")
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
        if resource["resourceType"] == "Appointment":
            assert resource["status"] == "proposed"
        else:
            assert (resource["status"], resource["intent"]) == ("draft", "proposal")


def test_every_shared_word_stands_in_both_languages() -> None:
    for group, entries in words.known_words().items():
        for name, text in entries.items():
            assert text.en and text.zh and not HAN.search(text.en), f"words.toml: {group}.{name}"


# -- each promise can fail -----------------------------------------------------------------------------------------


def _mirels_with(old: str, new: str, tmp_path: Path) -> Advisory:
    """Mirels with one change in its table."""
    mirels = shipped_catalogue().advisories["mirels"]
    content = Path("cards/fracture_risk/mirels.toml").read_text("utf-8")
    assert old in content
    path = tmp_path / "mirels.toml"
    path.write_text(content.replace(old, new, 1), "utf-8")
    return msgspec.structs.replace(mirels, table=load_table(path))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("Mirels {total} in {bone}: high fracture risk.", "Stop treatment. Mirels {total} in {bone}.", "orders"),
        ("{bone}Mirels评分{total}分：骨折风险高，", "{bone}{total}分，停用一切药物，", "orders"),
        ("high fracture risk. Consider", "high fracture risk, " + "very " * 20 + "high. Consider", "characters"),
        ('suggest = ["record-bone-lesion"]', 'suggest = ["no-such-activity"]', "suggests"),
        ("low fracture risk by score", "low risk by seed", "says seed"),
        ('title.en = "Mirels score: impending', 'title.en = "评分 Mirels: impending', "has Chinese"),
        (
            "[band.ask]",
            '[band.never]\nsource = "mirels1989"\nsummary = { en = "x", zh = "某" }\n\n[band.ask]',
            "no case",
        ),
        ('range = "10-12"\n', "", "longest has no range"),
    ],
)
def test_each_promise_can_fail(old: str, new: str, complaint: str, tmp_path: Path) -> None:
    broken = list(broken_promises(_mirels_with(old, new, tmp_path), load_cases()))
    assert any(complaint in line for line in broken), broken


def test_an_advisory_without_cases_is_named() -> None:
    mirels = shipped_catalogue().advisories["mirels"]
    broken = list(broken_promises(mirels, ()))
    assert broken == ["tests/cases/mirels.toml is missing. Write the situations of mirels."]


# -- helpers of the sound-card test --------------------------------------------------------------------------------


def _without_inputs(detail: str) -> str:
    """A detail without the line that quotes the record, which is in whatever language it was written in."""
    return "\n".join(line for line in detail.splitlines() if not line.startswith("**Inputs used:**"))


_TEXT = {"summary", "detail", "display", "label", "text", "description", "title", "cite", "url"}


def without_text(value: Any) -> Any:
    """A card with everything a translation may change left out."""
    if isinstance(value, dict):
        return {key: without_text(entry) for key, entry in value.items() if key not in _TEXT}
    return [without_text(entry) for entry in value] if isinstance(value, list) else value


def _empty(value: Any, place: str = "card") -> Iterator[str]:
    """Places that hold null, "", [] or {} (cds-hooks D4)."""
    if value is None or value in ("", [], {}):
        yield place
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from _empty(entry, f"{place}.{key}")
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _empty(entry, f"{place}[{index}]")


@pytest.mark.parametrize("name", sorted(definitions()))
def test_codes_of_suggestions_are_codes_we_understand(name: str) -> None:
    """What we suggest must be read back as what it is, when the EHR sends it as an order."""
    terminology = words.terminology()
    for coding in definitions()[name].get("code", {}).get("coding", ()):
        if coding["system"] != "http://hl7.org/fhir/uv/sdc/CodeSystem/temp":  # a Task for a questionnaire, not an order
            assert terminology.meaning(coding["system"], coding["code"]), f"cards/activities/{name}.json: {coding}"
