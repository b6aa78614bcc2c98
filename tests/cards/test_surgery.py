"""Which of several drafted operations is judged hangs on what they are, not on what they are called."""

from __future__ import annotations

from datetime import date

import pytest

from cards.facts.surgery import LONG_BONE, SPINE, drafted_surgery
from cards.situation import Situation
from fhir_mappings.finding import Evidence
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.when import read_when

TODAY = date(2026, 11, 21)


def draft(name: str, concept: str, on: str | None = None, urgency: str | None = None) -> ProcedureRecord:
    evidence = Evidence(f"ServiceRequest/{name}", read_when(on))
    return ProcedureRecord(evidence=evidence, concepts=frozenset({concept}), state="draft", urgency=urgency)


@pytest.mark.parametrize(("first", "second"), [("a", "b"), ("b", "a")])
def test_the_earliest_then_the_one_that_can_wait(first, second):
    def judged(*drafts: ProcedureRecord) -> ProcedureRecord | None:
        situation = Situation(hook="order-sign", as_of=TODAY, drafts=drafts)
        return drafted_surgery(situation, SPINE, LONG_BONE)

    tomorrow, today = draft(first, SPINE, "2026-11-22"), draft(second, LONG_BONE)  # without a day it is today's
    assert judged(tomorrow, today) == today
    at_once, elective = draft(first, LONG_BONE, urgency="stat"), draft(second, SPINE)
    assert judged(at_once, elective) == elective
    bone, spine = draft(first, LONG_BONE), draft(second, SPINE)  # by name: long bone before spine
    assert judged(bone, spine) == bone
    assert judged() is None
