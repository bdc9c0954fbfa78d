"""Lock files: opened so that nobody else can hold them."""

import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO


def open_lock(path: Path) -> BinaryIO:
    """Return a lock file, made at need, that only its owner can open.

    Whoever can read a file can lock it, and so keep its owner out for ever.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with suppress(PermissionError):  # of somebody else, who has let us in
        os.fchmod(descriptor, 0o600)
    return os.fdopen(descriptor, "ab")
