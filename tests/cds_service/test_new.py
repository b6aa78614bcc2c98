"""``osteohooks new``: in a copy of the repository, an advisory that runs, and keeps the promises once it is filled."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOUR = (
    "cards/calcium/demo_advisory.toml",
    "cards/calcium/demo_advisory.py",
    "tests/cases/demo_advisory.toml",
    "examples/demo-advisory/request.json",
)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of what belongs to the repository."""
    copy = tmp_path_factory.mktemp("checkout")
    for folder in ("cards", "cds_service", "fhir_mappings", "examples", "tests"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


@pytest.fixture
def osteohooks(checkout):
    def osteohooks(*arguments):
        program = "from cds_service.cli import main; main()"
        return run(checkout, "-c", program, *arguments)

    return osteohooks


def run(checkout, *arguments):
    environ = os.environ | {"PYTHONPATH": str(checkout), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "80"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=checkout, env=environ, capture_output=True, text=True, encoding="utf-8"
    )


def fill(checkout):
    """What an author does: every placeholder in capitals and every English ``zh`` gets its words."""
    path = checkout / FOUR[0]
    table = path.read_text("utf-8")
    table = re.sub(r"\b[A-Z]{2,}(?:[ ,.'][A-Z]{2,})*\b(?!-)", "something", table.replace("DEMO-ADVISORY", "@"))
    table = re.sub(r"(zh = \"|cite\.zh = \")write[^\"]*?(\(\{value\}\))?\"", r'\1示例文字\2"', table)
    path.write_text(table.replace("@", "DEMO-ADVISORY"), "utf-8")


def test_the_four_skeletons(checkout, osteohooks):
    done = osteohooks("new", "demo-advisory", "--theme", "calcium")
    assert done.returncode == 0, done.stderr
    assert tuple(done.stdout.splitlines()[:4]) == FOUR
    assert all((checkout / path).is_file() for path in FOUR)

    told = osteohooks("try", "demo-advisory")
    assert "WHAT WAS FOUND (7)" in told.stdout, told.stderr

    house = ("-m", "pytest", "-n0", "-q", "-p", "no:cacheprovider", "tests/test_house.py", "-k", "demo")
    unfilled = run(checkout, *house)
    assert unfilled.returncode == 1
    assert "cards/calcium/demo_advisory.toml: title.zh has no Chinese in it" in unfilled.stdout

    fill(checkout)
    filled = run(checkout, *house, "tests/test_cases.py")
    assert filled.returncode == 0, filled.stdout
    assert " passed" in filled.stdout
    for tool in (["ruff", "check"], ["ruff", "format", "--check"]):
        checked = run(checkout, "-m", *tool, "--no-cache", FOUR[1])
        assert checked.returncode == 0, checked.stdout

    again = osteohooks("new", "demo-advisory", "--theme", "calcium")
    assert (again.returncode, again.stderr) == (
        2,
        "osteohooks: cards/calcium/demo_advisory.toml is there already; nothing was written\n",
    )


@pytest.mark.parametrize("name", ["Demo", "demo_advisory", "1st", "class", "not-evaluated", "../demo", ""])
def test_a_name_that_cannot_be_one(osteohooks, checkout, name):
    done = osteohooks("new", name, "--theme", "calcium")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


def test_a_theme_there_is_none_of(osteohooks):
    done = osteohooks("new", "another", "--theme", "nothing")
    assert done.returncode == 2
    assert "there are: bone-modifying-agents, calcium" in done.stderr
