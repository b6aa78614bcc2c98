"""The command ``osteohooks``. Exit status: 0 done, 1 some file failed, 2 wrong use; errors are one line on stderr."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from cds_service.commands.catalogue import advisories, explain, services
from cds_service.commands.config import config
from cds_service.commands.evaluate import evaluate, try_example
from cds_service.commands.feedback import feedback
from cds_service.commands.mapping_report import mapping_report
from cds_service.commands.new import new
from cds_service.commands.serve import serve

NAME = "osteohooks"
_DEBUG = "--debug"


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(_DEBUG, is_flag=True, help="Show where an error came from (also after the command's name).")
@click.version_option(package_name=NAME, prog_name=NAME)
def osteohooks(debug: bool) -> None:
    """Advice for people with bone metastases: small, sourced rules that read a chart and may speak."""


for _command in (serve, evaluate, try_example, services, advisories, explain, mapping_report, feedback, new, config):
    osteohooks.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs one command and ends the process."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = _DEBUG in given
    sys.exit(_run([argument for argument in given if argument != _DEBUG], debug))


def _run(arguments: list[str], debug: bool) -> int:
    try:
        status = osteohooks.main(arguments, prog_name=NAME, standalone_mode=False)
        return status if isinstance(status, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return 2
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else NAME
        return _failed(f"{where}: {error.format_message()} ({where} --help says how)", 2)
    except click.ClickException as error:
        return _failed(f"{NAME}: {error.format_message()}", error.exit_code)
    except click.Abort:
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has had enough
        return 0
    except Exception as error:
        if debug:
            raise
        from cds_service.faults import where as place

        return _failed(f"{NAME}: a defect in the program, {place(error)}; {_DEBUG} shows more", 1)


def _failed(message: str, status: int) -> int:
    click.echo(" ".join(message.split()), err=True)
    return status
