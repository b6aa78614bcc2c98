"""The hooks of CDS Hooks: their versions, what their context holds, and which of it a prefetch template may use.

From the CDS Hooks library (hl7.org/fhir/uv/cds-hooks-library). Only fields that an answer needs are demanded: a client
that leaves out, say, the user still gets its cards, since many clients show any refusal as "no recommendations".
"""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["id", "text", "texts", "resources"]


class Field(msgspec.Struct, frozen=True):
    """One field of a context. ``needed``: without it there is no answer. ``token``: templates may use it."""

    kind: Kind
    needed: bool = False
    token: bool = False


class Hook(msgspec.Struct, frozen=True):
    """One hook. ``drafts``: the context field that holds what is about to be ordered, booked or recorded."""

    version: str
    fields: dict[str, Field]
    drafts: str | None = None

    @property
    def tokens(self) -> frozenset[str]:
        return frozenset(f"context.{name}" for name, field in self.fields.items() if field.token)


_PATIENT = {
    "userId": Field("text", token=True),
    "patientId": Field("id", needed=True, token=True),
    "encounterId": Field("id", token=True),
}


def _with(drafts: str, **more: Field) -> dict[str, Field]:
    return {**_PATIENT, drafts: Field("resources", needed=True), **more}


HOOKS: dict[str, Hook] = {
    "patient-view": Hook("1.0", _PATIENT),
    "order-select": Hook("1.0", _with("draftOrders", selections=Field("texts")), "draftOrders"),
    "order-sign": Hook("1.0", _with("draftOrders"), "draftOrders"),
    "encounter-start": Hook("1.0", _PATIENT),
    "encounter-discharge": Hook("1.0", _PATIENT),
    "appointment-book": Hook("1.0", _with("appointments"), "appointments"),
    "problem-list-item-create": Hook("0.1.0", _with("conditions"), "conditions"),
    "medication-refill": Hook("0.1.0", _with("medications"), "medications"),
}
