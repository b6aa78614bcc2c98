"""Which of the two languages an answer is in. CDS Hooks leaves this open; HTTP does not (RFC 9110, Accept-Language)."""

from __future__ import annotations

from cards.text import CHINESE, ENGLISH

_TRADITIONAL = ("hant", "tw", "hk", "mo")


def choose(accept_language: str | None, default: str) -> str:
    """``en`` or ``zh-Hans``: the first the reader asks for, else ``default``.

    ``zh``, ``zh-CN``, ``zh-SG`` and ``zh-Hans`` are Simplified Chinese. Whoever reads Traditional Chinese only gets
    Simplified before the default, but after anything else on the list that is served.
    """
    wanted = _wanted(accept_language or "")
    served = [language for tag in wanted if (language := served_as(tag)) is not None]
    if served:
        return served[0]
    return CHINESE if any(_is_traditional(tag) for tag in wanted) else default


def served_as(tag: str) -> str | None:
    """The served language of a language tag, None when there is none."""
    primary = tag.lower().split("-")[0]
    if primary == "en":
        return ENGLISH
    return CHINESE if primary == "zh" and not _is_traditional(tag) else None


def _is_traditional(tag: str) -> bool:
    primary, *rest = tag.lower().split("-")
    return primary == "zh" and "hans" not in rest and any(part in _TRADITIONAL for part in rest)


def _wanted(header: str) -> list[str]:
    """The tags of the header, most wanted first; those with q=0 are not wanted."""
    weighted = []
    for part in header.split(","):
        tag, *parameters = (piece.strip() for piece in part.split(";"))
        weight = next((_weight(piece[2:]) for piece in parameters if piece.startswith("q=")), 1.0)
        if tag and weight > 0:
            weighted.append((tag, weight))
    return [tag for tag, _ in sorted(weighted, key=lambda pair: -pair[1])]


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
