"""A defect, told without what it was about."""

from __future__ import annotations

import traceback


def where(error: Exception) -> str:
    """The kind of an error and the line it came from. Its message may hold a patient's value and is left out."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} at {frames[-1].name}, line {frames[-1].lineno}" if frames else type(error).__name__
