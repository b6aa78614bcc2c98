"""What every finding carries: its evidence; and what a rule gets when there is none: a Missing with its reason."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import ClassVar, Literal

import msgspec

from fhir_mappings.when import When

Why = str
"""Why an input is missing, in the words of the data contract, section 6 (``not recorded``, ``not supplied`` ...)."""

NOT_RECORDED: Why = "not recorded"
TOO_OLD: Why = "too old"
DATE_NOT_PRECISE: Why = "date not precise"
UNIT_NOT_UNDERSTOOD: Why = "unit not understood"
UNREADABLE: Why = "unreadable"
OTHER_VERSION: Why = "other FHIR version"
NOT_SUPPLIED: Why = "not supplied"

Key = Literal[
    "patient",
    "encounter",
    "conditions",
    "lesions",
    "assessments",
    "labs",
    "tumour-markers",
    "imaging",
    "questionnaires",
    "medication-requests",
    "medication-administrations",
    "medication-statements",
    "medication-dispenses",
    "procedures",
    "service-requests",
    "appointments",
    "flags",
    "care-plans",
]
"""The prefetch keys of every service; a service uses those its advisories read."""


class Evidence(msgspec.Struct, frozen=True):
    """Where a finding comes from: the resource, its clinical date, the value as it was written."""

    reference: str = ""  # "Observation/lesion-1"; empty when the resource has no id
    when: When | None = None
    original: str = ""  # "12.0 mg/dL"
    preliminary: bool = False


class Missing(msgspec.Struct, frozen=True):
    """An input that is not there, and why. Falsy, so that ``if not calcium`` reads as it is meant."""

    name: str
    why: Why = NOT_RECORDED
    reference: str = ""
    key: str = ""  # the prefetch key that could not be had, when that is why

    def __bool__(self) -> Literal[False]:
        return False

    @property
    def known_absent(self) -> bool:
        """True when the chart was complete and holds no such finding; anything else is unknown, not absent."""
        return self.why == NOT_RECORDED


class Skipped(msgspec.Struct, frozen=True):
    """A resource or value that was not read: which, why, at which element, and which names it would have answered.

    It never holds a patient's value.
    """

    reference: str
    why: Why
    element: str = ""
    names: tuple[str, ...] = ()


_WIDE = (
    "cancer-any",
    "cancer-generic",
    "secondary-cancer-any",
    "med-systemic-therapy",
    "dental-procedure",
    "proc-dental-invasive",
)


@lru_cache(maxsize=4096)
def narrowest_first(concepts: frozenset[str]) -> tuple[str, ...]:
    """Concepts with the wide ones last, so that evidence calls kidney cancer by its name and not "cancer, any"."""
    return tuple(sorted(concepts, key=lambda name: (name in _WIDE or name.endswith("-any"), name)))


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One clinical fact, FHIR-free, with its evidence. Subclasses say which prefetch keys may hold them.

    ``keys``: the prefetch keys that must all be complete before the absence of such a finding is known.
    ``names``: what the finding is about, in the words a rule asks by (analyte, item code, concept id).
    """

    keys: ClassVar[tuple[Key, ...]] = ()
    evidence: Evidence

    def __bool__(self) -> Literal[True]:
        """A finding is always there; a Missing never is."""
        return True

    @property
    def names(self) -> tuple[str, ...]:
        raise NotImplementedError

    @property
    def name(self) -> str:
        """The one name the evidence on a card calls it by."""
        return self.names[0]

    @property
    def shown(self) -> str:
        """The value as the evidence on a card shows it."""
        return self.evidence.original

    @property
    def order(self) -> tuple[object, ...]:
        """Later findings sort last; equal dates fall back to the reference so that the order never wavers."""
        when = self.evidence.when
        return ((when is not None, *(when.order if when else ())), self.rank, self.severity, self.evidence.reference)

    @property
    def rank(self) -> int:
        """On one instant the greater rank wins: a component over a panel total over text (data contract 1.7)."""
        return 0

    @property
    def severity(self) -> Decimal | int:
        """Of two equally specific findings of one instant the greater, being the worse, wins (data contract 1.7)."""
        return 0
