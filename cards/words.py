"""The words cards share, from ``words.toml`` and, for inputs and coded values, from the terminology."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from cards.text import CHINESE, ENGLISH, Text, escaped, same
from fhir_mappings.finding import Missing
from fhir_mappings.lesions import Lesion
from fhir_mappings.sites import Site
from fhir_mappings.terminology import Terminology

_FILE = tomllib.loads((Path(__file__).parent / "words.toml").read_text("utf-8"))
_VARIABLES: dict[str, str] = _FILE.pop("variable")
_WORDS: dict[str, dict[str, Text]] = msgspec.convert(_FILE, dict[str, dict[str, Text]])


def word(group: str, name: str) -> Text:
    """A shared word. Raises KeyError for one that is not in ``words.toml``: a defect, not a matter of the chart."""
    return _WORDS[group][name]


def group(name: str) -> dict[str, Text]:
    return _WORDS[name]


@cache
def terminology() -> Terminology:
    """The terminology as shipped, for names only; codes of a site are the reader's business."""
    return Terminology.load()


@cache
def name_of(name: str) -> Text:
    """What an input is called: our word, else the terminology's."""
    for words in ("input", "drug"):
        if name in _WORDS[words]:
            return _WORDS[words][name]
    return _labelled(name)


def variable(name: str) -> str:
    """The name of an input in the evidence: the data contract's code, else the clinical document's variable."""
    if name.startswith("primary-") and name in terminology().ids:  # primary-growth is an item of its own
        return "primary-site"
    return _VARIABLES.get(name, name)


def drug(concept: str) -> Text:
    return _WORDS["drug"].get(concept) or name_of(concept)


@cache
def value_of(value: str) -> Text:
    """What a coded value is called."""
    return _labelled(value)


def _labelled(name: str) -> Text:
    """The terminology's name; a name it does not have reads as its words, which the house test does not let pass."""
    try:
        return Text(terminology().label(name, ENGLISH), terminology().label(name, CHINESE))
    except KeyError:
        return same(escaped(name.replace("-", " ")))


@cache
def place(site: Site) -> Text:
    """Where a lesion is, short enough for a summary: "left proximal femur", "T12"."""
    if site.level:
        return Text(site.level, site.level)
    if site.bone:
        where = _WORDS["bone"].get(site.bone) or Text(site.bone, site.bone)
    else:
        where = _WORDS["region"][site.region or "unknown"]
    side = _WORDS["side"].get(site.side or "")
    return Text(f"{side.en} {where.en}", f"{side.zh}{where.zh}") if side else where


def lesion_place(lesion: Lesion) -> Text:
    """Where a lesion is; a recorded region is more precise than a bone alone ("peritrochanteric femur")."""
    region = lesion.text("lesion-region")
    if region == "peritrochanteric" and lesion.site.bone in (None, "femur"):
        return place(Site(region=region, side=lesion.site.side))
    if not lesion.site.known and region:
        return place(Site(region=region, side=lesion.site.side))
    return place(lesion.site)


def why(missing: Missing) -> Text:
    """Why an input is missing, as a reader would say it."""
    if missing.why.startswith("absent: "):
        said = _WORDS["why"]["absent"]
        reason = escaped(missing.why.removeprefix("absent: "))  # a code of the chart's own making
        return Text(said.en.format(reason=reason), said.zh.format(reason=reason))
    return _WORDS["why"].get(missing.why) or Text(missing.why, missing.why)


def source_of(missing: Missing) -> Text:
    """Which part of the record an input would have come from: "medication orders"."""
    return _WORDS["key"].get(missing.key) or name_of(missing.name)


def known_words() -> dict[str, dict[str, Any]]:
    """All groups, for the tests that check every word stands in both languages."""
    return dict(_WORDS)
