"""Prefetch: the templates a service asks with, and what came back, with every way of not coming kept apart.

Templates use context tokens and restricted searches only (cds-hooks P1, P2): whatever more a client may support is not
needed, and a client that does not support it would send null.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from cds_service.contents import CLIENT_ERROR, NULL, PAGE_NOT_FOLLOWED, Contents, Value, contents_of, read_contents
from cds_service.errors import Refusal
from fhir_mappings.charts import MODULES
from fhir_mappings.finding import NOT_SUPPLIED, Why
from fhir_mappings.reading import Search, Supplied
from fhir_mappings.terminology import LOCAL, Terminology

if TYPE_CHECKING:
    from cds_service.request import HookRequest

_ANSWERED: tuple[Why, ...] = (NULL, PAGE_NOT_FOLLOWED)
_TOKEN = re.compile(r"{{(.+?)}}")

SEARCHES: dict[str, Search] = {key: search for module in MODULES for key, search in module.PREFETCH.items()}
"""How each prefetch key is filled, as the readers of that key have it."""


_ABSENT = msgspec.Raw()
_FIELDS = {key.replace("-", "_"): key for key in SEARCHES}
Usual: Any = msgspec.defstruct(
    "Usual",
    [
        (field, *((msgspec.Raw, _ABSENT) if SEARCHES[key].read else (Value | None | msgspec.UnsetType, msgspec.UNSET)))
        for field, key in _FIELDS.items()
    ],
    rename=_FIELDS,
    forbid_unknown_fields=True,
)
"""A prefetch as nearly everyone sends it: our own keys, each with what its template asks for."""


def read_usual(sent: Any) -> dict[str, Contents] | None:
    """What came under each key of a ``Usual`` prefetch, which the request's own decoding has already taken apart.

    None when a search brought one resource: that has to be read from its bytes (``read_contents``).
    """
    came: dict[str, Contents] = {}
    for field, key in _FIELDS.items():
        value = getattr(sent, field)
        if value is msgspec.UNSET or value == _ABSENT:
            continue
        contents = read_contents(value) if isinstance(value, msgspec.Raw) else contents_of(value)
        if contents is None:
            return None
        came[key] = contents
    return came


Complete = Callable[[dict[str, Contents]], dict[str, Contents]]
"""Adds what is missing to what came under each key."""


class Obtained(msgspec.Struct, frozen=True):
    """What a call may work with.

    ``gaps``: the needed keys that are not complete, and why. ``answered``: whether any of them was answered at all.
    ``patients``: the ids of the Patients that came.
    """

    supplied: list[Supplied]
    gaps: dict[str, Why]
    answered: bool
    patients: list[str]


def templates(keys: Iterable[str], terminology: Terminology, page_size: int) -> dict[str, str]:
    """The prefetch templates of the keys: ``{"labs": "Observation?patient={{context.patientId}}&code=..."}``."""
    return {key: template(SEARCHES[key], terminology, page_size) for key in keys}


def template(search: Search, terminology: Terminology, page_size: int) -> str:
    """One template. Codes stand without their system, which keeps addresses short, except our own (``system|code``)."""
    if search.read:
        return f"{search.resource_type}/{{{{{search.read}}}}}"
    codes = [coding for concept in search.concepts for coding in terminology.codes(concept)]
    codes += [(LOCAL, code) for code in search.local]
    narrowed = ",".join(dict.fromkeys(f"{LOCAL}|{code}" if system == LOCAL else code for system, code in codes))
    parts = ["patient={{context.patientId}}"] + ([f"code={narrowed}"] if narrowed else [])
    return f"{search.resource_type}?{'&'.join(parts)}{search.parameters}&_count={page_size}"


def obtain(request: HookRequest, wanted: Mapping[str, str], complete: Complete | None = None) -> Obtained:
    """Everything to be had for a call that needs the keys of ``wanted`` (key -> template): what the client sent, and
    with ``complete`` (``fetching.Fetch.complete``) what could be fetched.

    Resources under other keys are read too, but answer no key (ruling 42).
    """
    came = request.prefetch if complete is None else complete(request.prefetch)
    gaps = {key: why for key, text in wanted.items() if (why := _gap(request, text, came.get(key))) is not None}
    return Obtained(
        [supplied for contents in came.values() for supplied in contents.supplied],
        gaps,
        any(gaps.get(key) in (None, *_ANSWERED) for key in wanted.keys() & came.keys()),
        _patients(came),
    )


def check_evaluable(
    obtained: Obtained,
    drafts: Sequence[Supplied],
    wanted: Mapping[str, str],
    *,
    strict: bool,
    causes: Mapping[str, str] | None = None,
) -> None:
    """Raises Refusal (412) when nothing at all can be evaluated; with ``strict`` as soon as one key cannot be had.

    ``causes``: what happened to the keys whose fetch failed, for whoever connects a client ("status 401").
    Clients show a refusal as "no recommendations", so whatever can be answered is answered.
    """
    lacking = {key: why for key, why in sorted(obtained.gaps.items()) if why not in _ANSWERED}
    nothing = not (obtained.supplied or drafts or obtained.answered)
    if lacking and (nothing or strict):
        told = {key: dict.fromkeys((why, (causes or {}).get(key, why))) for key, why in lacking.items()}
        asked = "; ".join(f"{key} ({', '.join(reasons)}): {wanted[key]}" for key, reasons in told.items())
        raise Refusal(412, f"needed prefetch could not be had: {asked}", *(f"prefetch.{key}" for key in lacking))


def _gap(request: HookRequest, text: str, contents: Contents | None) -> Why | None:
    """Why a key is not complete, None when it is."""
    if contents is None or contents.gap == NULL:
        # A client cannot fill a template for an encounter when there is none: that is an answer, not a gap.
        asked_for_nothing = any(request.context.token(token) is None for token in _TOKEN.findall(text))
        return None if asked_for_nothing else NOT_SUPPLIED if contents is None else NULL
    if contents.kind == "OperationOutcome":
        return CLIENT_ERROR
    if "?" in text and contents.kind not in (None, "Bundle"):
        return PAGE_NOT_FOLLOWED  # one resource where a search was asked for: there may be more
    return contents.gap


def _patients(came: Mapping[str, Contents]) -> list[str]:
    """The ids of the Patient under ``patient``, else of every Patient that came."""
    named = came["patient"].patients if "patient" in came else []
    ids = named or [identity for contents in came.values() for identity in contents.patients]
    return [identity for identity in ids if identity is not None]
