"""`dasan forget`, `dasan hold`, `dasan release`: forgetting citizens: docs/forgetting.md."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

if TYPE_CHECKING:
    from psycopg import Connection

    from domain.forgetting import Asker, Citizen
    from domain.request import Request
    from eventlog.certificate import Certificate

Basis = Annotated[str, typer.Option(help="The legal basis, as a code: pipa-36.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
CitizenId = Annotated[UUID, typer.Argument(help="The id that their inquiries name.")]


def forget(
    basis: Basis,
    citizen: Annotated[
        UUID | None, typer.Argument(help="The id that their inquiries name.", show_default=False)
    ] = None,
    inquiry: Annotated[
        UUID | None, typer.Option(help="Forget whoever asked this one, in place of a citizen.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Forget a citizen, or whoever asked one inquiry, and print the certificate.

    The keys of their texts are destroyed; the log, its proofs and every KPI stay as they are. A
    second time prints the same certificate, with the second date once the key-encryption key was
    changed.
    """
    from datetime import UTC, datetime

    from domain.vocabulary import code
    from eventlog.forgetting import forget as destroy

    asker = _asker(citizen, inquiry)
    with _asked("forget") as (connection, request):
        made = destroy(connection, asker, code(basis), datetime.now(UTC), request)
    if as_json:
        _print(made)
    else:
        _tell(made)


def hold(citizen: CitizenId, basis: Basis, as_json: AsJson = False) -> None:
    """Hold a citizen, who may then not be forgotten; on several bases, each holds by itself."""
    from datetime import UTC, datetime

    from domain.vocabulary import code
    from eventlog.citizens import Citizens

    with _asked("hold") as (connection, request):
        held = Citizens(connection).hold(citizen, code(basis), datetime.now(UTC), request)
    _tell_holds(held, as_json=as_json)


def release(citizen: CitizenId, basis: Basis, as_json: AsJson = False) -> None:
    """Release a citizen from the hold on a basis, and say which holds are left."""
    from datetime import UTC, datetime

    from domain.vocabulary import code
    from eventlog.citizens import Citizens

    with _asked("release") as (connection, request):
        held = Citizens(connection).release(citizen, code(basis), datetime.now(UTC), request)
    _tell_holds(held, as_json=as_json)


@contextmanager
def _asked(command: str) -> "Iterator[tuple[Connection, Request]]":
    """Yield a connection, and the request that the command line makes."""
    from uuid import uuid4

    from cli.opening import prepared_city
    from domain.request import Request

    with prepared_city() as (_, database, keys), database.connect() as connection:
        cause = keys.cause("command", command, str(uuid4()))
        yield connection, Request(actor=f"service:{command}", cause=cause)


def _asker(citizen: UUID | None, inquiry: UUID | None) -> "Asker":
    from domain.forgetting import Asker

    if (citizen is None) == (inquiry is None):
        raise typer.BadParameter("name a citizen, or an inquiry with --inquiry")
    return Asker(citizen=citizen, inquiry=inquiry)


def _tell(made: "Certificate") -> None:
    whom = f"citizen {made.citizen}" if made.citizen else f"whoever asked inquiry {made.inquiry}"
    print(f"forgotten: {whom}, on the basis {made.basis}, at position {made.position:,}")
    print(f"  {len(made.inquiries):,} inquiries, {len(made.kids):,} keys destroyed")
    print(f"  in service  unreadable since {made.forgotten_at.isoformat()}")
    if made.backups_until:
        print(f"  in backups  unreadable since {made.backups_until.isoformat()}")
    else:
        print("  in backups  readable until the key-encryption key is changed: dasan keys rotate")
    for topic, until in made.topics_until.items():
        print(f"  {topic}  unreadable since {until.isoformat()}, if there is Kafka")


def _tell_holds(citizen: "Citizen", *, as_json: bool) -> None:
    holds = sorted(citizen.holds)
    if as_json:
        _print({"citizen": citizen.id, "holds": holds})
    elif holds:
        print(f"citizen {citizen.id} is held on the basis {', '.join(holds)}")
    else:
        print(f"citizen {citizen.id} is not held")


def _print(document: object) -> None:
    import orjson

    print(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
