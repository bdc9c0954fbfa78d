"""Running a program until it is told to stop, with lines about itself in its log."""

import logging
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, as_completed

GRACE_S = 10.0
"""For what is under way when the program is told to stop; a broker that is away ends no batch."""


Work = Callable[[threading.Event], None]


def run_until_stopped(*works: Work) -> None:
    """Run all works side by side; each hears by its event of SIGINT, SIGTERM or another's end.

    A program that has not ended `GRACE_S` later is left as a crash would leave it.

    Raises what one of them raises.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # we say ourselves what is tried again
    stopped = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stopped.set())
    done = [_begun(work, stopped) for work in works]
    stopped.wait()
    end = threading.Timer(GRACE_S, _leave, args=(done,))
    end.daemon = True
    end.start()
    for future in as_completed(done):
        future.result()


def _leave(done: "Sequence[Future[None]]") -> None:
    """End the program, whatever it waits for: a broker, a lock of the database, a thread."""
    failed = any(future.done() and future.exception() for future in done)
    logging.warning("left unfinished what did not end within %.0f s", GRACE_S)
    logging.shutdown()
    os._exit(1 if failed else 0)


def _begun(work: Work, stopped: threading.Event) -> "Future[None]":
    done: Future[None] = Future()
    done.add_done_callback(lambda _: stopped.set())
    # A daemon: what cannot end, as a wait for a broker that is away, does not keep the program.
    threading.Thread(target=_run, args=(work, stopped, done), daemon=True).start()
    return done


def _run(work: Work, stopped: threading.Event, done: "Future[None]") -> None:
    try:
        work(stopped)
    except BaseException as error:  # noqa: BLE001 - whatever it is, the main thread raises it
        done.set_exception(error)
    else:
        done.set_result(None)
