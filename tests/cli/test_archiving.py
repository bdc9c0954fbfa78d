"""`dasan archive seal | verify`, and sealing on its own, as their user sees them."""

import json
import logging
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from cli.sealer import Sealer
from cli.upkeep import kept_up
from eventlog.archive import Archive
from eventlog.log import Log
from eventlog.settings import read_settings
from projections.archive_checking import verify
from projections.sealing import seal
from tests.cli.commanded import Run
from tests.cli.test_commands import dasan
from tests.cli.test_upkeep import PATIENCE_S, wait_until
from tests.conftest import Servers
from tests.projections.sealed import SIZE, Sealed, sealed, tell_days

__all__ = ["dasan"]  # a fixture


@pytest.fixture
def url(tmp_path: Path) -> str:
    return str(tmp_path / "archive")


@pytest.fixture
def grown(log: Log, url: str) -> Log:
    """A log of three small segments, of which the archive has one: what is small stays small."""
    tell_days(log)
    seal(log.database, Archive(url), events=SIZE, upto=SIZE)
    return log


@pytest.fixture
def archive(log: Log, url: str) -> Sealed:
    """The archive of a log in three segments."""
    tell_days(log)
    return sealed(log, Path(url))


def segments(url: str) -> int:
    return len(Archive(url).segments())


@pytest.mark.usefixtures("grown")
def test_sealing_says_what_it_made_and_what_waits(dasan: Run, url: str) -> None:
    outcome = dasan("archive", "seal", DASAN_ARCHIVE=url)

    assert outcome.returncode == 0
    assert outcome.stdout == (
        f"2 segments of 16 events sealed: {url} holds the positions up to 24, and 3 more wait for a"
        " whole segment\n"
    )
    assert outcome.stderr == ""
    assert segments(url) == 3


@pytest.mark.usefixtures("grown")
def test_what_was_sealed_is_printed_as_json(dasan: Run, url: str) -> None:
    outcome = dasan("archive", "seal", "--json", DASAN_ARCHIVE=url)

    document = json.loads(outcome.stdout)
    assert document.pop("bytes") > 0
    assert document == {
        "archive": url,
        "sealed": ["0000000009-0000000016.json", "0000000017-0000000024.json"],
        "events": 16,
        "position": 24,
        "waiting": 3,
    }


def test_nothing_to_seal_is_said(dasan: Run, url: str) -> None:
    outcome = dasan("archive", "seal", DASAN_ARCHIVE=url)

    assert outcome.returncode == 0
    assert outcome.stdout.startswith("nothing new: ")


def test_an_archive_that_is_damaged_is_not_gone_on_with(
    archive: Sealed, dasan: Run, url: str
) -> None:
    archive.path(archive.segments[1].name).unlink()

    outcome = dasan("archive", "seal", DASAN_ARCHIVE=url)

    assert outcome.returncode == 2
    assert "0000000009-0000000016.json: it is missing: restore it" in outcome.stderr


def test_a_disk_that_is_full_is_said(grown: Log, servers: Servers, url: str) -> None:
    def let_files_be_small() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))

    with running(
        "archive", "seal", log=grown, home=servers.settings.home, url=url, before=let_files_be_small
    ) as process:
        _, told = process.communicate(timeout=PATIENCE_S)

    assert process.returncode == 1
    assert told == "dasan: [Errno 27] File too large: is there room in TMPDIR?\n"
    assert segments(url) == 1


def test_a_sound_archive_is_verified_without_a_database(
    archive: Sealed, dasan: Run, tmp_path: Path
) -> None:
    nowhere = {"DASAN_DATABASE_URL": "", "DASAN_HOME": str(tmp_path / "none")}

    outcome = dasan("archive", "verify", archive.archive.url, **nowhere)

    assert outcome.returncode == 0
    assert outcome.stdout.startswith("nothing is wrong: ")
    assert "the positions 1 to 24 of /dasan/seoul" in outcome.stdout
    assert not (tmp_path / "none").exists()


def test_the_archive_of_the_settings_is_verified(archive: Sealed, dasan: Run, url: str) -> None:
    outcome = dasan("archive", "verify", "--json", DASAN_ARCHIVE=url)

    document = json.loads(outcome.stdout)
    assert outcome.returncode == 0
    assert (document["segments"], document["position"], document["fault"]) == (3, 24, None)
    assert document["log_id"] == str(archive.segments[0].log_id)


def test_what_is_wrong_is_printed_and_told_by_the_status(archive: Sealed, dasan: Run) -> None:
    archive.edit(1, "events", "1 AS score", "position = 16")

    outcome = dasan("archive", "verify", archive.archive.url)

    assert outcome.returncode == 1
    assert outcome.stdout == (
        "wrong: 0000000009-0000000016.events-1.parquet: position 16: score is 1, and the records"
        " make it 5\n"
    )


def test_what_is_wrong_is_printed_as_json(archive: Sealed, dasan: Run) -> None:
    name = archive.segments[1].records.name
    archive.path(name).unlink()

    outcome = dasan("archive", "verify", archive.archive.url, "--json")

    assert outcome.returncode == 1
    assert json.loads(outcome.stdout)["fault"] == {
        "file": name,
        "position": None,
        "reason": "it is missing",
    }


def test_an_archive_that_is_not_there_is_said(dasan: Run, url: str) -> None:
    outcome = dasan("archive", "verify", url)

    assert outcome.returncode == 2
    assert outcome.stderr == (f"dasan: there is no archive at {url}: dasan archive seal makes it\n")


def test_an_archive_is_in_the_home_unless_it_is_told() -> None:
    assert read_settings({"DASAN_HOME": "/srv/dasan"}).archive == "/srv/dasan/archive"
    assert read_settings({"DASAN_ARCHIVE": "s3://b/a"}).archive == "s3://b/a"


@contextmanager
def running(
    *command: str, log: Log, home: Path, url: str, before: Callable[[], None] | None = None
) -> "Iterator[subprocess.Popen[str]]":
    with subprocess.Popen(
        [Path(sys.executable).with_name("dasan"), *command],
        env={
            **os.environ,
            "DASAN_HOME": str(home),
            "DASAN_DATABASE_URL": log.database.admin_url,
            "DASAN_ARCHIVE": url,
        },
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=before,  # noqa: PLW1509 - sets a limit and takes no lock
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.long
@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["project"]])
def test_serving_and_projecting_seal_on_their_own(
    command: list[str], grown: Log, servers: Servers, url: str
) -> None:
    with running(*command, log=grown, home=servers.settings.home, url=url) as process:
        wait_until(lambda: segments(url) == 3)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE_S)

    assert process.returncode == 0
    assert verify(Archive(url)).fault is None


def test_nothing_is_started_where_no_whole_segment_waits(archive: Sealed, log: Log) -> None:
    sealer = Sealer(log.database, archive.archive.url)

    sealer.begin()

    assert sealer.process is None


@contextmanager
def held_up(log: Log) -> Iterator[None]:
    """Let whoever begins to seal wait."""
    with log.database.connect_as_owner() as owner, owner.transaction():
        owner.execute("LOCK TABLE log_identity")
        yield


def test_one_process_seals_at_a_time(grown: Log, url: str) -> None:
    sealer = Sealer(grown.database, url)
    with held_up(grown):
        sealer.begin()
        first = sealer.process

        sealer.begin()

        assert sealer.process is first
        assert first
        assert first.is_alive()
        sealer.stop()
    assert segments(url) == 1


def test_nothing_is_started_while_another_seals(grown: Log, url: str) -> None:
    sealer = Sealer(grown.database, url)
    with grown.database.connect() as another:
        another.execute("SELECT pg_advisory_lock(hashtext('dasan archive'))")

        sealer.begin()

    assert sealer.process is None


def test_what_ends_a_sealing_process_is_said_and_it_is_started_again(
    grown: Log, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    sealer = Sealer(grown.database, url)
    with held_up(grown):
        sealer.begin()
        assert sealer.process
        sealer.process.kill()
        sealer.process.join()
    try:
        sealer.begin()
        wait_until(lambda: segments(url) == 3)
    finally:
        sealer.stop()

    assert "sealing ended with status -9" in caplog.text


def test_a_place_that_cannot_be_reached_is_said_and_ends_no_upkeep(
    grown: Log, servers: Servers, caplog: pytest.LogCaptureFixture
) -> None:
    told = replace(servers.settings, archive_url="nothing://there")

    with kept_up(told, grown.database, servers.keys):
        wait_until(lambda: bool(caplog.records))

    assert caplog.records[0].levelno == logging.WARNING
    assert "the upkeep is tried again in 600 s: " in caplog.text
    assert "nothing://there" in caplog.text


def test_why_a_sealing_process_could_not_seal_is_said(
    grown: Log, url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (Path(url) / "0000000001-0000000008.json").write_text("no JSON")
    sealer = Sealer(grown.database, url)

    sealer.begin()
    assert sealer.process
    sealer.process.join()
    sealer.stop()

    told = capfd.readouterr().err
    assert "sealing is tried again later: " in told
    assert "0000000001-0000000008.json: Invalid JSON" in told
