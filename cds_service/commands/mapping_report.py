"""``mapping-report``: which codes and units of a site's own data no reader understands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from cards.text import printable
from cds_service.commands.options import WrongUse, advisor_from, config_option, format_option

if TYPE_CHECKING:
    from fhir_mappings.coverage import Coverage, UnreadCode

_SHOWN = 15


@click.command("mapping-report", short_help="The codes and units of some files that no reader understands.")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@format_option
@click.option("--all", "everything", is_flag=True, help=f"Every code, not the {_SHOWN} most frequent of each system.")
@click.option("--skeleton", metavar="FILE", help="Write a ConceptMap of the unread codes here, to be filled in.")
@config_option
@click.pass_context
def mapping_report(
    context: click.Context,
    files: tuple[str, ...],
    form: str,
    everything: bool,
    skeleton: str | None,
    config_file: str | None,
) -> None:
    """The codes and units of each FILE that no reader understands, most frequent first. FILE is what evaluate takes;
    of a patient nothing is printed. Most codes answer no rule, and need no map."""
    from cds_service.files import FileError, case_from, read_file
    from fhir_mappings.coverage import Coverage, survey
    from fhir_mappings.coverage import skeleton as concept_map

    if skeleton and Path(skeleton).exists():
        raise WrongUse(f"--skeleton: {skeleton} is there already; nothing was written")
    advisor = advisor_from(config_file)
    coverage, failed = Coverage(), False
    for name in files:
        try:
            case = case_from(read_file(name), advisor, hook="patient-view", as_of=date.max)
        except FileError as error:
            failed = True
            click.echo(f"{name}: {error}", err=True)
            continue
        survey([*case.supplied, *case.drafts], advisor.terminology, coverage)
    unread = coverage.unread(advisor.terminology)
    if form == "json":
        click.echo(msgspec.json.encode(_as_json(coverage, unread)))
    else:
        click.echo("\n".join(_as_text(coverage, unread, None if everything else _SHOWN)))
    if skeleton:
        _write(skeleton, concept_map(unread))
    context.exit(1 if failed else 0)


def _as_json(coverage: Coverage, unread: list[tuple[UnreadCode, int]]) -> dict[str, Any]:
    return {
        "understood": coverage.read,
        "codes": [_told(one) | {"count": count} for one, count in unread],
        "units": [_told(one) | {"count": count} for one, count in _frequent(coverage.units)],
        "withoutCode": dict(coverage.uncoded),
    }


def _as_text(coverage: Coverage, unread: list[tuple[UnreadCode, int]], most: int | None) -> Iterator[str]:
    from cds_service.terminal import columns, table, wrap

    times = sum(count for _, count in unread)
    yield from wrap(f"Understood: {coverage.read} codes. Not understood: {times}, of {len(unread)} kinds.", columns())
    by_system = sorted(unread, key=lambda one: one[0].system)
    for system, found in groupby(by_system, key=lambda one: one[0].system):
        rows = [
            [str(count), one.place, printable(one.code), printable(one.display), _maybe(one)] for one, count in found
        ]
        yield from ["", printable(system) or "(no system)"]
        yield from table(rows[:most], columns(), right=(0,), indent="  ")
        if rows[most:] if most is not None else []:
            yield f"  and {len(rows) - (most or 0)} more (--all)"
    if coverage.units:
        units = [[str(count), one.name, printable(one.unit) or "(no unit)"] for one, count in _frequent(coverage.units)]
        yield from ["", "Units not understood", *table(units, columns(), right=(0,), indent="  ")]
    if coverage.uncoded:
        without = [[str(count), place] for place, count in coverage.uncoded.most_common()]
        yield from ["", "Without a code", *table(without, columns(), right=(0,), indent="  ")]


def _maybe(one: UnreadCode) -> str:
    return f"maybe {one.maybe}" if one.maybe else ""


def _frequent(counted: Any) -> list[tuple[Any, int]]:
    return sorted(counted.items(), key=lambda one: (-one[1], one[0]))


def _told(one: Any) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(one).items() if value}


def _write(name: str, concept_map: dict[str, Any]) -> None:
    try:
        with Path(name).open("xb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(concept_map), indent=1) + b"\n")
    except OSError as error:
        raise WrongUse(f"--skeleton: {name} cannot be written ({error.strerror})") from None
    click.echo(f"{name}: {sum(len(group['element']) for group in concept_map['group'])} codes to map", err=True)
