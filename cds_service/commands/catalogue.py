"""``services``, ``advisories`` and ``explain``: what there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import msgspec

from cds_service.commands.options import (
    WrongUse,
    advisor_from,
    config_option,
    format_option,
    language_of,
    language_option,
)

if TYPE_CHECKING:
    from cards.advisory import Advisory


@click.command()
@format_option
@language_option
@config_option
def services(form: str, language: str | None, config_file: str | None) -> None:
    """The CDS services, one for each theme and hook."""
    from cds_service.discovery import described
    from cds_service.discovery import services as all_services

    advisor = advisor_from(config_file)
    tongue = language_of(language, advisor.settings)
    known = all_services(advisor).values()
    if form == "json":
        click.echo(msgspec.json.encode([described(service, advisor, tongue) for service in known]))
        return
    rows = [
        [service.id, ", ".join(one.id for one in advisor.catalogue.of(service.theme, service.hook))]
        for service in known
    ]
    _print_table(["service", "advisories"], rows)


@click.command()
@format_option
@language_option
@config_option
def advisories(form: str, language: str | None, config_file: str | None) -> None:
    """The advisories: what each is about, its theme and its hooks."""
    advisor = advisor_from(config_file)
    tongue = language_of(language, advisor.settings)
    known = advisor.catalogue.advisories.values()
    if form == "json":
        click.echo(msgspec.json.encode([_summary(advisory, tongue) for advisory in known]))
        return
    rows = [[one.id, one.theme, one.title.say(tongue)] for one in known]
    _print_table(["advisory", "theme", "about"], rows)


@click.command(short_help="An advisory in full: numbers, sources, inputs, review.")
@click.argument("advisory")
@language_option
@config_option
def explain(advisory: str, language: str | None, config_file: str | None) -> None:
    """An ADVISORY in full: its table, sources, inputs, hooks, what it is not for, its review state."""
    from cds_service.explanation import explanation

    advisor = advisor_from(config_file)
    found = advisor.catalogue.advisories.get(advisory)
    if found is None:
        raise WrongUse(f'there is no advisory "{advisory}"; osteohooks advisories lists them')
    click.echo(explanation(found, language_of(language, advisor.settings)))


def _summary(advisory: Advisory, language: str) -> dict[str, Any]:
    return {
        "id": advisory.id,
        "theme": advisory.theme,
        "title": advisory.title.say(language),
        "hooks": list(advisory.hooks),
        "rule": advisory.table.rule,
        "priority": advisory.table.priority,
        "review": advisory.table.review.state,
    }


def _print_table(head: list[str], rows: list[list[str]]) -> None:
    from cds_service.terminal import columns, table

    click.echo("\n".join(table([head, *rows], columns())))
