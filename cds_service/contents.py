"""One JSON value that may hold resources (a Bundle, a resource, a client's wrapper), cut into resources.

Whether it is complete decides what may be concluded from what is not in it (ruling 40): a page with a ``next`` link, an
error of the client's server, a null are not "none". The resources themselves stay bytes; ``fhir_mappings`` reads them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeVar

import msgspec

from fhir_mappings.finding import UNREADABLE, Why
from fhir_mappings.reading import UNDECODABLE, Supplied, look

NULL: Why = "null from client"
CLIENT_ERROR: Why = "client error"
PAGE_NOT_FOLLOWED: Why = "page not followed"

_GRAVEST_FIRST = (CLIENT_ERROR, UNREADABLE, PAGE_NOT_FOLLOWED)
T = TypeVar("T")
_ABSENT = msgspec.Raw(b"")
_SPECIAL = ("Bundle", "OperationOutcome")
_NO_MATCH = ("include", "outcome")  # entries of a page of a search that are not what was searched for
_KIND_FIRST = re.compile(rb'\s*{\s*"resourceType"\s*:\s*"(\w+)"')


class Contents(msgspec.Struct, frozen=True):
    """The resources of one value. ``gap``: why there may be more than these, None when these are all.

    ``patients`` are the ids of the Patients among them, ``kind`` is the resource type of the value itself. Of a page of
    a search: ``next_page`` is where the next one is, ``total`` how many matches there are, ``matches`` are here.
    """

    supplied: list[Supplied] = []
    gap: Why | None = None
    patients: list[str | None] = []
    kind: str | None = None
    next_page: str | None = None
    total: int | None = None
    matches: int = 0


class _Search(msgspec.Struct, gc=False):
    mode: str | None = None


class _Response(msgspec.Struct, gc=False):
    status: str | None = None


class _Entry(msgspec.Struct, rename="camel", gc=False):
    full_url: str | None = None
    resource: msgspec.Raw = _ABSENT
    search: _Search | None = None
    response: _Response | None = None
    request: msgspec.Raw = _ABSENT

    @property
    def failed(self) -> bool:
        return bool(self.response and (self.response.status or "2")[:1] in "45")


class _Link(msgspec.Struct, gc=False):
    relation: str | None = None
    url: str | None = None


class _Issue(msgspec.Struct, gc=False):
    severity: str | None = None


class Value(msgspec.Struct, rename="camel", gc=False):
    """A Bundle or OperationOutcome, or what some clients put around a resource."""

    resource_type: str | None = None
    total: int | None = None
    link: list[_Link] | None = None
    entry: list[_Entry] | None = None
    issue: list[_Issue] | None = None
    response: _Response | None = None
    resource: msgspec.Raw = _ABSENT


class _Kind(msgspec.Struct, rename="camel"):
    resource_type: str | None = None


class _Identity(msgspec.Struct):
    id: str | None = None


_VALUE = msgspec.json.Decoder(Value, strict=False)
_KIND = msgspec.json.Decoder(_Kind)


def read_contents(raw: msgspec.Raw, full_url: str | None = None) -> Contents:
    """Every resource of ``raw``, and whether they are all there are. Never raises for what it holds."""
    if bytes(memoryview(raw)[:5]).strip() == b"null":
        return Contents(gap=NULL)
    try:
        kind = kind_of(raw)
        if kind not in (None, *_SPECIAL):
            one = look(raw, full_url)
            return Contents([one], patients=[_id(one)] if kind == "Patient" else [], kind=kind)
        value, flawed = _value(raw)
    except UNDECODABLE:
        return Contents(gap=UNREADABLE)
    return contents_of(value, flawed) or Contents(gap=UNREADABLE)


def contents_of(value: Value | None, flawed: bool = False) -> Contents | None:
    """Every resource of a value that is decoded already; None when it is a resource (only its bytes hold it)."""
    if value is None:
        return Contents(gap=NULL)
    match value.resource_type:
        case None:
            return _wrapped(value)
        case "OperationOutcome":
            return Contents(gap=CLIENT_ERROR if _is_error(value) else None, kind="OperationOutcome")
        case "Bundle":
            return _bundle(value, flawed)
        case _:
            return None


def kind_of(raw: msgspec.Raw) -> str | None:
    """The resource type. Nearly everyone writes it first, which spares looking through the whole resource."""
    if (first := _KIND_FIRST.match(memoryview(raw))) is not None:
        return first[1].decode()
    return _KIND.decode(raw).resource_type


def _wrapped(value: Value) -> Contents:
    """``{"response": {"status": "200 OK"}, "resource": ...}``, as an early version of the specification had it."""
    if value.response and (value.response.status or "2")[:1] in "45":
        return Contents(gap=CLIENT_ERROR)
    return read_contents(value.resource) if bytes(value.resource) else Contents(gap=UNREADABLE)


def _is_error(value: Value) -> bool:
    """An OperationOutcome that only informs or warns is not an error."""
    return not value.issue or any(issue.severity not in ("warning", "information") for issue in value.issue)


def _bundle(bundle: Value, flawed: bool) -> Contents:
    supplied: list[Supplied] = []
    patients: list[str | None] = []
    gaps: list[Why | None] = [UNREADABLE] if flawed else []
    matches = 0
    for entry in bundle.entry or []:
        if entry.search is None or entry.search.mode not in _NO_MATCH:
            matches += 1
        one = look(entry.resource, entry.full_url)
        if entry.response is None and (kind := one.kind) is not None and kind not in _SPECIAL:
            supplied.append(one)  # nearly all
            if kind == "Patient":
                patients.append(_id(one))
            continue
        part = _entry(entry)
        supplied += part.supplied
        patients += part.patients
        gaps.append(part.gap)
    next_page = next((link.url for link in bundle.link or [] if link.relation == "next" and link.url), None)
    if next_page is not None or (bundle.total is not None and bundle.total > matches):
        gaps.append(PAGE_NOT_FOLLOWED)
    return Contents(supplied, gravest(gaps), patients, "Bundle", next_page, bundle.total, matches)


def _entry(entry: _Entry) -> Contents:
    if entry.failed:
        return Contents(gap=CLIENT_ERROR)
    if bytes(memoryview(entry.resource)[:5]) in (b"", b"null"):
        # An address without its resource is a resource that is not here; a bare response or request is none.
        bare = entry.response is not None or bytes(entry.request) != b""
        return Contents(gap=UNREADABLE if entry.full_url and not bare else None)
    contents = read_contents(entry.resource, entry.full_url)
    return named(entry.resource, contents, entry.full_url)


def named(raw: msgspec.Raw, contents: Contents, full_url: str | None = None) -> Contents:
    """The contents; what is no resource at all is handed on as well, so that it is named among the skipped."""
    if contents.gap != UNREADABLE or contents.kind is not None:
        return contents
    return msgspec.structs.replace(contents, supplied=[look(raw, full_url)])


def _id(patient: Supplied) -> str | None:
    """Whose Patient this is, also when nothing else of it can be read."""
    if patient.head is not None:
        return patient.head.id
    try:
        return msgspec.json.decode(patient.raw, type=_Identity).id
    except UNDECODABLE:
        return None


def gravest(gaps: Iterable[Why | None]) -> Why | None:
    found = set(gaps)
    return next((gap for gap in _GRAVEST_FIRST if gap in found), None)


def _value(raw: msgspec.Raw) -> tuple[Value, bool]:
    """The value; when some part of it is not as FHIR has it, what can be read of it, and True."""
    try:
        return _VALUE.decode(raw), False
    except msgspec.ValidationError:
        return _loosely(msgspec.json.decode(raw, type=dict[str, msgspec.Raw])), True


def _loosely(parts: dict[str, msgspec.Raw]) -> Value:
    """Each part by itself, each entry by itself; what is not as it should be is left out."""
    entries = _part(parts, "entry", list[msgspec.Raw]) or []
    return Value(
        resource_type=_part(parts, "resourceType", str),
        total=_part(parts, "total", int),
        link=_part(parts, "link", list[_Link]),
        entry=[entry for raw in entries if (entry := _loose_entry(raw)) is not None],
        issue=_part(parts, "issue", list[_Issue]),
        response=_part(parts, "response", _Response),
        resource=parts.get("resource", _ABSENT),
    )


def _loose_entry(raw: msgspec.Raw) -> _Entry | None:
    try:
        return msgspec.json.decode(raw, type=_Entry)
    except msgspec.ValidationError:
        pass
    try:
        parts = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except UNDECODABLE:
        return None
    return _Entry(_part(parts, "fullUrl", str), parts.get("resource", _ABSENT), _part(parts, "search", _Search))


def _part(parts: dict[str, msgspec.Raw], name: str, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(parts[name], type=kind, strict=False) if name in parts else None
    except UNDECODABLE:
        return None
