"""The table beside a rule: sources, score, limits, bands, sentences. Numbers and words live here, logic does not.

Read once at start-up and checked then; an error names the file, the place, and what to write.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from cards.advice import Advice
from cards.memory import Repeat
from cards.score import Score, ScoreItem, score
from cards.settings import NONE, Setting, problem_with
from cards.text import LANGUAGES, Text
from fhir_mappings.finding import Finding, Missing
from fhir_mappings.ranges import Range

INDICATORS = ("info", "warning", "critical")
STATES = (
    "suspected",
    "refuted",
    "cancer-only",
    "no-cancer",
    "unknown-diagnosis",
    "primary-bone-tumour",
    "myeloma",
    "hospice",
)
"""The states of a patient under which an advisory stays silent unless its ``speaks_when`` names them (gates G3-G9)."""


class TableError(Exception):
    """A table, or a setting that names a cell of one, is not right. The message says where and what to write."""


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a number or an advice comes from. ``says``: what it says, in our words, when that helps the reader."""

    cite: Text | str
    doi: str | None = None
    pmid: str | None = None
    url: str | None = None
    says: Text | None = None

    @property
    def link(self) -> str | None:
        if self.url:
            return self.url
        if self.doi:
            return f"https://doi.org/{self.doi}"
        return f"https://pubmed.ncbi.nlm.nih.gov/{self.pmid}/" if self.pmid else None


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One number (or word, or switch) a rule asks by name. ``setting``: the key that may override it.

    ``allowed``: the only values it may have. ``may_be_none``: ``"none"`` switches the number off. ``or_word``: a word
    that may stand in the number's place.
    """

    value: Any
    source: str
    unit: str | None = None
    setting: str | None = None
    allowed: list[Any] | None = None
    may_be_none: bool = False
    or_word: str | None = None
    label: Text | None = None


class Bullet(Text, frozen=True, forbid_unknown_fields=True):
    """A line of the detail, and the source it rests on where it has one of its own."""

    source: str | None = None


class Band(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing the advisory may say. ``from_`` (inclusive) or ``above`` (exclusive) places it on its scale.

    Bands of a scale are read upward: the highest start that is reached wins, so no gap and no overlap. A band without
    a start is chosen by the rule by name. ``silent`` bands say nothing unless ``speaks_if`` (a setting) is true.
    ``repeat``: how often it may be said, where the service remembers.
    """

    name: str = ""
    from_: Decimal | None = msgspec.field(default=None, name="from")
    above: Decimal | None = None
    scale: str = ""
    setting: str | None = None
    source: str | None = None
    advised_by: str | None = None
    indicator: str = "info"
    indicator_at: dict[str, str] = msgspec.field(default_factory=dict)
    silent: bool = False
    speaks_if: str | None = None
    repeat: Repeat = Repeat()
    summary: Text | None = None
    bullets: list[Bullet] = msgspec.field(default_factory=list)
    suggest: list[str] = msgspec.field(default_factory=list)
    recommend: list[str] = msgspec.field(default_factory=list)

    @property
    def start(self) -> tuple[Decimal, bool] | None:
        if self.from_ is not None:
            return (self.from_, False)
        return (self.above, True) if self.above is not None else None

    def indicator_for(self, hook: str) -> str:
        return self.indicator_at.get(hook, self.indicator)


class Review(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    state: str = "draft"
    by: str | None = None
    on: str | None = None


class Cells(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Limits and words with their sources: what a fact's table has, and an advisory's table too."""

    sources: dict[str, Source]
    limit: dict[str, Limit] = msgspec.field(default_factory=dict)
    word: dict[str, Text] = msgspec.field(default_factory=dict)

    def number(self, name: str) -> Decimal:
        """A limit as a number."""
        return Decimal(self.limit[name].value)

    def days(self, name: str) -> int:
        """A limit as a whole number of days (or items)."""
        return int(self.limit[name].value)

    def choice(self, name: str) -> Any:
        """A limit that is a word, a switch or a pair of numbers; None for ``"none"``."""
        value = self.limit[name].value
        return None if value == NONE else value


class Table(Cells, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole table of one advisory, as its TOML file has it."""

    title: Text
    purpose: Text
    not_for: Text
    rule: str
    priority: str
    precedence: int
    band: dict[str, Band]
    speaks_when: list[str] = msgspec.field(default_factory=list)
    speaks_if: dict[str, list[str]] = msgspec.field(default_factory=dict)
    prefix_suspected: bool = False
    overrides: list[str] = msgspec.field(default_factory=lambda: ["done", "mdt", "data"])
    review: Review = Review()
    signature: list[Text] = msgspec.field(default_factory=list)
    score: dict[str, ScoreItem] = msgspec.field(default_factory=dict)
    note: dict[str, Bullet] = msgspec.field(default_factory=dict)
    longest: dict[str, Text | str] = msgspec.field(default_factory=dict)

    def advise(
        self,
        band: str | Band,
        *,
        indicator: str | None = None,
        used: Iterable[Finding | Missing | None] = (),
        missing: Iterable[Missing] = (),
        notes: Iterable[str] = (),
        lines: Iterable[Text] = (),
        suggest: Iterable[str] | None = None,
        score: Score | None = None,
        about: str | None = None,
        weight: int = 0,
        **values: Any,
    ) -> Advice:
        """The advice of one band. ``indicator`` and ``suggest`` only where the rule knows better than the table.

        ``used`` may hold Missing and None, which are left out: a rule can list what it looked at as it is.
        """
        chosen = self.band[band] if isinstance(band, str) else band
        return Advice(
            band=chosen,
            indicator=indicator,
            values=values,
            score=score,
            used=tuple(finding for finding in used if isinstance(finding, Finding)),
            missing=tuple(missing),
            notes=tuple(notes),
            lines=tuple(lines),
            suggest=tuple(chosen.suggest if suggest is None else suggest),
            about=about,
            weight=weight,
        )

    def line(self, note: str, **values: Any) -> Text:
        """One ``[note]`` row with its placeholders filled, for a line that may stand several times."""
        return Text(*(self.note[note].fill(language, values) for language in LANGUAGES))

    def total(self, **items: Any) -> Score:
        """The score of the given items; each an option name, a set of possible options, or a Missing."""
        return score(self.score, items)

    def reach(self, number: Range | Decimal | int, scale: str = "") -> tuple[Band | None, ...]:
        """Every band some value of ``number`` falls in, lowest first; None stands for "below the first band"."""
        span = number if isinstance(number, Range) else Range.of(number)
        bands: list[Band | None] = [None]
        for band in self._scale(scale):
            start, exclusive = band.start or (Decimal(0), False)
            reached = span.above(start) if exclusive else span.at_least(start)
            if reached is True:
                bands = [band]
            elif reached is None:
                bands.append(band)
        return tuple(bands)

    def band_of(self, number: Range | Decimal | int, scale: str = "") -> Band | None:
        """The one band of a number. Raises ValueError when a range straddles bands (ask ``reach`` first)."""
        bands = self.reach(number, scale)
        if len(bands) != 1:
            raise ValueError("the value straddles bands")
        return bands[0]

    def _scale(self, scale: str) -> list[Band]:
        placed = [band for band in self.band.values() if band.scale == scale and band.start is not None]
        return sorted(placed, key=lambda band: band.start or (Decimal(0), False))


_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*$")


def load_table(path: Path, settings: Mapping[str, Setting] | None = None) -> Table:
    """Reads and checks one table; ``settings`` override the cells that name them.

    Raises TableError with file, place and what to write instead.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise TableError(f"{path.name}: not TOML: {error}") from None
    _override(content, settings or {})
    for name, band in content.get("band", {}).items():
        band["name"] = name
    for name, item in content.get("score", {}).items():
        _lift_options(path, name, item)
    try:
        table = msgspec.convert(content, Table)
    except msgspec.ValidationError as error:
        raise TableError(f"{path.name}: {_place(str(error))}") from None
    for problem in _problems(table):
        raise TableError(f"{path.name}: {problem}")
    return table


def load_facts(path: Path, settings: Mapping[str, Setting] | None = None) -> Cells:
    """Reads the numbers behind a shared fact. Raises TableError like ``load_table``."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        _override(content, settings or {})
        return msgspec.convert(content, Cells)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise TableError(f"{path.name}: {_place(str(error))}") from None


def settings_of(table: Cells) -> dict[str, Limit | Band]:
    """The settings that override a cell of this table."""
    found: dict[str, Limit | Band] = {limit.setting: limit for limit in table.limit.values() if limit.setting}
    if isinstance(table, Table):
        found |= {band.setting: band for band in table.band.values() if band.setting}
    return found


def _override(content: dict[str, Any], settings: Mapping[str, Setting]) -> None:
    """Puts a site's settings in the place of the cells that name them. Raises TableError for one of another kind."""
    for limit in content.get("limit", {}).values():
        _replace(limit, "value", settings)
    for band in content.get("band", {}).values():
        _replace(band, "above" if "above" in band else "from", settings)


def _replace(cell: dict[str, Any], place: str, settings: Mapping[str, Setting]) -> None:
    name = cell.get("setting")
    if name is None or name not in settings:
        return
    allowed, may_be_none = cell.get("allowed"), cell.get("may_be_none", False)
    problem = problem_with(
        name, settings[name], cell[place], allowed=allowed, may_be_none=may_be_none, word=cell.get("or_word")
    )
    if problem:
        raise TableError(problem)
    cell[place] = settings[name]


def _lift_options(path: Path, name: str, item: Any) -> None:
    """Options stand beside the item's own cells in the file: one row an option, as in the paper's table."""
    if not isinstance(item, dict):
        raise TableError(f"{path.name}: score.{name} is not a table. Write [score.{name}].")
    own = ("source", "label", "input", "options")
    item["options"] = {option: item.pop(option) for option in list(item) if option not in own}


def _problems(table: Table) -> list[str]:
    """What the types cannot say."""
    found = []
    for name, band in table.band.items():
        if not _NAME.match(name):
            found.append(f"band.{name} is not in kebab-case. Write lower-case words joined by hyphens.")
        if (not band.silent or band.speaks_if) and band.summary is None:
            found.append(f"band.{name} has no summary. Write summary.en and summary.zh under [band.{name}].")
        for key, source in (("source", band.source), ("advised_by", band.advised_by)):
            if source is not None and source not in table.sources:
                found.append(f'band.{name}.{key} is "{source}". Write one of: {", ".join(table.sources)}.')
        if band.source is None:
            found.append(f"band.{name} has no source. Write source = one of: {', '.join(table.sources)}.")
        for indicator in (band.indicator, *band.indicator_at.values()):
            if indicator not in INDICATORS:
                found.append(f'band.{name} has the indicator "{indicator}". Write one of: {", ".join(INDICATORS)}.')
    for group, cells in (("limit", table.limit), ("score", table.score), ("note", table.note)):
        for name, cell in cells.items():
            source = getattr(cell, "source", None)
            if source is not None and source not in table.sources:
                found.append(f'{group}.{name}.source is "{source}". Write one of: {", ".join(table.sources)}.')
    found.extend(
        f'speaks_when has "{state}". Write one of: {", ".join(STATES)}.'
        for state in table.speaks_when
        if state not in STATES
    )
    found.extend(_unequal_placeholders(table))
    return found


def _unequal_placeholders(table: Table) -> list[str]:
    texts = {f"band.{name}.summary": band.summary for name, band in table.band.items() if band.summary}
    texts |= {f"band.{name}.bullets": bullet for name, band in table.band.items() for bullet in band.bullets}
    texts |= {f"note.{name}": note for name, note in table.note.items()}
    return [
        f"{place} has placeholders in one language only: {', '.join(sorted(odd))}. Write them in both."
        for place, text in texts.items()
        if (odd := text.placeholders ^ Text(text.zh, text.zh).placeholders)
    ]


def _place(message: str) -> str:
    """A msgspec message in the words of the file: where first, then what."""
    what, _, where = message.partition(" - at `$.")
    place = where.rstrip("`").replace("[...]", "")
    if "missing required field" in what:
        field = what.split("`")[1]
        return f"{place or 'the file'} has no {field}. Write {field} under {place or 'the top'}."
    return f"{place}: {what}" if place else what
