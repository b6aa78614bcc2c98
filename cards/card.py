"""Advice becomes a CDS Hooks card in one language: summary, detail, evidence, suggestions, override reasons.

The detail is GitHub-flavoured Markdown; everything that came from a chart is escaped (clients render Markdown and,
some of them, raw HTML). Absent members are left out, never null or empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cards import words
from cards.activities import suggestion
from cards.advice import Advice
from cards.advisory import Advisory
from cards.imprint import BASE, VERSION, Imprint, imprint
from cards.score import Score
from cards.text import Text, escaped
from cards.uuids import named, written
from fhir_mappings.finding import Finding
from fhir_mappings.lesions import Item
from fhir_mappings.medications import DrugRecord

EVIDENCE = "org.osteohooks.evidence"
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
        self.subject = subject
        self.theme = theme
        self.remarks = remarks  # sentences for every detail, such as "no birth date: taken for an adult"
        self._call = named(f"{BASE}/call/{hook_instance}")

    def uuid(self, name: str) -> str:
        """The uuid of a card of this call: the same call, advisory and inputs give the same card (ruling 52)."""
        return written(named(name, self._call))

    def say(self, text: Text) -> str:
        return text.say(self.language)

    def word(self, group: str, name: str) -> str:
        return words.word(group, name).say(self.language)


def render(advisory: Advisory, advice: Advice, frame: Frame) -> Json:
    """The card of one piece of advice, ready to be encoded as JSON."""
    same = imprint(advisory, advice.name, advice.notes, advice.score is not None, frame.language)
    identity = frame.uuid(f"{advisory.id}|{advice.name}|{advice.about or ''}|{_inputs(advice)}")
    card: Json = {
        "uuid": identity,
        "summary": summary(advice, frame.language),
        "indicator": advice.indicator,
        "detail": "\n\n".join(_detail(advisory, advice, same, frame)),
        "source": same.source,
    }
    if advice.suggest:
        missing = [words.variable(miss.name) for miss in advice.missing]
        card["suggestions"] = [
            suggestion(
                name,
                frame.language,
                frame.subject,
                identity,
                recommended=name in advice.band.recommend,
                missing=missing,
            )
            for name in advice.suggest
        ]
        card["selectionBehavior"] = "any"
    card["overrideReasons"] = same.override_reasons
    if same.links:
        card["links"] = same.links
    card["extension"] = {EVIDENCE: _evidence(advisory, advice, same, frame)}
    return card


def summary(advice: Advice, language: str) -> str:
    """The one sentence of the card; always shorter than 140 characters."""
    text: Text = advice.band.summary
    sentence = text.fill(language, advice.values)
    if advice.prefix and len(prefixed := advice.prefix.say(language) + sentence) <= SUMMARY_LIMIT:
        sentence = prefixed
    return sentence if len(sentence) <= SUMMARY_LIMIT else sentence[: SUMMARY_LIMIT - 1] + "…"


def _detail(advisory: Advisory, advice: Advice, same: Imprint, frame: Frame) -> Iterator[str]:
    """The paragraphs of the detail, in the order a reader with forty seconds wants them."""
    if advice.prefix:
        yield frame.word("card", "suspected")
    if advice.score is not None and advice.score.items:
        yield _score_table(advisory, advice.score, frame)
    if bullets := _bullets(advice, same, frame.language):
        yield "\n".join(f"- {bullet}" for bullet in bullets)
    if advice.missing:
        told = "; ".join(
            f"{frame.say(words.name_of(miss.name))} ({frame.say(words.why(miss))})" for miss in advice.missing
        )
        yield f"**{frame.word('card', 'missing')}:** {told}"
    if advice.used:
        yield f"**{frame.word('card', 'inputs')}:** {_inputs_by_date(advice, frame)}"
    yield same.cited
    closing = [frame.say(remark) for remark in frame.remarks] + [same.standing]
    yield f"*{' '.join(closing)}*"


def _bullets(advice: Advice, same: Imprint, language: str) -> list[str]:
    return [line.say(language) for line in advice.lines] + [row.fill(language, advice.values) for row in same.rows]


def _score_table(advisory: Advisory, score: Score, frame: Frame) -> str:
    """The arithmetic of a score as a table a clinician can check against the paper's."""
    head = [frame.word("card", name) for name in ("item", "finding", "points")]
    lines = [f"| {' | '.join(head)} |", "|---|---|---:|"]
    for scored in score.items:
        item = advisory.table.score[scored.item]
        option = item.options[scored.option].say(frame.language) if scored.option else frame.word("card", "not_known")
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
    when = finding.evidence.when
    date = str(when) if when else frame.word("card", "drafted" if _is_draft(finding) else "undated")
    return f"{date}, {frame.word('card', 'preliminary')}" if finding.evidence.preliminary else date


def _input_words(finding: Finding, advice: Advice, frame: Frame) -> str:
    """Name and value; the name alone where the table of the score already shows the value."""
    name = frame.say(words.name_of(finding.name))
    recorded = getattr(finding, "value", None)
    coded = isinstance(recorded, str)
    if coded and isinstance(finding, Item) and advice.score is not None and advice.score.items:
        return name
    if isinstance(recorded, bool):
        return f"{name}: {frame.word('card', 'yes' if recorded else 'no')}"
    if coded:
        return f"{name}: {frame.say(words.value_of(finding.shown))}"
    value = escaped(finding.shown)
    return f"{name} {value}" if value and value != name else name


def _is_draft(finding: Finding) -> bool:
    return "draft" in (getattr(finding, "status", ""), getattr(finding, "state", ""))


def _evidence(advisory: Advisory, advice: Advice, same: Imprint, frame: Frame) -> Json:
    """The card's working, for machines (data contract 6)."""
    evidence: Json = {"advisory": advisory.id, "version": VERSION, "asOf": frame.as_of, "band": advice.name}
    if advice.score is not None:
        evidence["score"] = _score_evidence(advice.score)
    if advice.used:
        evidence["inputs"] = [_input(finding) for finding in advice.used]
    if advice.missing:
        evidence["missing"] = [{"name": words.variable(miss.name), "why": miss.why} for miss in advice.missing]
    evidence["sources"] = same.sources
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


def _inputs(advice: Advice) -> str:
    return ";".join(f"{finding.evidence.reference}={finding.shown}" for finding in advice.used)
