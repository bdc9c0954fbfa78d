"""Running a program until it is told to stop, with lines about itself in its log."""

import logging
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future

GRACE_S = 10.0
"""For what is under way when the program is told to stop; a broker that is away ends no batch."""


def run_until_stopped(work: Callable[[threading.Event], None]) -> None:
    """Run `work`, and let it know of SIGINT and SIGTERM by the event that it is given.

    What it has not finished `GRACE_S` later is left as a crash would leave it.

    Raises what `work` raises.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("kafka").setLevel(logging.ERROR)  # we say ourselves what is tried again
    stopped = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stopped.set())
    # A daemon: what cannot end, as a wait for a broker that is away, does not keep the program.
    done: Future[None] = Future()
    threading.Thread(target=_run, args=(work, stopped, done), daemon=True).start()
    done.add_done_callback(lambda _: stopped.set())
    stopped.wait()
    try:
        done.result(timeout=GRACE_S)
    except TimeoutError:
        logging.warning("left unfinished what did not end within %.0f s", GRACE_S)


def _run(
    work: Callable[[threading.Event], None], stopped: threading.Event, done: "Future[None]"
) -> None:
    try:
        work(stopped)
    except BaseException as error:  # noqa: BLE001 - whatever it is, the main thread raises it
        done.set_exception(error)
    else:
        done.set_result(None)
