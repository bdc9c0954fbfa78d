"""`dasan relay`: the log's records to their topic, and whether all of them are there."""

import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from consumers.broker import Broker
    from consumers.topics import Topic
    from consumers.verifying import Reconciled
    from eventlog.database import Database


def relay(
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare the topic with the log instead.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what --verify found as JSON.")
    ] = False,
) -> None:
    """Send the log's records and signed checkpoints to their topics, until stopped by SIGTERM.

    Any number may run: one leads, the others stand by.
    """
    from cli.opening import prepared_city
    from consumers.broker import read_broker
    from consumers.remembering import prepare_remembered
    from consumers.replica import require_origin
    from consumers.topics import checkpoints, events

    if as_json and not verify:
        raise typer.BadParameter("it prints what --verify found: add --verify", param_hint="--json")
    broker = read_broker(os.environ)
    with prepared_city() as (settings, database, _):
        require_origin(database)
        prepare_remembered(database)
        topic = events(settings.city)
        if verify:
            raise typer.Exit(_verified(broker, topic, database, as_json=as_json))
        _run(broker, topic, checkpoints(settings.city), database)


def _run(broker: "Broker", events: "Topic", checkpoints: "Topic", database: "Database") -> None:
    from cli.running import run_until_stopped
    from consumers.checkpoints import Checkpoints
    from consumers.relay import Events, Relay
    from consumers.topics import require

    for topic in (events, checkpoints):
        require(broker, topic)  # what is wrong at the start is said at once
    run_until_stopped(
        Relay(broker, database, Events(events), "events").run,
        Relay(broker, database, Checkpoints(checkpoints), "checkpoints").run,
    )


def _verified(broker: "Broker", topic: "Topic", database: "Database", *, as_json: bool) -> int:
    from kafka.errors import KafkaError

    from cli.progress import progress_bar
    from consumers.topics import require
    from consumers.verifying import reconcile
    from eventlog.reader import head

    known = require(broker, topic)
    with (
        database.connect() as connection,
        progress_bar("comparing", head(connection)) as progress,
    ):
        try:
            found = reconcile(broker, known, connection, progress)
        except KafkaError as error:
            raise broker.unusable(error) from error
    print(json.dumps(asdict(found), indent=1) if as_json else _as_text(found))
    return 0 if found.is_clean else 1


def _as_text(found: "Reconciled") -> str:
    counted = (
        f"{found.topic}: {found.records:,} records beside the log up to position "
        f"{found.position:,}: {found.missing:,} missing, {found.different:,} different, "
        f"{found.duplicates:,} twice"
    )
    return "\n".join([counted, *found.named])
