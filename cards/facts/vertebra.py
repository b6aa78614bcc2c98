"""Which part of a vertebra a lesion takes up: WBB zones and what was recorded of the posterior elements.

Our zone sets are the same whether the sectors are numbered clockwise or, as others do, the other way round.
"""

from __future__ import annotations

from cards.situation import Situation
from fhir_mappings.finding import Finding
from fhir_mappings.lesions import Lesion

ZONES = "wbb-zone"
POSTERIOR = "posterior-elements-only"


def in_body(lesion: Lesion, situation: Situation) -> bool:
    """The vertebral body is surely involved: a zone of it is, or the disease is recorded as not posterior only."""
    return lesion.value(POSTERIOR) is False or bool(_zones(lesion) & _set(situation, "body"))


def posterior_only(lesion: Lesion, situation: Situation) -> bool:
    """Only the posterior elements are involved; False when that is unknown or contradicted."""
    zones = _zones(lesion)
    said = lesion.yes(POSTERIOR) or (bool(zones) and zones <= _set(situation, "posterior"))
    return said and not in_body(lesion, situation)


def both_pedicles(lesion: Lesion, situation: Situation) -> bool:
    """The zones reach both pedicles: no way round the tumour without cutting through it."""
    return _set(situation, "pedicles") <= _zones(lesion)


def part_items(lesion: Lesion) -> tuple[Finding, ...]:
    """The items these answers rest on."""
    return tuple(lesion.items[name] for name in (POSTERIOR, ZONES) if name in lesion.items)


def _zones(lesion: Lesion) -> set[str]:
    return set((lesion.text(ZONES) or "").split())


def _set(situation: Situation, name: str) -> set[str]:
    return {str(zone) for zone in situation.table("vertebra").choice(name)}
