"""A call in one process, from body bytes to card bytes, beside decoding the same bytes with ``orjson.loads``.

One service (a theme, as a client calls it) and every advisory of every theme at once (as ``osteohooks evaluate`` does).
Ratios of medians within one run hold on a busy machine; milliseconds do not.

Run: python -m benchmarks.inprocess
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import msgspec
import orjson

from benchmarks.records import HOOK_INSTANCE, request
from cards.answer import answer
from cards.engine import Run
from cards.situation import Situation
from cds_service.advisor import Advisor, case_of
from cds_service.advisor import Case as JudgedCase
from cds_service.prefetch import obtain
from cds_service.request import _USUAL_BODY, read_request
from cds_service.settings import load_settings
from fhir_mappings import charts
from fhir_mappings.chart import Chart
from fhir_mappings.reading import Shelf
from tests.situations import Case, load_cases

SIZES = (20, 50, 200, 500, 2000)
THEME = "bone-modifying-agents"
STAGES = ("decode", "select", "read", "rules", "render", "encode")
EXAMPLES = ("mirels/M5", "denosumab_stop/day-90", "hypercalcemia/S3-X-calcium")


def relevant() -> list[dict[str, Any]]:
    """The resources of a few example cases as one patient's, each with an id of its own."""
    chosen = [case for case in load_cases() if case.name in EXAMPLES]
    found, seen = [], set()
    for case in chosen:
        for resource in case.resources:
            if resource["resourceType"] == "Patient" and "Patient" in seen:
                continue
            seen.add(resource["resourceType"])
            unique = resource["id"] if resource["resourceType"] == "Patient" else f"{len(found)}-{resource['id']}"
            found.append(resource | {"id": unique})
    return found


def keys_for(advisor: Advisor) -> dict[str, list[str]]:
    """Every template key with the resource type it asks for; Observations all under ``labs``."""
    found = {}
    for key, template in advisor.templates(None, "patient-view").items():
        kind = template.split("?")[0].split("/")[0]
        if kind not in ("Encounter",):
            found[key] = [kind] if kind != "Observation" or key == "labs" else []
    return found


def call(advisor: Advisor, body: bytes, theme: str | None = None) -> bytes:
    """What the service does with a body, without HTTP."""
    asked = read_request(body)
    obtained = obtain(asked, advisor.templates(theme, asked.hook))
    case = case_of(asked, obtained, today=Case.today(), allow_as_of=False)
    told = advisor.answer(case, theme=theme, language="en")
    return msgspec.json.encode({"cards": told.cards, "extension": {"org.osteohooks.evaluation": told.evaluation}})


def measure() -> list[dict[str, Any]]:
    advisor = Advisor(load_settings(environ={}))
    resources, keys = relevant(), keys_for(advisor)
    rows = []
    for size in SIZES:
        body = request(size, resources, keys)
        rounds = max(20, 4000 // size)
        loads, one, every = in_turns(
            rounds,
            lambda body=body: orjson.loads(body),  # type: ignore[misc]
            lambda body=body: call(advisor, body, THEME),  # type: ignore[misc]
            lambda body=body: call(advisor, body),  # type: ignore[misc]
        )
        rows.append(
            {
                "resources": size,
                "KB": len(body) // 1024,
                "cards": len(msgspec.json.decode(call(advisor, body))["cards"]),
                "orjson.loads": loads,
                "service": one,
                "every service": every,
                "stages": stages(advisor, body, rounds),
            }
        )
    return rows


def in_turns(rounds: int, *works: Callable[[], object]) -> list[float]:
    """The median ms of each, one after the other in turns, so that a busy moment meets them all."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for work, taken in zip(works, times, strict=True):
            start = time.perf_counter()
            work()
            taken.append((time.perf_counter() - start) * 1000)
    return [statistics.median(taken) for taken in times]


def stages(advisor: Advisor, body: bytes, rounds: int) -> dict[str, float]:
    """Milliseconds of each stage of one service: what a call costs up to its end, less what it costs up to its start.

    decode: the JSON of the request, cut into resources. select: the first look at each, and which of them count. read:
    those in full, as findings. rules: the advisories. render: their cards. encode: the JSON of the answer.
    """
    wanted = advisor.templates(THEME, "patient-view")

    def case() -> JudgedCase:
        asked = read_request(body)
        return case_of(asked, obtain(asked, wanted), today=Case.today(), allow_as_of=False)

    def selected() -> Any:
        one = case()
        return charts._looks(one.supplied, Shelf(advisor.terminology, as_of=one.as_of), [])

    def chart() -> Chart:
        one = case()
        told = {"as_of": one.as_of, "patient_id": one.patient_id, "gaps": one.gaps}
        return charts.read_chart(one.supplied, terminology=advisor.terminology, **told).chart

    def situation() -> Situation:
        return Situation(hook="patient-view", as_of=Case.today(), settings=advisor.catalogue.settings)

    def judged() -> Any:
        run = Run(advisor.catalogue.advisories, advisor.catalogue.tables, chart(), situation())
        return [run.advice(advisory.id) for advisory in advisor.catalogue.of(THEME, "patient-view")]

    def answered() -> Any:
        asked = {"theme": THEME, "language": "en", "max_cards": 5, "subject": "Patient/case"}
        return answer(advisor.catalogue, chart(), situation(), hook_instance=HOOK_INSTANCE, **asked)

    until = {
        "decode": lambda: _USUAL_BODY.decode(body),
        "select": selected,
        "read": chart,
        "rules": judged,
        "render": answered,
        "encode": lambda: msgspec.json.encode(answered().cards),
    }
    times = in_turns(rounds, *until.values())
    return {name: after - before for name, before, after in zip(until, [0.0, *times], times, strict=False)}


def table(rows: list[dict[str, Any]]) -> str:
    lines = ["| resources | KB | loads ms | one service ms | x loads | every service ms | x loads |"]
    lines[0] += f" {', '.join(STAGES)} |"
    lines.append("|---|---|---|---|---|---|---|---|")
    for row in rows:
        stage, loads = row["stages"], row["orjson.loads"]
        shares = ", ".join(f"{max(0.0, stage[name]):.2f}" for name in STAGES)
        timed = " | ".join(f"{row[name]:.2f} | {row[name] / loads:.2f}" for name in ("service", "every service"))
        lines.append(f"| {row['resources']} | {row['KB']} | {loads:.2f} | {timed} | {shares} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(measure()))
