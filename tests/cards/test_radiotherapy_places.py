"""Two places that may be one: what a radiotherapy record and a lesion say of where they are."""

import pytest

from cards.facts.radiotherapy import may_be_same, may_cover
from fhir_mappings.finding import Evidence
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.sites import NOWHERE, Site

T8, T9 = (Site("vertebra", "spine", level) for level in ("T8", "T9"))
SPINE = Site("vertebra", "spine")
FEMUR, HIP = Site("femur"), Site("proximal-femur", "peritrochanteric")
LEFT_RIB, RIGHT_RIB, RIBS = (Site("rib", "rib", side=side) for side in ("left", "right", "both"))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (T8, T8, True),
        (T8, T9, False),
        (T8, SPINE, True),  # a spine without a level may be this level
        (T8, LEFT_RIB, False),
        (FEMUR, HIP, True),  # a part of it
        (FEMUR, Site("tibia", "lower-limb"), False),
        (LEFT_RIB, RIGHT_RIB, False),
        (LEFT_RIB, RIBS, True),
        (LEFT_RIB, Site("rib", "rib"), True),  # a side not recorded may be this side
        (Site(region="upper-limb"), Site("humerus", "upper-limb"), True),
        (Site(region="upper-limb"), Site("tibia", "lower-limb"), False),
        (Site(region="upper-limb"), FEMUR, True),  # a femur without a part has no region: nothing contradicts
        (Site("sacrum", "spine"), Site("ilium", "pelvis-other"), False),
    ],
)
def test_two_places_are_the_same_unless_something_contradicts(one: Site, other: Site, same: bool) -> None:
    assert may_be_same(one, other) is may_be_same(other, one) is same


@pytest.mark.parametrize(
    ("sites", "place", "covered"),
    [
        ((), T8, True),  # radiotherapy without a place may have been here
        ((T9,), NOWHERE, True),
        ((T9,), T8, False),
        ((T9, T8), T8, True),  # one course of several volumes
    ],
)
def test_radiotherapy_covers_a_place_unless_it_names_another(
    sites: tuple[Site, ...], place: Site, covered: bool
) -> None:
    record = ProcedureRecord(evidence=Evidence(), concepts=frozenset({"proc-radiotherapy"}), state="done", sites=sites)
    assert may_cover(record, place) is covered
