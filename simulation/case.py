"""An inquiry as its clients tell it, one command after the other."""

from collections.abc import Sequence
from random import Random
from typing import Any
from uuid import UUID

from simulation.chance import Lognormal
from simulation.clock import Clock
from simulation.command import Command
from simulation.floor import Floor
from simulation.inputs import CATEGORY_KNOWN, CLASSIFIED, DISTRICT_KNOWN, NOTED
from simulation.labels import CONTACT_SOURCES, KOREAN
from simulation.matter import Matter
from simulation.words import NOTES, QUESTIONS


class Case:
    """An inquiry, its version so far, and the city that it happens in."""

    def __init__(
        self,
        inquiry: UUID,
        matter: Matter,
        *,
        satisfied: float,
        random: Random,
        clock: Clock,
        floor: Floor,
    ) -> None:
        self.inquiry = inquiry
        self.matter = matter
        self.satisfied = satisfied
        self.random = random
        self.clock = clock
        self.floor = floor
        self.asked = 0  # the version of the last transfer to an agency
        self._version = 0
        self._known: dict[str, str] = {}

    def tell(self, name: str, **body: Any) -> int:
        """Tell what happens now; return the version that the inquiry gets by it."""
        at = self.clock.time
        body["at"] = at.isoformat(timespec="milliseconds")
        self.clock.told.append(Command(at, self.inquiry, name, body))
        self._version += 1
        return self._version

    def ref(self) -> str:
        """Return a reference for the next command."""
        return f"v{self._version + 1}"

    def happens(self, probability: float) -> bool:
        """Return whether it happens this time."""
        return self.random.random() < probability

    def draw_ms(self, time: Lognormal) -> int:
        """Return how long it takes this time."""
        return time.draw_ms(self.random)

    def words(self, sentences: Sequence[str]) -> str:
        """Return what somebody writes."""
        return self.random.choice(sentences)

    def receive(self, *, written: bool) -> None:
        """Tell of the arrival, with the labels that are known from the start."""
        matter = self.matter
        if self.happens(CATEGORY_KNOWN[matter.channel]):
            self._known["category"] = matter.category
        if self.happens(DISTRICT_KNOWN[matter.channel]):
            self._known["district"] = matter.district
        if matter.language == KOREAN:
            self._known["language"] = KOREAN
        body: dict[str, Any] = {"channel": matter.channel, **self._known}
        body["contact"] = {"source": CONTACT_SOURCES[matter.channel], "id": self.inquiry.hex}
        if written:
            body["question"] = self.words(QUESTIONS)
            if matter.citizen:
                body["citizen"] = str(matter.citizen)
        self.tell("receive", **body)

    def write_up(self) -> None:
        """Tell what the agent has learnt by the end."""
        matter = self.matter
        true = {"language": matter.language, "category": matter.category}
        learnt = {
            label: value
            for label, value in (true | {"district": matter.district}).items()
            if label not in self._known
        }
        if learnt and self.happens(CLASSIFIED):
            self._known |= learnt
            self.tell("classify", **learnt)
        if self.happens(NOTED):
            self.tell("note", ref=self.ref(), kind="memo", note=self.words(NOTES))
