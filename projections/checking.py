"""Checking the live views against a refold of the log."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from psycopg import Connection

from projections.digest import Contents, contents
from projections.refold import Refold
from projections.runner import make_relation
from projections.views import View, views


@dataclass(frozen=True, slots=True)
class Checked:
    """A view as it stands, and as the log says that it should.

    `refolded` has the digests of a refold by position: of the view's own, and of those that were
    asked for and that the view has come to. `refold_error` is why there are no more.
    """

    definition: str
    live: Contents
    refolded: Mapping[int, str]
    refold_error: str | None

    @property
    def equals_refold(self) -> bool:
        """Whether the view holds what the log says, up to where it has come."""
        return self.refolded.get(self.live.position) == self.live.digest


def checked(
    connection: Connection,
    beside: Connection,
    positions: Collection[int],
    progress: Callable[[int], None] | None = None,
) -> dict[str, Checked]:
    """Return every view, checked; `beside` is for the refold alone, and ends with it."""
    make_relation(connection)
    known = views()
    live = contents(connection, known)
    refold = Refold(beside)
    wanted = {
        name: {held.position, *(place for place in positions if place <= held.position)}
        for name, held in live.items()
    }
    digests = _refolded(refold, wanted, progress)

    def as_checked(view: View) -> Checked:
        name = view.name
        return Checked(view.definition, live[name], digests[name], refold.errors.get(name))

    return {view.name: as_checked(view) for view in known}


def _refolded(
    refold: Refold,
    wanted: Mapping[str, Collection[int]],
    progress: Callable[[int], None] | None,
) -> dict[str, dict[int, str]]:
    """Return the digests of each view at the positions that are wanted of it."""
    digests: dict[str, dict[int, str]] = {name: {} for name in wanted}
    for position in sorted({place for places in wanted.values() for place in places}):
        going_on = [name for name, places in wanted.items() if max(places) >= position]
        refold.advance(going_on, position, progress)
        for name in going_on:
            if position in wanted[name] and (found := refold.digest(name)):
                digests[name][position] = found
    return digests
