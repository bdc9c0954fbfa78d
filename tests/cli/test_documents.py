"""`--json`: one document and nothing else on stdout, of every command, whatever comes of it."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest
import typer

from cli.main import app
from eventlog.archive import Archive
from eventlog.checkpoint import signer_of
from eventlog.database import Database
from eventlog.log import Log, assembled
from projections.sealing import seal
from tests.cli.commanded import Told, commanded, started
from tests.cli.test_commands import ANSWER, CONTACT, SAMPLE
from tests.cli.test_kafka import city, city_without_topics, environment
from tests.conftest import Servers
from tests.eventlog.forgotten import asked
from tests.projections.published import changed
from tests.projections.sealed import SIZE, tell_days

__all__ = ["city", "city_without_topics"]  # fixtures

CITIZEN = UUID("00000000-0000-4000-8000-00000000c17e")
NOWHERE = "postgresql://localhost:1/x"


class World:
    """A folder of files, and a city with a home of its own."""

    def __init__(
        self, database: Database, servers: Servers, home: Path, request: pytest.FixtureRequest
    ) -> None:
        self.database = database
        self.servers = servers
        self.home = home
        self.request = request
        self.environment = {
            "DASAN_HOME": str(home),
            "DASAN_DATABASE_URL": database.admin_url,
            "KAFKA_BOOTSTRAP_SERVERS": "",
        }
        self.run = commanded

    def dasan(self, *arguments: str) -> Told:
        return self.run([*arguments], self.environment)

    def do(self, line: str) -> Told:
        """Run what has to work."""
        told = self.dasan(*line.split())
        assert told.returncode == 0, told.stderr
        return told

    def opened(self) -> AbstractContextManager[Log]:
        return assembled(self.servers.settings, self.database, self.servers.keys)


@pytest.fixture
def world(
    database: Database,
    servers: Servers,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> World:
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "home"
    shutil.copytree(servers.settings.home / "keys", home / "keys")
    return World(database, servers, home, request)


# What is there before a command runs


def calls(_: World) -> None:
    Path("calls").write_text("".join(f"{line}\n" for line in SAMPLE))


def calls_with_faults(world: World) -> None:
    calls(world)
    with Path("calls").open("a") as file:
        file.write("1330441205|c1|general|NONE|DTMF||1\nnot a line\n1330441206|c2|no")


def contacts(_: World) -> None:
    answer = ANSWER.replace('"id":"1"', '"id":"2"')
    Path("contacts").write_text(f"{CONTACT}\n{answer}\n")


def contacts_with_faults(_: World) -> None:
    Path("contacts").write_text(f"{ANSWER}\n{{}}\n")


def days(world: World) -> None:
    """A log of 27 events."""
    with world.opened() as log:
        tell_days(log)


def archive(world: World) -> None:
    days(world)
    seal(world.database, Archive(str(world.home / "archive")), events=SIZE)


def damaged_archive(world: World) -> None:
    archive(world)
    next((world.home / "archive").glob("*.records.parquet")).unlink()


def damaged_manifest(world: World) -> None:
    archive(world)
    min((world.home / "archive").glob("*.json")).write_text("no JSON")


def exported(world: World) -> None:
    archive(world)
    world.do("kpi --publish")
    world.do("audit export taken")
    Path("verifier").write_text(world.do("audit key").stdout)


def changed_export(world: World) -> None:
    exported(world)
    bundle = next(Path("taken/tile/entries").rglob("*.p/*"))
    bundle.write_bytes(bundle.read_bytes().replace(b"phone", b"video"))


def deceiving_export(world: World) -> None:
    def one_more(data: dict[str, Any]) -> None:
        data["rows"][0]["sums"][1] += 1

    exported(world)
    signer = signer_of("/dasan/seoul", world.home)
    changed(Path("taken"), 28, signer, one_more)


def proved(world: World) -> None:
    days(world)
    world.do("audit prove 2")
    Path("verifier").write_text(world.do("audit key").stdout)


def changed_record(world: World) -> None:
    proved(world)
    Path("2.json").write_text("{}")


def findings(world: World) -> None:
    Path("findings").write_text(world.do("doctor --json").stdout)


def spoilt_view(world: World) -> None:
    days(world)
    world.do("kpi")
    with world.database.connect_as_owner() as owner:
        owner.execute("UPDATE kpi.hourly SET received = 7")


def kept_tables(world: World) -> None:
    days(world)
    world.do("rebuild kpi --keep")


def citizen(world: World) -> None:
    with world.opened() as log:
        asked(log, CITIZEN)


def held_citizen(world: World) -> None:
    citizen(world)
    world.do(f"hold {CITIZEN} --basis court-7")


def topic(world: World) -> None:
    """A topic of all that a city has."""
    there = world.request.getfixturevalue("city")
    there.happen(3)
    there.relay()
    world.environment = environment(there)
    world.run = started


def topic_with_faults(world: World) -> None:
    topic(world)
    there = world.request.getfixturevalue("city")
    there.send_to(there.events, 0, [b"{}"])


class Use(NamedTuple):
    """How a command is used, what is there before, and its exit status."""

    arguments: str
    status: int
    given: Callable[[World], None] | None = None


COMMANDS: Mapping[str, Sequence[Use]] = {
    "archive seal": [Use("", 0, days), Use("", 2, damaged_manifest)],
    "archive verify": [
        Use("", 0, archive),
        Use("", 1, damaged_archive),
        Use("", 1, damaged_manifest),
        Use("missing", 2),
    ],
    "audit export": [
        Use("taken", 0, days),
        Use("taken", 2),
        Use("home", 2),
        Use("calls", 2, calls),
        Use("/proc/taken", 2),
        Use("", 2),
    ],
    "audit replay": [
        Use("taken --key verifier", 0, exported),
        Use("taken", 1, deceiving_export),
        Use("missing", 2),
        Use("taken --key none", 2, exported),
    ],
    "audit search": [
        Use("--limit 2", 0, days),
        Use(f"--stream {CITIZEN}", 0),
        Use("--stream x", 2),
        Use("--from soon", 2),
        Use("--limit 0", 2),
    ],
    "audit verify": [
        Use("taken --key verifier", 0, exported),
        Use("taken", 1, changed_export),
        Use("missing", 2),
        Use("taken --earlier missing", 2, exported),
        Use("2.tlog-proof --key verifier", 0, proved),
        Use("2.tlog-proof --key verifier", 1, changed_record),
        Use("2.tlog-proof", 2, proved),
        Use("missing.tlog-proof --key verifier", 2),
    ],
    "backlog": [
        Use("", 0),
        Use("--by queue --at 2012-02-29T18:00", 0, days),
        Use("--by moon", 2),
        Use("--as-of 1000", 2),
    ],
    "doctor": [
        Use("", 0),
        Use("", 0, days),
        Use("", 1, spoilt_view),
        Use("--against findings", 0, findings),
        Use("--against missing", 2),
        Use("--against calls", 2, calls),
    ],
    "forget": [
        Use(f"{CITIZEN} --basis pipa-36", 0, citizen),
        Use(f"{CITIZEN} --basis pipa-36", 1, held_citizen),
        Use(f"{CITIZEN} --basis pipa-36", 1),
        Use(f"--inquiry {CITIZEN} --basis pipa-36", 1),
        Use("--basis pipa-36", 2),
        Use("x --basis pipa-36", 2),
    ],
    "hold": [
        Use(f"{CITIZEN} --basis court-7", 0, citizen),
        Use(f"{CITIZEN} --basis court-7", 1),
        Use(f"{CITIZEN} --basis !", 2),
    ],
    "import contacts": [
        Use("contacts", 0, contacts),
        Use("contacts", 1, contacts_with_faults),
        Use("missing", 2),
        Use(".", 2),
    ],
    "import queue-log": [
        Use("calls --timezone Asia/Seoul", 0, calls),
        Use("calls --timezone Asia/Seoul", 1, calls_with_faults),
        Use("missing --timezone Asia/Seoul", 2),
        Use("calls --timezone Asia/Soul", 2, calls),
        Use("calls", 2, calls),
    ],
    "keys rotate": [Use("", 0, citizen), Use("--old-destroyed", 2)],
    "kpi": [
        Use("", 0),
        Use("--by day,queue --as-of 20 --history", 0, days),
        Use("--publish", 0, days),
        Use("--by moon", 2),
        Use("--timezone Asia/Soul", 2),
        Use("--threshold many", 2),
        Use("--publish --history", 2),
    ],
    "rebuild": [
        Use("kpi", 0),
        Use("kpi", 0, days),
        Use("kpi --explain", 1, spoilt_view),
        Use("kpi --rollback", 0, kept_tables),
        Use("kpi --rollback", 2),
        Use("moon", 2),
        Use("kpi --engine moon", 2),
        Use("", 2),
    ],
    "relay": [
        Use("--verify", 0, topic),
        Use("--verify", 1, topic_with_faults),
        Use("--verify", 2),
        Use("", 2),
    ],
    "release": [
        Use(f"{CITIZEN} --basis court-7", 0, held_citizen),
        Use(f"{CITIZEN} --basis court-7", 1),
        Use(f"{CITIZEN}", 2),
    ],
}
WITHOUT_DATABASE = ("archive verify", "audit replay", "audit verify")


def with_json(group: Any, *words: str) -> Iterator[str]:
    """Yield the commands that take `--json`, by all their words."""
    for name, command in getattr(group, "commands", {}).items():
        if any("--json" in parameter.opts for parameter in command.params):
            yield " ".join((*words, name))
        yield from with_json(command, *words, name)


TAKE_JSON = sorted(with_json(typer.main.get_command(app)))


def require_document(told: Told) -> None:
    """Require one document: of what was found, or of why nothing could be."""
    document = json.loads(told.stdout)
    assert isinstance(document, dict)
    if told.returncode == 0 or "error" not in document:
        assert "error" not in document
        assert told.returncode in (0, 1)
        return
    assert document.keys() == {"error"}
    assert document["error"].keys() == {"message", "status"}
    assert document["error"]["status"] == told.returncode
    said = " ".join(told.stderr.replace("│", " ").split())
    assert " ".join(document["error"]["message"].split()) in said


def test_every_command_with_json_is_in_the_table_with_an_end_that_is_good_and_one_that_is_not() -> (
    None
):
    assert sorted(COMMANDS) == TAKE_JSON
    for uses in COMMANDS.values():
        assert {0, 2} <= {use.status for use in uses}


@pytest.mark.parametrize(
    ("command", "use"),
    [
        pytest.param(
            command,
            use,
            id=f"{command} {use.arguments}{f' ({use.given.__name__})' if use.given else ''}",
        )
        for command, uses in COMMANDS.items()
        for use in uses
    ],
)
def test_whatever_comes_of_a_command_is_one_document(world: World, command: str, use: Use) -> None:
    if use.given:
        use.given(world)

    told = world.dasan(*command.split(), *use.arguments.split(), "--json")

    assert told.returncode == use.status, told.stderr
    require_document(told)


@pytest.mark.parametrize("command", TAKE_JSON)
def test_a_wrong_option_is_told_in_a_document(command: str) -> None:
    told = commanded([*command.split(), "--json", "--no-such-option"], {})

    assert told.returncode == 2
    require_document(told)
    assert "No such option: --no-such-option" in json.loads(told.stdout)["error"]["message"]


@pytest.mark.parametrize("command", [one for one in TAKE_JSON if one not in WITHOUT_DATABASE])
def test_a_database_that_is_away_is_told_in_a_document(world: World, command: str) -> None:
    world.environment |= {
        "DASAN_DATABASE_URL": NOWHERE,
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    }
    use = next(use for use in COMMANDS[command] if use.status == 0)
    calls(world)
    contacts(world)

    told = world.dasan(*command.split(), *use.arguments.split(), "--json")

    assert told.returncode == 2, told.stderr
    require_document(told)
    assert "cannot be reached" in json.loads(told.stdout)["error"]["message"]


@pytest.mark.parametrize("arguments", [["--json"], ["moon", "--json"], ["archive", "--json"]])
def test_a_command_that_is_none_is_told_in_a_document(arguments: list[str]) -> None:
    told = commanded(arguments, {})

    assert told.returncode == 2
    require_document(told)


def test_without_json_an_error_stands_on_stderr_alone(world: World) -> None:
    told = [world.dasan("kpi", "--by", "moon"), world.dasan("kpi", "--no-such-option")]

    assert [(one.returncode, one.stdout) for one in told] == [(2, ""), (2, "")]
    assert told[0].stderr.startswith("dasan: there is no grouping by 'moon'")


def test_what_only_looks_like_the_option_asks_for_no_document(world: World) -> None:
    told = world.dasan("import", "contacts", "--", "--json")

    assert (told.returncode, told.stdout) == (2, "")
    assert "--json cannot be read" in told.stderr
