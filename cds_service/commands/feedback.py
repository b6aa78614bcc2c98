"""``feedback report``: what became of the cards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from cds_service.commands.options import WrongUse, config_option, format_option, settings_from

if TYPE_CHECKING:
    from cds_service.store import Store, Tally


@click.group()
def feedback() -> None:
    """What clinicians did with the cards."""


@feedback.command()
@format_option
@config_option
def report(form: str, config_file: str | None) -> None:
    """For each advisory: how many cards were shown, accepted and overridden, and the reasons given.

    Of a card with several answers the last counts. Cards that nobody answered are in none of the two.
    """
    from cds_service.store import StoreError

    try:
        tallies, unknown = _store(config_file).tallies()
    except StoreError as error:
        raise click.ClickException(f"the store cannot be read ({error})") from None
    if form == "json":
        click.echo(msgspec.json.encode({"advisories": tallies, "unknownCards": unknown}))
        return
    _print(tallies)
    if unknown:
        click.echo(f"Feedback on cards that were not shown by this service: {unknown}")


def _store(config_file: str | None) -> Store:
    from cds_service.settings import SettingsError
    from cds_service.store import Store

    settings = settings_from(config_file)
    if not settings.store.url:
        raise WrongUse("store.url is empty: no feedback is kept")
    try:
        store = Store(settings.store)
    except SettingsError as error:
        raise WrongUse(str(error)) from None
    if store.is_file and not Path(store.url.database or "").is_file():
        raise WrongUse(f"there is no store at {store.url.database}; give --config, or go where the service runs")
    return store


def _print(tallies: list[Tally]) -> None:
    from cds_service.terminal import columns, table

    if not tallies:
        click.echo("No card has been shown yet.")
        return
    rows = [
        [tally.advisory, str(tally.shown), str(tally.accepted), str(tally.overridden), _reasons(tally)]
        for tally in tallies
    ]
    head = ["advisory", "shown", "accepted", "overridden", "reasons"]
    click.echo("\n".join(table([head, *rows], columns(), right=(1, 2, 3))))


def _reasons(tally: Tally) -> str:
    return ", ".join(f"{reason or 'none given'} {count}" for reason, count in tally.reasons.items())
