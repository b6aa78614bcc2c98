"""What may stand on the wire, by the specification: CDS Hooks 2.0.1 with the fields 3.0 adds. Nothing else is allowed.

Decoding a body as one of these is strict: an unknown field, a missing one, a null or a wrong type is an error.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

Text = Annotated[str, msgspec.Meta(min_length=1)]
Object = Annotated[dict[str, Any], msgspec.Meta(min_length=1)]
Extension = Annotated[
    dict[Annotated[str, msgspec.Meta(pattern=r"^[a-z]+(\.[a-z-]+)+$")], Object], msgspec.Meta(min_length=1)
]


class Shape(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """An object of the specification. ``UNSET`` is a field that may be left out, and is never null."""


Maybe = msgspec.UnsetType


class Service(Shape):
    hook: Text
    description: Text
    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]+$")]  # a step of an address
    title: Text
    version: Annotated[str, msgspec.Meta(pattern=r"^\d+\.\d+\.\d+$")]
    hook_version: Annotated[str, msgspec.Meta(pattern=r"^\d+\.\d+(\.\d+)?$")]
    prefetch: Annotated[dict[Text, Text], msgspec.Meta(min_length=1)] | Maybe = msgspec.UNSET
    usage_requirements: Text | Maybe = msgspec.UNSET
    extension: Extension | Maybe = msgspec.UNSET


class Discovery(Shape):
    services: list[Service]


class Coding(Shape):
    """``display`` is what a person reads; without it an override reason cannot be shown."""

    code: Text
    system: Text
    display: Text


class Source(Shape):
    label: Text
    url: Text | Maybe = msgspec.UNSET
    icon: Text | Maybe = msgspec.UNSET
    topic: Coding | Maybe = msgspec.UNSET

    def __post_init__(self) -> None:
        for address in (self.url, self.icon):
            _absolute(address)


class Action(Shape):
    type: Literal["create", "update", "delete"]
    description: Text
    resource: Object | Maybe = msgspec.UNSET
    resource_id: Text | Maybe = msgspec.UNSET
    extension: Extension | Maybe = msgspec.UNSET

    def __post_init__(self) -> None:
        deletes = self.type == "delete"
        if (self.resource is msgspec.UNSET) != deletes or (self.resource_id is msgspec.UNSET) == deletes:
            raise ValueError("a delete names resourceId and no resource, anything else a resource (cds-resp-2)")


class Suggestion(Shape):
    label: Text
    uuid: UUID | Maybe = msgspec.UNSET
    is_recommended: bool | Maybe = msgspec.UNSET
    actions: Annotated[list[Action], msgspec.Meta(min_length=1)] | Maybe = msgspec.UNSET


class Link(Shape):
    label: Text
    url: Text
    type: Literal["absolute", "smart"]
    app_context: Text | Maybe = msgspec.UNSET
    autolaunchable: bool | Maybe = msgspec.UNSET

    def __post_init__(self) -> None:
        _absolute(self.url)
        if self.app_context is not msgspec.UNSET and self.type != "smart":
            raise ValueError("appContext is for smart links (cds-resp-3)")


class Card(Shape):
    summary: Annotated[str, msgspec.Meta(min_length=1, max_length=139)]
    indicator: Literal["info", "warning", "critical"]
    source: Source
    uuid: UUID | Maybe = msgspec.UNSET
    detail: Text | Maybe = msgspec.UNSET
    suggestions: Annotated[list[Suggestion], msgspec.Meta(min_length=1)] | Maybe = msgspec.UNSET
    selection_behavior: Literal["any", "at-most-one"] | Maybe = msgspec.UNSET
    override_reasons: Annotated[list[Coding], msgspec.Meta(min_length=1)] | Maybe = msgspec.UNSET
    links: Annotated[list[Link], msgspec.Meta(min_length=1)] | Maybe = msgspec.UNSET
    extension: Extension | Maybe = msgspec.UNSET

    def __post_init__(self) -> None:
        suggestions = [] if self.suggestions is msgspec.UNSET else self.suggestions
        if suggestions and self.selection_behavior is msgspec.UNSET:
            raise ValueError("suggestions need a selectionBehavior")
        recommended = [one for one in suggestions if one.is_recommended is True]
        if self.selection_behavior == "at-most-one" and len(recommended) > 1:
            raise ValueError("at most one suggestion may be recommended (cds-resp-1)")


class Answer(Shape):
    """The response to a call. ``systemActions`` and ``actionSelectionBehavior`` are for pairs of programs that have
    agreed on them, so here they are not allowed at all."""

    cards: list[Card]
    extension: Extension | Maybe = msgspec.UNSET


class Issue(Shape):
    severity: Literal["fatal", "error", "warning", "information"]
    code: Text
    diagnostics: Text | Maybe = msgspec.UNSET
    expression: Annotated[list[Text], msgspec.Meta(min_length=1)] | Maybe = msgspec.UNSET


class OperationOutcome(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    resource_type: Literal["OperationOutcome"]
    issue: Annotated[list[Issue], msgspec.Meta(min_length=1)]


def _absolute(address: str | Maybe) -> None:
    if address is not msgspec.UNSET and not (urlsplit(address).scheme == "https" and urlsplit(address).netloc):
        raise ValueError(f"not an absolute address: {address}")


def read(body: bytes, shape: type[Any]) -> Any:
    """``body`` as ``shape``, or the reason why it is none."""
    return msgspec.json.decode(body, type=shape)


def empty_places(value: Any, place: str = "$") -> list[str]:
    """Where a body holds null, "", [] or {}."""
    if value is None or value in ("", [], {}):
        return [place]
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, part in parts for found in empty_places(part, f"{place}.{key}")]
