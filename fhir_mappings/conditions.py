"""Problems: diagnoses and findings coded as Conditions (and bone metastasis coded as an Observation, ruling 22)."""

from __future__ import annotations

from typing import ClassVar

from fhir_mappings.finding import Finding, Key
from fhir_mappings.sites import Site


class Problem(Finding, frozen=True, kw_only=True):
    """One Condition.

    ``concepts``: every terminology concept its codings belong to (``bone-metastasis``, ``primary-breast`` ...).
    ``certainty``: ``confirmed`` (also when absent), ``suspected`` (provisional, differential, unconfirmed) or
    ``refuted``; entered-in-error never becomes a finding (ruling 45).
    ``present``: False when resolved, inactive or in remission, or abated: history, not a present problem.
    """

    keys: ClassVar[tuple[Key, ...]] = ("conditions",)
    concepts: frozenset[str]
    certainty: str = "confirmed"
    present: bool = True
    sites: tuple[Site, ...] = ()
    histology: frozenset[str] = frozenset()  # concepts of the mCODE histology extension

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.concepts | self.histology)
