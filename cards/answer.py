"""The answer to one call: advice gathered, ordered, cut to what a reader can take in, and rendered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

import msgspec

from cards import words
from cards.advice import INDICATOR_ORDER, Advice, severity
from cards.advisory import Advisory
from cards.card import SUMMARY_LIMIT, Frame, render, summary
from cards.catalogue import Catalogue
from cards.engine import Run, Unevaluated
from cards.imprint import origin
from cards.memory import Memory, Said, said, silenced
from cards.situation import Situation
from cards.text import LANGUAGES, Text, joined
from fhir_mappings.chart import Chart
from fhir_mappings.finding import Missing

Json = dict[str, Any]

# Why a whole prefetch key could not be had. Only these make a `not-evaluated` card; an item that is too old or has no
# unit is named in the evaluation extension and on the card that needed it.
GAPS = frozenset(
    ("not supplied", "client error", "page not followed", "null from client", "fetch failed", "deadline", "unreadable")
)


class Shown(msgspec.Struct, frozen=True):
    """A card that was returned: its uuid and what it says. Of the inputs a store keeps no more than a keyed hash."""

    card: str
    said: Said


class Answer(msgspec.Struct, frozen=True):
    """``cards`` ready for JSON; ``evaluation`` for the response extension; ``shown`` for the store."""

    cards: list[Json]
    evaluation: Json
    shown: list[Shown] = []


def answer(
    catalogue: Catalogue,
    chart: Chart,
    situation: Situation,
    *,
    theme: str | None,
    language: str,
    max_cards: int,
    hook_instance: str,
    subject: str | None = None,
    only: Sequence[str] = (),
    memory: Memory | None = None,
) -> Answer:
    """Every card of one theme (None: of all themes, merged) for this chart in this situation.

    ``max_cards`` applies to each theme; ``only`` keeps the named advisories. ``subject``: "Patient/1", for drafts.
    ``memory``: what was said about this patient before; without one nothing is held back.
    """
    run = Run(catalogue.advisories, catalogue.tables, chart, situation)
    frame = Frame(
        language=language,
        as_of=situation.as_of.isoformat(),
        hook_instance=hook_instance,
        subject=subject,
        theme=theme or "",
        remarks=_remarks(chart, run),
    )
    themes = [theme] if theme else catalogue.theme_texts
    evaluated: list[Advisory] = []
    cards: list[tuple[tuple[Any, ...], Json]] = []
    told: dict[str, Said] = {}
    suppressed: dict[str, str] = {}
    for name in themes:
        asked = [advisory for advisory in catalogue.of(name, situation.hook) if not only or advisory.id in only]
        evaluated += asked
        spoken = sorted(
            ((advisory, _one_card(advices)) for advisory in asked if (advices := run.advice(advisory.id))),
            key=_urgency,
        )
        told |= {advisory.id: said(advisory.id, run.advice(advisory.id)) for advisory, _ in spoken}
        suppressed |= _suppressed(spoken, told, memory, situation)
        spoken = [entry for entry in spoken if entry[0].id not in suppressed]
        cards += [_entry(entry, frame) for entry in _cut(spoken, max_cards)]
    failed = [run.unevaluated[advisory.id] for advisory in evaluated if advisory.id in run.unevaluated]
    if missed := _not_evaluated(failed, catalogue, frame):
        cards.append(((INDICATOR_ORDER["info"], 99, ""), missed))
    cards.sort(key=lambda pair: pair[0])
    evaluation = _evaluation(chart, situation, run.closed, evaluated, failed, spoke=told.keys())
    if suppressed:
        evaluation["suppressed"] = [{"advisory": advisory, "why": why} for advisory, why in suppressed.items()]
    return Answer([card for _, card in cards], evaluation, [shown(card, told) for _, card in cards])


def mismatch(language: str, hook_instance: str) -> Json:
    """The one card of a call whose prefetched Patient is not the context's patient (gate G8, rulings 36 and 45)."""
    frame = Frame(language=language, as_of="", hook_instance=hook_instance)
    return _plain_card("patient_mismatch", frame, {}, "")


def shown(card: Json, told: Mapping[str, Said]) -> Shown:
    """The record of a card; ``told`` says what the advisories' cards say, the service's own have only their topic."""
    topic = card["source"]["topic"]["code"]
    return Shown(card["uuid"], told.get(topic) or Said(topic, "", card["indicator"], ""))


def _suppressed(
    spoken: list[tuple[Advisory, Advice]], told: Mapping[str, Said], memory: Memory | None, situation: Situation
) -> dict[str, str]:
    """The advisories that are not said again, and why (clinical document, section 8, last line)."""
    if memory is None or not spoken:
        return {}
    pasts = memory.recall([told[advisory.id] for advisory, _ in spoken])
    why = {
        advisory.id: silenced(
            told[advisory.id], advice.band.repeat, past, hook=situation.hook, setting=situation.setting
        )
        for (advisory, advice), past in zip(spoken, pasts, strict=True)
    }
    return {advisory: reason for advisory, reason in why.items() if reason is not None}


def _one_card(advices: list[Advice]) -> Advice:
    """Several lesions or drugs: one card an advisory, the most severe first, the others as lines (ruling 43)."""
    if len(advices) == 1:
        return advices[0]
    worst, *others = sorted(advices, key=severity)
    also = words.word("card", "also")
    told = [
        Text(*(also.fill(language, {"summary": summary(other, language)}) for language in LANGUAGES))
        for other in others
    ]
    used = {id(finding): finding for advice in (worst, *others) for finding in advice.used}
    return msgspec.structs.replace(worst, lines=(*worst.lines, *told), used=tuple(used.values()))


def _urgency(entry: tuple[Advisory, Advice]) -> tuple[Any, ...]:
    """Most urgent first, then by the precedence of clinical document 1.7, then always the same way."""
    advisory, advice = entry
    return (INDICATOR_ORDER[advice.indicator or "info"], advisory.table.precedence, advisory.id, advice.about or "")


def _cut(spoken: list[tuple[Advisory, Advice]], max_cards: int) -> list[Any]:
    """At most ``max_cards`` entries; the surplus is one list, P3 advisories first (ruling 38)."""
    if len(spoken) <= max_cards:
        return list(spoken)
    by_priority = sorted(spoken, key=lambda entry: entry[0].table.priority == "P3")
    kept = sorted(by_priority[: max_cards - 1], key=_urgency)
    surplus = sorted(by_priority[max_cards - 1 :], key=_urgency)
    return [*kept, surplus]


def _entry(entry: Any, frame: Frame) -> tuple[tuple[Any, ...], Json]:
    if isinstance(entry, list):
        return _merged(entry, frame)
    advisory, advice = entry
    return _urgency(entry), render(advisory, advice, frame)


def _merged(surplus: list[tuple[Advisory, Advice]], frame: Frame) -> tuple[tuple[Any, ...], Json]:
    """The surplus as one card that lists their summaries and keeps the highest indicator among them."""
    lines = [f"- {summary(advice, frame.language)} (`{advisory.id}`)" for advisory, advice in surplus]
    indicator = surplus[0][1].indicator or "info"
    card = _plain_card("more_advisories", frame, {"count": len(surplus)}, "\n".join(lines), indicator)
    return (INDICATOR_ORDER[indicator], 98, ""), card


def _not_evaluated(failed: list[Unevaluated], catalogue: Catalogue, frame: Frame) -> Json | None:
    """One info card naming what could not be computed because the record was not to be had, and why."""
    blocked = {entry.advisory: [miss for miss in entry.missing if miss.why in GAPS] for entry in failed}
    blocked = {advisory: missing for advisory, missing in blocked.items() if missing}
    if not blocked:
        return None
    by_reason: dict[str, dict[str, Text]] = {}
    for miss in (miss for missing in blocked.values() for miss in missing):
        by_reason.setdefault(miss.why, {})[miss.key or miss.name] = words.source_of(miss)
    lines = [
        f"- {words.why(Missing('', why)).say(frame.language)}: {joined(by_reason[why].values()).say(frame.language)}"
        for why in sorted(by_reason)
    ]
    titles = joined(catalogue.advisories[advisory].title for advisory in blocked).say(frame.language)
    reasons = [words.why(Missing("", why)) for why in sorted(by_reason)]
    affected = f"**{frame.word('not_evaluated', 'affected')}:** {titles}"
    detail = "\n".join([*lines, "", affected])
    several, one = (
        _plain_card("not_evaluated", frame, {"count": len(blocked), "missing": joined(reasons[:most])}, detail)
        for most in (2, 1)
    )
    return several if len(several["summary"]) <= SUMMARY_LIMIT else one


def _plain_card(group: str, frame: Frame, values: Json, detail: str, indicator: str = "info") -> Json:
    """A card of the service itself, with one of the reserved topics."""
    topic = group.replace("_", "-")
    card: Json = {
        "uuid": frame.uuid(f"{topic}|{frame.theme}"),
        "summary": words.word(group, "summary").fill(frame.language, values),
        "indicator": indicator,
    }
    if detail:
        card["detail"] = detail
    card["source"] = origin(topic, words.word(group, "title"), frame.language)
    return card


def _remarks(chart: Chart, run: Run) -> tuple[Text, ...]:
    person = chart.person
    found = []
    if "no-cancer" in run.states:
        found.append(words.word("card", "no_cancer"))
    if person is None or person.birth is None:
        found.append(words.word("card", "adult_assumed"))
    return tuple(found)


def _evaluation(
    chart: Chart,
    situation: Situation,
    gate: str | None,
    evaluated: list[Advisory],
    failed: list[Unevaluated],
    *,
    spoke: Set[str],
) -> Json:
    """What was evaluated, what stayed silent, what could not be evaluated and why, what was skipped."""
    unevaluated = {entry.advisory for entry in failed}
    told: Json = {"asOf": situation.as_of.isoformat()}
    if gate:
        told["gate"] = gate
    if evaluated:
        told["evaluated"] = [advisory.id for advisory in evaluated if advisory.id not in unevaluated]
        told["silent"] = [entry.id for entry in evaluated if entry.id not in spoke and entry.id not in unevaluated]
        told["notEvaluated"] = [
            {
                "advisory": entry.advisory,
                "missing": [{"name": words.variable(miss.name), "why": miss.why} for miss in entry.missing],
            }
            for entry in failed
            if entry.advisory not in spoke
        ]
    told["skipped"] = [
        {"resource": skip.reference, "why": skip.why} | ({"element": skip.element} if skip.element else {})
        for skip in chart.skipped
    ]
    return {name: value for name, value in told.items() if value}
