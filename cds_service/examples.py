"""The shipped examples: one request for each advisory, beside the command in a wheel, ``examples/`` in a checkout."""

from __future__ import annotations

from pathlib import Path

from cards.answer import Answer
from cds_service.advisor import Advisor, Case, case_of
from cds_service.prefetch import obtain
from cds_service.request import read_request

_PACKED = Path(__file__).parent / "_examples"
_CHECKOUT = Path(__file__).parent.parent / "examples"


def folder() -> Path:
    return _PACKED if _PACKED.is_dir() else _CHECKOUT


def names() -> list[str]:
    """The examples there are, in alphabetical order."""
    return sorted(path.parent.name for path in folder().glob("*/request.json"))


def request_of(name: str) -> bytes | None:
    """The request of an example, None when there is no such example."""
    return (folder() / name / "request.json").read_bytes() if name in names() else None


def answer_example(advisor: Advisor, name: str, body: bytes, language: str) -> tuple[Case, Answer]:
    """The answer to an example by the service of its own theme, on its own day (it is made up)."""
    asked = read_request(body)
    advisory = advisor.catalogue.advisories.get(name)
    theme = advisory.theme if advisory else None
    obtained = obtain(asked, advisor.templates(theme, asked.hook))
    case = case_of(asked, obtained, today=advisor.settings.server.today(), allow_as_of=True)
    return case, advisor.answer(case, theme=theme, language=language)
