from pathlib import Path

import pytest

from importers.text_file import (
    FIRST_BLOCK_BYTES,
    MAX_LINE_BYTES,
    FileLine,
    ImportFileError,
    read_lines,
)


def lines_of(tmp_path: Path, content: bytes) -> list[FileLine]:
    file = tmp_path / "file"
    file.write_bytes(content)
    return list(read_lines(file))


def test_lines_are_numbered_and_measured_with_either_ending(tmp_path: Path) -> None:
    lines = lines_of(tmp_path, "하나\r\ntwo\n".encode())

    assert lines == [FileLine(1, 8, "하나"), FileLine(2, 4, "two")]


def test_an_empty_file_has_no_lines(tmp_path: Path) -> None:
    assert lines_of(tmp_path, b"") == []


def test_a_last_line_without_newline_is_unfinished(tmp_path: Path) -> None:
    lines = lines_of(tmp_path, b"one\ntwo")

    assert lines == [FileLine(1, 4, "one"), FileLine(2, 3, "two", unfinished=True)]


def test_a_line_too_long_is_skipped_and_the_next_one_read(tmp_path: Path) -> None:
    lines = lines_of(tmp_path, b"x" * (3 * MAX_LINE_BYTES) + b"\nnext\n")

    assert [(line.number, line.size, line.text) for line in lines] == [
        (1, 3 * MAX_LINE_BYTES + 1, None),
        (2, 5, "next"),
    ]
    assert "longer than 65,536 bytes" in lines[0].fault


def test_an_endless_last_line_is_unfinished(tmp_path: Path) -> None:
    lines = lines_of(tmp_path, b"x" * (2 * MAX_LINE_BYTES))

    [line] = lines
    assert (line.size, line.text, line.unfinished) == (2 * MAX_LINE_BYTES, None, True)


def test_octets_that_are_no_text_spoil_their_own_field_only(tmp_path: Path) -> None:
    broken, after = lines_of(tmp_path, b"name|\xb1\xe8|x\nafter\n")

    assert broken.text is not None
    assert broken.text.split("|")[::2] == ["name", "x"]
    assert broken.text.encode("utf-8", "surrogateescape") == b"name|\xb1\xe8|x"
    assert after.text == "after"


def test_the_mark_that_windows_puts_in_front_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    lines = lines_of(tmp_path, b"\xef\xbb\xbfone\r\n\xef\xbb\xbftwo\r\n")

    assert [line.text for line in lines] == ["one", "\ufefftwo"]


def test_blank_lines_are_passed_over_and_counted_in_the_numbers(tmp_path: Path) -> None:
    lines = lines_of(tmp_path, b"\none\r\n\r\n  \t\ntwo\n")

    assert lines == [FileLine(2, 6, "one"), FileLine(5, 10, "two")]


def test_what_a_crash_leaves_at_the_ends_of_a_line_is_no_part_of_it(tmp_path: Path) -> None:
    lines = lines_of(tmp_path, b"\0" * 4096 + b"one\0\0\nt\0wo\n" + b"\0\0\n")

    assert [line.text for line in lines] == ["one", "t\0wo"]


def test_a_character_may_cross_the_end_of_the_first_block(tmp_path: Path) -> None:
    content = b"x" * (FIRST_BLOCK_BYTES - 1 - 100) + b"\n" + b"y" * 99 + "다\n".encode()

    *_, last = lines_of(tmp_path, content)

    assert last.text == "y" * 99 + "다"


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04\0\0\n",
        b"\x1f\x8b\x08\xff\xff\n",
        b"\xff\xfea\0",
        b"\xfe\xff\0a",
        b"BZh91AY&SY",
        b"\x7fELF\2\1\1\0",
    ],
)
def test_a_binary_file_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ImportFileError, match="not a text file"):
        lines_of(tmp_path, content)


def test_a_file_that_is_missing_or_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportFileError, match="No such file"):
        list(read_lines(tmp_path / "missing"))
    with pytest.raises(ImportFileError, match="Is a directory"):
        list(read_lines(tmp_path))
