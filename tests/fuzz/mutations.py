"""Calls that no client should make, made out of the recorded examples: one place of a request is changed, or several.

Everything is decided by a ``Random``, so that a call can be made again; Hypothesis supplies one that it can shrink.
Values that Python's JSON cannot write (``values.py``) are put in as bytes.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from cds_service.hooks import HOOKS
from tests.fuzz.values import HEADERS, TEXTS, VALUES

Json = Any
Place = tuple[str | int, ...]

EXAMPLES = Path(__file__).parents[2] / "examples"


class Call(msgspec.Struct, frozen=True):
    """One HTTP call: what is posted where, and under which headers."""

    path: str
    body: bytes
    headers: dict[str, str] = {}
    told: str = ""  # how it was made


@cache
def examples() -> dict[str, Json]:
    """Every recorded request by the name of its advisory."""
    return {
        path.parent.name: msgspec.json.decode(path.read_bytes()) for path in sorted(EXAMPLES.glob("*/request.json"))
    }


@cache
def services() -> dict[str, str]:
    """The service that each example is for: ``{"mirels": "fracture-risk-patient-view"}``."""
    from tests.situations import shipped_catalogue

    advisories = shipped_catalogue().advisories
    return {name: f"{advisories[name].theme}-{request['hook']}" for name, request in examples().items()}


def call_of(name: str, body: bytes, headers: dict[str, str] | None = None, told: str = "") -> Call:
    return Call(f"/cds-services/{services()[name]}", body, headers or {}, told or name)


def places(value: Json, here: Place = ()) -> Iterator[Place]:
    """Every place in a JSON value, the value itself first."""
    yield here
    if isinstance(value, dict):
        for key, part in value.items():
            yield from places(part, (*here, key))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from places(part, (*here, index))


def at(value: Json, place: Place) -> Json:
    for step in place:
        value = value[step]
    return value


def put(value: Json, place: Place, part: Json) -> Json:
    """A copy of ``value`` with ``part`` at the place; what lies elsewhere is shared."""
    if not place:
        return part
    changed = value.copy()
    changed[place[0]] = put(value[place[0]], place[1:], part)
    return changed


def written(value: Json) -> bytes:
    return msgspec.json.encode(value)


def copied(value: Json) -> Json:
    return msgspec.json.decode(written(value))


def raw(content: bytes) -> msgspec.Raw:
    return msgspec.Raw(content)


# --- What may be done to one place ----------------------------------------------------------------------------------


def _replace(random: Random, value: Json, place: Place) -> Json:
    return put(value, place, raw(random.choice(VALUES)))


def _swap_in(random: Random, value: Json, place: Place) -> Json:
    """Something of another example, which is right there and wrong here."""
    other = examples()[random.choice(sorted(examples()))]
    return put(value, place, at(other, random.choice(list(places(other)))))


def _drop(random: Random, value: Json, place: Place) -> Json:
    if not place:
        return None
    holder = at(value, place[:-1]).copy()
    del holder[place[-1]]
    return put(value, place[:-1], holder)


def _several(random: Random, value: Json, place: Place) -> Json:
    """An element of a list many times; anything else as a list of itself."""
    times = random.choice([2, 3, 40])
    if place and isinstance(place[-1], int):
        holder = at(value, place[:-1])
        return put(value, place[:-1], holder + [at(value, place)] * times)
    return put(value, place, [at(value, place)] * times)


def _wrap(random: Random, value: Json, place: Place) -> Json:
    part = at(value, place)
    return put(value, place, random.choice([[part], {"value": part}, str(part), [[part]], {"coding": part}]))


def _unwrap(random: Random, value: Json, place: Place) -> Json:
    part = at(value, place)
    if isinstance(part, list) and part:
        return put(value, place, part[0])
    if isinstance(part, dict) and part:
        return put(value, place, next(iter(part.values())))
    return _replace(random, value, place)


def _twice(random: Random, value: Json, place: Place) -> Json:
    """The same key once more, with another value: JSON allows it and says nothing of what it means."""
    part = at(value, place)
    if not isinstance(part, dict) or not part:
        return _replace(random, value, place)
    key = random.choice(sorted(part))
    first = random.random() < 0.5
    again = written(key) + b":" + random.choice(VALUES)
    told = written(part)
    return put(value, place, raw(b"{" + again + b"," + told[1:] if first else told[:-1] + b"," + again + b"}"))


def _rename(random: Random, value: Json, place: Place) -> Json:
    part = at(value, place)
    if not isinstance(part, dict) or not part:
        return _replace(random, value, place)
    old = random.choice(sorted(part))
    new = random.choice([*TEXTS, "value" + old[:1].upper() + old[1:], "_" + old, old.lower(), old + "s"])
    return put(value, place, {new if key == old else key: one for key, one in part.items()})


_CHANGES: list[Callable[[Random, Json, Place], Json]] = [
    *(_replace, _replace, _replace, _swap_in, _swap_in, _drop, _several, _wrap, _unwrap, _twice, _rename),
]


# --- What may be done to the bytes ----------------------------------------------------------------------------------


def damaged(random: Random, body: bytes) -> bytes:
    start = random.randrange(len(body) + 1)
    end = min(len(body), start + random.choice([1, 2, 8, 200]))
    junk = bytes(random.randrange(256) for _ in range(random.choice([1, 3, 9])))
    return random.choice(
        [
            body[:start],
            body[:start] + body[end:],
            body[:start] + junk + body[start:],
            body[:start] + junk + body[end:],
            body[:end] + body[start:],
            body + body,
            body[:start] + random.choice(VALUES) + body[end:],
            body.decode("utf-8", "replace").encode("utf-16"),
            b"\xef\xbb\xbf" + body,
        ]
    )


def _zipped(random: Random, body: bytes) -> bytes:
    packed = gzip.compress(body, 1, mtime=0)
    return random.choice([packed, packed, packed[:-5], packed + b"more", body, gzip.compress(packed, mtime=0)])


def headers(random: Random) -> dict[str, str]:
    names = [name for name in sorted(HEADERS) if HEADERS[name]]
    return {name: random.choice(HEADERS[name]) for name in random.sample(names, random.choice([0, 0, 1, 3]))}


def changed(random: Random, value: Json, *, most: int = 4) -> Json:
    """``value`` with one to ``most`` places changed."""
    for _ in range(random.randint(1, most)):
        plain = _plain_places(value)
        if not plain:
            return value
        value = random.choice(_CHANGES)(random, value, random.choice(plain))
    return value


def mixed(random: Random, name: str) -> Json:
    """The call of an example about a patient who also has what patients of other examples have, drafts included."""
    request = copied(examples()[name])
    pool = resources()
    for resource in random.sample(pool, random.choice([1, 5, 30])):
        key = random.choice(sorted(request["prefetch"]))
        holder = request["prefetch"][key]
        if holder.get("resourceType") == "Bundle":
            holder.setdefault("entry", []).append({"resource": resource})
            holder["total"] = len(holder["entry"])
    for field in ("draftOrders", "appointments"):
        if field in request["context"]:
            entries = [{"resource": resource} for resource in random.sample(pool, 3)]
            request["context"][field]["entry"] = request["context"][field].get("entry", []) + entries
            if "selections" in request["context"] and random.random() < 0.5:
                request["context"]["selections"] += [_reference(entry["resource"]) for entry in entries]
    return request


@cache
def resources() -> list[Json]:
    """Every resource of every example, each with an id of its own, so that they can stand in one chart."""
    found = [
        resource | {"id": f"{name}-{resource['id']}"}
        for name, request in examples().items()
        for resource in _resources_of(request)
        if resource["resourceType"] != "Patient"
    ]
    return found


def _resources_of(value: Json) -> Iterator[Json]:
    for place in places(value):
        part = at(value, place)
        if isinstance(part, dict) and "resourceType" in part and part["resourceType"] != "Bundle":
            yield part


def _reference(resource: Json) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def _plain_places(value: Json) -> list[Place]:
    return [place for place in places(value) if not isinstance(at(value, place), msgspec.Raw)]


def mutated(random: Random) -> Call:
    """One call: an example with some places changed, sometimes with damaged bytes, zipped, or under odd headers."""
    name = random.choice(sorted(examples()))
    request = examples()[name] if random.random() < 0.6 else mixed(random, name)
    if random.random() < 0.05:
        request = request | {"hook": random.choice(list(HOOKS))}
    body = written(changed(random, request))
    if random.random() < 0.1:
        body = damaged(random, body)
    sent = headers(random)
    if sent.get("Content-Encoding", "").lower().endswith("gzip"):
        body = _zipped(random, body)
    path = services()[random.choice(sorted(services()))] if random.random() < 0.05 else services()[name]
    return Call(f"/cds-services/{path}", body, sent, name)


# --- Every place, every value ---------------------------------------------------------------------------------------


def _kind_of_place(place: Place, request: Json) -> tuple[Any, ...]:
    """Places that differ only by which element of a list they stand in are of one kind, unless it has another code."""
    names = tuple(step for step in place if not isinstance(step, int))
    within = next((depth for depth in reversed(range(len(place))) if place[depth] in ("resource", "component")), None)
    if within is None:
        return names
    around = at(request, place[: within + 2] if place[within] == "component" else place[: within + 1])
    return (*names, *re.findall(rb'"code":"([^"]+)"', written(around))[:1])


def every_place() -> list[tuple[str, Place]]:
    """Each kind of place that the examples have, with an example that has it."""
    found: dict[tuple[Any, ...], tuple[str, Place]] = {}
    for name, request in examples().items():
        for place in places(request):
            found.setdefault((services()[name].rsplit("-", 1)[-1], *_kind_of_place(place, request)), (name, place))
    return list(found.values())


def with_value(name: str, place: Place, value: bytes) -> Call:
    """The example with one place holding ``value``."""
    shown = value[:40].decode("utf-8", "backslashreplace")
    return call_of(name, written(put(examples()[name], place, raw(value))), told=f"{name} {place}: {shown}")
