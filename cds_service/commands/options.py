"""Options and errors that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from cds_service.advisor import Advisor
    from cds_service.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])

language_option = click.option(
    "--lang", "language", metavar="en|zh-Hans", help="Language of the cards; without it, that of the settings."
)
config_option = click.option(
    "--config", "config_file", metavar="FILE", help="Settings file; without it, the one OSTEOHOOKS_CONFIG names."
)
format_option = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to print."
)


class WrongUse(click.ClickException):
    """What was asked for cannot be done as it was asked (exit status 2)."""

    exit_code = 2


def settings_from(config_file: str | None) -> Settings:
    from cds_service.settings import SettingsError, load_settings

    try:
        return load_settings(config_file)
    except SettingsError as error:
        raise WrongUse(str(error)) from None


def advisor_from(config_file: str | None) -> Advisor:
    return advisor_of(settings_from(config_file))


def advisor_of(settings: Settings) -> Advisor:
    """Raises WrongUse when a setting, a table or a site's file is not right."""
    from cards.table import TableError
    from cds_service.advisor import Advisor
    from fhir_mappings.terminology import TerminologyError

    try:
        return Advisor(settings)
    except (TableError, TerminologyError) as error:
        raise WrongUse(str(error)) from None


def check_callers(settings: Settings) -> None:
    """Raises WrongUse when what the settings say of callers is not right."""
    from cds_service.settings import SettingsError
    from cds_service.tokens import trusted_clients

    try:
        trusted_clients(settings)
    except SettingsError as error:
        raise WrongUse(str(error)) from None


def language_of(asked: str | None, settings: Settings) -> str:
    """``en`` or ``zh-Hans``; ``zh`` and ``zh-CN`` are understood as HTTP understands them."""
    from cds_service.language import served_as

    if asked is None:
        return settings.server.language
    language = served_as(asked)
    if language is None:
        raise WrongUse(f'--lang: found "{asked}", allowed: en, zh-Hans')
    return language
