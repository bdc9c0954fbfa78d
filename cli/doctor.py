"""`dasan doctor`: whether a log and its views are what they claim, and what their origin has."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cli.checkup import Findings
    from cli.origin import Origin

DIGITS_SHOWN = 16


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    against: Annotated[
        Path | None,
        typer.Option(help="Compare with what `dasan doctor --json` printed at the origin."),
    ] = None,
) -> None:
    """Check the log, its views against a refold of the log, and the keys: see docs/doctor.md.

    Changes nothing but that the views reach the head that the log has now.
    """
    import orjson

    from cli.checkup import checkup
    from cli.opening import examined_city
    from cli.origin import compared

    # Whole before anything is opened, so that a wrong file is refused at once.
    origin = _read(against) if against else None
    with examined_city() as city:
        found = checkup(*city, shared=origin.position if origin else None)
    faults = [*found.faults()]
    if origin:
        faults += [f"against {against}: {reason}" for reason in compared(origin, found)]
    if as_json:
        document = found.as_json() | {"faults": faults}
        print(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
    else:
        print("\n".join((*_lines(found), *_closing(faults, origin, against))))
    raise typer.Exit(1 if faults else 0)


def _read(file: Path) -> "Origin":
    from cli.origin import OriginError, parse_origin

    try:
        return parse_origin(file.read_bytes())
    except OSError as error:
        raise OriginError(f"{file} cannot be read: {error.strerror}") from error
    except OriginError as error:
        raise OriginError(f"{file}: {error}") from error


def _lines(found: "Findings") -> "Iterator[str]":
    document = found.as_json()
    yield f"log         {document['source']}, id {document['log_id']}"
    yield f"position    {found.position:,}"
    yield f"root        {document['root'] or 'none: records are missing'}"
    yield "durability  " + ", ".join(f"{name} {value}" for name, value in found.durability.items())
    yield f"keys        {sum(found.keys.values()):,} of personal data"
    for name, view in document["views"].items():
        state = "equals its refold" if view["equals_refold"] else "differs from its refold"
        yield (
            f"{name:<12}position {view['position']:,}, digest {view['digest'][:DIGITS_SHOWN]}:"
            f" {'stopped' if view['error'] else state}"
        )


def _closing(
    faults: "Sequence[str]", origin: "Origin | None", against: Path | None
) -> "Iterator[str]":
    if faults:
        yield from (f"wrong: {fault}" for fault in faults)
    elif origin:
        yield f"nothing is wrong, and up to position {origin.position:,} it is what {against} says"
    else:
        yield "nothing is wrong"
