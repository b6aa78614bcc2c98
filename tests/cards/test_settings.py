"""A setting has the kind of the default it replaces; an error names key, finding and what is allowed (ruling 50)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from cards.catalogue import load_catalogue
from cards.table import TableError

RIGHT: list[tuple[str, Any]] = [
    ("mirels_threshold", 9),
    ("mirels_show_low", True),
    ("srs_window_d", [14, 35]),
    ("alp_factor", Decimal("2.5")),
    ("alp_factor", 2),
    ("assume_adult", False),
    ("pvp_stance", "S3"),
    ("denosumab_dental_pause_d", "none"),
    ("denosumab_dental_pause_d", 90),
]
WRONG: list[tuple[str, Any, str]] = [
    ("mirels_threshold", "nine", '"nine". Write a whole number, 0 or more.'),
    ("mirels_threshold", -3, "-3. Write a whole number, 0 or more."),
    ("mirels_threshold", True, "true. Write a whole number, 0 or more."),
    ("mirels_show_low", 1, "1. Write true or false."),
    ("srs_window_d", 21, "21. Write two whole numbers, the lower first, such as [21, 35]."),
    ("srs_window_d", [35, 21], "[35,21]. Write two whole numbers, the lower first, such as [21, 35]."),
    ("alp_factor", "high", '"high". Write a number, 0 or more.'),
    ("assume_adult", "yes", '"yes". Write true or false.'),
    ("breast_tn_modifier", 1, "1. Write one of: true, false."),
    ("pvp_stance", "S9", '"S9". Write one of: "S2", "S3".'),
    ("denosumab_dental_pause_d", "never", '"never". Write a whole number, 0 or more, or "none".'),
    ("rt_to_surgery_min_d", "none", '"none". Write a whole number, 0 or more.'),
]


@pytest.mark.parametrize(("name", "value"), RIGHT)
def test_a_value_of_the_right_kind_is_in_force(name: str, value: Any) -> None:
    assert load_catalogue({name: value}).settings[name] == value


@pytest.mark.parametrize(("name", "value", "said"), WRONG)
def test_a_value_of_another_kind_stops_the_start(name: str, value: Any, said: str) -> None:
    with pytest.raises(TableError) as error:
        load_catalogue({name: value})
    assert str(error.value) == f"thresholds.{name} is {said}"
