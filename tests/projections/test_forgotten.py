"""After forgetting: the log, its tree, every view and every KPI stay what they were."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from domain.vocabulary import Code, Plain
from eventlog import rotating
from eventlog.archive import Archive
from eventlog.checkpoint import Checkpoint, signer_of
from eventlog.growing import caught_up
from eventlog.keys import load_keys
from eventlog.log import Log, assembled
from eventlog.settings import Settings
from eventlog.tree import root
from projections.archive_checking import verify
from projections.checking import Checked, checked
from projections.digest import digest
from projections.runner import Runner
from projections.sealing import seal
from projections.views import view
from simulation.filling import fill
from simulation.history import History
from tests.conftest import Servers
from tests.domain.building import NINE, WORDS
from tests.eventlog.forgotten import dumped, events, forget, known, new_number, rows
from tests.projections.calls import answered
from tests.projections.histories import REQUEST


@contextmanager
def looked_at(log: Log) -> Iterator[dict[str, Checked]]:
    """The views, as far as the log is, each beside a refold of the log."""
    with log.database.connect() as connection, log.database.connect() as beside:
        Runner(connection).catch_up()
        yield checked(connection, beside, set())


def kpi(log: Log) -> str:
    with log.database.connect() as connection:
        Runner(connection).catch_up()
        return digest(connection, view("kpi"))


def signed(log: Log) -> Checkpoint:
    with log.database.connect() as connection:
        checkpoint = caught_up(connection, signer_of(log.settings.source, log.settings.home))
    assert checkpoint is not None
    return checkpoint


def records(log: Log, upto: int) -> list[bytes]:
    found = rows(log, "SELECT record FROM log WHERE position <= %s ORDER BY position", upto)
    return [octets for (octets,) in found if isinstance(octets, bytes)]


def praised(log: Log) -> UUID:
    """A citizen called and praised the line; their id."""
    call = answered(NINE, language="ko")
    call.identify(citizen=(citizen := known(log)), at=NINE)
    call.praise(ref=Code("p"), title=WORDS, story=WORDS, author=WORDS, at=NINE)
    log.inquiries.receive(call, REQUEST)
    return citizen


def test_every_kpi_and_view_is_what_the_log_says(log: Log) -> None:
    citizen = praised(log)
    before = kpi(log)

    forget(log, citizen)

    assert kpi(log) == before
    with looked_at(log) as views:
        assert [name for name, one in views.items() if not one.equals_refold] == []


def test_the_tree_goes_on_from_what_was_signed(log: Log) -> None:
    citizen = praised(log)
    before = signed(log)

    forget(log, citizen)

    after = signed(log)
    assert after.size == before.size + 1
    assert root(records(log, before.size)) == before.root
    assert root(records(log, after.size)) == after.root


# A month of a small line.

CITIZENS = 100
LATER = datetime(2012, 4, 1, tzinfo=UTC)
MONTH = History(date(2012, 2, 1), date(2012, 2, 29), scale=0.001)


@pytest.mark.soak
def test_of_a_hundred_citizens_of_a_month_nothing_is_left(servers: Servers, tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    shutil.copy(servers.settings.home / "keys" / "lookup", tmp_path / "keys" / "lookup")
    settings = Settings(None, tmp_path, "seoul", "Asia/Seoul")
    keys = load_keys(tmp_path, {})
    archive = Archive(str(tmp_path / "archive"))
    with servers.database("forgotten_month") as database:
        with assembled(settings, database, keys) as log:
            fill(settings, database, keys, MONTH, seed=120)
            told = dict(_told(log) for _ in range(CITIZENS))
            seal(database, archive, events=2_048)
            statement, before = kpi(log), signed(log)
            wrapped = _wrapped_keys(log, list(told))
            secrets = [keys.unwrap(one) for one in wrapped]

            for citizen in told:
                forget(log, citizen)

            seal(database, archive, events=2_048)
            assert kpi(log) == statement
            assert root(records(log, before.size)) == before.root
            assert events(log) == before.size + CITIZENS
            with looked_at(log) as views:
                assert [name for name, one in views.items() if not one.equals_refold] == []
            assert verify(archive).fault is None
            dump = dumped(database)
            data = Path(str(rows(log, "SHOW data_directory")[0][0]))

        readable = [*secrets, *(text.encode() for text in told.values())]
        assert [trace for trace in readable + wrapped if trace in dump] == []
        assert _found(readable + wrapped, tmp_path) == []
        assert _found(readable, data) == []
        assert _found(readable, servers.settings.home) == []  # the server's log, too

        rotating.rotate(database, tmp_path, {})

        assert _found(wrapped, data, without="pg_wal") == []


def _told(log: Log) -> tuple[UUID, str]:
    """A citizen was found to have asked one of the inquiries, and wrote something of their own."""
    [(inquiry,)] = rows(
        log,
        "SELECT stream_id FROM log WHERE type = 'inquiry.received.v1' AND NOT EXISTS ("
        " SELECT FROM log AS n WHERE n.stream_id = log.stream_id AND n.type IN"
        " ('inquiry.identified.v1', 'inquiry.annulled.v1')) ORDER BY random() LIMIT 1",
    )
    assert isinstance(inquiry, UUID)
    citizen, text = known(log, new_number()), f"제 이름은 {uuid4()}입니다"
    log.inquiries.change(inquiry, lambda i: i.identify(citizen=citizen, at=LATER), REQUEST)
    log.inquiries.change(
        inquiry,
        lambda i: i.note(ref=Code(uuid4().hex), kind=Code("memo"), note=Plain(text), at=LATER),
        REQUEST,
    )
    return citizen, text


def _wrapped_keys(log: Log, citizens: list[UUID]) -> list[bytes]:
    found = rows(
        log,
        "SELECT wrapped FROM vault.key WHERE stream_id IN ("
        " SELECT stream_id FROM log WHERE type = 'inquiry.identified.v1'"
        " AND substr(convert_from(record, 'UTF8'),"
        " position('\"citizen\":\"' IN convert_from(record, 'UTF8')) + 11, 36)::uuid = ANY (%s))",
        citizens,
    )
    assert len(found) == CITIZENS
    return [octets for (octets,) in found if isinstance(octets, bytes)]


def _found(traces: list[bytes], folder: Path, without: str = "") -> list[str]:
    """The files under a folder in which any of the traces stands."""
    return [
        str(file)
        for file in folder.rglob("*")
        if file.is_file()
        and not (without and without in file.parts)
        and any(trace in _octets(file) for trace in traces)
    ]


@lru_cache(maxsize=1)
def _octets(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:  # the server's own, which come and go
        return b""
