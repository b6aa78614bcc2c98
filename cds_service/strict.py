"""``evaluate --strict``: which of the resources that came are not valid FHIR R4, where, and by which rule.

R4B models stand in for R4: for the resources a chart holds they are the same. A Bundle is checked without its
resources, and each of those by itself, so that one flaw is told once and where it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError


class Flaw(msgspec.Struct, frozen=True):
    """One broken rule: which resource, which element, what the rule asks for."""

    resource: str
    element: str
    rule: str


def flaws(resources: Iterable[msgspec.Raw]) -> list[Flaw]:
    """Every broken rule of the resources and of what their Bundles hold. Values are never quoted."""
    return [flaw for raw in resources for flaw in _of_raw(raw)]


def _of_raw(raw: msgspec.Raw) -> Iterator[Flaw]:
    try:
        value = msgspec.json.decode(raw)
    except RecursionError:
        yield Flaw("a resource", "", "is nested too deeply")
        return
    except (msgspec.DecodeError, UnicodeDecodeError):
        yield Flaw("a resource", "", "is not JSON")
        return
    if value is not None:
        yield from _of_value(value)


def _of_value(value: Any) -> Iterator[Flaw]:
    kind = value.get("resourceType") if isinstance(value, dict) else None
    if not isinstance(kind, str):
        yield Flaw("a resource", "resourceType", "is missing")
        return
    yield from _of_resource(_name(value), kind, _shell(value) if kind == "Bundle" else value)
    if kind == "Bundle":
        entries = value.get("entry")
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, dict) and entry.get("resource") is not None:
                yield from _of_value(entry["resource"])


def _shell(bundle: dict[str, Any]) -> dict[str, Any]:
    entries = bundle.get("entry")
    if not isinstance(entries, list):
        return bundle
    bare = [
        {name: part for name, part in entry.items() if name != "resource"} if isinstance(entry, dict) else entry
        for entry in entries
    ]
    return bundle | {"entry": bare}


def _of_resource(name: str, kind: str, value: dict[str, Any]) -> Iterator[Flaw]:
    try:
        model = get_fhir_model_class(kind)
    except ValueError:
        yield Flaw(name, "resourceType", "is not a resource type of FHIR R4")
        return
    try:
        model.model_validate(value)
    except ValidationError as error:
        for one in error.errors(include_url=False, include_context=False):
            yield Flaw(name, _path(one["loc"]), _rule(one))
    except (AttributeError, TypeError):  # the models themselves trip over some shapes
        yield Flaw(name, "", "has an element in a shape that FHIR R4 does not have")
    except (ValueError, LookupError):
        yield Flaw(name, "", "holds a resource of a type that FHIR R4 does not have")
    except RecursionError:
        yield Flaw(name, "", "is nested too deeply")


def _path(loc: tuple[Any, ...]) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return path.lstrip(".")


def _rule(error: Any) -> str:
    """The model's own words, unless they quote the value: then the name of the rule."""
    text, value = str(error["msg"]), error["input"]
    if isinstance(value, str | int | float) and str(value) in text:
        return str(error["type"]).replace("_", " ")
    return text.removeprefix("Value error, ").rstrip(".")


def _name(value: dict[str, Any]) -> str:
    identity = value.get("id")
    return f"{value['resourceType']}/{identity}" if isinstance(identity, str) else f"{value['resourceType']} without id"
