"""What the service says about itself (``texts.toml``), in both languages."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

import msgspec

from cards.text import Text


@cache
def _texts() -> dict[str, dict[str, Text]]:
    content = tomllib.loads(Path(__file__).with_name("texts.toml").read_text(encoding="utf-8"))
    return msgspec.convert(content, dict[str, dict[str, Text]])


def say(group: str, name: str, language: str, **values: str) -> str:
    """One text with its placeholders filled. Raises KeyError for a text or placeholder there is none of."""
    return _texts()[group][name].fill(language, values) if values else _texts()[group][name].say(language)


def group(name: str, language: str) -> dict[str, str]:
    """All texts of a group, for a template."""
    return {key: text.say(language) for key, text in _texts()[name].items()}
