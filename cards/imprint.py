"""What a card carries whoever the patient is: its topic, its sources, how far it is reviewed, how to decline it.

Worked out once for a band with its notes in one language. All calls share it: it is put on a card as it is.
"""

from __future__ import annotations

from functools import lru_cache
from textwrap import shorten
from typing import Any

import msgspec

from cards import words
from cards.advisory import Advisory
from cards.table import Bullet
from cards.text import Text, said

BASE = "https://osteohooks.org/fhir"
TOPIC_SYSTEM = f"{BASE}/CodeSystem/advisory"
OVERRIDE_SYSTEM = f"{BASE}/CodeSystem/override-reason"
VERSION = "2026.11.1"

Json = dict[str, Any]


class Imprint(msgspec.Struct, frozen=True):
    """``rows``: the lines of the detail, still to be filled with values. ``cited`` and ``standing``: its last words.

    ``sources``: the same sources as ``cited`` and ``links``, for the evidence.
    """

    source: Json
    override_reasons: list[Json]
    rows: list[Bullet]
    cited: str
    standing: str
    links: list[Json]
    sources: list[Json]


@lru_cache(maxsize=2048)
def imprint(advisory: Advisory, band: str, notes: tuple[str, ...], scored: bool, language: str) -> Imprint:
    """The imprint of a band's card. ``scored``: the sources of its score's items are cited too."""
    table = advisory.table
    told, noted = table.band[band], [table.note[name] for name in notes]
    names = [told.source, told.advised_by, *(row.source for row in (*told.bullets, *noted))]
    if scored:
        names += [item.source for item in table.score.values()]
    sources = [table.sources[name] for name in dict.fromkeys(names) if name]
    cites = [said(source.cite, language) for source in sources]
    linked = [(cite, source.link) for cite, source in zip(cites, sources, strict=True)]
    return Imprint(
        source=origin(advisory.id, advisory.title, language),
        override_reasons=[_override(reason, language) for reason in table.overrides],
        rows=[*noted, *told.bullets],
        cited=f"**{words.word('card', 'sources').say(language)}:** {'; '.join(cites)}",
        standing=_standing(advisory, language),
        links=[
            {"label": shorten(cite, 90, placeholder=" …"), "url": link, "type": "absolute"}
            for cite, link in linked
            if link
        ],
        sources=[{"cite": cite} | ({"url": link} if link else {}) for cite, link in linked],
    )


def origin(topic: str, title: Text, language: str) -> Json:
    """The ``source`` of a card: who speaks, and on which topic."""
    coding = {"system": TOPIC_SYSTEM, "code": topic, "display": title.say(language)}
    return {"label": words.word("card", "label").say(language), "topic": coding}


def _override(reason: str, language: str) -> Json:
    return {"system": OVERRIDE_SYSTEM, "code": f"ovr-{reason}", "display": words.word("override", reason).say(language)}


def _standing(advisory: Advisory, language: str) -> str:
    review = advisory.table.review
    text = words.word("card", review.state)
    return text.fill(language, {"rule": advisory.id, "version": VERSION, "on": review.on or ""})
