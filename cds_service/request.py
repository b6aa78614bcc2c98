"""A CDS Hooks request: read from bytes, checked as far as an answer needs it, nothing of it ever printed.

The FHIR of the context stays as bytes here; that of the prefetch is cut into resources while the body is decoded.
"""

from __future__ import annotations

import re
from datetime import date

import msgspec

from cds_service.contents import Contents, read_contents
from cds_service.errors import Refusal, place_of
from cds_service.hooks import HOOKS, Field, Hook
from cds_service.prefetch import Usual, read_usual
from fhir_mappings.reading import UNDECODABLE, relative

AS_OF = "org.osteohooks.as-of"
_UUID = re.compile(r"(urn:uuid:)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.IGNORECASE)
_ID = re.compile(r"[^\s/?#&{}]{1,256}$")
_NULL = b"null"

Raws = dict[str, msgspec.Raw]


class Authorization(msgspec.Struct, frozen=True):
    """The client's token for its FHIR server: used for that server during this call, never printed or kept."""

    access_token: str
    token_type: str = "Bearer"
    scope: str = ""
    subject: str = ""
    patient: str | None = None

    def __repr__(self) -> str:
        return "Authorization(...)"


class Context(msgspec.Struct, frozen=True):
    """What is going on at the client. ``drafts``: the resources about to be ordered, booked or recorded."""

    patient_id: str
    user_id: str | None = None
    encounter_id: str | None = None
    selections: tuple[str, ...] | None = None
    drafts: msgspec.Raw | None = None

    def token(self, name: str) -> str | None:
        """The value of a template's token (``context.patientId``), None when the client did not give it."""
        return {
            "context.patientId": self.patient_id,
            "context.userId": self.user_id,
            "context.encounterId": self.encounter_id,
        }.get(name)


class HookRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One call. ``prefetch``: what came under each key; ``as_of`` is the day its extension asks for."""

    hook: str
    hook_instance: str
    context: Context
    prefetch: dict[str, Contents]
    fhir_server: str | None = None
    authorization: Authorization | None = None
    as_of: date | None = None

    def __repr__(self) -> str:
        return f"HookRequest(hook={self.hook!r}, hook_instance={self.hook_instance!r})"


class _Body(msgspec.Struct, rename="camel"):
    hook: str
    hook_instance: str
    context: Raws
    prefetch: Raws | None = None
    fhir_server: str | None = None
    fhir_authorization: msgspec.Raw = msgspec.Raw(_NULL)
    extension: msgspec.Raw = msgspec.Raw(_NULL)
    patient: str | None = None  # CDS Hooks before 1.0 had these two at the top
    user_id: str | None = None


class _UsualBody(_Body):
    prefetch: Usual | None = None


_BODY = msgspec.json.Decoder(_Body)
_USUAL_BODY = msgspec.json.Decoder(_UsualBody)


def read_request(body: bytes | bytearray | memoryview) -> HookRequest:
    """The request in ``body``. Raises Refusal (400) that names the place of the first thing that is wrong."""
    parsed, prefetch = _usual(body) or _any(body)
    if not _UUID.match(parsed.hook_instance):
        raise Refusal(400, "hookInstance: is not a UUID", "hookInstance")
    if (hook := HOOKS.get(parsed.hook)) is None:
        raise Refusal(400, f"hook: is not one that is answered here ({', '.join(HOOKS)})", "hook")
    return HookRequest(
        hook=parsed.hook,
        hook_instance=parsed.hook_instance,
        context=_context(parsed, hook),
        prefetch=prefetch,
        fhir_server=parsed.fhir_server,
        authorization=_authorization(parsed.fhir_authorization),
        as_of=_as_of(parsed.extension),
    )


def _usual(body: bytes | bytearray | memoryview) -> tuple[_Body, dict[str, Contents]] | None:
    """The body and its prefetch in one pass; None when the prefetch is not as nearly everyone sends it."""
    try:
        parsed = _USUAL_BODY.decode(body)
    except UNDECODABLE:
        return None
    prefetch = read_usual(parsed.prefetch) if parsed.prefetch is not None else {}
    return None if prefetch is None else (parsed, prefetch)


def _any(body: bytes | bytearray | memoryview) -> tuple[_Body, dict[str, Contents]]:
    """The body, and whatever is under each key of its prefetch. Raises Refusal (400)."""
    try:
        parsed = _BODY.decode(body)
    except msgspec.ValidationError as error:
        place, what = place_of(error)
        raise Refusal(400, f"{place or 'the body'}: {what}", *([place] if place else [])) from None
    except UNDECODABLE as error:
        raise Refusal(400, _not_json(error)) from None
    return parsed, {key: read_contents(raw) for key, raw in (parsed.prefetch or {}).items()}


def _not_json(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "the body is nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "the body is not UTF-8"
    return "the body is not JSON: " + str(error).removeprefix("JSON is malformed: ")


def _context(parsed: _Body, hook: Hook) -> Context:
    values = {name: raw for name, raw in parsed.context.items() if bytes(raw) != _NULL}
    if parsed.patient is not None:
        values.setdefault("patientId", msgspec.Raw(msgspec.json.encode(parsed.patient)))
    if parsed.user_id is not None:
        values.setdefault("userId", msgspec.Raw(msgspec.json.encode(parsed.user_id)))
    read = {name: _field(f"context.{name}", field, values.get(name)) for name, field in hook.fields.items()}
    drafts = values.get(hook.drafts) if hook.drafts else None
    return Context(
        patient_id=str(read["patientId"]),
        user_id=_text(read.get("userId")),
        encounter_id=_text(read.get("encounterId")),
        selections=_texts(read.get("selections")),
        drafts=drafts.copy() if drafts is not None else None,
    )


def _field(place: str, field: Field, raw: msgspec.Raw | None) -> str | list[str] | None:
    if raw is None:
        if field.needed:
            raise Refusal(400, f"{place}: is missing", place)
        return None
    if field.kind == "resources":
        if not bytes(raw).startswith((b"{", b"[")):
            raise Refusal(400, f"{place}: expected a Bundle", place)
        return None
    try:
        if field.kind == "texts":
            return msgspec.json.decode(raw, type=list[str])
        value = msgspec.json.decode(raw, type=str)
    except msgspec.ValidationError as error:
        raise Refusal(400, f"{place}: {place_of(error)[1]}", place) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refusal(400, f"{place}: is not UTF-8", place) from None
    return _identity(place, value) if field.kind == "id" else value


def _identity(place: str, reference: str) -> str:
    """The logical id of ``17``, ``Patient/17`` or ``https://.../Patient/17``."""
    identity = relative(reference.strip()).rsplit("/", 1)[-1]
    if not _ID.match(identity):
        raise Refusal(400, f"{place}: is not an id", place)
    return identity


def _text(value: str | list[str] | None) -> str | None:
    return value if isinstance(value, str) else None


def _texts(value: str | list[str] | None) -> tuple[str, ...] | None:
    return tuple(value) if isinstance(value, list) else None


def _authorization(raw: msgspec.Raw) -> Authorization | None:
    """None also when it cannot be used as it is: the prefetch may still be enough."""
    try:
        return msgspec.json.decode(raw, type=Authorization | None)
    except UNDECODABLE:
        return None


def _as_of(raw: msgspec.Raw) -> date | None:
    """The day the extension asks for, None when there is none. Other extensions are nobody's business here."""
    try:
        extension = msgspec.json.decode(raw, type=Raws | None)
    except UNDECODABLE:
        return None
    if not extension or AS_OF not in extension:
        return None
    place = f'extension."{AS_OF}"'
    try:
        return msgspec.json.decode(extension[AS_OF], type=date)
    except UNDECODABLE:
        raise Refusal(400, f"{place}: is not a date (2026-11-21)", place) from None
