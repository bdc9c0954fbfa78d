"""`dasan consume`: contacts from their topic, and replicas of the log from theirs."""

import os
from typing import Annotated

import typer


def contacts() -> None:
    """Turn what channel gateways send into inquiries, until stopped by Ctrl-C or SIGTERM.

    Any number may run: they share the partitions, and may come and go.
    """
    from functools import partial

    from cli.opening import prepared_city
    from cli.running import run_until_stopped
    from cli.upkeep import kept_up
    from consumers import topics
    from consumers.broker import read_broker
    from consumers.consuming import Consumer
    from consumers.contacts import MAX_RECORDS, ContactMessages, group
    from consumers.rejecting import Rejected
    from consumers.relay import Relay
    from consumers.remembering import prepare_remembered
    from consumers.replica import require_origin
    from eventlog.log import assembled
    from importers.contact_pending import prepare_pending

    broker = read_broker(os.environ)
    with prepared_city() as (settings, database, keys):
        contacts, rejected = topics.contacts(settings.city), topics.rejected(settings.city)
        for topic in (contacts, rejected):
            topics.require(broker, topic)  # what is wrong at the start is said at once
        require_origin(database)
        prepare_remembered(database)
        prepare_pending(database)
        with kept_up(settings, database, keys), assembled(settings, database, keys) as log:
            opened = partial(ContactMessages.opened, log)
            run_until_stopped(
                Consumer(
                    broker, contacts, group(settings.city), opened, max_records=MAX_RECORDS
                ).run,
                Relay(broker, database, Rejected(rejected, keys), "rejections").run,
            )


def replica(
    database: Annotated[
        str,
        typer.Option(
            envvar="DASAN_REPLICA_URL",
            help="libpq URL of the database to fill; its views: dasan project.",
        ),
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
    from eventlog.database import prepare, reached
    from eventlog.settings import read_settings
    from projections import runner

    if not database.strip():
        raise typer.BadParameter("name the database to fill", param_hint="--database")
    broker, settings = read_broker(os.environ), read_settings(os.environ)
    topic = events(settings.city)
    require(broker, topic)  # what is wrong at the start is said at once
    with reached(replace(settings, database_url=database)) as other:
        prepare(other, settings, keys=None)  # it opens nothing that is sealed
        runner.prepare(other, settings.timezone)
        prepare_remembered(other)
        name = group(settings.city, prepare_replica(other))
        opened = partial(Replica.opened, other)
        run_until_stopped(Consumer(broker, topic, name, opened, max_records=MAX_RECORDS).run)
