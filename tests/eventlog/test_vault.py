"""Sealing: who can read what, and for how long."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from domain.inquiry import Inquiry
from domain.vocabulary import Channel, Code, Plain, Sealed
from eventlog import vault
from eventlog.keys import KeyFileError, Keys, load_keys
from eventlog.log import Log
from eventlog.personal import looks_like_telephone, mask_name, mask_number
from eventlog.vault import KeyDestroyedError, Vault, VaultError
from tests.eventlog.examples import REQUEST

AT = datetime(2012, 2, 29, tzinfo=UTC)
QUESTION = "버스에 돈 가방을 놓고 내렸어요"
PLACE = ("inquiry.received.v1", "question")


def asked(log: Log, question: str = QUESTION) -> tuple[UUID, Sealed]:
    """An inquiry was saved; its id, and its question as the log holds it."""
    inquiry = Inquiry.receive(uuid4(), at=AT, channel=Channel.PHONE, question=Plain(question))
    log.inquiries.receive(inquiry, REQUEST)
    return inquiry.id, stored_texts(log, inquiry.id)[0]


def stored_texts(log: Log, inquiry_id: UUID) -> list[Sealed]:
    facts = [log.inquiries.events.get(inquiry_id)]
    return [
        value for fact in facts[0] for value in vars(fact).values() if isinstance(value, Sealed)
    ]


def test_a_sealed_text_is_opened_where_it_was_sealed(log: Log) -> None:
    inquiry_id, sealed = asked(log)

    assert log.vault.open(sealed, inquiry_id, *PLACE) == QUESTION


def test_no_byte_of_the_text_is_in_the_log(log: Log) -> None:
    asked(log)

    with log.database.connect() as connection:
        found = connection.execute(
            "SELECT count(*) FROM log WHERE position(%b IN record) > 0", ["가방".encode()]
        ).fetchone()
    assert found == (0,)


@pytest.mark.parametrize(
    "place", [("inquiry.received.v1", "place"), ("inquiry.noted.v1", "question")]
)
def test_a_text_moved_to_another_field_cannot_be_opened(log: Log, place: tuple[str, str]) -> None:
    inquiry_id, sealed = asked(log)

    with pytest.raises(VaultError, match="changed or moved"):
        log.vault.open(sealed, inquiry_id, *place)


def test_a_text_moved_to_another_inquiry_cannot_be_opened(log: Log) -> None:
    _, sealed = asked(log)

    with pytest.raises(VaultError, match="changed or moved"):
        log.vault.open(sealed, uuid4(), *PLACE)


def test_a_changed_text_cannot_be_opened(log: Log) -> None:
    inquiry_id, sealed = asked(log)

    with pytest.raises(VaultError, match="changed or moved"):
        log.vault.open(replace(sealed, n="AAAAAAAAAAAAAAAA"), inquiry_id, *PLACE)


def test_a_text_is_forgotten_with_its_key(log: Log) -> None:
    inquiry_id, sealed = asked(log)

    with log.database.connect_as_owner() as owner:
        owner.execute("DELETE FROM vault.key")

    with pytest.raises(KeyDestroyedError):
        log.vault.open(sealed, inquiry_id, *PLACE)


def test_all_texts_of_an_inquiry_share_its_key(log: Log) -> None:
    inquiry_id, first = asked(log)

    log.inquiries.change(
        inquiry_id,
        lambda i: i.note(ref=Code("1"), kind=Code("memo"), note=Plain("다시 전화함"), at=AT),
        REQUEST,
    )

    assert {text.k for text in stored_texts(log, inquiry_id)} == {first.k}


def test_a_key_is_in_memory_for_seconds_only(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    inquiry_id, sealed = asked(log)
    assert log.vault.known_text(sealed, inquiry_id, *PLACE) == QUESTION

    monkeypatch.setattr(vault, "KEPT_S", -1.0)
    log.vault.drop_old()

    assert log.vault.known_text(sealed, inquiry_id, *PLACE) is None


def test_another_process_seals_under_the_key_that_is_there(log: Log) -> None:
    inquiry_id, first = asked(log)
    log.vault.forget(inquiry_id)  # as a process that has never seen the inquiry

    log.inquiries.change(
        inquiry_id,
        lambda i: i.note(ref=Code("1"), kind=Code("memo"), note=Plain("다시 전화함"), at=AT),
        REQUEST,
    )

    assert {text.k for text in stored_texts(log, inquiry_id)} == {first.k}


def test_a_key_destroyed_meanwhile_is_replaced_not_used(log: Log) -> None:
    inquiry_id, first = asked(log)
    with log.database.connect_as_owner() as owner:
        owner.execute("DELETE FROM vault.key")

    log.inquiries.change(
        inquiry_id,
        lambda i: i.note(ref=Code("1"), kind=Code("memo"), note=Plain("새 메모"), at=AT),
        REQUEST,
    )

    note = stored_texts(log, inquiry_id)[1]
    assert note.k != first.k
    assert log.vault.open(note, inquiry_id, "inquiry.noted.v1", "note") == "새 메모"


def test_keys_in_the_database_are_wrapped_and_open_nothing_without_the_secret(log: Log) -> None:
    inquiry_id, sealed = asked(log)
    others = Vault(Keys(b"0" * 32, b"1" * 32), log.vault._pool)

    with pytest.raises(VaultError, match="another key-encryption key"):
        others.open(sealed, inquiry_id, *PLACE)


def test_a_resident_registration_number_is_not_even_sealed(log: Log) -> None:
    inquiry_id, sealed = asked(log, "제 번호는 900101-1234567 입니다")

    assert log.vault.open(sealed, inquiry_id, *PLACE) == "제 번호는 [redacted] 입니다"


def test_names_and_numbers_are_masked_by_one_rule() -> None:
    assert mask_name("김철수") == "김○○"
    assert mask_name("John Smith") == "J○○○ ○○○○○"
    assert mask_name("") == ""
    assert mask_number("010-1234-5678") == "010-****-**78"
    assert mask_number("119") == "***"


def test_an_extension_is_no_telephone_number() -> None:
    assert not looks_like_telephone("7000")
    assert not looks_like_telephone("japanese-1234567")
    assert looks_like_telephone("02-6361-3302")


def test_secrets_are_made_once_and_for_their_owner_only(tmp_path: Path) -> None:
    home = tmp_path

    first, second = load_keys(home, {}), load_keys(home, {})

    assert first == second
    assert {oct(file.stat().st_mode & 0o777) for file in (home / "keys").iterdir()} == {"0o600"}


def test_a_damaged_secret_is_named_and_not_replaced(tmp_path: Path) -> None:
    home = tmp_path
    load_keys(home, {})
    (home / "keys" / "lookup").write_text("short")

    with pytest.raises(KeyFileError, match="lookup does not hold 32 bytes"):
        load_keys(home, {})


def test_a_contact_has_one_possible_inquiry(log: Log) -> None:
    first = log.keys.inquiry_id("queue_log", "1330442380.1")

    assert log.keys.inquiry_id("queue_log", "1330442380.1") == first
    assert log.keys.inquiry_id("other", "1330442380.1") != first
    assert (first.version, first.variant) == (8, UUID(int=0x8 << 76 | 0x8 << 60).variant)
