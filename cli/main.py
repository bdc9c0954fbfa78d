"""The command `dasan`: composes the parts, prints, and turns errors into an exit status.

0 done; 1 the work found something wrong; 2 used wrongly, or nothing could be done.
"""

import sys

import typer

from cli import (
    archiving,
    backlog,
    catalogue,
    consuming,
    doctor,
    expiring,
    importing,
    kpi,
    project,
    rebuilding,
    relaying,
    serving,
    simulating,
    verify_kpi,
)

app = typer.Typer(
    name="dasan",
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
catalogues = typer.Typer(no_args_is_help=True, help="Names of codes, and what is aimed at.")
app.add_typer(catalogues, name="catalogue")
catalogues.command("load")(catalogue.load)
consumers = typer.Typer(no_args_is_help=True, help="Take messages from Kafka: docs/kafka.md.")
app.add_typer(consumers, name="consume")
consumers.command("contacts")(consuming.contacts)
consumers.command("replica")(consuming.replica)
app.command("backlog")(backlog.backlog)
app.command("demo")(simulating.demo)
app.command("doctor")(doctor.doctor)
app.command("expire")(expiring.expire)
app.command("kpi")(kpi.kpi)
app.command("project")(project.project)
app.command("rebuild")(rebuilding.rebuild)
app.command("relay")(relaying.relay)
app.command("serve")(serving.serve)
app.command("simulate")(simulating.simulate)
app.command("token")(serving.token)
app.command("verify-kpi")(verify_kpi.verify_kpi)


def main() -> None:
    """Run the command line; print an expected error as one line that says how to mend it."""
    import psycopg

    from cli.serving import ServeError
    from consumers.broker import BrokerError
    from consumers.contacts import TooManyRejectedError
    from consumers.ends import ForeignRecordError
    from consumers.relay import DivergedError
    from consumers.replica import ReplicaError
    from consumers.topics import TopicError
    from domain.errors import InquiryError
    from domain.inquiries import StaleVersionError
    from domain.request import RequestError
    from domain.vocabulary import VocabularyError
    from eventlog.archive import ArchiveError
    from eventlog.bulk import BulkError
    from eventlog.database import DatabaseError
    from eventlog.embedded import EmbeddedServerError
    from eventlog.keys import KeyFileError
    from eventlog.settings import SettingsError
    from eventlog.writer import WriterError
    from importers.text_file import ImportFileError
    from projections.asking_history import TooLongError
    from projections.decoding import DecodingError
    from projections.folding import FoldError
    from projections.question import QuestionError
    from projections.rebuild import RebuildError
    from projections.runner import UnknownTypeError, ViewStoppedError
    from projections.shadow import RollbackError
    from projections.spark_session import EngineError
    from simulation.history import HistoryError
    from simulation.sending import SendingError

    cannot_begin = (
        ArchiveError, BulkError, DatabaseError, EmbeddedServerError, EngineError, HistoryError,
        KeyFileError, SettingsError, BrokerError, ReplicaError, TopicError, ImportFileError,
        QuestionError, RebuildError, RequestError, RollbackError, ServeError, VocabularyError,
    )  # fmt: skip
    cannot_finish = (
        DecodingError, DivergedError, FoldError, ForeignRecordError, InquiryError, SendingError,
        StaleVersionError, TooLongError, TooManyRejectedError, UnknownTypeError, ViewStoppedError,
        WriterError, psycopg.Error,
    )  # fmt: skip
    try:
        app()
    except cannot_begin as error:
        sys.exit(_say(error, status=2))
    except cannot_finish as error:
        sys.exit(_say(error, status=1))


def _say(error: Exception, *, status: int) -> int:
    print(f"dasan: {error}", file=sys.stderr)
    return status
