"""Changing the key-encryption key: nothing is lost, and what was forgotten before stays so."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from eventlog import rotating
from eventlog.database import Database
from eventlog.key_keeping import Folder
from eventlog.keys import KeyFileError, Keys, encryption_id, load_keys
from eventlog.log import Log, assembled
from eventlog.rotating import Rotated, RotationError, confirm_destroyed
from eventlog.settings import Settings
from eventlog.vault import VaultError
from eventlog.writer import WriterError
from tests.conftest import Servers
from tests.eventlog.forgotten import QUESTION, asked, dumped, forget, known, question, rows

OLD, NEW = bytes(range(32)), bytes(range(1, 33))


class KilledError(Exception):
    """The process was killed here."""


@dataclass(frozen=True)
class City:
    """A log, and a home of its own with keys that may be changed."""

    settings: Settings
    database: Database
    home: Path

    def keys(self) -> Keys:
        return load_keys(self.home, {})

    @contextmanager
    def opened(self, keys: Keys | None = None) -> Iterator[Log]:
        with assembled(self.settings, self.database, keys or self.keys()) as log:
            yield log

    def rotate(self, **environment: str) -> Rotated:
        return rotating.rotate(self.database, self.home, environment)


@pytest.fixture(scope="module")
def city(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """A city that the tests share: each finds the key that the one before has left."""
    with servers.database("rotating") as database:
        yield City(servers.settings, database, tmp_path_factory.mktemp("home"))


@pytest.fixture
def own_city(servers: Servers, database: Database, tmp_path: Path) -> City:
    return City(servers.settings, database, tmp_path)


def killed(city: City, place: object, step: str, *, is_done: bool = False) -> None:
    """A process changed the key, and was killed before a step, or after it."""
    original = getattr(place, step)

    def kill(*arguments: object, **named: object) -> None:
        if is_done:
            original(*arguments, **named)
        raise KilledError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place, step, kill)
        with pytest.raises(KilledError):
            city.rotate()


def test_what_was_sealed_before_is_opened_after(city: City) -> None:
    with city.opened() as log:
        inquiries = [asked(log) for _ in range(3)]
        all_keys = rows(log, "SELECT FROM vault.key")
    old = city.keys()

    rotated = city.rotate()

    assert (rotated.old, rotated.keys) == (old.encryption_id.hex(), len(all_keys))
    assert city.keys().encryption_id.hex() == rotated.new != rotated.old
    with city.opened() as log:
        assert {question(log, inquiry) for inquiry in inquiries} == {QUESTION}


def test_the_old_key_is_nowhere_and_opens_nothing(city: City) -> None:
    with city.opened() as log:
        inquiry = asked(log)
    old = city.keys()

    city.rotate()

    assert {file.name for file in (city.home / "keys").iterdir()} == {"encryption", "lookup"}
    with city.opened(old) as log, pytest.raises(VaultError, match="another key-encryption key"):
        question(log, inquiry)


def test_the_old_key_is_overwritten_before_it_is_removed(city: City) -> None:
    city.keys()
    with (city.home / "keys" / "encryption").open("rb") as old:
        before = old.read()

        city.rotate()

        old.seek(0)
        assert old.read() == bytes(len(before))


def test_the_present_key_is_not_overwritten_under_its_other_name(tmp_path: Path) -> None:
    """So it stands when the process was killed between two files."""
    folder = Folder(tmp_path)
    present = folder.present()
    folder.following()
    (tmp_path / "encryption.former").hardlink_to(tmp_path / "encryption")

    folder.destroy()

    assert folder.present() == present


def test_keys_as_they_were_wrapped_before_leave_the_table(city: City) -> None:
    with city.opened() as log:
        inquiry = asked(log)
        [(wrapped,)] = rows(log, "SELECT wrapped FROM vault.key WHERE stream_id = %s", inquiry)
    assert isinstance(wrapped, bytes)
    before = dumped(city.database)

    city.rotate()

    assert wrapped in before
    assert wrapped not in dumped(city.database)


def test_the_certificate_gets_its_second_date(city: City) -> None:
    with city.opened() as log:
        citizen = known(log)
        asked(log, citizen)
        first = forget(log, citizen)

    rotated = city.rotate()

    with city.opened() as log:
        second = forget(log, citizen)
    assert (first.backups_until, second.backups_until) == (None, rotated.destroyed_at)
    assert second.position == first.position


def test_who_was_forgotten_while_the_key_changed_waits_for_the_next_change(city: City) -> None:
    with city.opened() as log:
        citizen = known(log)
        asked(log, citizen)
    killed(city, Folder, "replace")
    with city.opened() as log:
        forget(log, citizen)

    city.rotate()

    with city.opened() as log:
        assert forget(log, citizen).backups_until is None


STEPS = [
    (rotating, "_begin"),
    (rotating, "_wrap_anew"),
    (rotating, "_require_all"),
    (rotating, "_clear"),
    (Folder, "replace"),
    (Folder, "destroy"),
    (rotating, "_recorded"),
]


@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("place", "step"), STEPS, ids=[step for _, step in STEPS])
def test_killed_at_any_step_it_goes_on_with_the_same_key(
    city: City, place: object, step: str, is_done: bool
) -> None:
    with city.opened() as log:
        inquiry = asked(log)
    old = city.keys().encryption_id.hex()

    killed(city, place, step, is_done=is_done)
    with city.opened() as log:  # whoever starts now knows both
        between = asked(log)
        assert question(log, inquiry) == QUESTION

    was_recorded = is_done and step == "_recorded"
    rotated = city.rotate()

    assert was_recorded or rotated.old == old
    assert {file.name for file in (city.home / "keys").iterdir()} == {"encryption", "lookup"}
    with city.opened() as log:
        assert (question(log, inquiry), question(log, between)) == (QUESTION, QUESTION)


def test_killed_between_two_files_the_present_key_is_not_destroyed(city: City) -> None:
    with city.opened() as log:
        inquiry = asked(log)
    killed(city, Path, "replace")

    city.rotate()

    with city.opened() as log:
        assert question(log, inquiry) == QUESTION


def test_killed_between_two_batches_it_goes_on(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotating, "BATCH_KEYS", 1)
    with city.opened() as log:
        inquiries = [asked(log) for _ in range(3)]
        all_keys = rows(log, "SELECT FROM vault.key")
    with pytest.raises(KilledError):
        rotating.rotate(city.database, city.home, {}, progress=_kill)

    assert city.rotate().keys == len(all_keys) - 1

    with city.opened() as log:
        assert {question(log, inquiry) for inquiry in inquiries} == {QUESTION}


def test_it_is_refused_while_a_program_knows_the_old_key_only(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotating, "LEAVING_S", 0.0)
    with city.opened(), pytest.raises(RotationError, match="stop dasan serve"):
        city.rotate()

    assert {file.name for file in (city.home / "keys").iterdir()} >= {"encryption", "lookup"}
    assert city.rotate().destroyed_at is not None


def test_a_program_that_has_the_old_key_can_seal_nothing_with_it(city: City) -> None:
    old = city.keys()
    city.rotate()

    with city.opened(old) as log, pytest.raises(WriterError, match="is_retired"):
        asked(log)


def test_nothing_is_destroyed_while_a_key_is_wrapped_under_another_one(own_city: City) -> None:
    with own_city.opened() as log:
        asked(log)
    with own_city.database.connect_as_owner() as owner:
        owner.execute("UPDATE vault.key SET kek = '\\x00ff'")

    with pytest.raises(RotationError, match="1 under 00ff"):
        own_city.rotate()

    assert (own_city.home / "keys" / "encryption").exists()


# Keys that are kept elsewhere.


def env(**keys: bytes) -> dict[str, str]:
    names = {"present": "DASAN_KEY_ENCRYPTION_KEY", "following": "DASAN_NEW_KEY_ENCRYPTION_KEY"}
    return {names[name]: base64.b64encode(key).decode() for name, key in keys.items()}


def test_a_key_kept_elsewhere_is_replaced_by_one_that_is_given(own_city: City) -> None:
    with own_city.opened(load_keys(own_city.home, env(present=OLD))) as log:
        inquiry = asked(log)

    rotated = own_city.rotate(**env(present=OLD, following=NEW))

    assert (rotated.new, rotated.destroyed_at) == (encryption_id(NEW).hex(), None)
    with own_city.opened(load_keys(own_city.home, env(present=NEW))) as log:
        assert question(log, inquiry) == QUESTION


def test_its_destruction_counts_once_somebody_says_so(own_city: City) -> None:
    own_city.rotate(**env(present=OLD, following=NEW))

    with pytest.raises(RotationError):
        confirm_destroyed(own_city.database, own_city.home, env(present=OLD))
    confirmed = confirm_destroyed(own_city.database, own_city.home, env(present=NEW))

    assert confirmed.destroyed_at is not None


def test_no_key_is_made_where_others_keep_them(own_city: City) -> None:
    with pytest.raises(KeyFileError, match="DASAN_NEW_KEY_ENCRYPTION_KEY"):
        own_city.rotate(**env(present=OLD))


@pytest.mark.parametrize("following", [OLD, NEW], ids=["the present one", "a former one"])
def test_a_key_is_used_once(own_city: City, following: bytes) -> None:
    own_city.rotate(**env(present=NEW, following=OLD))

    with pytest.raises(RotationError, match="used before"):
        own_city.rotate(**env(present=OLD, following=following))


def _kill(*_: object) -> None:
    raise KilledError
