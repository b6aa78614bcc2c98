"""What is counted, as Prometheus has it. Labels are names of ours (services, advisories, keys), never values."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import cache

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from cards.answer import Answer

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
disable_created_metrics()
_SHARED = DIRECTORY in os.environ  # as prometheus_client saw it when it was imported

calls = Counter("osteohooks_calls", "Calls and feedback posts by service and status.", ["kind", "service", "status"])
seconds = Histogram(
    "osteohooks_call_seconds",
    "How long calls took.",
    ["service"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
cards = Counter("osteohooks_cards", "Cards returned.", ["advisory", "indicator"])
suppressed = Counter("osteohooks_cards_suppressed", "Advisories not said again.", ["advisory", "why"])
prefetch = Counter("osteohooks_prefetch", "What became of each wanted prefetch key.", ["key", "outcome"])
fetch_failures = Counter("osteohooks_fetch_failures", "Fetches from a FHIR server that failed.", ["key", "why"])
store_failures = Counter("osteohooks_store_failures", "What the store could not do.", ["doing"])
feedback = Counter("osteohooks_feedback", "Cards with feedback, by outcome; known: one of ours.", ["outcome", "known"])
comments = Counter("osteohooks_feedback_comments", "Comments that came with feedback; none is kept.")
busy = Counter("osteohooks_busy", "Calls turned away because enough were being answered.")

COMPLETE = "complete"


# The labels of every call are few, and finding their counters takes longer than counting.
_card = cache(cards.labels)
_prefetch = cache(prefetch.labels)
of_call = cache(calls.labels)
seconds_of = cache(seconds.labels)


def count_answer(answer: Answer) -> None:
    """Counts the cards of an answer, and what it held back."""
    for card in answer.cards:
        _card(card["source"]["topic"]["code"], card["indicator"]).inc()
    for entry in answer.evaluation.get("suppressed", ()):
        suppressed.labels(entry["advisory"], entry["why"]).inc()


def count_prefetch(wanted: Iterable[str], gaps: Mapping[str, str], failures: Iterable[Mapping[str, str]]) -> None:
    """Counts what became of each wanted key, and the fetches that failed on the way."""
    for key in wanted:
        _prefetch(key, gaps.get(key, COMPLETE)).inc()
    for failure in failures:
        fetch_failures.labels(failure["key"], failure["why"]).inc()


def exposition() -> bytes:
    """Everything counted, of all workers, as text for Prometheus."""
    if not _SHARED:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return generate_latest(registry)
