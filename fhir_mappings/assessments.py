"""What a clinician recorded about the patient as a whole: scales, yes/no items, coded items (data contract 3).

Also tumour markers (receptors, genes) and imaging of the skeleton, which arrive in the same shapes.
"""

from __future__ import annotations

from typing import ClassVar

from fhir_mappings.finding import Finding, Key
from fhir_mappings.ranges import Range
from fhir_mappings.sites import NOWHERE, Site


class Assessment(Finding, frozen=True, kw_only=True):
    """One patient-level item.

    ``item`` is the local code of data contract 3 (``frankel-grade``, ``life-expectancy``, ``pain-pattern`` ...) or
    ``karnofsky``, ``ecog``, ``pain-severity``. ``value``: the local value code as text, True or False, or a Range
    (counts, scores; ``life-expectancy`` in months, ``pain-duration`` in days).
    """

    keys: ClassVar[tuple[Key, ...]] = ("assessments", "questionnaires")
    item: str
    value: str | bool | Range
    site: Site = NOWHERE

    @property
    def names(self) -> tuple[str, ...]:
        return (self.item,)

    @property
    def shown(self) -> str:
        return str(self.value).lower() if isinstance(self.value, bool) else str(self.value)

    @property
    def number(self) -> Range:
        """The value as a number. Raises TypeError for a coded or yes/no item."""
        if not isinstance(self.value, Range):
            raise TypeError(f"{self.item} is not a number")
        return self.value


class Marker(Finding, frozen=True, kw_only=True):
    """A receptor or gene result.

    ``marker``: ``er`` ``pr`` ``her2`` (value ``positive`` ``negative`` ``equivocal``), ``egfr`` ``stk11`` ``keap1``
    ``met`` (value ``mutated`` ``wild-type``), or ``histology`` (value a concept such as ``lung-adenocarcinoma``).
    """

    keys: ClassVar[tuple[Key, ...]] = ("tumour-markers",)
    marker: str
    value: str

    @property
    def names(self) -> tuple[str, ...]:
        return (self.marker,)

    @property
    def shown(self) -> str:
        return self.value


class Imaging(Finding, frozen=True, kw_only=True):
    """A finding of the skeleton on one modality, or a ``bone-response`` (data contract 3).

    ``modality``: ``bone-scan`` ``ct`` ``mri`` ``x-ray`` ``pet-ct`` with value ``positive`` ``negative``
    ``destruction`` ``no-destruction``; or ``bone-response`` with value ``sclerotic-rim`` ``new-blastic``
    ``new-lytic`` ``soft-tissue-growth`` ``stable``.
    """

    keys: ClassVar[tuple[Key, ...]] = ("imaging",)
    modality: str
    value: str
    site: Site = NOWHERE

    @property
    def names(self) -> tuple[str, ...]:
        return (self.modality,)

    @property
    def shown(self) -> str:
        return self.value


