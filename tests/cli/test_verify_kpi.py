import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from cli.verify_kpi import verify_kpi

LOG = """\
1330441200|c1|general|NONE|ENTERQUEUE|||1
1330441204|c1|general|Agent/a01|CONNECT|4|c1.b|2
1330441230|c3|general|NONE|ENTERQUEUE|||1
1330441233|c3|general|NONE|ABANDON|1|1|3
1330441264|c1|general|Agent/a01|COMPLETECALLER|4|60|1
not a line
"""
FIGURES = {
    "timezone": "Asia/Seoul",
    "report": {"lines": 6, "unreadable_lines": [6], "calls": 2, "ignored": {}},
    "day:2012-02-29": {"offered": 2, "answered": 1, "wait_s": 4, "answer_rate": 0.5},
}


@pytest.fixture(autouse=True)
def scratch(
    tmp_path: Path,  # noqa: ARG001 - made where it always is, before the place is another
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Path]:
    """Take the city away: what is verified needs none, and must not touch it."""
    monkeypatch.setenv("DASAN_DATABASE_URL", "postgresql:///nowhere")
    monkeypatch.setenv("DASAN_HOME", "/dev/null/nowhere")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # root's server runs as another user, who has to get in
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def verified(folder: Path, figures: Any, *more: str) -> Result:
    """Run `dasan verify-kpi` on the calls."""
    log, expected = folder / "queue_log", folder / "expected.json"
    log.write_text(LOG)
    expected.write_text(figures if isinstance(figures, str) else json.dumps(figures))
    app = typer.Typer()
    app.command("verify-kpi")(verify_kpi)
    return CliRunner().invoke(app, [str(log), str(expected), *more])


def test_equal_figures_are_status_0_and_leave_nothing_behind(tmp_path: Path, scratch: Path) -> None:
    result = verified(tmp_path, FIGURES)

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "8 figures compared, 0 differ\n"
    assert list(scratch.iterdir()) == []


def test_each_figure_that_differs_is_named_and_the_status_is_1(tmp_path: Path) -> None:
    figures = FIGURES | {"report": {"calls": 3}, "queue:general": {"abandoned": 1, "talk_s": 61}}

    result = verified(tmp_path, figures, "--timezone", "Asia/Tokyo")

    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "report calls: expected 3, found 2",
        "queue:general talk_s: expected 61, found 60",
        "7 figures compared, 2 differ",
    ]


@pytest.mark.parametrize(
    ("figures", "more", "reason"),
    [
        ("no JSON", (), "expected.json: it is no JSON"),
        ({"all": {"offered": 2}}, (), "names no timezone: say --timezone"),
        (FIGURES, ("--timezone", "Asia/Soul"), "there is no time zone 'Asia/Soul'"),
    ],
)
def test_a_wrong_use_is_status_2(
    tmp_path: Path, figures: Any, more: tuple[str, ...], reason: str
) -> None:
    result = verified(tmp_path, figures, *more)

    assert (result.exit_code, result.stdout) == (2, "")
    assert reason in result.stderr


def test_files_that_cannot_be_read_are_status_2(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command("verify-kpi")(verify_kpi)
    there, missing, binary = (tmp_path / name for name in ("there", "missing", "binary"))
    there.write_text(json.dumps(FIGURES))
    binary.write_bytes(b"\x7fELF\x00\xff")

    for log, expected, reason in [
        (missing, there, f"dasan: {missing} cannot be read: No such file or directory\n"),
        (there, missing, f"dasan: {missing}: it cannot be read: No such file or directory\n"),
        (binary, there, f"dasan: {binary} is not a text file"),
    ]:
        result = CliRunner().invoke(app, [str(log), str(expected)])
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith(reason)
