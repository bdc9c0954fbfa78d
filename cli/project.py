"""`dasan project`: keeps the views up to date in a process of its own."""

import signal
import sys
import threading
import time

from projections.feeding import catch_up
from projections.runner import Runner

REPORT_S = 10.0


def project() -> None:
    """Advance the views as events come, until stopped by Ctrl-C or SIGTERM."""
    from cli.opening import continued_city
    from cli.upkeep import kept_up
    from eventlog.reader import head
    from eventlog.signing import kept_signed

    stopped = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stopped.set())
    with (
        continued_city() as (settings, database, keys),
        kept_up(settings, database, keys),
        kept_signed(settings, database),
        database.connect() as connection,
    ):
        runner = Runner(connection)
        report_at = time.monotonic()

        def stop() -> bool:
            nonlocal report_at
            now = time.monotonic()
            if now >= report_at:
                report_at = now + REPORT_S
                _report(runner, head(connection))
            return stopped.is_set()

        catch_up(runner, database.connect)
        runner.follow(stop)


def _report(runner: Runner, at: int) -> None:
    views = ", ".join(
        f"{state.view} {state.error or f'{at - state.position:,} behind'}"
        for state in runner.progress()
    )
    print(f"position {at:,}: {views}", file=sys.stderr)
