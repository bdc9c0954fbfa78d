"""`dasan audit`: an export that is taken home, a proof of one record, and a start that refuses."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from eventlog.checkpoint import Checkpoint, Signer, signer_of
from eventlog.continuing import published_at
from eventlog.log import Log
from tests.cli.commanded import Run
from tests.cli.test_commands import SAMPLE, dasan, written
from tests.conftest import Servers

__all__ = ["dasan"]  # the fixture


@pytest.fixture
def signer(servers: Servers) -> Signer:
    return signer_of(servers.settings.source, servers.settings.home)


@pytest.fixture
def told(dasan: Run, servers: Servers, tmp_path: Path) -> Iterator[Run]:
    """What runs `dasan` on a log of three records, with an archive of its own."""
    dasan("import", "queue-log", written(tmp_path, *SAMPLE), "--timezone", "Asia/Seoul")
    yield dasan
    shutil.rmtree(servers.settings.home / "archive", ignore_errors=True)


def test_an_export_is_verified_with_nothing_but_itself_and_a_key(told: Run, tmp_path: Path) -> None:
    key = told("audit", "key").stdout.strip()
    nowhere = {"DASAN_DATABASE_URL": "", "DASAN_HOME": str(tmp_path / "none")}
    assert told("audit", "export", str(tmp_path / "taken")).returncode == 0

    verified = told("audit", "verify", str(tmp_path / "taken"), "--key", key, **nowhere)

    assert verified.returncode == 0, verified.stderr
    assert f"3 records of /dasan/seoul are those that {key} has signed" in verified.stdout
    assert not (tmp_path / "none").exists()


def test_an_export_that_was_changed_ends_with_status_1(told: Run, tmp_path: Path) -> None:
    told("audit", "export", str(tmp_path / "taken"))
    bundle = tmp_path / "taken/tile/entries/000.p/3"
    bundle.write_bytes(bundle.read_bytes().replace(b"phone", b"video"))

    verified = told("audit", "verify", str(tmp_path / "taken"), "--json")

    assert verified.returncode == 1
    assert json.loads(verified.stdout)["fault"]["position"] == 1


@pytest.mark.parametrize("key", [[], ["--key", "taken/key"]])
def test_the_key_that_lies_in_an_export_proves_nothing(
    told: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    told("audit", "export", "taken")

    said = told("audit", "verify", "taken", *key, "--json")

    assert said.returncode == 3
    document = json.loads(said.stdout)
    assert (document["key_from"], document["fault"]) == ("export", None)
    assert "the key lay in the export" in document["not_proved"][0]


def test_an_earlier_checkpoint_that_is_empty_is_none(told: Run, tmp_path: Path) -> None:
    key = told("audit", "key").stdout.strip()
    told("audit", "export", str(tmp_path / "taken"))
    (tmp_path / "earlier").touch()

    said = told(
        "audit", "verify", str(tmp_path / "taken"), "--key", key,
        "--earlier", str(tmp_path / "earlier"),
    )  # fmt: skip

    assert said.returncode == 2
    assert "is no checkpoint" in said.stderr


def test_an_export_without_its_list_of_files_is_not_proved(told: Run, tmp_path: Path) -> None:
    key = told("audit", "key").stdout.strip()
    told("audit", "export", str(tmp_path / "taken"))
    (tmp_path / "taken" / "files").unlink()

    said = told("audit", "verify", str(tmp_path / "taken"), "--key", key)

    assert said.returncode == 3
    assert "not proved: it has no signed list files" in said.stdout


def test_what_is_signed_by_another_key_is_refused(told: Run, tmp_path: Path) -> None:
    told("audit", "export", str(tmp_path / "taken"))
    other = str(Signer("/dasan/seoul", bytes(32)).verifier)

    verified = told("audit", "verify", str(tmp_path / "taken"), "--key", other)

    assert verified.returncode == 2
    assert verified.stderr.startswith("dasan: no signature by /dasan/seoul")


def test_an_export_is_never_written_over_another(told: Run, tmp_path: Path) -> None:
    told("audit", "export", str(tmp_path / "taken"))

    again = told("audit", "export", str(tmp_path / "taken"))

    assert again.returncode == 2
    assert "is not empty" in again.stderr


def test_a_record_is_proved_and_another_one_is_not(told: Run, tmp_path: Path) -> None:
    key = told("audit", "key").stdout.strip()
    proved = told("audit", "prove", "2", "--to", str(tmp_path))
    assert proved.returncode == 0, proved.stderr
    proof = str(tmp_path / "2.tlog-proof")

    assert "at position 2 of the 3" in told("audit", "verify", proof, "--key", key).stdout
    (tmp_path / "2.json").write_bytes((tmp_path / "2.json").read_bytes() + b" ")
    wrong = told("audit", "verify", proof, "--key", key)
    assert wrong.returncode == 1
    assert wrong.stdout.startswith("wrong: 2.tlog-proof: the proof of leaf 1 does not lead")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["1.tlog-proof", "--key", "k"], "1.tlog-proof cannot be read"),
        (["alone.tlog-proof", "--key", "k"], "alone.json cannot be read"),
        (["octets.tlog-proof", "--key", "k"], "octets.tlog-proof is no text"),
        (["alone.tlog-proof"], "is checked with --key"),
        ([".", "--key", "octets.tlog-proof"], "octets.tlog-proof is no text"),
        ([".", "--key", "k"], "is no verifier key"),
        (["."], "has no key"),
    ],
)
def test_what_cannot_be_read_is_named(
    dasan: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    reason: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("alone.tlog-proof").write_text("c2sp.org/tlog-proof@v1\nindex 0\n\nnote")
    Path("octets.tlog-proof").write_bytes(b"\xff\xfe")

    refused = dasan("audit", "verify", *arguments)

    assert refused.returncode == 2
    assert reason in " ".join(refused.stderr.replace("│", " ").split())


@pytest.mark.parametrize(
    ("what", "reason"),
    [("4", "no record 4 is in the log"), ("x", "is no position"), ("0", "is no position")],
)
def test_what_is_not_in_the_log_is_not_proved(told: Run, what: str, reason: str) -> None:
    proved = told("audit", "prove", what)

    assert proved.returncode == 2
    assert reason in " ".join(proved.stderr.replace("│", " ").split())


@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["project"], ["kpi"]])
def test_a_log_that_lacks_what_was_published_is_not_opened(
    told: Run, servers: Servers, signer: Signer, command: list[str]
) -> None:
    note = signer.signed(Checkpoint(signer.name, 4, bytes(32)))
    published_at(servers.settings.home).write_text(note)

    refused = told(*command)

    assert refused.returncode == 2
    assert "ends at position 3, and a checkpoint of 4 records was published" in refused.stderr


@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["project"]])
def test_a_log_that_was_rewritten_is_not_served(
    told: Run, log: Log, tmp_path: Path, command: list[str]
) -> None:
    told("audit", "export", str(tmp_path / "taken"))  # signs
    with log.database.connect_as_owner() as owner:
        owner.execute("ALTER TABLE log DISABLE TRIGGER log_is_append_only")
        owner.execute(r"UPDATE log SET record = record || '\x20' WHERE position = 2")

    refused = told(*command)

    assert refused.returncode == 2
    assert "the record at position 2 is not the one that was signed" in refused.stderr
