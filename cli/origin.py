"""Comparing a log and its views with those that they came from, by the origin's own findings."""

import base64
from collections.abc import Iterator
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cli.checkup import Findings
from projections.checking import Checked

DIGITS_SHOWN = 16


class OriginError(ValueError):
    """A file is not what `dasan doctor --json` prints; says why."""


class OriginView(BaseModel):
    """A view at the origin; `refolded` is null where it did not come to the position."""

    model_config = ConfigDict(frozen=True)

    definition: str
    refolded: str | None


class Origin(BaseModel):
    """What `dasan doctor --json` found at the origin, less what only matters there."""

    model_config = ConfigDict(frozen=True)

    source: str
    log_id: UUID
    timezone: str
    position: Annotated[int, Field(ge=0, lt=2**63)]
    root: str | None
    views: dict[str, OriginView]


def parse_origin(octets: bytes) -> Origin:
    """Return what an origin has found.

    Raises:
        OriginError: the document is another one.
    """
    try:
        return Origin.model_validate_json(octets)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        raise OriginError(
            f"it is no document of `dasan doctor --json`: {place and f'{place}: '}{first['msg']}"
        ) from error


def compared(origin: Origin, own: Findings) -> Iterator[str]:
    """Yield a line for whatever is otherwise here than at the origin, up to its position."""
    others = list(_of_another_log(origin, own))
    yield from others
    if others:
        return
    if own.position < origin.position:
        yield (
            f"the log has come to position {own.position:,}, the origin was at"
            f" {origin.position:,}: compare again when it has caught up"
        )
        return
    found = own.roots[origin.position]
    if origin.root is None:
        yield "records were missing at the origin: mend its log, and write the file anew"
    elif found is None or base64.b64encode(found).decode("ascii") != origin.root:
        yield (
            f"the records up to position {origin.position:,} are not those of the origin: find out"
            " by a backup or an auditor's checkpoint which are right, and copy them"
        )
    for name in sorted(origin.views.keys() | own.views.keys()):
        reason = _of_view(origin.views.get(name), own.views.get(name), origin.position)
        if reason:
            yield f"view {name}: {reason}"


def _of_another_log(origin: Origin, own: Findings) -> Iterator[str]:
    for name, there, here in (
        ("source", origin.source, own.identity.source),
        ("id", origin.log_id, own.identity.log_id),
        ("time zone", origin.timezone, own.timezone),
    ):
        if there != here:
            yield (
                f"the origin's log has the {name} {there}, this log {here}:"
                " compare with the file of the log that this one was copied from"
            )


def _of_view(there: OriginView | None, here: Checked | None, position: int) -> str | None:
    """Return why a view is not known to be what it is at the origin."""
    same_program = "use the same version of Dasan for both, and compare again"
    if there is None or here is None:
        return f"it is known {'here' if there is None else 'at the origin'} only: {same_program}"
    if there.definition != here.definition:
        return (
            f"its definition is {here.definition[:DIGITS_SHOWN]} here and"
            f" {there.definition[:DIGITS_SHOWN]} at the origin: {same_program}"
        )
    if there.refolded is None:
        return f"at the origin it did not come to position {position:,}: mend it there first"
    if position not in here.refolded:
        return f"it does not come to position {position:,} here: mend it first"
    if there.refolded != here.refolded[position]:
        return f"at position {position:,} the log gives another content than at the origin"
    return None
