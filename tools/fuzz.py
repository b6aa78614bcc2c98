"""The long round of fuzzing: odd calls, odd files and mixed charts, new ones every time, for as long as is asked.

    python -m tools.fuzz --minutes 10           # a table at the end; exit 1 when anything broke
    python -m tools.fuzz --from 41830 --minutes 1   # begin at a number: the same inputs again

Each input is made from one number. A call that is answered badly is written to ``tests/fuzz/corpus``, where it stays as
a test. ``tests/fuzz`` has the short round that CI runs.
"""

from __future__ import annotations

import faulthandler
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random, SystemRandom

import click
import msgspec

from cds_service.commands import evaluate, mapping_report
from cds_service.prefetch import SEARCHES
from tests.charts import mixture, shuffled
from tests.fuzz import broken, files, mutations
from tests.fuzz.judge import Judge
from tests.fuzz.values import VALUES
from tests.situations import load_cases
from tests.test_invariants import (
    alarmed_by_not_knowing,
    alarms,
    cards_without_words,
    critical_by_loss,
    held_keys,
    others,
    surprising,
    under_other_names,
    without,
)

HANGS_S = 60
Round = Callable[[Random], list[str]]


class Hang(BaseException):
    """An input that takes too long; no handler of the service may take it for an error of its own."""


class Tally(msgspec.Struct):
    """One kind of input: how many were tried, what broke (what -> the first number), the longest one took."""

    tried: int = 0
    broke: dict[str, int] = {}
    longest_s: float = 0.0


def rounds(judge: Judge, folder: Path) -> dict[str, Round]:
    """Each kind of input, as a function of a Random that says what went wrong."""
    places = mutations.every_place()
    cases = load_cases()

    def call(random: Random) -> list[str]:
        return _judged(judge, mutations.mutated(random))

    def place(random: Random) -> list[str]:
        name, where = random.choice(places)
        return _judged(judge, mutations.with_value(name, where, random.choice(VALUES)))

    def file(random: Random) -> list[str]:
        path = folder / "odd.json"
        path.write_bytes(files.content(random))
        return files.faults(random.choice(files.COMMANDS), path)

    def chart(random: Random) -> list[str]:
        patient = mixture(random.getrandbits(32), cases)
        changed = shuffled(random, [*patient.supplied * 2, *random.sample(others(), 5)])
        found = []
        if patient.answer(changed, drafts=shuffled(random, patient.drafted * 2)).cards != patient.said.cards:
            found.append("order, copies or another patient change the cards")
        chinese = patient.answer(patient.supplied, language="zh-Hans")
        if cards_without_words(chinese) != cards_without_words(patient.said):
            found.append("the language changes more than words")
        if alarms(under_other_names(patient)) != alarms(patient):
            found.append("what the resources are called changes a warning")
        key = random.choice(sorted(SEARCHES))
        found += [f"not knowing {key} raises {one}" for one in alarmed_by_not_knowing(patient, key)]
        key = random.choice(held_keys(patient))
        return found + [f"without what is under {key} {one} is critical" for one in critical_by_loss(patient, key)]

    def less(random: Random) -> list[str]:
        patient = mixture(random.getrandbits(32), cases)
        found = without(patient, random.randrange(len(patient.resources)))
        return [f"{advisory} is raised without a {kind}" for advisory, kind in surprising(found)]

    return {
        "calls": call,
        "one value at one place": place,
        "files for the command": file,
        "mixed charts": chart,
        "mixed charts, one resource less": less,
    }


def _judged(judge: Judge, call: mutations.Call) -> list[str]:
    faults = judge.faults(call)
    if faults:
        broken.save(call, "; ".join(faults))
    return faults


@click.command()
@click.option("--minutes", type=float, default=10.0, show_default=True)
@click.option("--from", "start", type=int, default=None, help="The number to begin at; without it, any.")
def fuzz(minutes: float, start: int | None) -> None:
    """Tries odd inputs for MINUTES and prints what was tried and what broke."""
    first = SystemRandom().randrange(10**9) if start is None else start
    click.echo(f"from {first}, {minutes:g} minutes, {len(os.sched_getaffinity(0))} cores")
    signal.signal(signal.SIGALRM, _hang)
    judge = Judge()
    evaluate.advisor_from = mapping_report.advisor_from = lambda config_file: (
        judge.advisor
    )  # every run of the command would read it again
    with tempfile.TemporaryDirectory() as folder:
        tallies = _run(rounds(judge, Path(folder)), first, time.monotonic() + 60 * minutes)
    _print(tallies)
    sys.exit(any(tally.broke for tally in tallies.values()))


def _run(kinds: dict[str, Round], first: int, end: float) -> dict[str, Tally]:
    tallies = {name: Tally(broke={}) for name in kinds}
    number = first
    while time.monotonic() < end:
        for name, kind in kinds.items():
            begun = time.monotonic()
            faults = _in_time(kind, number)
            tally = tallies[name]
            tally.tried += 1
            tally.longest_s = max(tally.longest_s, time.monotonic() - begun)
            for fault in faults:
                tally.broke.setdefault(fault, number)
        number += 1
    return tallies


def _in_time(kind: Round, number: int) -> list[str]:
    """What went wrong with the input of a number, a hang included; one that no signal reaches ends the round."""
    faulthandler.dump_traceback_later(2 * HANGS_S, exit=True)
    signal.alarm(HANGS_S)
    try:
        return kind(Random(number))
    except Hang:
        return [f"takes longer than {HANGS_S} s"]
    finally:
        signal.alarm(0)
        faulthandler.cancel_dump_traceback_later()


def _hang(*_: object) -> None:
    raise Hang


def _print(tallies: dict[str, Tally]) -> None:
    click.echo("| input | tried | broke | longest, s |\n|---|---:|---:|---:|")
    for name, tally in tallies.items():
        click.echo(f"| {name} | {tally.tried} | {len(tally.broke)} | {tally.longest_s:.2f} |")
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    click.echo(f"largest memory {largest:.0f} MB")
    for fault, number in [pair for tally in tallies.values() for pair in tally.broke.items()]:
        click.echo(f"--from {number}: {fault}")


if __name__ == "__main__":
    fuzz()
