"""Odd files for the command: a request, a Bundle, an array, NDJSON or one resource, with places changed or damaged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from click.testing import CliRunner

from cds_service.cli import osteohooks
from tests.fuzz import mutations
from tests.fuzz.values import PRIVATE

COMMANDS = (
    ("evaluate", "--format", "json"),
    ("evaluate", "--format", "json", "--strict"),
    ("evaluate", "--lang", "zh-Hans"),
    ("evaluate", "--strict"),
    ("evaluate", "--hook", "order-sign", "--as-of", "0001-01-01"),
    ("evaluate", "--hook", "appointment-book", "--as-of", "9999-12-31"),
    ("mapping-report",),
)


def content(random: Random) -> bytes:
    """The bytes of one file."""
    value, form = random.choice(_FORMS)(random)
    body = form(value)
    return mutations.damaged(random, body) if random.random() < 0.15 else body


def _request(random: Random) -> tuple[Any, Callable[[Any], bytes]]:
    return mutations.changed(random, random.choice(list(mutations.examples().values()))), mutations.written


def _bundle(random: Random) -> tuple[Any, Callable[[Any], bytes]]:
    entries = [{"resource": resource} for resource in _some(random)]
    bundle = {"resourceType": "Bundle", "type": random.choice(["collection", "searchset", "batch-response"])}
    return mutations.changed(random, bundle | {"entry": entries}), mutations.written


def _array(random: Random) -> tuple[Any, Callable[[Any], bytes]]:
    return mutations.changed(random, _some(random)), mutations.written


def _lines(random: Random) -> tuple[Any, Callable[[Any], bytes]]:
    resources = [mutations.changed(random, resource, most=1) for resource in _some(random)]
    return resources, lambda several: b"\n".join(map(mutations.written, several))


def _one(random: Random) -> tuple[Any, Callable[[Any], bytes]]:
    return mutations.changed(random, random.choice(mutations.resources())), mutations.written


_FORMS = [_request, _bundle, _array, _lines, _one]


def _some(random: Random) -> list[Any]:
    return random.sample(mutations.resources(), random.choice([1, 4, 20]))


def faults(command: tuple[str, ...], path: Path) -> list[str]:
    """What is wrong with how the command takes the file; nothing, one hopes."""
    done = CliRunner().invoke(osteohooks, [*command, str(path)], standalone_mode=False)
    found = []
    if done.exception is not None:
        found.append(f"{type(done.exception).__name__} raised")
    status = done.return_value if isinstance(done.return_value, int) else 0
    if status not in (0, 1):
        found.append(f"exit status {status}")
    if PRIVATE in done.stderr:
        found.append("a value of the patient is in an error")
    if "json" not in command and not all(line.isprintable() for line in done.stdout.split("\n")):
        found.append("what steers a terminal is printed")
    if "json" in command:
        found += [f"not one object: {line[:80]!r}" for line in done.stdout.strip().split("\n") if not _is_object(line)]
    return found


def _is_object(line: str) -> bool:
    try:
        return isinstance(msgspec.json.decode(line), dict)
    except msgspec.DecodeError:
        return False
