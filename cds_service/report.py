"""An answer as a clinician reads it in a terminal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import click

from cards import words
from cards.answer import Answer
from cards.text import printable
from cds_service.markdown import Grid, Items, blocks, plain
from cds_service.terminal import cells, columns, table, wrap
from cds_service.texts import say
from fhir_mappings.finding import Missing

_COLOURS = {"info": "blue", "warning": "yellow", "critical": "red"}
_MOST_NAMED = 8
_INDENT = "  "

Card = dict[str, Any]


def report(title: str, answer: Answer, language: str, *, width: int | None = None) -> str:
    """Cards, then what stayed silent, what could not be evaluated, and what was not read."""
    width = width or columns()
    lines = [click.style(line, bold=True) for line in wrap(title, width)]
    for card in answer.cards:
        lines += ["", *_card(card, language, width)]
    if closing := list(_closing(answer, language, width)):
        lines += ["", *closing]
    return "\n".join([*lines, ""])


def _card(card: Card, language: str, width: int) -> Iterator[str]:
    word = say("page", card["indicator"], language)
    word = word.upper() if language == "en" else f"【{word}】"
    head = wrap(card["summary"], width, first=f"{word}  ", then=_INDENT)
    coloured = click.style(word, fg=_COLOURS.get(card["indicator"]), bold=True)
    yield coloured + click.style(head[0][len(word) :], bold=True)
    yield from (click.style(line, bold=True) for line in head[1:])
    yield from _detail(card.get("detail", ""), width)
    for suggestion in card.get("suggestions", []):
        yield from wrap(
            suggestion["label"], width, first=f"{_INDENT}{say('command', 'suggestion', language)} ", then="    "
        )


def _detail(markdown: str, width: int) -> Iterator[str]:
    """The detail as text, a blank line wherever a table, a list or a run of paragraphs begins."""
    before: type | None = None
    for block in blocks(markdown):
        if type(block) is not before:
            yield ""
        before = type(block)
        if isinstance(block, Grid):
            numbers = [column for column, right in enumerate(block.right) if right]
            rows = [[plain(cell) for cell in row] for row in [block.head, *block.rows]]
            yield from table(rows, width, right=numbers, indent=_INDENT)
        elif isinstance(block, Items):
            for item in block.items:
                yield from wrap(plain(item), width, first=f"{_INDENT}- ")
        else:
            yield from wrap(plain(block.text), width, first=_INDENT, then="    ")


def _closing(answer: Answer, language: str, width: int) -> Iterator[str]:
    """Unknown is not no: what is behind a silence is always said."""
    told = answer.evaluation
    evaluated, unevaluated = told.get("evaluated", []), told.get("notEvaluated", [])
    name = "silent" if not answer.cards else "also_silent"
    silent = told.get("silent", []) if answer.cards else evaluated
    if gate := told.get("gate"):
        yield from wrap(say("command", "gate", language, gate=gate), width)
    elif silent or not answer.cards:
        yield from wrap(say("command", name, language, count=str(len(silent)), day=told["asOf"]), width)
    if unevaluated:
        yield say("command", "not_evaluated", language)
    for entry in unevaluated:
        yield from wrap(f"{entry['advisory']}: {_missing(entry, language)}", width, first=f"{_INDENT}- ")
    for why, names in _by_reason(told.get("skipped", [])).items():
        more = len(names) - _MOST_NAMED
        listed = ", ".join(names[:_MOST_NAMED])
        listed += f", {say('command', 'more', language, count=str(more))}" if more > 0 else ""
        first = f"{say('command', 'skipped', language, count=str(len(names)), why=why)} "
        yield from wrap(listed, width, first=first if cells(first) < width // 2 else "", then="    ")
    for entry in told.get("ignored", []):
        yield from wrap(f"{entry['extension']}: {entry['why']}", width)


def _missing(entry: dict[str, Any], language: str) -> str:
    """What an advisory lacked: ``calcium, albumin (too old); weight (not supplied)``."""
    by_why: dict[str, list[str]] = defaultdict(list)
    for one in entry["missing"]:
        by_why[plain(words.why(Missing(**one)).say(language))].append(one["name"])
    return "; ".join(f"{', '.join(names)} ({why})" for why, names in by_why.items())


def _by_reason(skipped: list[dict[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for skip in skipped:
        element = f" ({skip['element']})" if "element" in skip else ""
        found[printable(skip["why"])].append(printable(skip["resource"] + element))
    return dict(found)
