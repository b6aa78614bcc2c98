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

from benchmarks.records import request
from cards.answer import answer
from cards.situation import Situation
from cds_service.advisor import Advisor, case_of
from cds_service.prefetch import obtain
from cds_service.request import read_request
from cds_service.settings import load_settings
from fhir_mappings.chart import Chart
from fhir_mappings.charts import read_chart
from tests.situations import Case, load_cases

SIZES = (20, 50, 200, 500, 2000)
THEME = "bone-modifying-agents"
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
    """Milliseconds of each stage of one service: split (request and bundles), read (heads and findings), rules and
    cards, encode."""
    wanted = advisor.templates(THEME, "patient-view")
    asked = read_request(body)
    obtained = obtain(asked, wanted)
    case = case_of(asked, obtained, today=Case.today(), allow_as_of=False)

    def read() -> Any:
        return read_chart(
            case.supplied,
            terminology=advisor.terminology,
            as_of=case.as_of,
            patient_id=case.patient_id,
            gaps=case.gaps,
        ).chart

    def judge(chart: Chart) -> Any:
        situation = Situation(hook=case.hook, as_of=case.as_of, settings=advisor.catalogue.settings)
        return answer(
            advisor.catalogue,
            chart,
            situation,
            theme=THEME,
            language="en",
            max_cards=5,
            hook_instance=case.hook_instance,
            subject="Patient/case",
        )

    told = judge(read())
    reading, both = in_turns(rounds, read, lambda: judge(read()))  # a chart remembers facts: each is judged once
    return {
        "split": in_turns(rounds, lambda: obtain(read_request(body), wanted))[0],
        "read": reading,
        "rules+cards": both - reading,
        "encode": in_turns(rounds, lambda: msgspec.json.encode(told.cards))[0],
    }


def table(rows: list[dict[str, Any]]) -> str:
    lines = ["| resources | KB | loads ms | one service ms | x loads | every service ms | x loads |"]
    lines[0] += " split, read, rules, encode |"
    lines.append("|---|---|---|---|---|---|---|---|")
    for row in rows:
        stage, loads = row["stages"], row["orjson.loads"]
        shares = ", ".join(f"{stage[name]:.2f}" for name in ("split", "read", "rules+cards", "encode"))
        timed = " | ".join(f"{row[name]:.2f} | {row[name] / loads:.2f}" for name in ("service", "every service"))
        lines.append(f"| {row['resources']} | {row['KB']} | {loads:.2f} | {timed} | {shares} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(measure()))
