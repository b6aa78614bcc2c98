"""A number that may be known only within limits.

One idea serves four cases: a score with missing items (lowest to highest possible total), a laboratory value with a
comparator (``<30``), the days since a month-only date, and a number that is simply known (both ends the same). A rule
claims only what every value of the range would give.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal

import msgspec

Number = Decimal | int
INFINITY = Decimal("Infinity")


class Range(msgspec.Struct, frozen=True):
    """Every number from ``lo`` to ``hi``; an open end does not include its number."""

    lo: Decimal
    hi: Decimal
    lo_open: bool = False
    hi_open: bool = False

    @classmethod
    def of(cls, lo: Number, hi: Number | None = None) -> Range:
        """A known number, or the closed range between two."""
        low = Decimal(lo)
        return cls(low, low if hi is None else Decimal(hi))

    @property
    def exact(self) -> bool:
        return self.lo == self.hi

    @property
    def value(self) -> Decimal:
        """The number itself. Raises ValueError when it is not known exactly."""
        if not self.exact:
            raise ValueError("the value is only known as a range")
        return self.lo

    def map(self, change: Callable[[Decimal], Decimal]) -> Range:
        """The range after an increasing ``change`` (unit conversion, rounding, a constant added)."""
        return Range(change(self.lo), change(self.hi), self.lo_open, self.hi_open)

    def plus(self, amount: Number) -> Range:
        return self.map(lambda number: number + amount)

    def times(self, factor: Number) -> Range:
        """Scaled by a positive ``factor``."""
        return self.map(lambda number: number * factor)

    def rounded(self, places: int) -> Range:
        return self.map(lambda number: round_half_up(number, places))

    # Three-valued comparison: True or False when every value of the range agrees, else None.
    def at_least(self, limit: Number) -> bool | None:
        if self.lo >= limit:
            return True
        return False if self.hi < limit or (self.hi == limit and self.hi_open) else None

    def above(self, limit: Number) -> bool | None:
        if self.lo > limit or (self.lo == limit and self.lo_open):
            return True
        return False if self.hi <= limit else None

    def below(self, limit: Number) -> bool | None:
        return _not(self.at_least(limit))

    def at_most(self, limit: Number) -> bool | None:
        return _not(self.above(limit))

    def __str__(self) -> str:
        if self.exact:
            return plain(self.lo)
        if self.hi == INFINITY:
            return f"{'>' if self.lo_open else '>='}{plain(self.lo)}"
        if self.lo == -INFINITY:
            return f"{'<' if self.hi_open else '<='}{plain(self.hi)}"
        return f"{plain(self.lo)}-{plain(self.hi)}"


def from_comparator(number: Decimal, comparator: str | None) -> Range | None:
    """A FHIR quantity with its comparator as a range; None when the comparator is not one of FHIR's."""
    match comparator:
        case None | "":
            return Range(number, number)
        case "<":
            return Range(-INFINITY, number, hi_open=True)
        case "<=":
            return Range(-INFINITY, number)
        case ">":
            return Range(number, INFINITY, lo_open=True)
        case ">=":
            return Range(number, INFINITY)
        case _:
            return None


def round_half_up(number: Decimal, places: int) -> Decimal:
    """Rounded as a person rounds: 2.745 to two places is 2.75."""
    if number.is_infinite():
        return number
    return number.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def plain(number: Number) -> str:
    """A number as it is written on a card: no exponent, no trailing zero of its own making."""
    if isinstance(number, int):
        return str(number)
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _not(answer: bool | None) -> bool | None:
    return None if answer is None else not answer
