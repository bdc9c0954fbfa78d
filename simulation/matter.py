"""What somebody asks about, as it truly is: the line learns it bit by bit."""

from dataclasses import dataclass
from random import Random
from uuid import NAMESPACE_URL, UUID, uuid5

from simulation.chance import Shares
from simulation.inputs import (
    CATEGORIES,
    CHANNELS,
    CITIZENS,
    IDENTIFIED,
    LANGUAGES,
    RESIDENTS_THOUSAND,
)
from simulation.labels import DISTRICTS

_CHANNELS = Shares(CHANNELS)
_LANGUAGES = Shares(LANGUAGES)
_CATEGORIES = Shares(CATEGORIES)
_DISTRICTS = Shares(dict(zip(DISTRICTS, RESIDENTS_THOUSAND, strict=True)))


@dataclass(frozen=True, slots=True)
class Matter:
    """A citizen's matter; `citizen` is who asks, if he ever says so."""

    channel: str
    language: str
    category: str
    district: str
    citizen: UUID | None


def draw(random: Random) -> Matter:
    """Return anybody's matter."""
    channel = _CHANNELS.draw(random)
    identified = random.random() < IDENTIFIED[channel]
    return Matter(
        channel=channel,
        language=_LANGUAGES.draw(random),
        category=_CATEGORIES.draw(random),
        district=_DISTRICTS.draw(random),
        citizen=_citizen(random.randrange(CITIZENS)) if identified else None,
    )


def _citizen(number: int) -> UUID:
    """Return the same citizen on every day."""
    return uuid5(NAMESPACE_URL, f"/dasan/simulation/citizens/{number}")
