"""Advice becomes a CDS Hooks card in one language: summary, detail, evidence, suggestions, override reasons.

The detail is GitHub-flavoured Markdown; everything that came from a chart is escaped (clients render Markdown and,
some of them, raw HTML). Absent members are left out, never null or empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from textwrap import shorten
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from cards import words
from cards.activities import suggestion
from cards.advice import Advice
from cards.advisory import Advisory
from cards.score import Score
from cards.table import Source
from cards.text import Text, escaped, said
from fhir_mappings.finding import Finding
from fhir_mappings.lesions import Item
from fhir_mappings.medications import DrugRecord

BASE = "https://osteohooks.org/fhir"
TOPIC_SYSTEM = f"{BASE}/CodeSystem/advisory"
OVERRIDE_SYSTEM = f"{BASE}/CodeSystem/override-reason"
EVIDENCE = "org.osteohooks.evidence"
VERSION = "2026.11.1"
SUMMARY_LIMIT = 139

Json = dict[str, Any]


class Frame:
    """What all cards of one answer share: the language, the day, the patient, the call."""

    def __init__(
        self,
        *,
        language: str,
        as_of: str,
        hook_instance: str,
        subject: str | None = None,
        theme: str = "",
        remarks: tuple[Text, ...] = (),
    ) -> None:
        self.language = language
        self.as_of = as_of
        self.hook_instance = hook_instance
        self.subject = subject
        self.theme = theme
        self.remarks = remarks  # sentences for every detail, such as "no birth date: taken for an adult"

    def say(self, text: Text) -> str:
        return text.say(self.language)

    def word(self, group: str, name: str) -> str:
        return words.word(group, name).say(self.language)


def render(advisory: Advisory, advice: Advice, frame: Frame) -> Json:
    """The card of one piece of advice, ready to be encoded as JSON."""
    identity = _identity(advisory, advice, frame.hook_instance)
    card: Json = {
        "uuid": identity,
        "summary": summary(advice, frame.language),
        "indicator": advice.indicator,
        "detail": "\n\n".join(_detail(advisory, advice, frame)),
        "source": _source(advisory, frame.language),
    }
    if advice.suggest:
        card["suggestions"] = [
            suggestion(
                name,
                frame.language,
                frame.subject,
                identity,
                recommended=name in advice.band.recommend,
                missing=[words.variable(miss.name) for miss in advice.missing],
            )
            for name in advice.suggest
        ]
        card["selectionBehavior"] = "any"
    card["overrideReasons"] = [_override(reason, frame.language) for reason in advisory.table.overrides]
    if links := _links(advisory, advice, frame.language):
        card["links"] = links
    card["extension"] = {EVIDENCE: _evidence(advisory, advice, frame)}
    return card


def summary(advice: Advice, language: str) -> str:
    """The one sentence of the card; always shorter than 140 characters."""
    text: Text = advice.band.summary
    sentence = text.fill(language, advice.values)
    if advice.prefix and len(prefixed := advice.prefix.say(language) + sentence) <= SUMMARY_LIMIT:
        sentence = prefixed
    return sentence if len(sentence) <= SUMMARY_LIMIT else sentence[: SUMMARY_LIMIT - 1] + "…"


def _detail(advisory: Advisory, advice: Advice, frame: Frame) -> Iterator[str]:
    """The paragraphs of the detail, in the order a reader with forty seconds wants them."""
    language = frame.language
    if advice.prefix:
        yield frame.word("card", "suspected")
    if advice.score is not None and advice.score.items:
        yield _score_table(advisory, advice.score, frame)
    if bullets := _bullets(advisory, advice, language):
        yield "\n".join(f"- {bullet}" for bullet in bullets)
    if advice.missing:
        told = "; ".join(
            f"{frame.say(words.name_of(miss.name))} ({frame.say(words.why(miss))})" for miss in advice.missing
        )
        yield f"**{frame.word('card', 'missing')}:** {told}"
    if advice.used:
        yield f"**{frame.word('card', 'inputs')}:** {_inputs_by_date(advice, frame)}"
    cited = "; ".join(said(source.cite, language) for source in _cited(advisory, advice).values())
    yield f"**{frame.word('card', 'sources')}:** {cited}"
    closing = [frame.say(remark) for remark in frame.remarks] + [_standing(advisory, language)]
    yield f"*{' '.join(closing)}*"


def _bullets(advisory: Advisory, advice: Advice, language: str) -> list[str]:
    rows = [*(advisory.table.note[name] for name in advice.notes), *advice.band.bullets]
    return [line.say(language) for line in advice.lines] + [row.text.fill(language, advice.values) for row in rows]


def _score_table(advisory: Advisory, score: Score, frame: Frame) -> str:
    """The arithmetic of a score as a table a clinician can check against the paper's."""
    head = [frame.word("card", name) for name in ("item", "finding", "points")]
    lines = [f"| {' | '.join(head)} |", "|---|---|---:|"]
    for scored in score.items:
        item = advisory.table.score[scored.item]
        option = (
            item.options[scored.option].text.say(frame.language) if scored.option else frame.word("card", "not_known")
        )
        lines.append(f"| {item.label.say(frame.language)} | {option} | {_span(scored.low, scored.high)} |")
    lines.append(f"| **{frame.word('card', 'total')}** | | **{_span(score.low, score.high)}** |")
    return "\n".join(lines)


def _span(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}-{high}"


def _inputs_by_date(advice: Advice, frame: Frame) -> str:
    """What the card rests on, grouped by date: "pain at the lesion functional, ... (2026-11-18)"."""
    by_date: dict[str, list[str]] = {}
    for finding in advice.used:
        by_date.setdefault(_date(finding, frame), []).append(_input_words(finding, advice, frame))
    return "; ".join(f"{', '.join(dict.fromkeys(inputs))} ({date})" for date, inputs in by_date.items())


def _date(finding: Finding, frame: Frame) -> str:
    undated = "drafted" if _is_draft(finding) else "undated"
    date = str(finding.evidence.when) if finding.evidence.when else frame.word("card", undated)
    return f"{date}, {frame.word('card', 'preliminary')}" if finding.evidence.preliminary else date


def _input_words(finding: Finding, advice: Advice, frame: Frame) -> str:
    """Name and value; the name alone where the table of the score already shows the value."""
    name = frame.say(words.name_of(finding.name))
    if advice.score is not None and advice.score.items and isinstance(finding, Item) and _is_code(finding):
        return name
    recorded = getattr(finding, "value", None)
    if isinstance(recorded, bool):
        return f"{name}: {frame.word('card', 'yes' if recorded else 'no')}"
    if _is_code(finding):
        return f"{name}: {frame.say(words.value_of(finding.shown))}"
    value = escaped(finding.shown)
    return f"{name} {value}" if value and value != name else name


def _is_draft(finding: Finding) -> bool:
    return "draft" in (getattr(finding, "status", ""), getattr(finding, "state", ""))


def _is_code(finding: Finding) -> bool:
    return isinstance(getattr(finding, "value", None), str)


def _standing(advisory: Advisory, language: str) -> str:
    review = advisory.table.review
    text = words.word("card", review.state)
    return text.fill(language, {"rule": advisory.id, "version": VERSION, "on": review.on or ""})


def _cited(advisory: Advisory, advice: Advice) -> dict[str, Source]:
    """The sources the card rests on: of the band, of what it advises, of its bullets, notes and score."""
    rows = [*advice.band.bullets, *(advisory.table.note[name] for name in advice.notes)]
    names = [advice.band.source, advice.band.advised_by, *(row.source for row in rows)]
    if advice.score is not None:
        names += [item.source for item in advisory.table.score.values()]
    return {name: advisory.table.sources[name] for name in names if name}


def _source(advisory: Advisory, language: str) -> Json:
    return {
        "label": words.word("card", "label").say(language),
        "topic": {"system": TOPIC_SYSTEM, "code": advisory.id, "display": advisory.title.say(language)},
    }


@lru_cache(maxsize=64)
def _override(reason: str, language: str) -> Json:
    return {"system": OVERRIDE_SYSTEM, "code": f"ovr-{reason}", "display": words.word("override", reason).say(language)}


def _links(advisory: Advisory, advice: Advice, language: str) -> list[Json]:
    return [
        {"label": _shortened(said(source.cite, language)), "url": source.link, "type": "absolute"}
        for source in _cited(advisory, advice).values()
        if source.link
    ]


@lru_cache(maxsize=512)
def _shortened(cite: str) -> str:
    return shorten(cite, 90, placeholder=" …")


def _evidence(advisory: Advisory, advice: Advice, frame: Frame) -> Json:
    """The card's working, for machines (data contract 6)."""
    evidence: Json = {"advisory": advisory.id, "version": VERSION, "asOf": frame.as_of, "band": advice.name}
    if advice.score is not None:
        evidence["score"] = _score_evidence(advice.score)
    if advice.used:
        evidence["inputs"] = [_input(finding) for finding in advice.used]
    if advice.missing:
        evidence["missing"] = [{"name": words.variable(miss.name), "why": miss.why} for miss in advice.missing]
    evidence["sources"] = [
        {"cite": said(source.cite, frame.language)} | ({"url": source.link} if source.link else {})
        for source in _cited(advisory, advice).values()
    ]
    return evidence


def _score_evidence(score: Score) -> Json:
    items = [
        {"item": item.item} | ({"option": item.option, "points": item.low} if item.option else {})
        for item in score.items
    ]
    told: Json = {"min": score.low, "max": score.high} | ({"items": items} if items else {})
    return {"total": score.low} | told if score.low == score.high else told


def _input(finding: Finding) -> Json:
    name, shown = words.variable(finding.name), finding.shown
    if isinstance(finding, DrugRecord):
        # One name for every agent: the value says which, and an order is no dose (clinical document 1.3).
        name = "bma-order" if name == "bma-last-dose" and finding.record == "ordered" else name
        shown = _drug_and_dose(finding)
    told: Json = {"name": name}
    if shown:
        told["value"] = shown
    if finding.evidence.when:
        told["date"] = str(finding.evidence.when)
    if finding.evidence.reference:
        told["reference"] = finding.evidence.reference
    return told


def _drug_and_dose(finding: DrugRecord) -> str:
    agent = words.drug(finding.name).en
    return finding.shown if agent.lower() in finding.shown.lower() else f"{agent} {finding.shown}".strip()


def _identity(advisory: Advisory, advice: Advice, hook_instance: str) -> str:
    """The card's uuid: the same call, advisory and inputs give the same card (ruling 52)."""
    return str(uuid5(namespace(hook_instance), f"{advisory.id}|{advice.name}|{advice.about or ''}|{_inputs(advice)}"))


@lru_cache(maxsize=256)
def namespace(hook_instance: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"{BASE}/call/{hook_instance}")


def _inputs(advice: Advice) -> str:
    return ";".join(f"{finding.evidence.reference}={finding.shown}" for finding in advice.used)
