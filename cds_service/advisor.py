"""From a case to its answer: read the chart, set the situation, ask the catalogue. No HTTP here, no file either."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import msgspec

from cards.advisory import APPOINTMENT_BOOK
from cards.answer import Answer, answer, mismatch, shown
from cards.catalogue import Catalogue, load_catalogue
from cards.memory import Memory
from cards.situation import Situation
from cds_service.contents import read_contents
from cds_service.prefetch import Obtained, templates
from cds_service.request import AS_OF, HookRequest
from cds_service.settings import Settings
from fhir_mappings.chart import Chart
from fhir_mappings.charts import read_chart
from fhir_mappings.finding import Finding, Why
from fhir_mappings.reading import Supplied
from fhir_mappings.terminology import Terminology

EVALUATION = "org.osteohooks.evaluation"
_MISMATCH = "patient mismatch"


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One patient at one moment, ready to be judged.

    ``supplied`` is the chart as resources, ``gaps`` the prefetch keys that are not complete. ``drafts`` is what the
    hook is about; with ``drafts_in_chart`` the drafts found among the resources are (a plain file). ``of_another`` is
    True when the Patient that came is not the one the call is about.
    """

    hook: str
    hook_instance: str
    as_of: date
    supplied: list[Supplied]
    gaps: dict[str, Why] = {}
    patient_id: str | None = None
    drafts: list[Supplied] = []
    drafts_in_chart: bool = False
    selections: tuple[str, ...] | None = None
    of_another: bool = False
    as_of_ignored: bool = False


class Advisor:
    """Everything one process needs to answer: settings, catalogue, terminology; read once, then never changed."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.terminology = Terminology.load(Path(settings.codes.folder) if settings.codes.folder else None)
        self.catalogue: Catalogue = load_catalogue(settings.thresholds, settings.advisories.off)
        self._templates: dict[tuple[str | None, str], dict[str, str]] = {}

    def templates(self, theme: str | None, hook: str) -> dict[str, str]:
        """The prefetch templates of a theme (None: of all) at a hook; worked out once, a call only looks them up."""
        if (theme, hook) not in self._templates:
            keys = self.catalogue.keys(theme, hook)
            self._templates[theme, hook] = templates(keys, self.terminology, self.settings.fhir.page_size)
        return self._templates[theme, hook]

    def answer(
        self,
        case: Case,
        *,
        theme: str | None,
        language: str,
        only: Sequence[str] = (),
        memory: Memory | None = None,
    ) -> Answer:
        """What a theme (None: every theme, merged) has to say about the case, and has not said before."""
        if case.of_another:
            told = {"asOf": case.as_of.isoformat(), "gate": _MISMATCH}
            card = mismatch(language, case.hook_instance)
            return Answer([card], told, [shown(card, {})])
        reading = read_chart(
            case.supplied,
            terminology=self.terminology,
            as_of=case.as_of,
            patient_id=case.patient_id,
            gaps=case.gaps,
            drafts=case.drafts,
        )
        chart, drafts = reading.chart, reading.drafts
        situation = Situation(
            hook=case.hook,
            as_of=case.as_of,
            drafts=[*drafts, *(_about(case.hook, reading.chart_drafts) if case.drafts_in_chart else [])],
            selections=case.selections,
            settings=self.catalogue.settings,
        )
        spoken = answer(
            self.catalogue,
            chart,
            situation,
            theme=theme,
            language=language,
            max_cards=self.settings.advisories.max_cards,
            hook_instance=case.hook_instance,
            subject=_subject(case, chart),
            only=only,
            memory=memory,
        )
        if case.as_of_ignored:
            spoken.evaluation["ignored"] = [{"extension": AS_OF, "why": "server.allow_as_of is false"}]
        return spoken


def _about(hook: str, drafts: list[Finding]) -> list[Finding]:
    """The drafts that the hook is about: proposed appointments when one is booked, orders otherwise (ruling 43)."""
    booking = hook == APPOINTMENT_BOOK
    return [draft for draft in drafts if (getattr(draft, "resource", "") == "Appointment") == booking]


def _subject(case: Case, chart: Chart) -> str | None:
    if case.patient_id:
        return f"Patient/{case.patient_id}"
    person = chart.person
    return person.evidence.reference or None if person is not None else None


def case_of(request: HookRequest, obtained: Obtained, *, today: date, allow_as_of: bool) -> Case:
    """The case of one call. Its as-of extension counts only when it is allowed (ruling 52)."""
    patient = request.context.patient_id
    drafts = read_contents(request.context.drafts).supplied if request.context.drafts is not None else []
    return Case(
        hook=request.hook,
        hook_instance=request.hook_instance,
        as_of=request.as_of if request.as_of is not None and allow_as_of else today,
        supplied=obtained.supplied,
        gaps=obtained.gaps,
        patient_id=patient,
        drafts=drafts,
        selections=request.context.selections,
        of_another=bool(obtained.patients) and patient not in obtained.patients,
        as_of_ignored=request.as_of is not None and not allow_as_of,
    )


def answered(spoken: Answer) -> dict[str, object]:
    """The response body of an answer."""
    return {"cards": spoken.cards, "extension": {EVALUATION: spoken.evaluation}}
