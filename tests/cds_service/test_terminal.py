"""Lines that fit a terminal, in both languages."""

import pytest

from cds_service.terminal import cells, columns, pad, table, wrap

CHINESE = "股骨近端Mirels评分12分：骨折风险高，建议尽快骨肿瘤科会诊并限制负重（≥9分）。"
ENGLISH = "Mirels 12 in proximal femur: high fracture risk. Consider urgent orthopaedic oncology review."


def test_a_chinese_character_takes_two_cells():
    assert (cells("abc"), cells("骨折"), cells("Mirels评分"), cells("e\u0301"), cells("a\u200bb")) == (3, 4, 10, 1, 2)


@pytest.mark.parametrize("text", [CHINESE, ENGLISH, CHINESE + ENGLISH])
@pytest.mark.parametrize("width", [24, 40, 60, 80])
def test_no_line_is_wider_than_asked_and_nothing_is_lost(text, width):
    lines = wrap(text, width, first="- ", then="  ")
    assert max(cells(line) for line in lines) <= width
    assert "".join("".join(lines).split()) == "".join(("- " + text).split())


@pytest.mark.parametrize("width", range(20, 60))
def test_no_line_begins_with_a_closing_mark(width):
    assert not [line for line in wrap(CHINESE, width) if line[0] in "，。：）"]
    assert not [line for line in wrap(CHINESE, width) if line[-1] == "（"]


def test_a_word_longer_than_the_line_is_broken():
    lines = wrap("Observation/" + "a" * 60, 30, first="  ")
    assert max(map(cells, lines)) <= 30
    assert "".join(line.strip() for line in lines) == "Observation/" + "a" * 60


def test_columns_are_aligned_by_cells():
    assert table([["部位", "3"], ["Pain", "12"]], 40, right=[1]) == ["部位   3", "Pain  12"]
    assert pad("骨", 4) == "骨  "


def test_a_table_that_does_not_fit_wraps_its_widest_column():
    lines = table([["bone-modifying-agents-patient-view", "bma-duplicate, bma-start, denosumab-interval"]], 60)
    assert len(lines) > 1
    assert max(map(cells, lines)) <= 60
    assert lines[0].startswith("bone-modifying-agents-patient-view  ")


@pytest.mark.parametrize(("told", "used"), [("60", 60), ("20", 40), ("400", 96)])
def test_the_width_stays_readable(monkeypatch, told, used):
    monkeypatch.setenv("COLUMNS", told)
    assert columns() == used
