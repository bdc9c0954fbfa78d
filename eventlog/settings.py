"""What a process needs to know from its environment, read once at its start."""

import re
import tomllib
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import platformdirs

from domain.times import FactTimes, read_time

_COUNTRY = re.compile(r"[A-Z]{2}")
_MAX_DIGITS = 6
CONNECTIONS, CONNECTIONS_BY_ADDRESS = 8_192, 512
_CITY = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class SettingsError(ValueError):
    """A setting cannot be used; says which, and what it should be."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the log is, and whose. `database_url` is null for the embedded database.

    `archive_url` is a folder or an fsspec URL, null for a folder of the home. `country` (ISO 3166)
    is where telephone numbers without a country's code are of. `times` are those of facts. The
    service has `connections` at most, and `connections_by_address` of one; 0 is no bound of these.
    """

    database_url: str | None
    home: Path
    city: str
    timezone: str
    archive_url: str | None = None
    country: str = "KR"
    times: FactTimes = field(default_factory=FactTimes)
    connections: int = CONNECTIONS
    connections_by_address: int = CONNECTIONS_BY_ADDRESS

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
        home=_home(environment.get("DASAN_HOME")),
        city=city,
        timezone=zone(environment.get("DASAN_TIMEZONE") or "Asia/Seoul").key,
        archive_url=environment.get("DASAN_ARCHIVE") or None,
        country=_country(environment.get("DASAN_COUNTRY") or "KR"),
        times=_times(environment),
        connections=_whole(environment, "DASAN_CONNECTIONS", CONNECTIONS, least=1),
        connections_by_address=_whole(
            environment, "DASAN_CONNECTIONS_BY_ADDRESS", CONNECTIONS_BY_ADDRESS
        ),
    )


def _whole(environment: Mapping[str, str], name: str, default: int, least: int = 0) -> int:
    text = environment.get(name) or str(default)
    is_whole = text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS
    if not is_whole or int(text) < least:
        raise SettingsError(
            f"{name} is {text!r}: use a whole number from {least} on, such as {default}"
        )
    return int(text)


def _country(text: str) -> str:
    if _COUNTRY.fullmatch(text) is None:
        raise SettingsError(f"DASAN_COUNTRY is {text!r}: use two capitals of ISO 3166, such as KR")
    return text


def _times(environment: Mapping[str, str]) -> FactTimes:
    earliest, ahead = environment.get("DASAN_EARLIEST"), environment.get("DASAN_CLOCK_AHEAD_S")
    times = FactTimes()
    if earliest:
        try:
            times = replace(times, earliest=read_time(earliest))
        except ValueError as error:
            raise SettingsError(f"DASAN_EARLIEST is {earliest!r}: {error}") from error
    if ahead:
        if not (ahead.isascii() and ahead.isdecimal() and len(ahead) <= _MAX_DIGITS):
            raise SettingsError(f"DASAN_CLOCK_AHEAD_S is {ahead!r}: use whole seconds, such as 600")
        times = replace(times, ahead=timedelta(seconds=int(ahead)))
    return times


def _home(named: str | None) -> Path:
    """Return the folder of the embedded database and the secrets, which need not be there yet.

    Without a name it is `var` in the present folder where that is there or in a checkout of Dasan,
    elsewhere the one place that a user has for Dasan: no folder becomes a city by accident.
    """
    if named:
        return Path(named)
    return Path("var") if _is_at_home_here() else platformdirs.user_data_path("dasan")


def _is_at_home_here() -> bool:
    try:
        if Path("var").is_dir():
            return not Path().samefile("/")  # whose `var` is the system's
        project = tomllib.loads(Path("pyproject.toml").read_text("utf-8")).get("project")
    except (OSError, ValueError):  # nothing is there, or nothing that can be read
        return False
    return isinstance(project, dict) and project.get("name") == "dasan"


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
