"""`dasan expire`: ends conversations that never reported an end."""


def expire() -> None:
    """End conversations that began 24 hours ago or earlier and never reported an end.

    They end 24 hours after they began; by whom, and how long was talked, is unknown. Running it
    again does nothing.
    """
    from datetime import UTC, datetime

    from cli.ending import end_forgotten
    from cli.opening import city

    with city() as log:
        ended = end_forgotten(log, now=datetime.now(UTC))
    print(f"{ended:,} conversation{'' if ended == 1 else 's'} ended")
