"""Who may call. With ``security.require_jwt`` whatever is not listed as open wants a token (docs/security.md).

A caller that is refused learns only that; why is in the log, which never holds a token.
"""

from __future__ import annotations

import logging

import structlog
from flask import Flask, Response, request

from cds_service.errors import Refusal
from cds_service.replay import SpentTokens
from cds_service.replies import refuse
from cds_service.settings import Settings
from cds_service.store import Store, StoreError, failed
from cds_service.tokens import Gate, Rejected, trusted_clients

OPEN = frozenset({"operations", "pages", "terminology"})  # blueprints that know nothing of a patient
_CALLS = "/cds-services"
_REFUSED = "the caller is not authenticated"

_log = logging.getLogger("osteohooks")


def require_tokens(app: Flask, settings: Settings, store: Store | None) -> None:
    """From now on, if the settings say so, a request is answered only with a valid token. Raises SettingsError.

    What the settings say of clients is checked either way, so that switching it on holds no surprise.
    """
    trusted = trusted_clients(settings)
    if not settings.security.require_jwt:
        return
    assert store is not None, "trusted_clients has seen to that"
    gate = Gate(settings, trusted, SpentTokens(store))
    base = settings.server.base_url.rstrip("/")
    if not trusted:
        _log.warning("nobody can call: security.require_jwt is true and security.clients names no one")

    @app.before_request
    def check() -> Response | None:
        if _is_open():
            return None
        addresses = [base + request.path]
        if settings.server.trusted_proxies:
            addresses.append(request.base_url)  # as the proxies say it was called
        try:
            caller = gate.admit(request.headers.get("Authorization"), addresses)
        except Rejected as rejected:
            return _refuse(rejected)
        except StoreError as error:
            failed("remember a token", error)
            raise Refusal(503, "the caller could not be authenticated; please try again") from None
        known_by = {"client": caller.client} | ({"tenant": caller.tenant} if caller.tenant else {})
        structlog.contextvars.bind_contextvars(**known_by)  # the line of the request says who called
        return None


def _is_open() -> bool:
    if request.blueprint is not None:
        return request.blueprint in OPEN
    return request.endpoint == "static" or (request.endpoint is None and not request.path.startswith(_CALLS))


def _refuse(rejected: Rejected) -> Response:
    _log.warning("token refused", extra={"why": rejected.why, **rejected.told})
    response = refuse(401, _REFUSED)
    response.headers["WWW-Authenticate"] = "Bearer"
    return response
