"""``evaluate`` and ``try``: cards without a server."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import click
import msgspec

from cds_service.commands.options import (
    WrongUse,
    advisor_from,
    config_option,
    format_option,
    language_of,
    language_option,
)
from cds_service.hooks import HOOKS

if TYPE_CHECKING:
    pass


@click.command(short_help="The cards for each file, without a server.")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option(
    "--hook",
    type=click.Choice(list(HOOKS)),
    metavar="HOOK",
    default="patient-view",
    show_default=True,
    help="Where to judge a chart (order-sign ...).",
)
@language_option
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="The day to judge as of (2026-11-21).")
@format_option
@click.option("--only", multiple=True, metavar="ADVISORY", help="Only this advisory; may be given several times.")
@click.option("--strict", is_flag=True, help="Also name what is not valid FHIR R4.")
@config_option
@click.pass_context
def evaluate(
    context: click.Context,
    files: tuple[str, ...],
    hook: str,
    language: str | None,
    as_of: datetime | None,
    form: str,
    only: tuple[str, ...],
    strict: bool,
    config_file: str | None,
) -> None:
    """The cards for each FILE: a FHIR Bundle, an array of resources, one resource, NDJSON of one patient, or a whole
    CDS Hooks request (then its hook, context and extension count). "-" is standard input."""
    advisor = advisor_from(config_file)
    for name in only:
        if name not in advisor.catalogue.advisories:
            raise WrongUse(f'--only: there is no advisory "{name}"; osteohooks advisories lists them')
    task = _Task(
        advisor, hook, language_of(language, advisor.settings), as_of.date() if as_of else None, form, only, strict
    )
    done = [task.judge(name) for name in files]
    context.exit(0 if all(done) else 1)


@click.command("try", short_help="A shipped example, as a clinician would read it.")
@click.argument("example", required=False)
@language_option
@config_option
def try_example(example: str | None, language: str | None, config_file: str | None) -> None:
    """A shipped EXAMPLE, printed as a clinician would read it; without EXAMPLE, which there are."""
    from cds_service import examples
    from cds_service.report import report

    if example is None:
        click.echo("\n".join(examples.names()))
        return
    body = examples.request_of(example)
    if body is None:
        raise WrongUse(f'there is no example "{example}"; there are: {", ".join(examples.names())}')
    advisor = advisor_from(config_file)
    tongue = language_of(language, advisor.settings)
    case, spoken = examples.answer_example(advisor, example, body, tongue)
    click.echo(report(_title(f"examples/{example}", case.hook, case.as_of), spoken, tongue))


class _Task(msgspec.Struct, frozen=True):
    """What is asked about every file."""

    advisor: Any
    hook: str
    language: str
    as_of: date | None
    form: str
    only: tuple[str, ...]
    strict: bool

    def judge(self, name: str) -> bool:
        """Prints the answer for one file; False when it could not be read or, if that is asked, is not valid."""
        from cds_service.files import FileError, case_from, read_file

        try:
            data = read_file(name)
            case = case_from(data, self.advisor, hook=self.hook, as_of=self.as_of)
        except FileError as error:
            if self.form == "json":
                _print_json({"file": name, "error": str(error)})
            else:
                click.echo(f"{name}: {error}", err=True)
            return False
        invalid = self._flaws(data) if self.strict else []
        spoken = self.advisor.answer(case, theme=None, language=self.language, only=self.only)
        if self.form == "json":
            from cds_service.advisor import answered

            _print_json({"file": name} | answered(spoken) | ({"invalid": invalid} if invalid else {}))
        else:
            from cards.text import printable
            from cds_service.report import report

            click.echo(report(_title(name, case.hook, case.as_of), spoken, self.language))
            for flaw in invalid:
                click.echo(printable(f"not valid FHIR R4: {': '.join(part for part in flaw.values() if part)}"))
        return not invalid

    def _flaws(self, data: bytes) -> list[dict[str, str]]:
        from cds_service.files import resources_in
        from cds_service.strict import flaws

        return [
            {name: value for name, value in msgspec.structs.asdict(flaw).items() if value}
            for flaw in flaws(resources_in(data))
        ]


def _title(name: str, hook: str, as_of: date) -> str:
    return f"{name} · {hook} · {as_of.isoformat()}"


def _print_json(value: dict[str, Any]) -> None:
    click.echo(msgspec.json.encode(value))
