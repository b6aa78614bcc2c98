"""From a pile of resources to a chart: one pass that picks, reads, and names what it could not read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

import msgspec

from fhir_mappings import (
    assessments,
    conditions,
    labs,
    lesions,
    medications,
    patient,
    procedures,
    questionnaires,
    views,
)
from fhir_mappings.chart import Chart, Skipped
from fhir_mappings.fhir_versions import version_mark
from fhir_mappings.finding import OTHER_VERSION, UNREADABLE, Finding, Why
from fhir_mappings.lesions import Lesion
from fhir_mappings.medications import DrugRecord
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.reading import UNDECODABLE, Reader, Shelf, Supplied, decoder, relative
from fhir_mappings.terminology import Terminology

MODULES = (assessments, conditions, labs, lesions, medications, patient, procedures, questionnaires)
OTHER_PATIENT: Why = "another patient"

_READERS: dict[str, list[Reader]] = {}
for _module in MODULES:
    for _resource_type, _reader in _module.READERS:
        _READERS.setdefault(_resource_type, []).append(_reader)
_DECODERS = {kind: decoder(readers[0].view) for kind, readers in _READERS.items()}  # a type's readers share its view
_CODELESS = {kind for kind, readers in _READERS.items() if all(reader.wants is None for reader in readers)}
_REFERENCED = {"Medication", "BodyStructure", "Condition"}


class Reading(msgspec.Struct, frozen=True):
    """``chart``: what is on record. ``drafts``: what the hook is about (its context). ``chart_drafts``: drafts found
    among the resources of the record; in a plain file they are what it is about."""

    chart: Chart
    drafts: list[Finding] = []
    chart_drafts: list[Finding] = []


class _Look(msgspec.Struct, frozen=True, gc=False):
    """The first look at one resource, and what its code means."""

    resource: Supplied
    head: views.Head
    concepts: frozenset[str]


def read_chart(
    supplied: Iterable[Supplied],
    *,
    terminology: Terminology,
    as_of: date,
    patient_id: str | None = None,
    gaps: dict[str, Why] | None = None,
    drafts: Iterable[Supplied] = (),
) -> Reading:
    """The chart of one patient as of one day, and the drafts of the hook's context.

    ``patient_id`` is the context's patient; without one it is the first Patient among the resources. Resources of
    another patient, unreadable ones and those of another FHIR version are skipped and named in ``Chart.skipped``.
    Drafts are read leniently (no ``intent``, no ``status``) and may refer to Medications of the record. Never raises
    for what a resource contains.
    """
    shelf = Shelf(terminology, as_of=as_of)
    skipped: list[Skipped] = []
    looks = _looks(supplied, shelf, skipped)
    mine = _patient_references(looks, patient_id)
    findings = _findings(looks, mine, shelf, skipped)
    drafting = shelf.for_drafts()
    drafted = _findings(_looks(drafts, drafting, skipped), mine, drafting, skipped)
    chart_drafts: list[Finding] = []
    past: list[Finding] = []
    of_lesions: list[Lesion] = []
    for finding in findings:
        if _is_draft(finding):
            chart_drafts.append(finding)
        elif _is_later(finding, as_of):
            continue
        elif isinstance(finding, Lesion):
            of_lesions.append(finding)
        else:
            past.append(finding)
    past += lesions.merge(of_lesions)
    chart = Chart(past, as_of=as_of, gaps=gaps, skipped=sorted(set(skipped), key=_order))
    return Reading(chart, drafted, chart_drafts)


def read_each(
    supplied: Iterable[Supplied], *, terminology: Terminology, as_of: date
) -> Iterator[tuple[Supplied, list[Finding | Skipped]]]:
    """Each resource that some reader wants with what is made of it, whoever's it is: for reports on data, no chart."""
    shelf = Shelf(terminology, as_of=as_of)
    for look in _looks(supplied, shelf, []):
        yield look.resource, _read(look, shelf)


def _findings(looks: Iterable[_Look], mine: set[str], shelf: Shelf, skipped: list[Skipped]) -> list[Finding]:
    """What the readers make of the chosen resources; what they could not read is added to ``skipped``."""
    findings: list[Finding] = []
    for look in looks:
        if mine and not _belongs(look.resource, look.head, mine):
            skipped.append(Skipped(_name(look.head), OTHER_PATIENT))
            continue
        for outcome in _read(look, shelf):
            if isinstance(outcome, Skipped):
                skipped.append(
                    outcome if outcome.reference else msgspec.structs.replace(outcome, reference=_name(look.head))
                )
            else:
                findings.append(outcome)
    return findings


def _looks(supplied: Iterable[Supplied], shelf: Shelf, skipped: list[Skipped]) -> list[_Look]:
    """Every resource some reader wants; referenced kinds go on the shelf, copies of one resource count once."""
    chosen: dict[tuple[str, str | bytes], _Look] = {}
    for index, resource in enumerate(supplied):
        head = resource.head
        if head is None:
            skipped.append(_unreadable(resource, index, shelf.terminology))
            continue
        kind = head.resource_type
        if kind is None:
            skipped.append(Skipped(resource.full_url or f"resource {index + 1}", UNREADABLE, "resourceType"))
            continue
        if kind in _REFERENCED:
            shelf.put(f"{kind}/{head.id}", resource.raw)
            if resource.full_url:
                shelf.put(resource.full_url, resource.raw)
        if kind not in _READERS:
            continue
        concepts = _meaning(head, shelf.terminology)
        if kind not in _CODELESS and (not _wanted(kind, concepts) if concepts else _tells(head)):
            continue
        key = (kind, head.id or bytes(resource.raw))
        look = _Look(resource, head, concepts)
        if key not in chosen or _newer(look, chosen[key]):
            chosen[key] = look
    return list(chosen.values())


def _wanted(kind: str, concepts: frozenset[str]) -> bool:
    return any(reader.wants is None or concepts & reader.wants for reader in _READERS[kind])


def _tells(head: views.Head) -> bool:
    """Whether it has a code; one without, or with one in another FHIR version's shape, is for its reader to name."""
    return isinstance(head.code, views.Codes)


def _meaning(head: views.Head, terminology: Terminology) -> frozenset[str]:
    """What the code says; where it says nothing to us (a metabolic panel), what the components' codes say."""
    code = head.code
    if not isinstance(code, views.Codes):
        return frozenset()
    of_code = terminology.meaning_of(code)
    if of_code or not head.component:
        return of_code
    return frozenset().union(*(terminology.meaning_of(part.code) for part in head.component if part.code))


def _read(look: _Look, shelf: Shelf) -> list[Finding | Skipped]:
    resource, head, concepts = look.resource, look.head, look.concepts
    kind = head.resource_type or ""
    if isinstance(head.code, str) and kind not in _CODELESS:
        return [Skipped(_name(head), UNREADABLE, "code", _any_of(kind, shelf.terminology))]
    outcomes: list[Finding | Skipped] = []
    view: views.View | None = None
    for reader in _READERS[kind]:
        if reader.wants is not None and concepts.isdisjoint(reader.wants):
            continue
        try:
            view = view or _DECODERS[kind].decode(resource.raw)
            outcomes.extend(reader.read(view, concepts, shelf))
        except UNDECODABLE as error:
            lost = reader.called(concepts) if _tells(head) else reader.all_names(shelf.terminology)
            outcomes.append(Skipped(_name(head), UNREADABLE, _element(error), tuple(sorted(lost))))
    if outcomes and (mark := version_mark(kind, resource.raw)) is not None:
        names = {name for outcome in outcomes for name in outcome.names}
        return [Skipped(_name(head), OTHER_VERSION, mark, tuple(sorted(names)))]
    return outcomes


def _any_of(reference: str, terminology: Terminology) -> tuple[str, ...]:
    """All that a resource of this type might have said: what is unreadable is unknown, not absent."""
    readers = _READERS.get(reference.split("/")[0].split(" ")[0], [])
    return tuple(sorted({name for reader in readers for name in reader.all_names(terminology)}))


def _patient_references(looks: Iterable[_Look], patient_id: str | None) -> set[str]:
    """Every way a resource may refer to the chart's patient. A Patient without an id is this one if no other is."""
    wanted = relative(patient_id).rsplit("/", 1)[-1] if patient_id else None
    people = [(look.resource, look.head.id) for look in looks if look.head.resource_type == "Patient"]
    same = people[:1] if wanted is None else [one for one in people if one[1] == wanted]
    same = same or [one for one in people if one[1] is None]
    identity = wanted or (same[0][1] if same else None)
    urls = {resource.full_url for resource, _ in same if resource.full_url}
    return ({f"Patient/{identity}"} if identity else set()) | urls | {relative(url) for url in urls}


def _belongs(resource: Supplied, head: views.Head, mine: set[str]) -> bool:
    if head.resource_type == "Patient":
        return head.id is None or f"Patient/{head.id}" in mine
    owner = head.subject or head.patient
    reference = owner.reference if owner else None
    if reference in mine:
        return True
    owners = [reference] if reference and not reference.startswith("#") else _patients_booked(resource, head)
    return not owners or any(owner in mine or relative(owner) in mine for owner in owners)


def _patients_booked(resource: Supplied, head: views.Head) -> list[str]:
    """Whom an Appointment is for: it names its patient among the participants."""
    if head.resource_type != "Appointment":
        return []
    try:
        participants = decoder(views.Appointment).decode(resource.raw).participant or []
    except UNDECODABLE:
        return []  # its reader says so
    actors = [participant.actor for participant in participants if participant.actor]
    return [
        actor.reference
        for actor in actors
        if actor.reference and (actor.type == "Patient" or relative(actor.reference).startswith("Patient/"))
    ]


def _newer(new: _Look, old: _Look) -> bool:
    """Of two copies of one resource the later version counts; else the choice only has to be the same every time."""

    def order(copy: _Look) -> tuple[str, str, bytes]:
        meta = copy.head.meta or views.Meta()
        return (meta.last_updated or "", meta.version_id or "", bytes(copy.resource.raw))

    return order(new) > order(old)


def _is_draft(finding: Finding) -> bool:
    if isinstance(finding, DrugRecord):
        return finding.status == "draft"
    return isinstance(finding, ProcedureRecord) and finding.state == "draft"


def _is_later(finding: Finding, as_of: date) -> bool:
    """Findings dated after the as-of day are not used; plans are about the future and stay (data contract 1.8)."""
    if isinstance(finding, ProcedureRecord) and finding.state == "planned":
        written = finding.authored
        return written is not None and written.first > as_of
    when = finding.evidence.when
    return when is not None and when.first > as_of


def _name(head: views.Head) -> str:
    return f"{head.resource_type}/{head.id}" if head.id else f"{head.resource_type} without id"


def _unreadable(resource: Supplied, index: int, terminology: Terminology) -> Skipped:
    """What is said of a resource that even the first look could not read."""
    name, element = _unreadable_name(resource, index), ""
    try:
        decoder(views.Head).decode(resource.raw)
    except UNDECODABLE as error:
        element = _element(error)
    return Skipped(name, UNREADABLE, element, _any_of(name, terminology))


def _unreadable_name(resource: Supplied, index: int) -> str:
    try:
        loose = msgspec.json.decode(resource.raw)
    except UNDECODABLE:
        loose = None
    if isinstance(loose, dict) and isinstance(loose.get("resourceType"), str):
        identity = loose.get("id")
        return (
            f"{loose['resourceType']}/{identity}"
            if isinstance(identity, str)
            else f"{loose['resourceType']} without id"
        )
    return resource.full_url or f"resource {index + 1}"


def _element(error: Exception) -> str:
    """The path in a msgspec message (``... - at `$.code.coding[0]```), never its values."""
    text = str(error)
    return text.split("`$", 1)[1].rstrip("`").lstrip(".") if "`$" in text else ""


def _order(skip: Skipped) -> tuple[object, ...]:
    return (skip.reference, skip.element, skip.why, skip.names)
