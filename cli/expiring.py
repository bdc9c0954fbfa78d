"""`dasan expire`: ends conversations and waits that never reported an end."""


def expire() -> None:
    """End conversations and waits that began 24 hours ago or earlier and never reported an end.

    They end 24 hours after they began; by whom, and how long was talked or waited, is unknown.
    Running it again does nothing.
    """
    from datetime import UTC, datetime

    from cli.ending import end_forgotten
    from cli.opening import city

    with city() as log:
        ended = end_forgotten(log, now=datetime.now(UTC))
    print(
        f"{ended.conversations:,} conversation{'' if ended.conversations == 1 else 's'} and"
        f" {ended.waits:,} wait{'' if ended.waits == 1 else 's'} ended"
    )
