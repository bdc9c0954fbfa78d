"""`dasan consume`: contacts from their topic, and replicas of the log from theirs."""

import os
from typing import Annotated

import typer


def replica(
    database: Annotated[
        str, typer.Option(help="libpq URL of the database to fill; its views: dasan project.")
    ],
) -> None:
    """Fill another database's log with the records of the topic of events.

    Any number may run: they share the partitions, and may come and go.
    """
    from dataclasses import replace
    from functools import partial

    from cli.running import run_until_stopped
    from consumers.broker import read_broker
    from consumers.consuming import Consumer
    from consumers.remembering import prepare_remembered
    from consumers.replica import MAX_RECORDS, Replica, group, prepare_replica
    from consumers.topics import events, require
    from eventlog.log import prepared
    from eventlog.settings import read_settings
    from projections.runner import prepare

    broker, settings = read_broker(os.environ), read_settings(os.environ)
    topic = events(settings.city)
    require(broker, topic)  # what is wrong at the start is said at once
    with prepared(replace(settings, database_url=database)) as (other, _):
        prepare(other, settings.timezone)
        prepare_remembered(other)
        name = group(settings.city, prepare_replica(other))
        opened = partial(Replica.opened, other)
        run_until_stopped(Consumer(broker, topic, name, opened, max_records=MAX_RECORDS).run)
