"""Problems: diagnoses and findings coded as Conditions (and bone metastasis coded as an Observation, ruling 22)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from importlib.resources import files
from typing import Any, ClassVar

from fhir_mappings import views
from fhir_mappings.assessments import Marker
from fhir_mappings.chart import Skipped
from fhir_mappings.code_systems import ICD10, ICD10CM, ICDO3, coding
from fhir_mappings.finding import OTHER_VERSION, UNREADABLE, Evidence, Finding, Key, narrowest_first
from fhir_mappings.observations import absent, element_of, evidence_of, label, original_of, result_of, unusable, usable
from fhir_mappings.reading import Read, Reader, Search, Shelf
from fhir_mappings.sites import Site, coding_site, combine, observed_site, read_site
from fhir_mappings.when import When, read_when


class Problem(Finding, frozen=True, kw_only=True):
    """One Condition.

    ``concepts``: every terminology concept its codings belong to (``bone-metastasis``, ``primary-breast`` ...). A
    metastasis of a named bone is ``bone-metastasis`` too; a metastasis that only its body site makes one of bone also
    has ``bone-metastasis-by-site``.
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
        return narrowest_first(self.concepts | self.histology if self.histology else self.concepts)

    @property
    def severity(self) -> int:
        return ("refuted", "suspected", "confirmed").index(self.certainty)


_TABLE: dict[str, Any] = tomllib.loads(files("fhir_mappings").joinpath("conditions.toml").read_text("utf-8"))
_CERTAINTY = {word: certainty for certainty, words in _TABLE["certainty"].items() for word in words}
_CLINICAL = {word: state == "present" for state, words in _TABLE["clinical"].items() for word in words}
_ANYWHERE = {code.replace(".", "") for code in _TABLE["metastasis"]["anywhere"]}
_NOT_BONE = frozenset(_TABLE["metastasis"]["not-bone"])
_OF_BONE = frozenset(_TABLE["metastasis"]["of-bone"])
_FRACTURES = frozenset(_TABLE["fracture"]["concepts"])
_RECEPTORS: dict[str, dict[str, str]] = _TABLE["receptors"]
HISTORY = "history-metastatic"


def read_condition(condition: views.Condition, concepts: frozenset[str], shelf: Shelf) -> Read:
    """One Condition as a Problem, and the receptors its code states; nothing for a code no concept knows."""
    reference = f"Condition/{condition.id}" if condition.id else ""
    concepts = _concepts(condition, shelf)
    histology = _histology(condition, shelf)
    if not concepts and not histology:
        return
    certainty = _state(condition.verification_status, _CERTAINTY, default="confirmed")
    present = _state(condition.clinical_status, _CLINICAL, default=True)
    if certainty is None or present is None:
        element = "verificationStatus" if certainty is None else "clinicalStatus"
        status = condition.verification_status if certainty is None else condition.clinical_status
        why = OTHER_VERSION if isinstance(status, str) else UNREADABLE
        yield Skipped(reference, why, element, tuple(sorted(concepts | histology)))
        return
    if certainty == "ignored":
        return
    evidence = Evidence(reference, when_of(condition), label(condition.code) if condition.code else "")
    yield Problem(
        evidence=evidence,
        concepts=concepts,
        certainty=certainty,
        present=present and not _abated(condition, shelf) and not _past_fracture(condition, concepts),
        sites=_sites(condition, shelf),
        histology=histology,
    )
    if certainty == "confirmed" and concepts & _RECEPTORS.keys():
        yield from _receptors(concepts, evidence)


def read_observation(observation: views.Observation, concepts: frozenset[str], shelf: Shelf) -> Read:
    """A bone metastasis, or a history of metastatic cancer, written as an Observation with a yes or a no (ruling 22).

    "Absent" refutes a history, which is a statement about the whole past; of a bone metastasis it only says that this
    examination saw none, which neither makes nor undoes a diagnosis: no finding.
    """
    if usable(observation.status) is None:
        if (skip := unusable(observation, tuple(sorted(concepts)))) is not None:
            yield skip
        return
    certainty = _said(observation, shelf)
    evidence = evidence_of(observation, original_of(observation))
    if certainty is None:
        why = absent(observation) or UNREADABLE
        yield Skipped(evidence.reference, why, element_of(observation), tuple(sorted(concepts)))
    elif HISTORY in concepts:
        yield Problem(evidence=evidence, concepts=concepts, certainty=certainty, present=False)
    elif certainty != "refuted":
        codes = observation.code.codings if observation.code else []
        site = combine([observed_site(observation, shelf), *(coding_site(code, shelf) for code in codes)])
        named = concepts | ({"bone-metastasis"} if concepts & _OF_BONE else frozenset())
        yield Problem(evidence=evidence, concepts=named, certainty=certainty, sites=(site,) if site.known else ())


def when_of(condition: views.Condition) -> When | None:
    """The clinical date: the onset, else when it was recorded (data contract 1.6)."""
    period = condition.onset_period
    written = (
        condition.onset_date_time
        or (period and (period.start or period.end))
        or condition.recorded_date
        or condition.asserted_date
        or condition.date_recorded
    )
    return read_when(written or None)


def _concepts(condition: views.Condition, shelf: Shelf) -> frozenset[str]:
    """Every concept of the codings, and what code and body site say only together."""
    codings = condition.code.codings if condition.code else []
    found: set[str] = set()
    for one in codings:
        found |= shelf.terminology.said(one.system, one.code).concepts
    body_sites = condition.body_site or []
    if found & _OF_BONE:
        found.add("bone-metastasis")
    elif any(_bone(site, shelf) for site in body_sites) and any(_anywhere(one) for one in codings):
        found |= {"bone-metastasis", "bone-metastasis-by-site"}
    if "osteonecrosis" in found and any(read_site(site, shelf).inside("jaw") for site in body_sites):
        found.add("onj")
    if "cancer-generic" in found:
        found |= {concept for site in body_sites for concept in _primaries(site, shelf)}
    return frozenset(found)


def _anywhere(one: views.Coding) -> bool:
    """True for a code that says metastasis and not where."""
    return bool(one.system and one.code) and coding(one.system or "", one.code or "")[1] in _ANYWHERE


def _bone(site: views.BodySite, shelf: Shelf) -> bool:
    """True for a body site that is a bone, not a part of the body that has bones in it."""
    return read_site(site, shelf).known and not any(one.code in _NOT_BONE for one in site.codings)


def _primaries(site: views.BodySite, shelf: Shelf) -> Iterator[str]:
    """The primary a topography names: ICD-O-3 numbers these organs as ICD-10 numbers their cancers.

    Bone (C40, C41) is left out: a cancer of bone that no code calls primary may be a metastasis.
    """
    for one in site.codings:
        if one.system and one.code and coding(one.system, one.code)[0] == ICDO3:
            concepts = shelf.terminology.concepts(ICD10, one.code)
            yield from (name for name in concepts if name.startswith("primary-") and name != "primary-bone-cancer")


def _histology(condition: views.Condition, shelf: Shelf) -> frozenset[str]:
    if not condition.extension:
        return frozenset()
    wanted = _TABLE["histology"]["extension"]
    extensions = [one for one in condition.extension if one.url and one.url.endswith(wanted)]
    return shelf.concepts(*[one.value_codeable_concept for one in extensions])


def _sites(condition: views.Condition, shelf: Shelf) -> tuple[Site, ...]:
    """Every known body site, narrowed by what the code itself says; the code's own place when there is none."""
    codings = condition.code.codings if condition.code else []
    coded = combine([coding_site(one, shelf) for one in codings])
    given = [site for one in condition.body_site or () if (site := read_site(one, shelf)).known]
    if not given:
        return (coded,) if coded.known else ()
    return tuple(dict.fromkeys(both if (both := combine([site, coded])).known else site for site in given))


def _state(status: views.CodeableConcept | str | None, meaning: dict[str, Any], *, default: Any) -> Any:
    """What a status means; ``default`` when there is none, None when it is there and not understood."""
    if status is None:
        return default
    for word in [status] if isinstance(status, str) else [*[one.code for one in status.codings], status.text]:
        if word and word.lower() in meaning:
            return meaning[word.lower()]
    return None


def _abated(condition: views.Condition, shelf: Shelf) -> bool:
    """True when an abatement is recorded and does not lie ahead."""
    period = condition.abatement_period
    written = condition.abatement_date_time or (period and period.end)
    if written:
        when = read_when(written)
        return when is None or when.first <= shelf.as_of
    return (
        condition.abatement_boolean is True
        or condition.abatement_string is not None
        or condition.abatement_age is not None
        or condition.abatement_range is not None
    )


def _past_fracture(condition: views.Condition, concepts: frozenset[str]) -> bool:
    """True for an ICD-10-CM fracture whose encounter is routine healing or sequela."""
    if not concepts & _FRACTURES or condition.code is None:
        return False
    codes = (coding(one.system, one.code) for one in condition.code.codings if one.system and one.code)
    return any(
        system == ICD10CM and len(code) == 7 and code[-1] in _TABLE["fracture"]["past"] for system, code in codes
    )


def _receptors(concepts: frozenset[str], evidence: Evidence) -> Iterator[Marker]:
    stated = {(marker, value) for name in concepts for marker, value in _RECEPTORS.get(name, {}).items()}
    yield from (Marker(evidence=evidence, marker=marker, value=value) for marker, value in sorted(stated))


def _said(observation: views.Observation, shelf: Shelf) -> str | None:
    """``confirmed``, ``suspected`` or ``refuted`` (absent, false); None when the value is not understood."""
    if absent(observation) is not None:
        return None
    if observation.value_boolean is not None:
        return "confirmed" if observation.value_boolean else "refuted"
    words = {"positive": "confirmed", "equivocal": "suspected", "negative": "refuted"}
    return words.get(result_of(observation.value_codeable_concept, shelf) or "")


# What a code may turn out to say together with the rest of the resource (see _concepts).
_NAMES: dict[str, tuple[str, ...]] = {
    **{name: (name, "bone-metastasis") for name in (*sorted(_OF_BONE), "secondary-cancer-any")},
    "osteonecrosis": ("osteonecrosis", "onj"),
}
# Which Conditions matter is the terminology's business (and a site's): every Condition is looked at.
READERS: tuple[tuple[str, Reader], ...] = (
    ("Condition", Reader(views.Condition, read_condition, names=_NAMES, anything=("condition",))),
    ("Observation", Reader(views.Observation, read_observation, _OF_BONE | {HISTORY}, _NAMES)),
)
PREFETCH: dict[str, Search] = {"conditions": Search("Condition")}
