"""The web application: settings in, a Flask app out. Everything a call needs is read here, once."""

from __future__ import annotations

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from cds_service.advisor import Advisor
from cds_service.calls import calls
from cds_service.cors import allow_origins
from cds_service.discovery import discovery, services
from cds_service.feedback import feedback
from cds_service.openapi import openapi
from cds_service.operations import limit, observe, operations
from cds_service.pages import pages
from cds_service.replies import answer_errors
from cds_service.security import require_tokens
from cds_service.settings import Settings, load_settings
from cds_service.store import Store
from cds_service.suppression import Suppression
from cds_service.terminology import terminology


def create_app(settings: Settings | None = None) -> Flask:
    """The service as a WSGI application; without ``settings`` those of the file and the environment.

    Raises SettingsError, TableError or TerminologyError when something is not right, before the first call.
    """
    settings = settings or load_settings()
    advisor = Advisor(settings)
    known = services(advisor)
    store = Store(settings.store) if settings.store.url else None
    suppression = Suppression.of(store, settings, advisor.catalogue.settings) if store is not None else None
    app = Flask(__name__, template_folder="web/templates", static_folder="web/static")
    app.url_map.strict_slashes = False
    observe(app, known)
    limit(app, settings.server.max_concurrent_calls)
    app.register_blueprint(discovery(advisor, known))
    app.register_blueprint(calls(advisor, known, suppression))
    app.register_blueprint(feedback(store, known, settings.server.max_body_bytes))
    app.register_blueprint(terminology(settings.server.base_url.rstrip("/")))
    app.register_blueprint(operations(store))
    app.register_blueprint(openapi(settings, known.values()))
    app.register_blueprint(pages(advisor, known))
    answer_errors(app)
    allow_origins(app, settings.server.cors_origins)
    require_tokens(app, settings, store)  # after the preflights of browsers, which cannot carry one
    if proxies := settings.server.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, proxies, proxies, proxies, proxies)  # type: ignore[method-assign]
    return app
