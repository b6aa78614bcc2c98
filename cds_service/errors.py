"""What goes wrong, in one shape: an OperationOutcome that names the place and never a patient's value."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec

FHIR_JSON = "application/fhir+json"

_CODES = {
    400: "invalid",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    412: "required",
    413: "too-long",
    415: "not-supported",
    422: "business-rule",
    429: "throttled",
    503: "transient",
}


class Refusal(Exception):
    """A call that cannot be answered: ``status`` is the HTTP status, ``places`` the elements or keys it is about."""

    def __init__(self, status: int, diagnostics: str, *places: str) -> None:
        super().__init__(diagnostics)
        self.status = status
        self.diagnostics = diagnostics
        self.places = places


def outcome(status: int, diagnostics: str, *places: str) -> dict[str, Any]:
    """The OperationOutcome of a status. ``places`` become its ``expression``."""
    issue: dict[str, Any] = {
        "severity": "error",
        "code": _CODES.get(status, "processing" if status < 500 else "exception"),
        "diagnostics": diagnostics or HTTPStatus(status).phrase,
    }
    if places:
        issue["expression"] = list(places)
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def place_of(error: Exception, within: str = "") -> tuple[str, str]:
    """Where a msgspec error points (``context.patientId``) and what it says, without any value."""
    what, _, where = str(error).partition(" - at `$")
    place = where.strip("`").lstrip(".")
    if "missing required field" in what:
        place = f"{place}.{what.split('`')[1]}".lstrip(".")
        what = "is missing"
    elif isinstance(error, msgspec.ValidationError):
        what = what[:1].lower() + what[1:].replace("`", "")
    return ".".join(part for part in (within, place) if part), what
