"""``GET /``: a page for people. What this is, its services, and an example's cards as a clinician would see them."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Blueprint, Response, make_response, render_template, request

from cards.text import CHINESE, ENGLISH, LANGUAGES
from cds_service import examples, markdown
from cds_service.advisor import Advisor
from cds_service.discovery import Service
from cds_service.language import choose
from cds_service.texts import group, say

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Shown(msgspec.Struct, frozen=True):
    """An example as it is shown: where it happens, and its cards."""

    name: str
    hook: str
    day: str
    cards: list[dict[str, Any]]


def pages(advisor: Advisor, known: dict[str, Service]) -> Blueprint:
    """The page and its style sheet."""
    blueprint = Blueprint("pages", __name__)

    @blueprint.get("/")
    def home() -> Response:
        wanted = request.args.get("lang", "")
        header = request.headers.get("Accept-Language")
        language = wanted if wanted in LANGUAGES else choose(header, advisor.settings.server.language)
        body = render_template(
            "home.html",
            language=language,
            other=ENGLISH if language == CHINESE else CHINESE,
            text=group("page", language),
            say=lambda name, **values: say("page", name, language, **values),
            hook_word=group("hook", language),
            themes=_themes(advisor, language),
            base_url=advisor.settings.server.base_url.rstrip("/"),
            example_titles={name: _title(advisor, name, language) for name in examples.names()},
            shown=_shown(advisor, request.args.get("example"), language),
            markdown=markdown.html,
        )
        response = make_response(body)
        response.headers["Content-Language"] = language
        response.vary.add("Accept-Language")
        return response

    @blueprint.after_app_request
    def secure(response: Response) -> Response:
        response.headers["X-Content-Type-Options"] = "nosniff"
        if response.mimetype == "text/html":
            response.headers.update(_HEADERS)
        return response

    return blueprint


def _themes(advisor: Advisor, language: str) -> list[dict[str, Any]]:
    """Each theme with its advisories and the services that speak for it."""
    return [
        {
            "title": advisor.catalogue.theme_texts[theme].title.say(language),
            "about": advisor.catalogue.theme_texts[theme].description.say(language),
            "advisories": [advisory.title.say(language) for advisory in advisor.catalogue.of(theme)],
            "services": [(f"{theme}-{hook}", hook) for hook in hooks],
        }
        for theme, hooks in advisor.catalogue.themes().items()
    ]


def _title(advisor: Advisor, example: str, language: str) -> str:
    advisory = advisor.catalogue.advisories.get(example)
    return advisory.title.say(language) if advisory else example


def _shown(advisor: Advisor, name: str | None, language: str) -> Shown | None:
    """The example asked for, else the first there is. Its own day counts: it is made up."""
    there = examples.names()
    name = name if name in there else next(iter(there), None)
    body = examples.request_of(name) if name else None
    if name is None or body is None:
        return None
    case, spoken = examples.answer_example(advisor, name, body, language)
    return Shown(name, case.hook, case.as_of.isoformat(), spoken.cards)
