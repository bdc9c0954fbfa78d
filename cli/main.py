"""The command `dasan`: composes the parts, prints, and turns errors into an exit status.

0 done; 1 the work found something wrong; 2 used wrongly, or nothing could be done.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from cli import (
    archiving,
    auditing,
    backlog,
    catalogue,
    consuming,
    doctor,
    expiring,
    forgetting,
    importing,
    keys,
    kpi,
    project,
    rebuilding,
    relaying,
    replaying,
    searching,
    serving,
    simulating,
    verify_kpi,
)


class _CommandLine(TyperGroup):
    """All commands. typer itself prints why a use is wrong, and knows of no documents."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        with _wrong_use_in_json():
            return super().make_context(*args, **kwargs)

    def invoke(self, *args: Any, **kwargs: Any) -> Any:
        with _wrong_use_in_json():
            return super().invoke(*args, **kwargs)


@contextmanager
def _wrong_use_in_json() -> Iterator[None]:
    try:
        yield
    except typer.TyperException as error:
        _print_error(error.format_message(), status=error.exit_code)
        raise


app = typer.Typer(
    name="dasan",
    cls=_CommandLine,
    help="The backend of a city's inquiry line.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
imports = typer.Typer(no_args_is_help=True, help="Turn files of other systems into events.")
app.add_typer(imports, name="import")
imports.command("queue-log")(importing.queue_log)
imports.command("contacts")(importing.contacts)
archives = typer.Typer(no_args_is_help=True, help="The log as Parquet files: docs/archive.md.")
app.add_typer(archives, name="archive")
archives.command("seal")(archiving.seal)
archives.command("verify")(archiving.verify)
audits = typer.Typer(no_args_is_help=True, help="What an auditor needs: docs/auditing.md.")
app.add_typer(audits, name="audit")
audits.command("export")(auditing.export)
audits.command("key")(auditing.key)
audits.command("prove")(auditing.prove)
audits.command("search")(searching.search)
audits.command("replay")(replaying.replay)
audits.command("verify")(auditing.verify)
catalogues = typer.Typer(no_args_is_help=True, help="Names of codes, and what is aimed at.")
app.add_typer(catalogues, name="catalogue")
catalogues.command("load")(catalogue.load)
consumers = typer.Typer(no_args_is_help=True, help="Take messages from Kafka: docs/kafka.md.")
app.add_typer(consumers, name="consume")
consumers.command("contacts")(consuming.contacts)
consumers.command("replica")(consuming.replica)
key_keeping = typer.Typer(no_args_is_help=True, help="The city's secrets: docs/forgetting.md.")
app.add_typer(key_keeping, name="keys")
key_keeping.command("rotate")(keys.rotate)
app.command("backlog")(backlog.backlog)
app.command("demo")(simulating.demo)
app.command("doctor")(doctor.doctor)
app.command("expire")(expiring.expire)
app.command("forget")(forgetting.forget)
app.command("hold")(forgetting.hold)
app.command("kpi")(kpi.kpi)
app.command("project")(project.project)
app.command("rebuild")(rebuilding.rebuild)
app.command("relay")(relaying.relay)
app.command("release")(forgetting.release)
app.command("serve")(serving.serve)
app.command("simulate")(simulating.simulate)
app.command("token")(serving.token)
app.command("revoke")(serving.revoke)
app.command("verify-kpi")(verify_kpi.verify_kpi)


def main() -> None:
    """Run the command line; print an expected error as one line that says how to mend it.

    Where `--json` is given, it is one document on stdout, too.
    """
    from cli.failures import CANNOT_BEGIN, CANNOT_FINISH

    try:
        app()
    except CANNOT_BEGIN as error:
        sys.exit(_say(error, status=2))
    except CANNOT_FINISH as error:
        sys.exit(_say(error, status=1))


def _say(error: Exception, *, status: int) -> int:
    print(f"dasan: {error}", file=sys.stderr)
    _print_error(str(error), status=status)
    return status


def _print_error(message: str, *, status: int) -> None:
    """Print an error as a document where one is asked for, be it by a use that is wrong."""
    options = sys.argv[1 : sys.argv.index("--") if "--" in sys.argv else None]
    if "--json" in options:
        print(json.dumps({"error": {"message": message, "status": status}}, indent=2))
