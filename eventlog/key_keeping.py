"""Where the key-encryption key is kept while it is replaced: in files of ours, or elsewhere."""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from eventlog.keys import ENCRYPTION, NEXT_ENCRYPTION, KeyFileError, secret


class Keeper(ABC):
    """Keeps the present key-encryption key, and the one that follows it."""

    is_ours: bool
    """Whether destroying the old key is for us to do."""

    @abstractmethod
    def present(self) -> bytes:
        """Return the key that is used."""

    @abstractmethod
    def following(self) -> bytes:
        """Return the key that is to be used from now on."""

    @abstractmethod
    def is_replaced(self) -> bool:
        """Whether the following key is the present one, and the old one is still there."""

    @abstractmethod
    def replace(self) -> None:
        """Make the following key the present one."""

    @abstractmethod
    def destroy(self) -> None:
        """Destroy the old key if it is there and ours."""


class Folder(Keeper):
    """Files of ours: `encryption`; `encryption.next` until it is used; then `encryption.former`.

    There is an `encryption` at all times, whenever the process is killed.
    """

    is_ours = True

    def __init__(self, folder: Path) -> None:
        self._present = folder / "encryption"
        self._next = folder / "encryption.next"
        self._former = folder / "encryption.former"

    def present(self) -> bytes:
        """Return the key that is used."""
        return secret(ENCRYPTION, self._present, {})

    def following(self) -> bytes:
        """Return the next key, made if there is none yet."""
        return secret(ENCRYPTION, self._next, {})

    def is_replaced(self) -> bool:
        """Whether the old key stands aside."""
        return self._former.exists() and not self._next.exists()

    def replace(self) -> None:
        """Put the next key in the present one's place, which stands aside."""
        with _explained(self._present):
            with suppress(FileExistsError):  # the same one: this was begun before
                os.link(self._present, self._former)
            self._next.replace(self._present)
            _sync(self._present.parent)

    def destroy(self) -> None:
        """Overwrite and remove the old key, as well as a file can be."""
        if not self.is_replaced():  # `encryption.former` may be the present key by another name
            return
        with _explained(self._former):
            with self._former.open("r+b") as file:
                file.write(bytes(self._former.stat().st_size))
                file.flush()
                os.fsync(file.fileno())
            self._former.unlink()
            _sync(self._former.parent)


class Elsewhere(Keeper):
    """The environment: whoever sets it keeps the keys, and destroys the old one."""

    is_ours = False

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def present(self) -> bytes:
        """Return the key that is used."""
        return secret(ENCRYPTION, Path(ENCRYPTION), self._environment)

    def following(self) -> bytes:
        """Return the key that is to be used.

        Raises:
            KeyFileError: none is set.
        """
        if not self._environment.get(NEXT_ENCRYPTION):
            raise KeyFileError(
                f"{ENCRYPTION} is set, so the new key has to be, too: set {NEXT_ENCRYPTION} to 32"
                " random bytes in base64 (openssl rand -base64 32)"
            )
        return secret(NEXT_ENCRYPTION, Path(NEXT_ENCRYPTION), self._environment)

    def is_replaced(self) -> bool:
        """Not as far as we know."""
        return False

    def replace(self) -> None:
        """Leave it to whoever sets the environment."""

    def destroy(self) -> None:
        """Leave it to whoever keeps the keys."""


@contextmanager
def _explained(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise KeyFileError(
            f"the key-encryption key in {file} cannot be replaced: {error.strerror}. Let the folder"
            " be written, and run dasan keys rotate again: it goes on"
        ) from error


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
