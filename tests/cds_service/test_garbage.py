"""What a call leaves behind: nothing that only the collector could free, since it holds a patient's whole chart."""

import gc
import weakref
from datetime import date

import msgspec

from cds_service import advisor as advising
from cds_service.advisor import Advisor
from cds_service.files import case_from
from cds_service.settings import Settings


def test_a_chart_is_gone_as_soon_as_the_call_is_answered(example, monkeypatch):
    charts: list[weakref.ref] = []
    read_chart = advising.read_chart

    def watched(*args, **kwargs):
        reading = read_chart(*args, **kwargs)
        charts.append(weakref.ref(reading.chart))
        return reading

    monkeypatch.setattr(advising, "read_chart", watched)
    bundle = example.searchset(example.patient, example.metastasis, example.lesion)
    advisor = Advisor(Settings())
    case = case_from(msgspec.json.encode(bundle), advisor, hook="patient-view", as_of=date(2026, 11, 21))
    gc.disable()
    try:
        assert advisor.answer(case, theme=None, language="en").cards
        assert [chart() for chart in charts] == [None]
    finally:
        gc.enable()
