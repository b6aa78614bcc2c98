"""``new``: the four skeletons of an advisory."""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from string import Template
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import click
import msgspec

from cds_service.commands.options import WrongUse

SKELETON = Path(__file__).parent.parent / "skeleton"
RESERVED = ("not-evaluated", "patient-mismatch", "more-advisories", "theme")
HOOK = "patient-view"
_KEY_OF = {"Patient": "patient", "Condition": "conditions", "Observation": "assessments"}
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@click.command(short_help="The four skeletons of a new advisory.")
@click.argument("advisory")
@click.option("--theme", required=True, help="Which folder of cards/ it belongs to.")
def new(advisory: str, theme: str) -> None:
    """Write the four skeletons of ADVISORY: its table, its rule, its cases, its example."""
    checkout = _checkout()
    stem = _stem(advisory)
    folder = checkout / "cards" / theme.replace("-", "_")
    if not (folder / "theme.toml").is_file():
        themes = sorted(path.parent.name.replace("_", "-") for path in (checkout / "cards").glob("*/theme.toml"))
        raise WrongUse(f'--theme: there is no theme "{theme}"; there are: {", ".join(themes)}')
    names = {"id": advisory, "stem": stem, "words": stem.replace("_", " ").capitalize(), "rule": advisory.upper()}
    written = {
        folder / f"{stem}.toml": _filled("table.toml", names),
        folder / f"{stem}.py": _filled("rule.py.txt", names),
        checkout / "tests" / "cases" / f"{stem}.toml": _filled("cases.toml", names),
        checkout / "examples" / advisory / "request.json": _request(advisory),
    }
    if there := [path for path in written if path.exists()]:
        raise WrongUse(f"{there[0].relative_to(checkout)} is there already; nothing was written")
    for path, text in written.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        click.echo(path.relative_to(checkout))
    click.echo("Next: fill the table, then make examples, make docs and make test.")


def _checkout() -> Path:
    """The repository that is worked in: where we stand, else where this program is from."""
    for root in (Path.cwd(), SKELETON.parent.parent):
        if (root / "cards" / "catalogue.py").is_file() and (root / "tests" / "cases").is_dir():
            return root
    raise WrongUse("new writes into a checkout of the repository: run it in one")


def _stem(advisory: str) -> str:
    stem = advisory.replace("-", "_")
    if not _NAME.fullmatch(advisory) or keyword.iskeyword(stem) or advisory in RESERVED:
        raise WrongUse(f'"{advisory}" cannot be a name; write lower-case words joined by hyphens, such as rib-fracture')
    return stem


def _filled(name: str, names: dict[str, str]) -> str:
    return Template((SKELETON / name).read_text(encoding="utf-8")).substitute(names)


def _request(advisory: str) -> str:
    """A request as a client would send it; ``make examples`` records it again, from the cases, with its cards."""
    chart = msgspec.json.decode((SKELETON / "chart.json").read_bytes())
    prefetch = {_KEY_OF[resource["resourceType"]]: _answered(resource) for resource in chart}
    none: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "total": 0}
    request = {
        "hook": HOOK,
        "hookInstance": str(uuid5(NAMESPACE_URL, f"https://osteohooks.org/examples/{advisory}")),
        "context": {"userId": "Practitioner/example", "patientId": chart[0]["id"]},
        "prefetch": prefetch | {"questionnaires": none},
        "extension": {"org.osteohooks.as-of": "2026-11-21"},
    }
    return msgspec.json.format(msgspec.json.encode(request), indent=2).decode() + "\n"


def _answered(resource: dict[str, Any]) -> dict[str, Any]:
    if resource["resourceType"] == "Patient":
        return resource
    return {"resourceType": "Bundle", "type": "searchset", "total": 1, "entry": [{"resource": resource}]}
