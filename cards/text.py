"""A text in both languages, and how values are put into it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from fhir_mappings.ranges import Range, plain
from fhir_mappings.when import When

ENGLISH = "en"
CHINESE = "zh-Hans"
LANGUAGES = (ENGLISH, CHINESE)

_PLACEHOLDER = re.compile(r"{([a-z_]+)}")
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+!|<>&~])")
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}


class Text(msgspec.Struct, frozen=True):
    """One sentence or word, English and Simplified Chinese, with the same placeholders in both."""

    en: str
    zh: str

    def say(self, language: str) -> str:
        return self.zh if language == CHINESE else self.en

    def fill(self, language: str, values: Mapping[str, Any]) -> str:
        """The text with its placeholders filled. Raises KeyError naming a placeholder that has no value."""
        text = self.say(language)
        return text.format_map(_Said(values, language)) if "{" in text else text

    @property
    def placeholders(self) -> frozenset[str]:
        return frozenset(_PLACEHOLDER.findall(self.en))


class _Said:
    """Values in words, each when a text asks for it."""

    def __init__(self, values: Mapping[str, Any], language: str) -> None:
        self._values = values
        self._language = language

    def __getitem__(self, name: str) -> str:
        return said(self._values[name], self._language)


def same(text: str) -> Text:
    """A text that is the same in both languages (a vertebra, a drug code)."""
    return Text(text, text)


def joined(texts: Iterable[Text]) -> Text:
    """Several texts as one list."""
    several = list(texts)
    return Text(", ".join(text.en for text in several), "、".join(text.zh for text in several))


def listed(texts: Iterable[Text], *, most: int = 2) -> Text:
    """A list short enough for a summary: longer than ``most`` becomes "n items" (clinical document 1.8)."""
    several = list(texts)
    if len(several) <= most:
        return joined(several)
    return Text(f"{len(several)} items", f"{len(several)}项")


def said(value: Any, language: str) -> str:
    """A value as a card says it."""
    if isinstance(value, Text):
        return value.say(language)
    if isinstance(value, str | Range | When):
        return str(value)
    if isinstance(value, Decimal | int) and not isinstance(value, bool):
        return plain(value)
    raise TypeError(f"a card cannot say {type(value).__name__}")


def escaped(text: str) -> str:
    """Text from a chart, made harmless in Markdown and HTML: clients render both (cds-hooks C9)."""
    return _MARKUP.sub(lambda match: _ENTITIES.get(match[1], "\\" + match[1]), printable(text))


def printable(text: str) -> str:
    """Text from a chart on one line, without what steers a terminal or turns the direction of writing."""
    line = " ".join(text.split())
    return line if line.isprintable() else "".join(sign for sign in line if sign.isprintable())
