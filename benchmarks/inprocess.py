"""A call in one process, from body bytes to card bytes, beside decoding (and re-encoding) the same bytes.

Ratios of medians within one run hold on a busy machine; milliseconds do not.
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
from fhir_mappings.charts import read_chart
from tests.situations import Case, load_cases

SIZES = (20, 50, 200, 500, 2000)
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


def median_ms(work: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def measure() -> list[dict[str, Any]]:
    advisor = Advisor(load_settings(environ={}))
    resources, keys = relevant(), keys_for(advisor)
    rows = []
    for size in SIZES:
        body = request(size, resources, keys)
        rounds = max(20, 4000 // size)
        call(advisor, body)
        rows.append(
            {
                "resources": size,
                "KB": len(body) // 1024,
                "cards": len(msgspec.json.decode(call(advisor, body))["cards"]),
                "orjson.loads": median_ms(lambda body=body: orjson.loads(body), rounds),  # type: ignore[misc]
                "loads+dumps": median_ms(lambda body=body: orjson.dumps(orjson.loads(body)), rounds),  # type: ignore[misc]
                "call": median_ms(lambda body=body: call(advisor, body), rounds),  # type: ignore[misc]
                "stages": stages(advisor, body, rounds),
            }
        )
    return rows


def stages(advisor: Advisor, body: bytes, rounds: int) -> dict[str, float]:
    """Milliseconds of each stage: split (request and bundles), read (heads and findings), rules and cards, encode."""
    wanted = advisor.templates(None, "patient-view")
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

    def judge() -> Any:
        situation = Situation(hook=case.hook, as_of=case.as_of, settings=advisor.catalogue.settings)
        return answer(
            advisor.catalogue,
            chart,
            situation,
            theme=None,
            language="en",
            max_cards=5,
            hook_instance=case.hook_instance,
            subject="Patient/case",
        )

    chart = read()
    told = judge()
    return {
        "split": median_ms(lambda: obtain(read_request(body), wanted), rounds),
        "read": median_ms(read, rounds),
        "rules+cards": median_ms(judge, rounds),
        "encode": median_ms(lambda: msgspec.json.encode(told.cards), rounds),
    }


def table(rows: list[dict[str, Any]]) -> str:
    lines = ["resources     KB  cards   call ms   x loads   x loads+dumps   split  read  rules+cards  encode"]
    for row in rows:
        stage = row["stages"]
        ratios = f"{row['call'] / row['orjson.loads']:9.2f} {row['call'] / row['loads+dumps']:15.2f}"
        shares = f"{stage['split']:7.2f} {stage['read']:5.2f} {stage['rules+cards']:12.2f} {stage['encode']:7.2f}"
        lines.append(f"{row['resources']:9d} {row['KB']:6d} {row['cards']:6d} {row['call']:9.2f} {ratios} {shares}")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(measure()))
