"""How long a round of fuzzing is: short and the same every time in CI, long and new every time by ``make fuzz``."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_COMMON = {"deadline": None, "suppress_health_check": list(HealthCheck), "print_blob": True}
settings.register_profile("fuzz-short", max_examples=150, derandomize=True, database=None, **_COMMON)
settings.register_profile("fuzz-long", max_examples=20_000, **_COMMON)

ROUND = settings.get_profile(os.environ.get("OSTEOHOOKS_FUZZ", "fuzz-short"))
