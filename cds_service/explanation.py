"""An advisory in full, for the terminal: what it is for, what it reads, its numbers with their sources."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from cards.advisory import Advisory
from cards.table import Band, Source, Table
from cards.text import said
from cds_service.terminal import columns, table, wrap
from cds_service.texts import say


def explanation(advisory: Advisory, language: str, *, width: int | None = None) -> str:
    """The advisory's table as text. Headings and sentences are in ``language``, the names of cells as in the file."""
    width = width or columns()
    cells = advisory.table
    lines = [click.style(line, bold=True) for line in wrap(cells.title.say(language), width)]
    lines += wrap(cells.purpose.say(language), width)
    lines += ["", *table(_facts(advisory, language), width)]
    for heading, told in (
        ("score", _score(cells, language, width)),
        ("limits", _limits(cells, language, width)),
        ("bands", _bands(cells, language, width)),
        ("sources", _sources(cells, language, width)),
    ):
        if part := list(told):
            lines += ["", click.style(say("explain", heading, language), bold=True), *part]
    return "\n".join([*lines, ""])


def _facts(advisory: Advisory, language: str) -> list[list[str]]:
    cells, review = advisory.table, advisory.table.review
    keys = sorted({key for kind in advisory.reads for key in kind.keys})
    state = " ".join(part for part in (review.state, review.by, review.on) if part)
    facts = {
        "id": advisory.id,
        "theme": advisory.theme,
        "hooks": ", ".join(advisory.hooks),
        "reads": ", ".join(keys),
        "asks": ", ".join(advisory.asks),
        "not_for": cells.not_for.say(language),
        "priority": f"{cells.priority}, {cells.precedence}",
        "review": state,
    }
    return [[say("explain", name, language), value] for name, value in facts.items() if value]


def _score(cells: Table, language: str, width: int) -> Iterator[str]:
    for name, item in cells.score.items():
        yield from wrap(f"{item.label.say(language)} ({name}) [{item.source}]", width, first="  ")
        rows = [[option.say(language), str(option.points)] for option in item.options.values()]
        yield from table(rows, width, right=[1], indent="    ")


def _limits(cells: Table, language: str, width: int) -> Iterator[str]:
    rows = []
    for name, limit in cells.limit.items():
        value = " ".join(part for part in (_value(limit.value), limit.unit) if part)
        setting = f"thresholds.{limit.setting}" if limit.setting else ""
        rows.append([limit.label.say(language) if limit.label else name, value, f"[{limit.source}]", setting])
    yield from table(rows, width, indent="  ")


def _bands(cells: Table, language: str, width: int) -> Iterator[str]:
    for band in cells.band.values():
        head = " ".join(part for part in (band.name, _place(band), band.indicator, f"[{band.source}]") if part)
        yield from wrap(head, width, first="  ")
        if band.summary and not (band.silent and not band.speaks_if):
            yield from wrap(band.summary.say(language), width, first="    ")


def _place(band: Band) -> str:
    if band.start is None:
        return ""
    start, exclusive = band.start
    setting = f", thresholds.{band.setting}" if band.setting else ""
    return f"({'>' if exclusive else '>='} {start}{setting})"


def _sources(cells: Table, language: str, width: int) -> Iterator[str]:
    for name, source in cells.sources.items():
        yield from wrap(_told(source, language), width, first=f"  [{name}] ", then="    ")


def _told(source: Source, language: str) -> str:
    parts = [said(source.cite, language), source.says.say(language) if source.says else "", source.link or ""]
    return " ".join(part for part in parts if part)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(str(one) for one in value)
    return str(value)
