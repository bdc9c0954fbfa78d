"""`dasan serve` and `dasan token`: the REST service, and who may use it."""

import os
import re
import signal
import socket
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fastapi import FastAPI

    from eventlog.settings import Settings

HOST, PORT = "127.0.0.1", 8120
BACKLOG = 2_048
SEND_BUFFER_BYTES = 256 * 1024
GRACE_S = 10
"""For requests that are being answered when the server is told to stop."""


class ServeError(RuntimeError):
    """The service cannot listen there; says why."""


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = HOST,
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = PORT,
) -> None:
    """Serve the REST API and keep the views up to date, until stopped by Ctrl-C or SIGTERM."""
    with listening(host, port) as listener:
        serve_on(listener)


def serve_on(listener: socket.socket) -> None:
    """Serve on a socket that listens, until stopped by SIGINT or SIGTERM."""
    from api.access_log import write_access_log
    from api.app import create_app
    from api.revocations import Revocations
    from api.security import Tokens, token_key
    from cli.opening import continued_city
    from cli.upkeep import kept_up

    with continued_city() as (settings, database, keys):
        write_access_log(settings.home)
        Revocations.read(
            settings.home
        )  # a file that does not say is named before anybody is let in
        tokens = Tokens(token_key(settings.home), settings.home)
        app = create_app(settings, database, keys, tokens)
        host, port, *_ = listener.getsockname()
        print(f"Dasan serves on http://{host}:{port}/docs", file=sys.stderr, flush=True)
        with kept_up(settings, database, keys):
            run(app, listener, settings)


def token(
    scope: Annotated[list[str], typer.Option(help="A scope; may be given more than once.")],
    client: Annotated[
        str, typer.Option(help="Names who will use it; keys belong to it.")
    ] = "local",
    days: Annotated[int, typer.Option(min=1, max=3_650, help="How long it is valid.")] = 1,
    actor: Annotated[
        list[str] | None,
        typer.Option(help="A kind of actors that it speaks for, beside itself; more than once."),
    ] = None,
) -> None:
    """Print a bearer token; its id, by which `dasan revoke` knows it, stands in `access.log`."""
    from api.access_log import write_access_log
    from api.security import ACTORS, Scope, Tokens, token_key
    from cli.opening import named_if_new
    from eventlog.settings import read_settings

    kinds = frozenset(actor or ())
    if kinds - ACTORS:
        raise typer.BadParameter(
            f"there are no actors of the kind {', '.join(sorted(kinds - ACTORS))}: use"
            f" {', '.join(sorted(ACTORS))}",
            param_hint="--actor",
        )
    unknown = sorted({*scope} - {*Scope})
    if unknown:
        raise typer.BadParameter(
            f"there is no scope {', '.join(unknown)}: use {', '.join(Scope)}", param_hint="--scope"
        )
    home = read_settings(os.environ).home
    with named_if_new(home):
        tokens = Tokens(token_key(home))
    write_access_log(home)
    print(tokens.issue(client, frozenset(map(Scope, scope)), timedelta(days=days), kinds))


def revoke(
    client: Annotated[
        str | None, typer.Option(help="Revoke all tokens that this client has had so far.")
    ] = None,
    id_: Annotated[
        str | None, typer.Option("--id", help="Revoke one token, by its id (`jti`).")
    ] = None,
) -> None:
    """Revoke tokens: running servers refuse them within a second."""
    from api.access_log import write_access_log
    from api.revocations import revoke as revoke_tokens
    from eventlog.settings import read_settings

    if (client is None) == (id_ is None):
        raise typer.BadParameter("name either a client, with --client, or a token, with --id")
    if id_ is not None and not re.fullmatch("[0-9a-f]{32}", id_):
        raise typer.BadParameter("an id has 32 hexadecimal digits: access.log has it of each token")
    home = read_settings(os.environ).home
    if not home.is_dir():
        raise typer.BadParameter(f"{home} is not there: set DASAN_HOME to that of the servers")
    write_access_log(home)
    revoke_tokens(home, client=client, token=id_)


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens there.

    Raises:
        ServeError: it cannot; says why.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, or asyncio leaves Nagle's algorithm on and each answer waits 40 ms for an ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Of each connection, or the system keeps megabytes for a client that does not read.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        raise ServeError(
            f"{host}:{port} cannot be served on: {getattr(error, 'strerror', None) or error}."
            " Stop what listens there, or name another with --host and --port"
        ) from error
    return listener


def run(app: "FastAPI", listener: socket.socket, settings: "Settings") -> None:
    """Answer requests on a socket that listens, until SIGINT or SIGTERM."""
    import uvicorn

    from api.connections import Places, bounded, room_for

    places = Places(room_for(settings.connections), settings.connections_by_address)
    config = uvicorn.Config(
        app,
        http=bounded(places),
        ws="none",  # a connection that becomes one of another protocol has no bounds
        log_level="warning",
        access_log=False,
        proxy_headers=False,  # nothing asks where a request came from
        timeout_graceful_shutdown=GRACE_S,
    )
    # Once it has stopped, the server raises the signal again: what is open is closed first.
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: None)
    uvicorn.Server(config).run(sockets=[listener])
