"""What a process needs to know from its environment, read once at its start."""

import re
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_CITY = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class SettingsError(ValueError):
    """A setting cannot be used; says which, and what it should be."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the log is, and whose. `database_url` is null for the embedded database.

    `archive_url` is a folder or an fsspec URL, null for a folder of the home.
    """

    database_url: str | None
    home: Path
    city: str
    timezone: str
    archive_url: str | None = None

    @property
    def source(self) -> str:
        """The log's own URI: the source of its events and the origin of its checkpoints."""
        return f"/dasan/{self.city}"

    @property
    def archive(self) -> str:
        """The folder or fsspec URL of the log's archive."""
        return self.archive_url or str(self.home / "archive")


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings of an environment: the variables `DASAN_…` that README.md names.

    Raises:
        SettingsError: a value cannot be used.
    """
    city = environment.get("DASAN_CITY") or "seoul"
    if _CITY.fullmatch(city) is None:
        raise SettingsError(f"DASAN_CITY is {city!r}: use lower-case letters, digits and hyphens")
    return Settings(
        database_url=environment.get("DASAN_DATABASE_URL") or None,
        home=Path(environment.get("DASAN_HOME") or "var"),
        city=city,
        timezone=zone(environment.get("DASAN_TIMEZONE") or "Asia/Seoul").key,
        archive_url=environment.get("DASAN_ARCHIVE") or None,
    )


def zone(name: str) -> zoneinfo.ZoneInfo:
    """Return the IANA time zone of this name.

    Raises:
        SettingsError: there is none.
    """
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SettingsError(
            f"there is no time zone {name!r}: use a name of the IANA database, such as Asia/Seoul"
        ) from error
