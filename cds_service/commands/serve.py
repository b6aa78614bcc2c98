"""``serve``: the service under its production server."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING

import click
import msgspec

from cds_service.commands.options import WrongUse, advisor_of, check_callers, config_option, settings_from

if TYPE_CHECKING:
    from cds_service.advisor import Advisor
    from cds_service.settings import Settings


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Port to listen on.")
@click.option("--workers", type=click.IntRange(1), help="Worker processes; without it, one for each processor.")
@config_option
def serve(host: str, port: int, workers: int | None, config_file: str | None) -> None:
    """Serve CDS Hooks over HTTP. SIGTERM finishes the calls that have begun, and ends."""
    from cds_service.gunicorn_conf import share_counts

    share_counts()
    settings = _at(settings_from(config_file), host, port)
    _check_exposure(settings, host)
    check_callers(settings)
    advisor = advisor_of(settings)  # what is wrong is said now, not by every worker
    _check_free(host, port)
    _prepare_store(advisor)
    base = settings.server.base_url.rstrip("/")

    def ready() -> None:
        click.echo(f"OsteoHooks at {base}  ({len(advisor.catalogue.advisories)} advisories; Ctrl-C ends)")
        click.echo(f"Look first at {base}/ (a page for people) or {base}/cds-services (for a CDS Hooks client)")

    from cds_service.server import run

    run(settings, host=host, port=port, workers=workers, ready=ready)


def _at(settings: Settings, host: str, port: int) -> Settings:
    """The settings with the public address of this server, unless the site has given one."""
    server = settings.server
    if server.base_url != type(server)().base_url:
        return settings
    shown = f"[{host}]" if ":" in host else host
    server = msgspec.structs.replace(server, base_url=f"http://{shown}:{port}")
    return msgspec.structs.replace(settings, server=server)


def _check_exposure(settings: Settings, host: str) -> None:
    security = settings.security
    if not (_is_loopback(host) or security.require_jwt or security.insecure):
        raise WrongUse(
            f"--host {host} can be reached by others. Set security.require_jwt = true and name the callers under "
            "[[security.clients]], or accept that anyone may call with security.insecure = true"
        )


def _prepare_store(advisor: Advisor) -> None:
    """Makes the store and its key, or brings them up to date, before several workers want them at once.

    A file that cannot be had is wrong and said now; a database elsewhere may only be late: the service starts, and
    ``/health/ready`` says that it is not ready.
    """
    from cds_service.settings import SettingsError
    from cds_service.store import Store, StoreError
    from cds_service.suppression import Suppression

    settings = advisor.settings
    if not settings.store.url:
        return
    try:
        store = Store(settings.store)
    except SettingsError as error:
        raise WrongUse(str(error)) from None
    try:
        Suppression.of(store, settings, advisor.catalogue.settings)
        store.prepare()
        store.close()
    except SettingsError as error:
        raise WrongUse(str(error)) from None
    except StoreError as error:
        if store.is_file:
            raise WrongUse(f"store.url: {settings.store.shown_url} cannot be used ({error})") from None
        click.echo(f"osteohooks: the store cannot be reached yet ({error})", err=True)


def _check_free(host: str, port: int) -> None:
    """Whether the address can be had: said in one line here, gunicorn would try for five seconds."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), port))
        except OSError as error:
            raise WrongUse(f"cannot listen on {host} port {port}: {error.strerror or 'no such address'}") from None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
