"""Discovery: the services there are, worked out once at start-up in both languages."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Blueprint, Response, request

from cards.text import LANGUAGES
from cds_service.advisor import Advisor
from cds_service.hooks import HOOKS
from cds_service.language import choose
from cds_service.replies import reply
from cds_service.texts import say

CDS_HOOKS = "2.0.1"  # the version of the specification; 3.0 names the field


class Service(msgspec.Struct, frozen=True):
    """One theme at one hook. ``wanted``: its prefetch, key -> template."""

    id: str
    theme: str
    hook: str
    wanted: dict[str, str]


def services(advisor: Advisor) -> dict[str, Service]:
    """Every service by id. An id a hook, not a theme: some clients keep one service of those that share an id."""
    found = [
        Service(f"{theme}-{hook}", theme, hook, advisor.templates(theme, hook))
        for theme, hooks in advisor.catalogue.themes().items()
        for hook in hooks
    ]
    return {service.id: service for service in found}


def described(service: Service, advisor: Advisor, language: str) -> dict[str, Any]:
    """One entry of discovery (cds-hooks D2): nothing in it is null or empty (D4)."""
    theme = advisor.catalogue.theme_texts[service.theme]
    titles = [f"- {advisory.title.say(language)}" for advisory in advisor.catalogue.of(service.theme, service.hook)]
    entry: dict[str, Any] = {
        "hook": service.hook,
        "title": say(
            "service", "title", language, theme=theme.title.say(language), hook=say("hook", service.hook, language)
        ),
        "description": "\n".join([theme.description.say(language), "", *titles]),
        "id": service.id,
        "version": CDS_HOOKS,
        "hookVersion": HOOKS[service.hook].version,
        "usageRequirements": say("service", "usage", language),
    }
    return entry | ({"prefetch": service.wanted} if service.wanted else {})


def discovery(advisor: Advisor, known: dict[str, Service]) -> Blueprint:
    """``GET /cds-services``."""
    bodies = {
        language: msgspec.json.encode(
            {"services": [described(service, advisor, language) for service in known.values()]}
        )
        for language in LANGUAGES
    }
    blueprint = Blueprint("discovery", __name__)

    @blueprint.get("/cds-services")
    def list_services() -> Response:
        language = choose(request.headers.get("Accept-Language"), advisor.settings.server.language)
        return reply(bodies[language], language=language)

    return blueprint
