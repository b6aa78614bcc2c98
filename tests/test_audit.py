"""The dependency audit passes only when it looked: three reports of pip-audit, three exit statuses."""

from __future__ import annotations

from tools.audit import OUT_OF_REACH, verdict

CLEAN = {"name": "flask", "version": "3.1.2", "vulns": []}
KNOWN = {"name": "old", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}
SKIPPED = {"name": "gone", "skip_reason": "Dependency not found on PyPI and could not be audited: gone (1.0)"}


def test_everything_looked_up_and_nothing_known() -> None:
    assert verdict({"dependencies": [CLEAN]}) == (0, ["1 of 1 dependencies audited, 0 known."])


def test_something_is_known() -> None:
    status, told = verdict({"dependencies": [CLEAN, KNOWN]})
    assert status == 1
    assert told[0] == "old 1.0: PYSEC-1 (fixed in 1.1)"


def test_what_was_not_looked_up_is_no_pass() -> None:
    assert verdict({"dependencies": [CLEAN, SKIPPED]})[0] == 1


def test_a_database_out_of_reach_is_said_and_is_no_pass() -> None:
    for report in ({"dependencies": [SKIPPED, SKIPPED]}, {}):
        status, told = verdict(report)
        assert status == OUT_OF_REACH
        assert told[0].startswith("NOT AUDITED")
