"""The moment a rule speaks in: which hook, what is drafted or booked, what other advisories said, the settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, TypeVar

from cards.advice import Advice
from cards.advisory import APPOINTMENT_BOOK, ORDER_SELECT, ORDER_SIGN
from cards.table import Cells
from fhir_mappings.finding import Finding

F = TypeVar("F", bound=Finding)


class Situation:
    """``drafts``: the orders and appointments of the hook's context, as findings.

    At order-select only those in ``selections`` count as being chosen (data contract 4); None means all of them.
    """

    def __init__(
        self,
        *,
        hook: str,
        as_of: date,
        drafts: Iterable[Finding] = (),
        selections: Sequence[str] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.hook = hook
        self.as_of = as_of
        self.settings = settings or {}
        self.drafts = sorted(drafts, key=lambda draft: draft.order) if hook in HOOKS_WITH_DRAFTS else []
        if hook == ORDER_SELECT and selections is not None:
            chosen = {selection.split("/_history")[0] for selection in selections}
            self.drafts = [draft for draft in self.drafts if draft.evidence.reference in chosen]
        self._consult: Callable[[str], list[Advice]] = lambda _: []
        self._tables: Mapping[str, Cells] = {}

    @property
    def signing(self) -> bool:
        return self.hook == ORDER_SIGN

    @property
    def ordering(self) -> bool:
        """True at order-select and order-sign."""
        return self.hook in (ORDER_SELECT, ORDER_SIGN)

    def drafted(self, kind: type[F], *names: str) -> list[F]:
        """The drafted orders or appointments of a kind, with any of the names (all when none is given)."""
        return [
            draft for draft in self.drafts if isinstance(draft, kind) and (not names or set(names) & set(draft.names))
        ]

    def said(self, advisory: str, about: str | None = None) -> list[Advice]:
        """What another advisory has to say about this chart at this moment (whatever hooks it speaks at itself)."""
        advices = self._consult(advisory)
        return [advice for advice in advices if advice.about == about] if about else advices

    def table(self, name: str) -> Cells:
        """The table of another advisory, or of a fact (``exposure``, ``calcium`` ...), with its settings applied."""
        return self._tables[name]

    def setting(self, name: str) -> Any:
        """A setting of no one table (``assume_adult`` ...)."""
        return self.settings[name]

    def attach(self, consult: Callable[[str], list[Advice]], tables: Mapping[str, Cells]) -> None:
        """Called once by the engine before the first rule."""
        self._consult, self._tables = consult, tables


HOOKS_WITH_DRAFTS = (ORDER_SELECT, ORDER_SIGN, APPOINTMENT_BOOK)
