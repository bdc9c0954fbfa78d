"""The tree that grows with a log: checkpoints, and logs that do not continue what was signed."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import Connection

from eventlog.checkpoint import Checkpoint, Signer
from eventlog.continuing import publish, published_at, require_continued, require_length
from eventlog.growing import TreeError, advance, caught_up, newest
from eventlog.log import Log
from eventlog.reader import read
from eventlog.signing import keep_signing
from eventlog.tree import root
from tests.conftest import append
from tests.eventlog.test_append import command, record

SIGNER = Signer("/dasan/seoul", bytes(range(32)))


@pytest.fixture
def connection(log: Log) -> Iterator[Connection]:
    with log.database.connect() as connection:
        yield connection


def tell(log: Log, count: int) -> None:
    append(log, *(command(record(uuid4(), 1)) for _ in range(count)))


def checkpoint_of(connection: Connection) -> Checkpoint:
    rows = read(connection, after=0, limit=100_000)
    return Checkpoint("/dasan/seoul", len(rows), root(row.record for row in rows))


def rewrite(log: Log, statement: str) -> None:
    """Do what only a superuser can, who switches the guards off."""
    with log.database.connect_as_owner() as owner:
        owner.execute("ALTER TABLE log DISABLE TRIGGER log_is_append_only")
        owner.execute(statement.encode())
        owner.execute("ALTER TABLE log ENABLE ALWAYS TRIGGER log_is_append_only")


def test_an_empty_log_has_no_checkpoint(connection: Connection) -> None:
    assert advance(connection, SIGNER) is None
    assert newest(connection, SIGNER.verifier) is None


@pytest.mark.parametrize("steps", [[1], [255, 1, 1], [600], [1, 1, 700]])
def test_the_checkpoint_is_that_of_all_records(
    log: Log, connection: Connection, steps: list[int]
) -> None:
    signed = None
    for step in steps:
        tell(log, step)
        signed = caught_up(connection, SIGNER)

    assert signed == checkpoint_of(connection)
    assert SIGNER.verifier.opened(newest(connection, SIGNER.verifier) or "") == signed


def test_nothing_is_signed_twice_while_nothing_is_appended(
    log: Log, connection: Connection
) -> None:
    tell(log, 3)
    assert advance(connection, SIGNER)

    assert advance(connection, SIGNER) is None


def test_servers_that_sign_at_once_sign_the_same(log: Log, connection: Connection) -> None:
    tell(log, 700)

    def sign() -> None:
        with log.database.connect() as own:
            caught_up(own, SIGNER)

    threads = [threading.Thread(target=sign) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert SIGNER.verifier.opened(newest(connection, SIGNER.verifier) or "") == checkpoint_of(
        connection
    )


def test_a_checkpoint_stays_as_it_was_signed(log: Log, connection: Connection) -> None:
    tell(log, 1)
    advance(connection, SIGNER)

    with (
        log.database.connect_as_owner() as owner,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"),
    ):
        owner.execute("UPDATE tree.checkpoint SET note = ''")


@pytest.mark.parametrize("note", ["older", "junk", "another's"])
def test_a_note_that_somebody_put_there_is_not_the_newest(
    log: Log, connection: Connection, tmp_path: Path, note: str
) -> None:
    tell(log, 2)
    signed = caught_up(connection, SIGNER)
    assert signed is not None
    told = {
        "older": SIGNER.signed(signed),
        "junk": "no note",
        "another's": Signer(SIGNER.name, bytes(32)).signed(replace(signed, size=3)),
    }
    connection.execute(
        "INSERT INTO tree.checkpoint (size, root, note) VALUES (3, %s, %s)",
        [signed.root, told[note]],
    )

    publish(connection, SIGNER.verifier, tmp_path)

    assert SIGNER.verifier.opened(published_at(tmp_path).read_text()) == signed


def test_there_are_never_two_roots_for_one_size(log: Log, connection: Connection) -> None:
    tell(log, 2)
    advance(connection, SIGNER)
    with log.database.connect_as_owner() as owner:
        owner.execute("UPDATE tree.head SET size = 1")
    rewrite(log, r"UPDATE log SET record = record || '\x20' WHERE position = 2")

    with pytest.raises(TreeError, match="a checkpoint of 2 records was signed with another root"):
        advance(connection, SIGNER)


def test_a_log_that_goes_on_continues_what_was_published(
    log: Log, connection: Connection, tmp_path: Path
) -> None:
    tell(log, 300)
    caught_up(connection, SIGNER)
    publish(connection, SIGNER.verifier, tmp_path)
    tell(log, 5)

    assert require_continued(connection, SIGNER, tmp_path) == checkpoint_of(connection)


def test_a_log_that_is_shorter_than_what_was_published_is_refused(
    log: Log, connection: Connection, tmp_path: Path
) -> None:
    tell(log, 3)
    published_at(tmp_path).write_text(SIGNER.signed(Checkpoint("/dasan/seoul", 4, bytes(32))))

    with pytest.raises(TreeError, match="ends at position 3, and a checkpoint of 4 records"):
        require_length(connection, SIGNER, tmp_path)


def test_a_log_that_went_another_way_is_refused(
    log: Log, connection: Connection, tmp_path: Path
) -> None:
    tell(log, 5)
    published_at(tmp_path).write_text(SIGNER.signed(Checkpoint("/dasan/seoul", 4, bytes(32))))

    with pytest.raises(TreeError, match="the first 4 records of the log have not the root"):
        require_continued(connection, SIGNER, tmp_path)


@pytest.mark.parametrize("position", [1, 256, 257, 300])
def test_a_record_that_was_rewritten_is_named(
    log: Log, connection: Connection, tmp_path: Path, position: int
) -> None:
    tell(log, 300)
    caught_up(connection, SIGNER)
    rewrite(log, rf"UPDATE log SET record = record || '\x20' WHERE position = {position}")  # noqa: S608

    with pytest.raises(TreeError, match=f"the record at position {position} is not the one"):
        require_continued(connection, SIGNER, tmp_path)


def test_a_record_that_was_removed_is_named(
    log: Log, connection: Connection, tmp_path: Path
) -> None:
    tell(log, 300)
    caught_up(connection, SIGNER)
    rewrite(log, "DELETE FROM log WHERE position = 7")

    with pytest.raises(TreeError, match="the record at position 7 is not the one"):
        require_continued(connection, SIGNER, tmp_path)


def test_only_the_newest_records_are_hashed_again(
    log: Log, connection: Connection, tmp_path: Path
) -> None:
    tell(log, 600)
    caught_up(connection, SIGNER)
    rewrite(log, r"UPDATE log SET record = record || '\x20' WHERE position = 256")

    assert require_continued(connection, SIGNER, tmp_path, looked_at=300)


def test_a_checkpoint_by_another_key_is_refused(connection: Connection, tmp_path: Path) -> None:
    other = Signer("/dasan/seoul", bytes(32))
    published_at(tmp_path).write_text(other.signed(Checkpoint("/dasan/seoul", 0, bytes(32))))

    with pytest.raises(TreeError, match="is not a checkpoint by this log's key"):
        require_length(connection, SIGNER, tmp_path)


@pytest.mark.parametrize("octets", [b"", b"\xff\xfe", b"/dasan/seoul\n3\n"])
def test_a_published_checkpoint_that_is_torn_is_named(
    connection: Connection, tmp_path: Path, octets: bytes
) -> None:
    published_at(tmp_path).write_bytes(octets)

    with pytest.raises(TreeError, match="checkpoint is not a checkpoint by this log's key"):
        require_length(connection, SIGNER, tmp_path)


def test_signing_goes_on_once_what_was_signed_can_be_published(
    log: Log, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home, stopped = tmp_path / "home", threading.Event()
    thread = threading.Thread(
        target=keep_signing, args=(log.database, SIGNER, home, stopped), daemon=True
    )
    thread.start()
    tell(log, 3)
    while "cannot be published" not in caplog.text:
        assert thread.is_alive()
        stopped.wait(0.01)

    home.mkdir()
    while not published_at(home).exists():
        assert thread.is_alive()
        stopped.wait(0.01)
    stopped.set()
    thread.join()


def test_signing_goes_on_beside_the_writers_and_publishes(
    log: Log, connection: Connection, tmp_path: Path
) -> None:
    stopped = threading.Event()
    thread = threading.Thread(
        target=keep_signing, args=(log.database, SIGNER, tmp_path, stopped), daemon=True
    )
    thread.start()
    tell(log, 10)

    while not (
        published_at(tmp_path).exists()
        and SIGNER.verifier.opened(published_at(tmp_path).read_text()).size == 10
    ):
        assert thread.is_alive()
        stopped.wait(0.01)
    stopped.set()
    thread.join()

    assert SIGNER.verifier.opened(newest(connection, SIGNER.verifier) or "") == checkpoint_of(
        connection
    )
