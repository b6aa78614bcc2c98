"""What a site may write under ``[thresholds]``: a value of the same kind as the default it replaces (ruling 50)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

Setting = Decimal | int | bool | str | tuple[int, int]

NONE = "none"


def problem_with(
    name: str,
    value: Any,
    default: Any,
    *,
    allowed: Sequence[Any] | None = None,
    may_be_none: bool = False,
    word: str | None = None,
) -> str | None:
    """None when ``value`` may stand in the place of ``default``, else the key, what was found and what is allowed.

    ``allowed``: the only values there are. ``may_be_none``: ``"none"`` switches the number off. ``word``: a word that
    may stand in the number's place ("lab ULN").
    """
    options = [_written(option) for option in allowed or ()]
    if options:
        fits, kind = _written(value) in options, f"one of: {', '.join(options)}"
    elif isinstance(default, bool):
        fits, kind = isinstance(value, bool), "true or false"
    elif isinstance(default, int):
        fits, kind = _whole(value), "a whole number, 0 or more"
    elif isinstance(default, Decimal | float):
        fits, kind = _number(value), "a number, 0 or more"
    elif isinstance(default, list | tuple):
        fits, kind = _span(value), "two whole numbers, the lower first, such as [21, 35]"
    else:
        fits, kind = isinstance(value, str), "a word"
    if may_be_none:
        fits, kind = fits or value == NONE, f'{kind}, or "{NONE}"'
    if word is not None:
        fits, kind = fits or value == word, f'{kind}, or "{word}"'
    return None if fits else f"thresholds.{name} is {_written(value)}. Write {kind}."


def _number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool) and value >= 0


def _whole(value: Any) -> bool:
    return _number(value) and isinstance(value, int)


def _span(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and all(map(_whole, value)) and value[0] <= value[1]


def _written(value: Any) -> str:
    """A value as it stands in the settings file, so that 1 and true are two things."""
    return str(value) if isinstance(value, Decimal) else msgspec.json.encode(value).decode()
