"""What has to be true of the answer to any call at all, however odd the call."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import msgspec
from flask import Flask
from flask.testing import FlaskClient

from cds_service.advisor import Advisor
from cds_service.app import create_app
from cds_service.logs import formatter
from cds_service.settings import load_settings
from tests.fuzz.mutations import Call
from tests.fuzz.values import PRIVATE

INDICATORS = ("info", "warning", "critical")
REFUSALS = (400, 404, 405, 412, 413, 415)
_TAG = re.compile(r"<[a-zA-Z!/]")
_LINK = re.compile(r"(?<!\\)\]\(")

Json = dict[str, Any]


class Judge:
    """A service under test, with its log in hand."""

    def __init__(self, **settings: str) -> None:
        environ = {"OSTEOHOOKS__STORE__URL": "", "OSTEOHOOKS__SERVER__ALLOW_AS_OF": "true"}
        environ |= {f"OSTEOHOOKS__{name.upper()}": value for name, value in settings.items()}
        loaded = load_settings(environ=environ)
        self.advisor = Advisor(loaded)
        self.app: Flask = create_app(loaded)
        self.client: FlaskClient = self.app.test_client()
        self._log = _Lines()
        logging.getLogger("osteohooks").addHandler(self._log)
        logging.getLogger("osteohooks").setLevel(logging.INFO)

    def faults(self, call: Call, method: str = "POST") -> list[str]:
        """What is wrong with the answer to the call; nothing, one hopes."""
        self._log.lines.clear()
        sent = {"Content-Type": "application/json"} | call.headers
        latin = {name: value.encode().decode("latin-1") for name, value in sent.items()}
        response = self.client.open(call.path, method=method, data=call.body, headers=latin)
        found = list(_of_answer(response.status_code, response.mimetype, response.data))
        if any(PRIVATE in line for line in self._log.lines):
            found.append("a value of the patient is in the log")
        defects = [line for line in self._log.lines if '"level":"error"' in line]
        return found + defects


def _of_answer(status: int, kind: str, body: bytes) -> Iterator[str]:
    if status != 200 and status not in REFUSALS:
        yield f"status {status}"
    try:
        told = msgspec.json.decode(body)
        body.decode()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        yield f"the body is not JSON: {error}"
        return
    if status == 200:
        yield from _of_cards(told)
        return
    if kind != "application/fhir+json" or told.get("resourceType") != "OperationOutcome" or not told.get("issue"):
        yield "the error is not an OperationOutcome"
    if PRIVATE.encode() in body:
        yield "a value of the patient is in the error"


def _of_cards(told: Json) -> Iterator[str]:
    if not isinstance(told.get("cards"), list):
        yield "there is no list of cards"
        return
    for card in told["cards"]:
        yield from _of_card(card)
    empty = [place for place in _empty(told) if place != "cards"]
    if empty:
        yield f"empty: {', '.join(empty)}"


def _of_card(card: Json) -> Iterator[str]:
    topic = card["source"]["topic"]["code"]
    UUID(card["uuid"])
    if card["indicator"] not in INDICATORS:
        yield f"{topic}: indicator {card['indicator']}"
    if not 0 < len(card["summary"]) < 140:
        yield f"{topic}: the summary has {len(card['summary'])} characters"
    for name in ("summary", "detail"):
        text = card.get(name, "")
        if PRIVATE in text and (_TAG.search(text) or _LINK.search(text)):
            yield f"{topic}: markup of the chart in {name}"
        if "\x00" in text:
            yield f"{topic}: NUL in {name}"


def _empty(value: Any, place: str = "") -> Iterator[str]:
    """Places that hold null, an empty text, list or object (cds-hooks D4)."""
    if value is None or value in ("", [], {}):
        yield place
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _empty(part, f"{place}.{key}".lstrip("."))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _empty(part, f"{place}[{index}]")


class _Lines(logging.Handler):
    """Every line the service logs, as it would stand in the log."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.setFormatter(formatter())

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))
