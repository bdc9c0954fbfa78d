"""`dasan doctor`: what it prints of a sound log, what it finds, and what proves a replica."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, LiteralString

import pytest
import typer
from typer.testing import CliRunner, Result

from cli.doctor import doctor
from domain.inquiry import Inquiry
from domain.vocabulary import code
from eventlog.checkpoint import Signer
from eventlog.database import Database
from eventlog.growing import caught_up
from eventlog.log import Log
from projections.runner import Runner
from tests.cli.commanded import commanded
from tests.conftest import Servers
from tests.domain.building import WORDS
from tests.projections.calls import MIDNIGHT, abandoned, answered, call
from tests.projections.histories import REQUEST

VIEWS = ("kpi", "inquiries", "audit", "praise")
Run = Callable[..., Result]


@pytest.fixture
def run(log: Log, servers: Servers, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what runs `dasan doctor` on the log, or on another database."""
    app = typer.Typer()
    app.command("doctor")(doctor)
    monkeypatch.setenv("DASAN_HOME", str(servers.settings.home))

    def run(*arguments: str, database: Database = log.database) -> Result:
        monkeypatch.setenv("DASAN_DATABASE_URL", database.admin_url)
        return CliRunner().invoke(app, arguments)

    return run


@pytest.fixture
def told(log: Log) -> Log:
    """A log of calls, one with a story, that no view knows yet."""
    praised = answered(MIDNIGHT)
    praised.praise(ref=code("p"), title=WORDS, story=WORDS, author=WORDS, at=later(60))
    tell(log, praised, abandoned(later(5)), call(later(9), "water"))
    return log


@pytest.fixture
def replica(servers: Servers) -> Iterator[Database]:
    """A database with an empty log."""
    with servers.database("test_doctor_replica") as database:
        yield database


def later(minutes: int) -> Any:
    return MIDNIGHT + timedelta(minutes=minutes)


def tell(log: Log, *inquiries: Inquiry) -> None:
    assert all(log.inquiries.save_each((inquiry, REQUEST) for inquiry in inquiries))


def change(database: Database, *statements: LiteralString) -> None:
    """Change what nobody may, but who owns the server can."""
    with database.connect_as_owner() as owner, owner.transaction():
        owner.execute("ALTER TABLE log DISABLE TRIGGER log_is_append_only")
        for statement in statements:
            owner.execute(statement)
        owner.execute("ALTER TABLE log ENABLE ALWAYS TRIGGER log_is_append_only")


def copy(origin: Database, replica: Database, upto: int = 1_000) -> None:
    """Copy the records of a log into another, in which views are as far as they are."""
    with origin.connect() as here, replica.connect_as_owner() as there, there.transaction():
        rows = here.execute("SELECT * FROM log WHERE position <= %s", [upto]).fetchall()
        there.execute("DELETE FROM log_identity")
        there.cursor().executemany("INSERT INTO log VALUES (%s, %s, %s, %s, %s)", rows)
        there.execute("UPDATE log_head SET position = %s", [len(rows)])
        identity = here.execute("SELECT * FROM log_identity").fetchone()
        there.execute("INSERT INTO log_identity VALUES (%s, %s, %s, %s, %s)", identity)


def wrong(result: Result) -> list[str]:
    """Return what a run says is wrong."""
    assert result.exit_code == 1, result.output
    return [line for line in result.stdout.splitlines() if line.startswith("wrong: ")]


@pytest.fixture
def file(told: Log, run: Run, tmp_path: Path) -> Path:
    """What the origin found."""
    result = run("--json", database=told.database)
    assert result.exit_code == 0, result.output
    file = tmp_path / "origin.json"
    file.write_text(result.stdout)
    return file


# A log by itself


@pytest.mark.usefixtures("told")
def test_a_sound_log_is_told_in_short_lines(run: Run) -> None:
    result = run()

    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert [line[0] for line in lines] == [
        "log", "position", "root", "durability", "keys", *VIEWS, "nothing",
    ]  # fmt: skip
    assert lines[1] == ["position", "10"]
    assert " ".join(lines[3]) == "durability fsync on, full_page_writes on, synchronous_commit on"
    assert all(" ".join(line).endswith(": equals its refold") for line in lines[5:9])


@pytest.mark.usefixtures("told")
def test_the_document_has_everything_that_a_comparison_needs(run: Run) -> None:
    result = run("--json")

    document = json.loads(result.stdout)
    assert result.exit_code == 0
    assert (document["source"], document["timezone"]) == ("/dasan/seoul", "Asia/Seoul")
    assert (document["position"], document["faults"]) == (10, [])
    assert list(document["views"]) == list(VIEWS)
    for view in document["views"].values():
        assert (view["position"], view["error"], view["equals_refold"]) == (10, None, True)
        assert view["digest"] == view["refolded"]


def test_an_empty_log_is_sound(run: Run) -> None:
    result = run()

    assert result.exit_code == 0
    assert "root        47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n" in result.stdout


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE kpi.hourly SET answered = answered + 1", "view kpi: at position 10 it is not"),
        ("DELETE FROM inquiries.visit", "view inquiries: at position 10 it is not what the log"),
        ("DELETE FROM audit.entry WHERE position = 10", "view audit: at position 10 it is not"),
        # It would count twice.
        ("UPDATE projection SET position = 9 WHERE view = 'inquiries'", "view inquiries: at pos"),
        (
            "UPDATE projection SET position = 9 WHERE view = 'audit'",
            "view audit: it stopped at position 9: the event at position 10 cannot be merged:",
        ),
        (
            "UPDATE log SET type = 'inquiry.noted.v1' WHERE position = 3",
            "log: position 3: its record has the type ",
        ),
        ("DELETE FROM log WHERE position = 10", "log: position 10: its record is missing:"),
        (
            "UPDATE vault.key SET kek = '\\x00ff'",
            "keys: 1 of personal data are wrapped under the key-encryption key 00ff, this home has",
        ),
    ],
)
def test_what_is_wrong_is_named(told: Log, run: Run, statement: LiteralString, reason: str) -> None:
    run()

    change(told.database, statement)

    [line] = [line for line in wrong(run()) if reason in line]
    assert line.startswith(f"wrong: {reason}")


def test_what_is_wrong_stands_in_the_document(told: Log, run: Run) -> None:
    run()
    change(told.database, "DELETE FROM log WHERE position = 10", "DELETE FROM praise.story")

    result = run("--json")

    document = json.loads(result.stdout)
    assert result.exit_code == 1
    assert [fault.partition(":")[0] for fault in document["faults"]] == [
        "log", *(f"view {name}" for name in VIEWS),
    ]  # fmt: skip
    assert document["root"] is None


def test_views_that_lag_are_brought_to_the_head_first(told: Log, run: Run) -> None:
    run()
    tell(told, call(later(10)))

    assert "kpi         position 12," in run().stdout


def test_a_view_that_stopped_is_named_and_the_others_are_checked(told: Log, run: Run) -> None:
    run()
    change(
        told.database,
        "UPDATE projection SET position = 9, error = 'no title' WHERE view = 'praise'",
        "UPDATE kpi.hourly SET answered = answered + 1",
    )

    result = run()

    assert "praise      position 9, digest " in result.stdout
    assert wrong(result) == [
        "wrong: view kpi: at position 10 it is not what the log says: dasan rebuild kpi",
        "wrong: view praise: it stopped at position 9: no title (docs/doctor.md)",
    ]
    view = json.loads(run("--json").stdout)["views"]["praise"]
    assert (view["equals_refold"], view["refolded"]) == (True, None)


def test_a_log_that_cannot_be_folded_any_more_says_where(told: Log, run: Run) -> None:
    run()
    change(
        told.database,
        "UPDATE log SET record = replace(convert_from(record, 'UTF8'), '\"data\":', '\"Data\":')"
        "::bytea WHERE position = 9",
    )

    found = wrong(run())

    assert [line.rpartition(": ")[0] for line in found] == [
        f"wrong: view {view}: the log cannot be folded again: the event at position 9 cannot be"
        " merged"
        for view in VIEWS
    ]


# Against its origin


def test_a_replica_that_batched_otherwise_equals_its_origin(
    told: Log, run: Run, replica: Database, file: Path
) -> None:
    copy(told.database, replica)
    with replica.connect() as connection:
        Runner(connection, batch=3).catch_up()

    result = run("--against", str(file), database=replica)

    assert result.exit_code == 0, result.output
    assert f"nothing is wrong, and up to position 10 it is what {file} says" in result.stdout


def test_a_log_that_has_gone_on_is_compared_where_the_origin_was(
    told: Log, run: Run, file: Path
) -> None:
    tell(told, answered(later(20)))

    result = run("--against", str(file))

    assert result.exit_code == 0, result.output
    assert "position    14" in result.stdout


def test_a_log_that_is_behind_says_so(told: Log, run: Run, replica: Database, file: Path) -> None:
    copy(told.database, replica, upto=9)

    assert wrong(run("--against", str(file), database=replica)) == [
        f"wrong: against {file}: the log has come to position 9, the origin was at 10: compare"
        " again when it has caught up"
    ]


def test_another_log_is_compared_no_further(
    told: Log, run: Run, replica: Database, file: Path
) -> None:
    copy(told.database, replica, upto=5)
    change(replica, "UPDATE log_identity SET log_id = '00000000-0000-0000-0000-000000000000'")

    [line] = wrong(run("--against", str(file), database=replica))

    assert "this log 00000000-0000-0000-0000-000000000000: compare with the file of" in line


def test_records_that_differ_are_told_by_the_root_and_by_the_views_that_they_matter_to(
    told: Log, run: Run, replica: Database, file: Path
) -> None:
    copy(told.database, replica)
    change(
        replica,
        "UPDATE log SET record = replace(convert_from(record, 'UTF8'), '\"water\"', '\"taxes\"')"
        "::bytea",
    )

    found = wrong(run("--against", str(file), database=replica))

    assert [line.removeprefix(f"wrong: against {file}: ").partition(":")[0] for line in found] == [
        "the records up to position 10 are not those of the origin", "view inquiries", "view kpi",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"definition": "0" * 64}, "view audit: its definition is "),
        ({"refolded": None}, "view audit: at the origin it did not come to position 10: mend"),
        ({"refolded": "0" * 64}, "view audit: at position 10 the log gives another content"),
    ],
)
def test_a_view_that_cannot_be_equal_is_named(
    run: Run, file: Path, changed: dict[str, str | None], reason: str
) -> None:
    document = json.loads(file.read_text())
    document["views"]["audit"] |= changed
    file.write_text(json.dumps(document))

    [line] = wrong(run("--against", str(file)))

    assert line.startswith(f"wrong: against {file}: {reason}")


def test_a_view_that_only_one_program_knows_is_named(run: Run, file: Path) -> None:
    document = json.loads(file.read_text())
    document["views"]["moods"] = document["views"].pop("praise")
    file.write_text(json.dumps(document))

    found = wrong(run("--against", str(file)))

    assert [line.partition(f"{file}: ")[2].rpartition(": ")[0] for line in found] == [
        "view moods: it is known at the origin only", "view praise: it is known here only",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read: No such file or directory"),
        ("", "it is no document of `dasan doctor --json`: Invalid JSON"),
        ("[]", "it is no document of `dasan doctor --json`: Input should be an object"),
        ('{"source": "/dasan/seoul"}', "it is no document of `dasan doctor --json`: log_id: Field"),
        ('{"position": -1}', "it is no document of `dasan doctor --json`: source: Field required"),
    ],
)
def test_a_file_that_is_none_is_refused_before_anything_is_opened(
    tmp_path: Path, content: str | None, reason: str
) -> None:
    file = tmp_path / "file.json"
    if content is not None:
        file.write_text(content)

    told = commanded(["doctor", "--against", str(file)], {"DASAN_DATABASE_URL": "nowhere"})

    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr.startswith(f"dasan: {file}")
    assert reason in told.stderr
    assert told.stderr.count("\n") == 1


def test_a_record_that_is_not_the_one_that_was_signed_is_named(run: Run, told: Log) -> None:
    with told.database.connect() as connection:
        caught_up(connection, Signer("/dasan/seoul", bytes(32)))
    assert run().exit_code == 0
    change(
        told.database,
        "UPDATE log SET record = convert_to(replace(convert_from(record, 'UTF8'),"
        " '\"actor\":', '\"actor\": '), 'UTF8') WHERE position = 3",
    )

    found = run()

    assert found.exit_code == 1
    assert "the record at position 3 is not the one that was signed" in found.stdout
