"""A hook call: request in, cards out."""

from __future__ import annotations

import time

from flask import Blueprint, Response, request

from cards.answer import Answer
from cards.memory import Memory
from cds_service import metrics
from cds_service.advisor import Advisor, answered, case_of
from cds_service.body import read_body
from cds_service.discovery import Service
from cds_service.errors import Refusal
from cds_service.fetching import Fetch, Fetcher
from cds_service.language import choose
from cds_service.prefetch import check_evaluable, obtain
from cds_service.replies import reply
from cds_service.request import HookRequest, read_request
from cds_service.suppression import Suppression


def calls(advisor: Advisor, known: dict[str, Service], suppression: Suppression | None = None) -> Blueprint:
    """``POST /cds-services/{id}``. Without ``suppression`` (no store) every card is said every time."""
    server = advisor.settings.server
    fetcher = Fetcher(advisor.settings)
    blueprint = Blueprint("calls", __name__)

    @blueprint.post("/cds-services/<service_id>")
    def call(service_id: str) -> Response:
        begun = time.monotonic()
        service = known.get(service_id)
        if service is None:
            raise Refusal(404, "there is no service of this id; GET /cds-services lists them")
        asked = read_request(read_body(request, server.max_body_bytes))
        language = choose(request.headers.get("Accept-Language"), server.language)
        fetch = fetcher.call(asked, service.wanted, begun)
        memory = suppression.memory(asked) if suppression is not None else None
        spoken = answer_call(advisor, service, asked, language, fetch, memory)
        metrics.count_answer(spoken)
        if memory is not None:
            memory.keep(service.id, spoken.shown)
        response = reply(answered(spoken), language=language)
        response.headers["Cache-Control"] = "no-store"
        return response

    return blueprint


def answer_call(
    advisor: Advisor, service: Service, asked: HookRequest, language: str, fetch: Fetch, memory: Memory | None = None
) -> Answer:
    """The answer of one service to one request. Raises Refusal (400, 412)."""
    if asked.hook != service.hook:
        raise Refusal(400, f"hook: this service is called at {service.hook}", "hook")
    server = advisor.settings.server
    obtained = obtain(asked, service.wanted, fetch.complete)
    failures = fetch.report.failures()
    metrics.count_prefetch(service.wanted, obtained.gaps, failures)
    case = case_of(asked, obtained, today=server.today(), allow_as_of=server.allow_as_of)
    if not case.of_another:
        causes = {failure["key"]: failure["cause"] for failure in failures}
        strict = advisor.settings.fhir.strict_412
        check_evaluable(obtained, case.drafts, service.wanted, strict=strict, causes=causes)
    spoken = advisor.answer(case, theme=service.theme, language=language, memory=memory)
    if failures:
        spoken.evaluation["notFetched"] = failures
    return spoken
