"""The command as its user runs it: what it prints, its exit status, and what it leaves behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from eventlog.log import Log
from tests.cli.commanded import Run, commanded
from tests.conftest import Servers

SAMPLE = [
    "1330441200|c1|general|NONE|ENTERQUEUE||0212345678|1",
    "1330441204|c1|general|Agent/a1|CONNECT|4|b|2",
]


@pytest.fixture
def dasan(log: Log, servers: Servers) -> Run:
    """Runs `dasan` on the test's own log."""
    environment = {
        "DASAN_HOME": str(servers.settings.home),
        "DASAN_DATABASE_URL": log.database.admin_url,
    }
    return lambda *arguments, **changed: commanded([*arguments], {**environment, **changed})


def events(log: Log) -> int:
    with log.database.connect() as connection:
        row = connection.execute("SELECT count(*) FROM log").fetchone()
    assert row is not None
    return int(row[0])


def written(folder: Path, *lines: str) -> str:
    file = folder / "queue_log"
    file.write_text("".join(f"{line}\n" for line in lines))
    return str(file)


def test_an_import_says_what_it_could_not_read(dasan: Run, log: Log, tmp_path: Path) -> None:
    told = dasan(
        "import", "queue-log", written(tmp_path, *SAMPLE, "not a line"), "--timezone", "Asia/Seoul"
    )

    assert told.returncode == 1
    assert "line 3 not read: not time|call|queue|agent|event" in told.stdout
    assert events(log) == 3


CONTACT = (
    '{"specversion":"1.0","source":"pbx","id":"1","type":"contact.received.v1","subject":"c1",'
    '"time":"2012-02-29T09:00:00+09:00","data":{"channel":"phone"}}'
)
ANSWER = CONTACT.replace("received", "answered").replace('"channel":"phone"', '"agent":"a1"')


def test_contacts_are_imported_once_and_conversations_without_an_end_expire(
    dasan: Run, log: Log, tmp_path: Path
) -> None:
    file = written(tmp_path, CONTACT, ANSWER.replace('"id":"1"', '"id":"2"'))

    told = [dasan(*arguments.split(), *files) for arguments, files in (
        ("import contacts", [file]), ("import contacts", [file]), ("expire", []), ("expire", []),
    )]  # fmt: skip

    assert {run.returncode for run in told} == {0}
    assert [run.stdout.splitlines()[0] for run in told] == [
        "2 lines, 1 contacts: 2 events added, 0 lines known before",
        "2 lines, 1 contacts: 0 events added, 2 lines known before",
        "1 conversation and 0 waits ended",
        "0 conversations and 0 waits ended",
    ]
    assert events(log) == 3


def test_an_import_of_contacts_says_what_waits_and_what_it_could_not_read(
    dasan: Run, tmp_path: Path
) -> None:
    file = written(tmp_path, ANSWER, "{}")

    told = dasan("import", "contacts", file)
    as_json = json.loads(dasan("import", "contacts", file, "--json").stdout)

    assert told.returncode == 1
    assert told.stdout.splitlines()[1:] == [
        "line 2 not read: type: no type of step; docs/contacts.md lists them",
        "line 1 waits: the contact has not been received",
    ]
    reason = "the contact has not been received"
    assert as_json["waiting"] == {"count": 1, "lines": [[1, reason]], "reasons": {reason: 1}}


def test_a_catalogue_is_loaded_and_a_wrong_one_changes_nothing(
    dasan: Run, log: Log, tmp_path: Path
) -> None:
    good, wrong = tmp_path / "good.json", tmp_path / "wrong.json"
    target = {"kpi": "answer_rate", "value": 0.99, "from": "2013-01-01"}
    good.write_text(json.dumps({"targets": [target]}))
    wrong.write_text(json.dumps({"targets": [target | {"value": 0.5}, {}]}))

    loaded, refused = dasan("catalogue", "load", str(good)), dasan("catalogue", "load", str(wrong))

    assert (loaded.returncode, refused.returncode) == (0, 2)
    assert loaded.stdout == "0 categories, 0 districts, 1 targets loaded\n"
    assert "targets[1].kpi: Field required" in refused.stderr
    with log.database.connect() as connection:
        rows = connection.execute(
            "SELECT value FROM catalogue.target WHERE since = '2013-01-01'"
        ).fetchall()
    assert rows == [(0.99,)]


@pytest.mark.parametrize(
    ("arguments", "changed", "reason"),
    [
        (["import", "queue-log", "missing", "--timezone", "Asia/Seoul"], {}, "cannot be read"),
        (["import", "queue-log", ".", "--timezone", "Asia/Seoul"], {}, "Is a directory"),
        (["import", "queue-log", sys.executable, "--timezone", "Asia/Seoul"], {}, "not a text"),
        (["import", "queue-log", __file__, "--timezone", "Asia/Soul"], {}, "no time zone"),
        (
            ["import", "queue-log", __file__, "--timezone", "Asia/Seoul", "--source", "a b"],
            {},
            "is not a code",
        ),
        (["import", "contacts", "missing"], {}, "cannot be read"),
        (["catalogue", "load", "missing"], {}, "cannot be read"),
        (["catalogue", "load", __file__], {}, "Invalid JSON"),
        (["kpi", "--by", "moon"], {}, "no grouping by 'moon'"),
        (["kpi"], {"DASAN_CITY": "busan"}, "set DASAN_CITY=seoul"),
        (["kpi"], {"DASAN_TIMEZONE": "Mars/Olympus"}, "no time zone"),
        (["kpi"], {"DASAN_DATABASE_URL": "postgresql://localhost:1/x"}, "cannot be reached"),
        (["kpi"], {"DASAN_DATABASE_URL": "", "DASAN_HOME": f"{__file__}/home"}, "Set DASAN_HOME"),
    ],
)
def test_wrong_use_is_refused_in_one_line_and_leaves_the_log_as_it_was(
    dasan: Run, log: Log, arguments: list[str], changed: dict[str, str], reason: str
) -> None:
    told = dasan(*arguments, **changed)

    assert told.returncode == 2
    assert told.stdout == ""
    assert told.stderr.count("\n") == 1
    assert told.stderr.startswith("dasan: ")
    assert reason in told.stderr
    assert events(log) == 0


def test_the_views_are_kept_by_a_process_of_their_own_until_it_is_told_to_stop(
    log: Log, servers: Servers, dasan: Run, tmp_path: Path
) -> None:
    dasan("import", "queue-log", written(tmp_path, *SAMPLE), "--timezone", "Asia/Seoul")
    process = subprocess.Popen(
        [Path(sys.executable).with_name("dasan"), "project"],
        env={
            **os.environ,
            "DASAN_HOME": str(servers.settings.home),
            "DASAN_DATABASE_URL": log.database.admin_url,
        },
        stderr=subprocess.DEVNULL,
    )
    with log.database.connect() as connection:
        reached: set[int] = set()
        while reached != {3} and process.poll() is None:
            rows = connection.execute("SELECT DISTINCT position FROM projection").fetchall()
            reached = {row[0] for row in rows}

    process.terminate()

    assert process.wait(timeout=60) == 0
    assert reached == {3}
