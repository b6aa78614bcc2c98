"""Where in the skeleton: a body site in the words the rules use.

``bone`` and ``region`` follow data contract section 2; ``level`` is a vertebra C1..S5; ``side`` left, right or both.
A femur without a part has no region: the Mirels site could be lower limb or peritrochanteric.
"""

from __future__ import annotations

import msgspec


class Site(msgspec.Struct, frozen=True):
    """A place in the skeleton; every part may be unknown (None)."""

    bone: str | None = None  # "femur", "proximal-femur", "humerus", "vertebra", "rib", "acetabulum" ...
    region: str | None = None  # upper-limb lower-limb peritrochanteric spine pelvis-acetabulum pelvis-other rib other
    level: str | None = None  # "T12"
    side: str | None = None  # "left" "right" "both"

    @property
    def known(self) -> bool:
        return bool(self.bone or self.region or self.level)


NOWHERE = Site()
