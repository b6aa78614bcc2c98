"""Logs: one JSON object a line on standard error, with the request's id, and no value of a patient.

Every module logs with the standard library to ``osteohooks``: a fixed sentence, and what belongs to it as ``extra``.
Here it is given its shape. Of an error only the kind and the line are told, since its message may hold a value.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import msgspec
import structlog

from cds_service.faults import where

NAMES = ("osteohooks", "gunicorn.error")


def start_logs(level: str = "INFO") -> None:
    """Logs of ``NAMES`` become JSON lines on standard error from now on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter())
    for name in NAMES:
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
    logging.getLogger("osteohooks").setLevel(level)


def formatter() -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _place_of_error,
            structlog.processors.JSONRenderer(serializer=_json),
        ],
    )


def _place_of_error(_: Any, __: str, event: Any) -> Any:
    raised = event.pop("exc_info", None)
    error = raised[1] if isinstance(raised, tuple) else raised
    if isinstance(error, Exception):
        event["error"] = where(error)
    event.pop("stack_info", None)
    return event


def _json(event: Any, **_: Any) -> str:
    return msgspec.json.encode(event, enc_hook=str).decode()
