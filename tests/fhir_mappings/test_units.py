"""Units: every listed spelling means the same quantity, and nothing else is understood.

pint is the second opinion: it knows the units, the molar masses are given to it here.
"""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path

import pint
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_mappings import units
from fhir_mappings.finding import UNIT_NOT_UNDERSTOOD, UNREADABLE
from fhir_mappings.ranges import INFINITY, Range
from fhir_mappings.units import ANALYTES, KINDS, LABS, Kind, Unit, canonical, limit, spelled
from fhir_mappings.views import Quantity

UCUM = "http://unitsofmeasure.org"
SNOMED = "http://snomed.info/sct"


def read(analyte: str, value: str, unit: str | None = None, code: str | None = None, **more: str) -> Range | str:
    """The range read, or why there is none. A code without a system is UCUM's."""
    system = more.pop("system", UCUM if code else None)
    found = canonical(analyte, Quantity(value=Decimal(value), unit=unit, code=code, system=system, **more))
    return found if isinstance(found, str) else found[0]


@pytest.mark.parametrize(
    ("analyte", "value", "unit", "expected"),
    [
        ("calcium-total", "12.0", "mg/dL", "2.994"),  # 12.0 x 0.2495
        ("calcium-total", "2.9", "mmol/L", "2.9"),
        ("calcium-ionized", "5.0", "mg/dL", "1.2475"),  # 5.0 x 0.2495
        ("albumin-serum", "4.2", "g/dL", "42"),  # x 10
        ("albumin-serum", "600", "umol/L", "39.9"),  # 600 x 0.0665
        ("creatinine-serum", "1.1", "mg/dL", "97.24"),  # 1.1 x 88.4
        ("creatinine-serum", "0.09", "mmol/L", "90"),  # x 1000
        ("ctx-serum", "0.35", "ng/mL", "350"),  # x 1000
        ("ctx-serum", "350", "ng/L", "350"),
        ("vitamin-d-25oh", "20", "ng/mL", "49.92"),  # 20 x 2.496
        ("vitamin-d-25oh", "20", "nmol/L", "20"),
        ("platelets", "150000", "/uL", "150"),  # / 1000
        ("wbc", "4.6", "10*3/uL", "4.6"),
        ("haemoglobin", "12.5", "g/dL", "125"),  # x 10
        ("haemoglobin", "8", "mmol/L", "128.912"),  # 8 x 16.114
        ("hba1c", "48", "mmol/mol", "6.542"),  # 48 x 0.0915 + 2.15
        ("alp-total", "2", "ukat/L", "120"),  # x 60
        ("body-weight", "155", "[lb_av]", "70.30681735"),  # 155 x 0.45359237
        ("body-height", "1.75", "m", "175"),
        ("body-height", "70", "[in_i]", "177.8"),  # 70 x 2.54
        ("lesion-diameter", "2.5", "cm", "25"),
        ("lesion-size-fraction", "33", "%", "0.33"),
        ("life-expectancy", "30", "wk", "7"),  # 30 x 7 days / 30 days
        ("life-expectancy", "1", "a", "12"),
        ("pain-duration", "6", "wk", "42"),  # 6 x 7
        ("pain-duration", "2", "mo", "60"),  # 2 x 30
        ("pain-severity-line", "45", "mm", "4.5"),  # 45 of 100 mm
    ],
)
def test_canonical_value(analyte: str, value: str, unit: str, expected: str) -> None:
    assert read(analyte, value, unit) == Range.of(Decimal(expected))
    assert read(analyte, value, code=unit) == Range.of(Decimal(expected))


@pytest.mark.parametrize("spelling", ["µmol/L", "μmol/L", "umol/L", " UMOL / l ", "um​ol/L", "ｕmol／L"])
def test_every_micro_sign_and_case(spelling: str) -> None:
    """U+00B5, U+03BC and u; spaces, a zero-width space, full-width letters."""
    assert read("creatinine-serum", "90", spelling) == Range.of(90)


@pytest.mark.parametrize("spelling", ["x10*9/L", "10^9/L", "×10⁹/L", "10E9/L", "G/L", "K/uL", "10*3/µL", "10³/uL"])
def test_cell_counts_as_they_are_written(spelling: str) -> None:
    assert read("platelets", "245", spelling) == Range.of(245)


def test_a_ucum_code_wins_over_the_unit_text() -> None:
    assert read("calcium-total", "10", unit="mmol/L", code="mg/dL") == Range.of(Decimal("2.495"))  # 10 x 0.2495
    assert read("platelets", "444", unit="x10*9/L", code="10*9/L") == Range.of(444)


def test_a_ucum_code_that_is_not_listed_is_not_rescued_by_its_text() -> None:
    assert read("calcium-total", "2.4", unit="mmol/L", code="meq/L") == UNIT_NOT_UNDERSTOOD


def test_ucum_tells_gram_from_giga_and_text_does_so_too() -> None:
    assert read("platelets", "245", code="g/L") == UNIT_NOT_UNDERSTOOD
    assert read("platelets", "245", unit="g/L") == UNIT_NOT_UNDERSTOOD


def test_a_code_of_another_system_is_not_a_unit() -> None:
    assert read("creatinine-serum", "90", unit="umol/L", code="258814008", system=SNOMED) == Range.of(90)
    assert read("creatinine-serum", "90", code="umol/L", system=SNOMED) == UNIT_NOT_UNDERSTOOD


@pytest.mark.parametrize(
    "system", ["https://unitsofmeasure.org", "http://unitsofmeasure.org/", "urn:oid:2.16.840.1.113883.6.8"]
)
def test_spellings_of_the_ucum_system(system: str) -> None:
    assert read("calcium-total", "10", unit="mmol/L", code="mg/dL", system=system) == Range.of(Decimal("2.495"))


@pytest.mark.parametrize("analyte", sorted(name for name in ANALYTES if not KINDS[ANALYTES[name].kind].bare))
def test_a_missing_unit_is_never_guessed(analyte: str) -> None:
    low, high = ANALYTES[analyte].plausible
    number = str((low + high) / 2)
    assert read(analyte, number) == UNIT_NOT_UNDERSTOOD
    assert read(analyte, number, unit=" ") == UNIT_NOT_UNDERSTOOD
    assert read(analyte, number, unit="furlong") == UNIT_NOT_UNDERSTOOD


def test_scores_counts_and_inr_need_no_unit() -> None:
    bare = {name for name in ANALYTES if KINDS[ANALYTES[name].kind].bare}
    assert bare == {
        "inr", "karnofsky", "ecog", "pain-severity", "extraspinal-bone-metastases", "vertebral-metastases",
        "mirels-score", "sins-score", "tokuhashi-score", "tomita-score",
    }  # fmt: skip
    assert read("inr", "1.2") == Range.of(Decimal("1.2"))
    assert read("vertebral-metastases", "3") == Range.of(3)


def test_gfr_without_the_body_surface_is_another_quantity() -> None:
    assert read("estimated-gfr", "60", code="mL/min") == UNIT_NOT_UNDERSTOOD
    assert read("estimated-gfr", "60", code="mL/min/{1.73_m2}") == Range.of(60)
    assert read("estimated-gfr", "60", unit="ml/min/1.73 m²") == Range.of(60)
    assert read("creatinine-clearance", "60", code="mL/min/{1.73_m2}") == UNIT_NOT_UNDERSTOOD


@pytest.mark.parametrize(
    ("comparator", "expected"),
    [
        ("<", Range(-INFINITY, Decimal("88.4"), hi_open=True)),
        ("<=", Range(-INFINITY, Decimal("88.4"))),
        (">", Range(Decimal("88.4"), INFINITY, lo_open=True)),
        (">=", Range(Decimal("88.4"), INFINITY)),
        ("~", UNREADABLE),
    ],
)
def test_a_comparator_keeps_its_direction_through_the_conversion(comparator: str, expected: Range | str) -> None:
    assert read("creatinine-serum", "1", "mg/dL", comparator=comparator) == expected  # 1 x 88.4


@pytest.mark.parametrize(
    ("analyte", "value", "unit"),
    [
        ("calcium-total", "9.6", "mmol/L"),  # mg/dL under the wrong unit: 6 mmol/L is the most believed
        ("calcium-total", "2.4", "mg/dL"),  # 2.4 x 0.2495 = 0.5988 mmol/L is believed, ...
        ("calcium-total", "2.0", "mg/dL"),  # ... 2.0 x 0.2495 = 0.499 is not
        ("albumin-serum", "42", "g/dL"),  # 420 g/L
        ("creatinine-serum", "90", "mg/dL"),  # 7956 umol/L
        ("karnofsky", "3", None),  # an ECOG grade under a Karnofsky code
        ("karnofsky", "75", None),
        ("ecog", "1.5", None),
        ("ecog", "6", None),
        ("pain-severity", "45", None),  # of 100 mm, and nobody says so
        ("vertebral-metastases", "2.5", None),
        ("lesion-size-fraction", "45", "1"),
        ("mirels-score", "3", None),  # the least is 4 x 1
        ("calcium-total", "NaN", "mmol/L"),
        ("calcium-total", "Infinity", "mmol/L"),
        ("calcium-total", "1E+400", "mmol/L"),
        ("calcium-total", "-2.4", "mmol/L"),
    ],
)
def test_a_number_that_cannot_be_is_unreadable(analyte: str, value: str, unit: str | None) -> None:
    expected = Range.of(Decimal("0.5988")) if (value, unit) == ("2.4", "mg/dL") else UNREADABLE
    assert read(analyte, value, unit) == expected


def test_karnofsky_takes_its_eleven_values() -> None:
    accepted = [number for number in range(101) if isinstance(read("karnofsky", str(number)), Range)]
    assert accepted == [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]


def test_no_value_is_unreadable() -> None:
    assert canonical("calcium-total", Quantity(unit="mmol/L")) == UNREADABLE


def test_an_unlisted_analyte_is_a_mistake_in_the_code() -> None:
    with pytest.raises(KeyError):
        canonical("sodium", Quantity(value=Decimal(140), unit="mmol/L"))


def test_a_reference_limit_without_a_unit_has_the_unit_of_its_value() -> None:
    value = Quantity(value=Decimal("9.6"), unit="mg/dL")
    assert limit("calcium-total", Quantity(value=Decimal(8)), value) == Range.of(Decimal("1.996"))  # 8 x 0.2495
    assert limit("calcium-total", Quantity(value=Decimal(2), unit="mmol/L"), value) == Range.of(2)
    assert limit("calcium-total", Quantity(value=Decimal(2), unit="IU"), value) is None
    assert limit("calcium-total", Quantity(value=Decimal(2)), None) is None
    assert limit("calcium-total", None, value) is None


# --- Every row of the table ------------------------------------------------------------------------------------------

ROWS = [(name, kind, unit) for name, kind in KINDS.items() for unit in kind.accepts]
ANALYTE_OF = {analyte.kind: name for name, analyte in reversed(ANALYTES.items())}


@pytest.mark.parametrize(("name", "kind", "unit"), ROWS)
def test_every_listed_spelling_is_found_in_its_row(name: str, kind: Kind, unit: Unit) -> None:
    for text in unit.text:
        assert kind.find(Quantity(unit=text)) == unit, text
        assert spelled(text) == text, f"{text}: write it as spelled() leaves it"
        assert text == text.lower() or text.lower() not in [other for row in kind.accepts for other in row.text]
    for code in unit.ucum:
        assert kind.find(Quantity(code=code, system=UCUM)) == unit, code


def test_every_kind_is_used_and_every_analyte_has_one() -> None:
    assert {analyte.kind for analyte in ANALYTES.values()} == KINDS.keys()
    assert all(rules.otherwise is None or rules.otherwise in LABS for rules in LABS.values())
    assert all(rules.reads_as is None or rules.reads_as in LABS for rules in LABS.values())


def test_every_kind_says_where_its_factors_come_from() -> None:
    text = Path(units.__file__).with_name("units.toml").read_text("utf-8")
    assert all(kind["source"] for kind in tomllib.loads(text)["kinds"].values())


STEPLESS = sorted(name for name, analyte in ANALYTES.items() if analyte.step is None)


@settings(deadline=None)
@given(st.data())
def test_a_round_trip_gives_the_number_back(data: st.DataObject) -> None:
    """A believable value, written in any accepted unit, is read back as itself (the limits are tested by hand)."""
    name = data.draw(st.sampled_from(STEPLESS))
    (low, high), kind = ANALYTES[name].plausible, KINDS[ANALYTES[name].kind]
    unit = data.draw(st.sampled_from(kind.accepts))
    text = data.draw(st.sampled_from(unit.text))
    value = data.draw(st.decimals(low, high, places=4).filter(lambda number: low < number < high))
    written = (value - unit.plus) * unit.per / unit.times
    found = canonical(name, Quantity(value=written, unit=text))
    assert not isinstance(found, str)
    assert abs(found[0].value - value) <= value * Decimal("1E-20")
    assert found[1] == kind.unit


# --- The second opinion ----------------------------------------------------------------------------------------------

MOLAR_MASS = {  # g/mol
    "calcium": 40.078,
    "creatinine": 113.12,
    "vitamin-d": 400.64,
    "haemoglobin": 16114.0,
    "albumin": 66500.0,
}
PINT_NAMES = {
    "[lb_av]": "pound", "[in_i]": "inch", "[in_us]": "inch", "%": "percent", "U/L": "enzyme_unit/L",
    "[iU]/L": "enzyme_unit/L", "[IU]/L": "enzyme_unit/L", "ukat/L": "microkatal/L", "/uL": "1/uL", "/nL": "1/nL",
    "{cells}/uL": "1/uL", "/mm3": "1/mm**3", "G/L": "1e9/L", "10*9/L": "1e9/L", "10*3/uL": "1e3/uL",
    "10*6/mL": "1e6/mL", "kg/m2": "kg/m**2", "wk": "week", "d": "day", "a": "year",
}  # fmt: skip
RULED_BY_THE_HOUSE = {"months", "days", "hba1c"}  # 30-day months, 365-day years; an offset that is no unit
NOT_A_PLAIN_UNIT = {"inr", "score", "percent-score", "pain", "pain-line", "count", "fraction", "clearance-per-surface"}


@pytest.mark.parametrize(
    ("name", "kind", "unit"), [row for row in ROWS if row[0] not in RULED_BY_THE_HOUSE | NOT_A_PLAIN_UNIT]
)
def test_pint_agrees_with_the_factors(name: str, kind: Kind, unit: Unit) -> None:
    registry = pint.UnitRegistry()
    amount = [registry.parse_expression(PINT_NAMES.get(code, code)) for code in unit.ucum]
    wanted = registry.parse_expression(PINT_NAMES.get(kind.unit, kind.unit))
    mass = registry.Quantity(MOLAR_MASS.get(name, 1), "g/mol")
    for one in amount:
        if one.dimensionality != wanted.dimensionality:
            one = one / mass if one.is_compatible_with("g/L") else one * mass
        assert (one / wanted).to("").magnitude == pytest.approx(float(unit.times / unit.per), rel=5e-4)


def test_the_house_months_stay_near_the_calendar() -> None:
    """pint's month is 30.44 days, the house's 30: 1.4 % apart, which the ruling accepts."""
    registry = pint.UnitRegistry()
    assert registry.Quantity(1, "month").to("day").magnitude == pytest.approx(30, rel=0.015)
