"""A file as a case: a chart in any of the shapes charts come in, or a whole CDS Hooks request."""

from __future__ import annotations

import sys
from datetime import date
from hashlib import sha256
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import msgspec

from cds_service.advisor import Advisor, Case, case_of
from cds_service.contents import gravest, named, read_contents
from cds_service.errors import Refusal
from cds_service.prefetch import SEARCHES, Obtained, obtain
from cds_service.request import HookRequest, read_request
from fhir_mappings.finding import NOT_SUPPLIED
from fhir_mappings.reading import UNDECODABLE

STANDARD_INPUT = "-"
_REQUEST_MARKS = ("hook", "hookInstance", "prefetch")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

Raws = dict[str, msgspec.Raw]


class _Prefetched(msgspec.Struct):
    prefetch: Raws | None = None


class FileError(Exception):
    """A file that cannot be judged: one line that says why, without anything of what is in it."""


def read_file(name: str) -> bytes:
    """The bytes of a file, or of standard input for ``-``. Raises FileError."""
    try:
        data = sys.stdin.buffer.read() if name == STANDARD_INPUT else Path(name).read_bytes()
    except FileNotFoundError:
        raise FileError("there is no such file") from None
    except IsADirectoryError:
        raise FileError("is a folder; name the files in it") from None
    except OSError as error:
        raise FileError(f"cannot be read ({error.strerror})") from None
    data = data.removeprefix(_BYTE_ORDER_MARK)
    if not data.strip():
        raise FileError("is empty")
    if b"\0" in data:
        raise FileError("is not text, so it is neither JSON nor NDJSON")
    return data


def case_from(data: bytes, advisor: Advisor, *, hook: str, as_of: date | None) -> Case:
    """The case a file holds. ``hook`` is where a plain chart is judged; a request brings its own.

    ``as_of`` wins over the request's as-of extension, which always counts here. Raises FileError.
    """
    today = advisor.settings.server.today()
    asked = _request(data)
    if asked is None:
        return _chart_case(data, advisor, hook=hook, as_of=as_of or today)
    obtained = _obtained(asked, advisor)
    case = case_of(asked, obtained, today=today, allow_as_of=True)
    return case if as_of is None else msgspec.structs.replace(case, as_of=as_of)


def resources_in(data: bytes) -> list[msgspec.Raw]:
    """Every resource and Bundle of a file as it stands there, for a strict check."""
    asked = _request(data)
    if asked is None:
        return _values(data)
    prefetch = msgspec.json.decode(data, type=_Prefetched).prefetch or {}
    return [*prefetch.values(), *([asked.context.drafts] if asked.context.drafts is not None else [])]


def _chart_case(data: bytes, advisor: Advisor, *, hook: str, as_of: date) -> Case:
    contents = [named(raw, read_contents(raw)) for raw in _values(data)]
    keys = advisor.catalogue.keys(None, hook)
    gap = gravest(one.gap for one in contents)
    return Case(
        hook=hook,
        hook_instance=str(uuid5(NAMESPACE_URL, sha256(data).hexdigest())),
        as_of=as_of,
        supplied=[supplied for one in contents for supplied in one.supplied],
        gaps=dict.fromkeys(keys, gap) if gap else {},  # a plain file is the whole chart, unless it says it is not
        drafts_in_chart=True,
    )


def _obtained(asked: HookRequest, advisor: Advisor) -> Obtained:
    """What a request's prefetch holds. A Bundle under a key that no template uses means: this is the whole chart."""
    obtained = obtain(asked, advisor.templates(None, asked.hook))
    others = [contents for key, contents in asked.prefetch.items() if key not in SEARCHES]
    charts = [contents for contents in others if contents.kind == "Bundle"]
    if not charts:
        return obtained
    gap = gravest(chart.gap for chart in charts)
    gaps = {key: gap if why == NOT_SUPPLIED else why for key, why in obtained.gaps.items()}
    return msgspec.structs.replace(obtained, gaps={key: why for key, why in gaps.items() if why is not None})


def _request(data: bytes) -> HookRequest | None:
    """The request a file holds, None when it holds something else."""
    try:
        parts = msgspec.json.decode(data, type=Raws)
    except UNDECODABLE:
        return None
    if "resourceType" in parts or not any(mark in parts for mark in _REQUEST_MARKS):
        return None
    try:
        return read_request(data)
    except Refusal as refusal:
        raise FileError(refusal.diagnostics) from None


def _values(data: bytes) -> list[msgspec.Raw]:
    """The resources of a file: one, an array, or one a line."""
    try:
        whole = msgspec.json.decode(data, type=msgspec.Raw)
    except RecursionError:
        raise FileError("is nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _lines(data, error)
    values = msgspec.json.decode(whole, type=list[msgspec.Raw]) if bytes(whole).lstrip().startswith(b"[") else [whole]
    if not any(_is_resource(raw) for raw in values):
        raise FileError("is JSON, but not FHIR: nothing in it has a resourceType")
    return values


def _lines(data: bytes, error: Exception) -> list[msgspec.Raw]:
    """NDJSON; a line that is none is kept, to be named and skipped. Raises FileError when no line is a resource."""
    lines = [msgspec.Raw(line) for line in data.splitlines() if line.strip()]
    if not _is_resource(lines[0]):
        raise FileError(f"is not JSON{_spot(data, error)}")
    return lines


def _is_resource(raw: msgspec.Raw) -> bool:
    try:
        return "resourceType" in msgspec.json.decode(raw, type=Raws)
    except UNDECODABLE:
        return False


def _spot(data: bytes, error: Exception) -> str:
    """Line and column of a msgspec message's byte."""
    found = str(error).rsplit("(byte ", 1)
    if len(found) != 2:
        return ": it ends too early" if "truncated" in str(error) else ""
    before = data[: int(found[1].rstrip(")"))]
    line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
    return f" (line {line}, column {column})"
