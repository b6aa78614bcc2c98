"""Prints docs/traceability.md: every obligation of the specification, the tests that show it kept, what is not done.

The obligations are in ``clauses.toml``; a test belongs to the clauses its name begins with (``test_p3_...``), and what
it says is the first line of its docstring. A clause without a test of its own in ``tests/spec`` stops the printing.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec

ROOT = Path(__file__).parent.parent
CONFORMANCE = ROOT / "tests" / "spec"
FOLDERS = (CONFORMANCE, ROOT / "tests" / "cds_service")  # where tests are named by clauses; elsewhere c79_52 is a code
PROBES = ROOT / "tests" / "cds_service" / "test_table_c.py"
_CLAUSES = re.compile(r"test_((?:[drpcfs]\d+_)+)")

HEAD = """# CDS Hooks, clause by clause

What a CDS service owes its clients by CDS Hooks 2.0.1, with the fields that 3.0 adds, and the tests that show it kept.
Printed from those tests (`make docs`): a clause without one stops the printing. *Kept* means that they pass; CI skips
none of them and lets nothing in where one fails. What is deliberately not done stands beside it as a limit, with the
reason. How the service does with programs that are not ours: [interoperability](interoperability.md).

| clause | obligation | |
|---|---|---|""".splitlines()


class Clause(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One obligation, in our words. ``limit``: what is deliberately not done, and why; empty when all is done."""

    says: str
    limit: str = ""


class Section(msgspec.Struct, frozen=True):
    """One section of the specification; ``clauses`` by id: ``{"D1": ...}``."""

    title: str
    clauses: dict[str, Clause]


class Test(msgspec.Struct, frozen=True):
    """One test function: where it is, what it is called, what it says of itself."""

    __test__ = False  # it is about tests, and none

    path: Path
    name: str
    says: str

    @property
    def clauses(self) -> list[str]:
        found = _CLAUSES.match(self.name)
        return found[1].rstrip("_").upper().split("_") if found else []


class Gap(Exception):
    """A clause that nothing is shown for, or a test of a clause that there is none of."""


def sections() -> list[Section]:
    """The sections in the order of the specification."""
    table = tomllib.loads((Path(__file__).parent / "clauses.toml").read_text("utf-8"))
    return [
        Section(
            content.pop("title"),
            {f"{letter}{number}": msgspec.convert(one, Clause) for number, one in content.items()},
        )
        for letter, content in table.items()
    ]


def named_tests() -> list[Test]:
    """Every test that is named by a clause, in the order of files and lines."""
    paths = [path for folder in FOLDERS for path in sorted(folder.glob("test_*.py"))]
    found = [test for path in paths for test in _tests_of(path)]
    return [test for test in found if test.clauses]


def _tests_of(path: Path) -> Iterator[Test]:
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            says = (ast.get_docstring(node) or "").partition("\n")[0]
            yield Test(path, node.name, says)


def page() -> str:
    """The page. Raises Gap."""
    return "\n".join(_lines(sections(), named_tests())) + "\n"


def _lines(sections: list[Section], tests: list[Test]) -> Iterator[str]:
    known = {clause for section in sections for clause in section.clauses}
    if strange := [test.name for test in tests if not known.issuperset(test.clauses)]:
        raise Gap(f"clauses.toml has no such clause: {', '.join(strange)}")
    yield from HEAD
    for section in sections:
        for name, clause in section.clauses.items():
            kept = "kept, within a limit" if clause.limit else "kept"
            yield f"| [{name}](#{name.lower()}) | {clause.says} | {kept} |"
    for section in sections:
        yield from ["", f"## {section.title}"]
        for name, clause in section.clauses.items():
            yield from _clause(name, clause, [test for test in tests if name in test.clauses])
    yield from ["", "## Where other servers fail", ""]
    yield f"Three open CDS Hooks servers were probed alike. Here each of these passes ([tests]({_link(PROBES)})):"
    yield from ["", "| situation | |", "|---|---|"]
    for test in _tests_of(PROBES):
        situation = test.name.removeprefix("test_").replace("_", " ")
        yield f"| {situation} | {test.says} |"


def _clause(name: str, clause: Clause, tests: list[Test]) -> Iterator[str]:
    shown = [test for test in tests if test.path.is_relative_to(CONFORMANCE)]
    if not shown:
        raise Gap(f"{name} has no test in tests/spec")
    if silent := [test.name for test in shown if not test.says]:
        raise Gap(f"a docstring says what a test shows: {', '.join(silent)}")
    yield from ["", f"### {name}", "", clause.says, ""]
    yield f"Kept, within a limit: {clause.limit}" if clause.limit else "Kept."
    yield ""
    yield from [f"- {test.says} [`{test.name}`]({_link(test.path)})" for test in shown]
    if others := dict.fromkeys(test.path for test in tests if test not in shown):
        yield f"- More: {', '.join(f'[{path.name}]({_link(path)})' for path in others)}"


def _link(path: Path) -> str:
    return f"../{path.relative_to(ROOT).as_posix()}"
