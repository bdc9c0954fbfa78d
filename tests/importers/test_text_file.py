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


def test_a_line_that_is_no_text_spoils_itself_only(tmp_path: Path) -> None:
    start = b"a line\n" * (FIRST_BLOCK_BYTES // 7 + 1)

    *_, broken, after = lines_of(tmp_path, start + b"\xff\xfe\nafter\n")

    assert broken.text is None
    assert "not UTF-8" in broken.fault
    assert after.text == "after"


def test_a_character_may_cross_the_end_of_the_first_block(tmp_path: Path) -> None:
    content = b"x" * (FIRST_BLOCK_BYTES - 1 - 100) + b"\n" + b"y" * 99 + "다\n".encode()

    *_, last = lines_of(tmp_path, content)

    assert last.text == "y" * 99 + "다"


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04\0\0\n", b"\x1f\x8b\x08\xff\xff\n", b"\xff\xfea\0"]
)
def test_a_binary_file_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ImportFileError, match="not a text file"):
        lines_of(tmp_path, content)


def test_a_file_that_is_missing_or_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportFileError, match="No such file"):
        list(read_lines(tmp_path / "missing"))
    with pytest.raises(ImportFileError, match="Is a directory"):
        list(read_lines(tmp_path))
