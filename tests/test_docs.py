"""The printed documentation says what the code says: ``make docs`` prints it again."""

from __future__ import annotations

import re
from pathlib import Path

from tools.docs import ROOT, pages


def test_printed_pages_do_not_lag() -> None:
    lagging = [
        path.relative_to(ROOT) for path, text in pages().items() if not path.exists() or path.read_text("utf-8") != text
    ]
    assert not lagging, f"make docs prints them again: {lagging}"


def test_no_page_of_an_advisory_that_is_no_more() -> None:
    printed = set(pages())
    assert not [path for path in (ROOT / "docs" / "advisories").glob("*/*.md") if path not in printed]


def test_links_of_the_readme_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target


def test_set_up_is_two_commands() -> None:
    """The set-up section begins with one shell block of exactly two lines, both targets of the Makefile."""
    text = (ROOT / "README.md").read_text("utf-8")
    block = re.search(r"## Set-up\n\n```sh\n(.*?)```", text, re.DOTALL)
    assert block is not None
    lines = block[1].strip().splitlines()
    assert len(lines) == 2
    makefile = Path(ROOT / "Makefile").read_text("utf-8")
    for line in lines:
        assert re.search(rf"^{line.removeprefix('make ')}:", makefile, re.MULTILINE), line
