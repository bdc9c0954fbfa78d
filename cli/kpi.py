"""`dasan kpi`: KPIs of a range, grouped and filtered, as a table or as JSON."""

import os
from dataclasses import replace
from typing import Annotated

import typer

Values = list[str] | None

_FILTER = "Only this one; may be given more than once."
_WITHOUT = "Only this one; may be given more than once, and as '' for those without."


def kpi(  # noqa: PLR0913, PLR0917 - the options of the command
    begin: Annotated[
        str | None, typer.Option("--from", help="Date or time; without offset in the zone.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="Date or time, itself not in the range.")
    ] = None,
    by: Annotated[
        str,
        typer.Option(
            help="total, hour, day, month or year, and any of queue, channel, language, category,"
            " district, agent, agency; with commas."
        ),
    ] = "total",
    queue: Annotated[Values, typer.Option(help=_WITHOUT)] = None,
    channel: Annotated[Values, typer.Option(help=_FILTER)] = None,
    language: Annotated[Values, typer.Option(help=_WITHOUT)] = None,
    category: Annotated[Values, typer.Option(help=_WITHOUT)] = None,
    district: Annotated[Values, typer.Option(help=_WITHOUT)] = None,
    agent: Annotated[Values, typer.Option(help=_FILTER)] = None,
    agency: Annotated[Values, typer.Option(help=_FILTER)] = None,
    threshold: Annotated[int, typer.Option(help="Seconds of the service level, inclusive.")] = 15,
    short: Annotated[int, typer.Option(help="Seconds of a short abandon, inclusive.")] = 5,
    timezone: Annotated[
        str | None, typer.Option(help="IANA zone of the buckets; the city's by default.")
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            help="As known at a log position, or at a time of recording; beside what is known now.",
        ),
    ] = None,
    history: Annotated[
        bool, typer.Option("--history", help="Add what takes the whole history: cumulative, FCR.")
    ] = False,
    publish: Annotated[
        bool,
        typer.Option("--publish", help="Put the sums into the log, too: docs/statements.md."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Show KPIs, by default of all days that the log holds.

    Sums of a visit count where it entered its queue. A label that is not known is null. What no
    table holds is answered from the archive and the log.
    """
    from cli.answering import caught_up, print_answers, print_document, recalling, with_total
    from cli.opening import city
    from cli.publishing import published
    from eventlog.settings import read_settings, zone
    from projections.answer import held
    from projections.as_of import moment_of, position_or_time
    from projections.asking import ask
    from projections.question import EARLIEST, LATEST, Question, QuestionError, instant

    wanted = {
        "queue": queue,
        "channel": channel,
        "language": language,
        "category": category,
        "district": district,
        "agent": agent,
        "agency": agency,
    }
    if publish and history:
        raise QuestionError(
            "--history is not published: a statement has the sums of docs/kpi.md. Leave one out"
        )
    asked_zone = zone(timezone or read_settings(os.environ).timezone)
    # Whole before anything is opened, so that a wrong value is refused at once.
    question = Question(
        begin=instant(begin, asked_zone) if begin else EARLIEST,
        end=instant(end, asked_zone) if end else LATEST,
        timezone=asked_zone,
        by=tuple(name.strip() for name in by.split(",")),
        filters={name: tuple(values) for name, values in wanted.items() if values},
        threshold_s=threshold,
        short_s=short,
    )
    known_by = None if as_of is None else position_or_time(as_of, asked_zone)
    with city() as log, caught_up(log) as connection, recalling(log, connection) as past:
        known = held(connection, asked_zone)
        question = replace(
            question,
            begin=question.begin if begin else known.begin,
            end=question.end if end else known.end,
        )
        told = ask(
            past,
            [question] if as_json else with_total(question),
            as_of=None if known_by is None else moment_of(connection, known_by),
            with_history=history,
        )
        made = published(log, connection, question, told[0]) if publish else None
    if as_json:
        statement = {"statement": made._asdict()} if made else {}
        print_document(told[0].as_json() | statement)
    else:
        print_answers(question, told)
        if made:
            print(f"published at log position {made.position:,} as {made.id}")
