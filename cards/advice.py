"""What an advisory has to say about one patient, in no language yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from cards.score import Score
from cards.text import Text
from fhir_mappings.finding import Finding, Missing

if TYPE_CHECKING:
    from cards.table import Band


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """One band of a table with its facts.

    ``indicator``: None until the engine has settled it (the band's own at this hook, unless the rule knows better).
    ``values`` fill the placeholders of the band's summary and bullets and of the ``notes`` (names of the table's
    ``[note]`` rows that apply). ``used``: the findings it rests on; ``missing``: what it had to do without.
    ``about``: the lesion key, level or drug it is about, for the rules that ask what was said about it.
    ``weight``: what sorts advices of one indicator that have no score, the heavier first (a grade).
    ``lines``: further lines of the detail, such as what the same advisory says about other lesions.
    """

    band: Any  # Band
    indicator: str | None = None
    values: dict[str, Any] = msgspec.field(default_factory=dict)
    score: Score | None = None
    used: tuple[Finding, ...] = ()
    missing: tuple[Missing, ...] = ()
    notes: tuple[str, ...] = ()
    lines: tuple[Text, ...] = ()
    suggest: tuple[str, ...] = ()
    about: str | None = None
    weight: int = 0
    prefix: Text | None = None

    @property
    def name(self) -> str:
        """The name of its band."""
        band: Band = self.band
        return band.name


def severity(advice: Advice) -> tuple[int, int, str]:
    """Sort key: the most urgent first, then the highest score or grade, then always the same way."""
    high = advice.score.high if advice.score else advice.weight
    return (INDICATOR_ORDER[advice.indicator or "info"], -high, advice.about or "")


INDICATOR_ORDER = {"critical": 0, "warning": 1, "info": 2}


def at_most(indicator: str, limit: str) -> str:
    """The milder of two indicators."""
    return max(indicator, limit, key=INDICATOR_ORDER.__getitem__)


def at_least(indicator: str, limit: str) -> str:
    """The more urgent of two indicators."""
    return min(indicator, limit, key=INDICATOR_ORDER.__getitem__)


def one_lower(indicator: str) -> str:
    """The next milder indicator; info stays info."""
    return {"critical": "warning"}.get(indicator, "info")
