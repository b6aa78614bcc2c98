"""``config check`` and ``config show``."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import click

from cds_service.commands.options import advisor_of, check_callers, config_option, settings_from


@click.group()
def config() -> None:
    """Check or show the settings."""


@config.command()
@config_option
def check(config_file: str | None) -> None:
    """Whether the settings are right, and what they switch on."""
    settings = settings_from(config_file)
    check_callers(settings)
    advisor = advisor_of(settings)
    hooks = sum(len(hooks) for hooks in advisor.catalogue.themes().values())
    off = ", ".join(settings.advisories.off) or "none"
    fetching = ", ".join(settings.fhir.allow) or "off (no address in fhir.allow)"
    click.echo("The settings are right.")
    click.echo(f"advisories: {len(advisor.catalogue.advisories)} on, off: {off}; services: {hooks}")
    clients = ", ".join(client.name for client in settings.security.clients) or "nobody (no security.clients)"
    click.echo(f"callers: {clients + ', with a token' if settings.security.require_jwt else 'anyone who can connect'}")
    click.echo(f"fetching: {fetching}")
    click.echo(f"as-of extension: {'honoured' if settings.server.allow_as_of else 'ignored'}")


@config.command()
@config_option
def show(config_file: str | None) -> None:
    """The settings in force, as TOML; never a password."""
    from cds_service.settings import shown

    settings = settings_from(config_file)
    advisor_of(settings)
    tables = shown(settings)
    clients = tables["security"].pop("clients")
    for section, values in tables.items():
        click.echo(f"[{section}]")
        for key, value in values.items():
            click.echo(f"{key} = {_toml(value)}")
        for client in clients if section == "security" else []:
            click.echo("[[security.clients]]")
            for key, value in client.items():
                click.echo(f"{key} = {_toml(value)}")
        click.echo()


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | Decimal):
        return str(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(one) for one in value)}]"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
