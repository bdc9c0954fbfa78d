"""Deciding on passing an inquiry on, asking others, and writing."""

from datetime import datetime

from domain import errors, events
from domain.known import MILLISECOND, Known, duration, require_order
from domain.vocabulary import TEXT_CHANNELS, Code, Personal, TransferKind


class Passing(Known):
    """An inquiry between hands."""

    def transfer(
        self,
        *,
        ref: Code,
        kind: TransferKind,
        to: Code,
        at: datetime,
        from_agent: Code | None = None,
        holds: bool = True,
    ) -> None:
        """Pass the inquiry on, or with ``holds=False`` let somebody join or be asked."""
        self._require_live()
        if self._is_repeat(("transfer", ref), kind=kind, to=to, from_agent=from_agent, holds=holds):
            return
        self._require_open(at)
        # Only who held can pass on; an agent who does has held, even if reported later.
        changes = holds and bool(self.answers or from_agent or self.hops)
        self._record(
            events.Transferred,
            at,
            ref=ref,
            from_agent=from_agent,
            kind=kind,
            to=to,
            hop=self.hops + changes,
            holds=holds,
        )

    def agency_reply(
        self, *, of: int, outcome: Code, at: datetime, reply: Personal | None = None
    ) -> None:
        """Take in what an agency says to the transfer of version `of`.

        Raises:
            UnknownReferenceError: version `of` asked no agency.
            AgencyRepliedError: it has its reply, another one.
        """
        self._require_live()
        asked = self.transfers.get(of)
        if asked is None or asked.kind is not TransferKind.AGENCY:
            raise errors.UnknownReferenceError(f"version {of} is no transfer to an agency")
        if asked.replied_at is not None:
            if (asked.outcome, asked.replied_at) == (outcome, at):
                self._is_repeat(("agency-reply", of), reply=reply)
                return
            raise errors.AgencyRepliedError(f"{asked.to} has replied already: {asked.outcome}")
        require_order(asked.at, at, "an agency cannot reply before it was asked")
        self._record(
            events.AgencyReplied,
            at,
            of=of,
            agency=asked.to,
            outcome=outcome,
            reply=reply,
            took_ms=(at - asked.at) // MILLISECOND,
        )

    def reply(
        self, *, agent: Code, message: Personal, at: datetime, reply_ms: int | None = None
    ) -> None:
        """Write back on a text channel; `reply_ms` defaults to the time since the arrival.

        Nothing in a reply names it: two of the same agent at the same time are two.

        Raises:
            ChannelError: telephone and video inquiries are answered or followed up, not replied to.
        """
        self._require_live()
        if self.channel not in TEXT_CHANNELS:
            raise errors.ChannelError(
                f"a {self.channel} inquiry is answered or followed up, not replied to"
            )
        require_order(self.received_at, at, "a reply cannot come before the inquiry")
        elapsed_ms = (at - self.received_at) // MILLISECOND
        self._record(
            events.Replied,
            at,
            agent=agent,
            reply_ms=elapsed_ms if reply_ms is None else duration(reply_ms),
            message=message,
        )

    def note(self, *, ref: Code, kind: Code, note: Personal, at: datetime) -> None:
        """Write something down."""
        self._require_live()
        if not self._is_repeat(("note", ref), kind=kind, note=note):
            self._record(events.Noted, at, ref=ref, kind=kind, note=note)
