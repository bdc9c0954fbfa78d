"""Checkpoints as signed notes: what is signed is what comes out, and nothing else does."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.checkpoint import Checkpoint, CheckpointError, Signer, Verifier

SIGNER = Signer("/dasan/seoul", bytes(range(32)))
CHECKPOINT = Checkpoint("/dasan/seoul", 1_234, bytes(32))


def test_a_note_is_the_three_lines_and_a_signature_line() -> None:
    origin, size, root, empty, signature, end = SIGNER.signed(CHECKPOINT).split("\n")

    assert (origin, size, root) == ("/dasan/seoul", "1234", base64.b64encode(bytes(32)).decode())
    assert (empty, end) == ("", "")
    assert signature.startswith("— /dasan/seoul ")


def test_the_verifier_key_opens_what_its_signer_signed() -> None:
    verifier = Verifier.parsed(str(SIGNER.verifier))

    assert verifier.opened(SIGNER.signed(CHECKPOINT)) == CHECKPOINT


def test_the_key_is_printed_as_the_specification_has_it() -> None:
    name, key_id, encoded = str(SIGNER.verifier).split("+", 2)

    assert name == "/dasan/seoul"
    assert key_id == SIGNER.verifier.key_id.hex()
    assert base64.b64decode(encoded)[0] == 1


def test_signatures_of_witnesses_are_passed_over() -> None:
    witness = Signer("witness.example", bytes(32))
    note = SIGNER.signed(CHECKPOINT)
    cosigned = note + witness.signed(CHECKPOINT).rpartition("\n\n")[2]

    assert SIGNER.verifier.opened(cosigned) == CHECKPOINT


@given(st.data())
def test_a_note_with_a_changed_letter_is_not_opened(data: st.DataObject) -> None:
    note = SIGNER.signed(CHECKPOINT)
    at = data.draw(st.integers(0, len(note) - 2))
    letter = data.draw(st.characters(codec="utf-8").filter(lambda it: it != note[at]))
    changed = note[:at] + letter + note[at + 1 :]

    with pytest.raises(CheckpointError):
        SIGNER.verifier.opened(changed)


@pytest.mark.parametrize(
    ("signer", "reason"),
    [
        (Signer("/dasan/seoul", bytes(32)), "no signature by"),
        (Signer("/dasan/busan", SIGNER.seed), "no signature by"),
    ],
    ids=["key", "name"],
)
def test_another_ones_signature_does_not_count(signer: Signer, reason: str) -> None:
    with pytest.raises(CheckpointError, match=reason):
        SIGNER.verifier.opened(signer.signed(CHECKPOINT))


def test_a_checkpoint_of_another_log_is_refused() -> None:
    foreign = Checkpoint("/dasan/busan", 1, bytes(32))

    with pytest.raises(CheckpointError, match="is of '/dasan/busan'"):
        SIGNER.verifier.opened(SIGNER.signed(foreign))


@pytest.mark.parametrize(
    "text",
    ["", "x", "/dasan/seoul+00000000+AA==", f"{SIGNER.verifier}"[:-4], "+1+2"],
)
def test_what_is_no_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(CheckpointError):
        Verifier.parsed(text)
