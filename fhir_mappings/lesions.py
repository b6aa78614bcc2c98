"""Bone lesions: one lesion is one panel, or several over time that agree on the place (data contract 2)."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from fhir_mappings.finding import NOT_RECORDED, Finding, Key, Missing
from fhir_mappings.ranges import Range
from fhir_mappings.sites import NOWHERE, Site


class Item(Finding, frozen=True, kw_only=True):
    """One recorded item of a lesion: ``item`` is the component code, ``value`` coded text, yes/no or a number.

    Numbers: ``lesion-size-fraction`` 0..1, diameters and ``cord-distance`` mm, ``cortical-destruction`` and
    ``vertebral-collapse`` %, recorded totals (``mirels-score`` ...) the total. Repeating items (``wbb-zone``,
    ``wbb-layer``) hold all their codes joined by a space, in order.
    """

    item: str
    value: str | bool | Range

    @property
    def names(self) -> tuple[str, ...]:
        return (self.item,)

    @property
    def shown(self) -> str:
        return str(self.value).lower() if isinstance(self.value, bool) else str(self.value)


class Lesion(Finding, frozen=True, kw_only=True):
    """One bone lesion with the latest value of each of its items.

    ``key`` tells lesions apart (focus, or body site and side, or spinal level). ``unread`` holds items that were
    recorded but could not be understood, or whose absence was recorded, with the reason.
    """

    keys: ClassVar[tuple[Key, ...]] = ("lesions", "questionnaires")
    key: str
    site: Site = NOWHERE
    items: dict[str, Item] = msgspec.field(default_factory=dict)
    unread: dict[str, Missing] = msgspec.field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        return ("bone-lesion",)

    def item(self, code: str) -> Item | Missing:
        """The latest recorded item, or why there is none."""
        return self.items.get(code) or self.unread.get(code) or Missing(code, NOT_RECORDED)

    def value(self, code: str) -> str | bool | Range | None:
        """The latest value of an item, None when it is missing."""
        found = self.items.get(code)
        return found.value if found else None

    def text(self, code: str) -> str | None:
        """The value of a coded item, None when it is missing or not coded."""
        value = self.value(code)
        return value if isinstance(value, str) else None

    def number(self, code: str) -> Range | None:
        value = self.value(code)
        return value if isinstance(value, Range) else None

    def yes(self, code: str) -> bool:
        """True only when the item was recorded as true."""
        return self.value(code) is True


