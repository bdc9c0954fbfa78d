"""Deciding on resolutions, follow-ups and ratings."""

from datetime import datetime

from domain import errors, events
from domain.known import Known, require_order
from domain.vocabulary import Code, Delivery, Medium, Outcome, Personal, Purpose


class Settling(Known):
    """An inquiry that comes to its end, and what comes after."""

    def resolve(
        self,
        *,
        outcome: Outcome,
        at: datetime,
        agent: Code | None = None,
        resolution: Personal | None = None,
    ) -> None:
        """Settle the question.

        Raises:
            NobodyAnsweredError: nobody answered, replied or followed up, and no agency did.
            InquiryResolvedError: it is resolved already, otherwise.
        """
        self._require_live()
        if self._is_repeat(("resolution", at), agent=agent, outcome=outcome, resolution=resolution):
            return
        if self.resolution is not None:
            raise errors.InquiryResolvedError("the inquiry is resolved already: reopen it first")
        helped = [
            *(answer.at for answer in self.answers),
            *(follow_up.at for follow_up in self.follow_ups.values()),
            *(asked.replied_at for asked in self.transfers.values() if asked.replied_at),
        ]
        if not helped:
            raise errors.NobodyAnsweredError("nobody has answered, replied or followed up yet")
        withdrawn = [known.reopened_at for known in self.resolutions.values() if known.reopened_at]
        for earlier in (min(helped), *withdrawn):
            require_order(earlier, at, "a resolution cannot precede what it rests on")
        first = self.first_answer
        self._record(
            events.Resolved,
            at,
            agent=agent,
            outcome=outcome,
            by_first_agent=self._only_agent_was(agent) and not self.resolutions,
            first_answered_at=first.at if first else None,
            ordinal=len(self.resolutions) + 1,
            resolution=resolution,
        )

    def reopen(self, *, reason: Code, at: datetime) -> None:
        """Withdraw the resolution that holds.

        Raises:
            InquiryNotResolvedError: there is none.
        """
        self._require_live()
        if self._is_repeat(("reopening", at), reason=reason):
            return
        if self.resolution is None:
            raise errors.InquiryNotResolvedError("the inquiry is open: there is nothing to reopen")
        version, resolution = self.resolution
        require_order(resolution.at, at, "a reopening cannot precede the resolution")
        self._record(
            events.Reopened,
            at,
            of=version,
            ordinal=sum(1 for known in self.resolutions.values() if known.reopened_at) + 1,
            reason=reason,
        )

    def follow_up(
        self, *, ref: Code, medium: Medium, purpose: Purpose, message: Personal, at: datetime
    ) -> None:
        """Get back to the citizen, while the inquiry is open or after."""
        self._require_live()
        if not self._is_repeat(("follow-up", ref), medium=medium, purpose=purpose, message=message):
            self._record(
                events.FollowedUp, at, ref=ref, medium=medium, purpose=purpose, message=message
            )

    def report_follow_up(
        self, *, of: int, outcome: Delivery, at: datetime, reason: Code | None = None
    ) -> None:
        """Learn what became of the follow-up of version `of`."""
        self._require_live()
        sent = self.follow_ups.get(of)
        if sent is None:
            raise errors.UnknownReferenceError(f"version {of} is no follow-up")
        if sent.outcome is outcome:
            self._is_repeat(("follow-up-report", of), reason=reason)
            return
        if sent.outcome is not None:
            raise errors.DifferentFactError(f"follow-up {of} was reported as {sent.outcome}")
        require_order(sent.at, at, "a report cannot precede the follow-up")
        self._record(events.FollowUpReported, at, of=of, outcome=outcome, reason=reason)

    def rate(
        self, *, score: int, at: datetime, of: int | None = None, comment: Personal | None = None
    ) -> None:
        """Rate a resolution, the last one unless `of` names another; one rating a resolution."""
        self._require_live()
        if not 1 <= score <= 5:  # noqa: PLR2004 - the scale of the survey
            raise errors.ScoreError(f"a score is a whole number from 1 to 5, not {score}")
        version = max(self.resolutions, default=0) if of is None else of
        resolution = self.resolutions.get(version)
        if resolution is None:
            raise errors.InquiryNotResolvedError("there is no such resolution to rate")
        if resolution.score is not None:
            if resolution.score == score:
                self._is_repeat(("rating", version), comment=comment)
                return
            raise errors.AlreadyRatedError(f"this resolution was rated {resolution.score}")
        require_order(resolution.at, at, "a rating cannot precede the resolution")
        self._record(
            events.Rated, at, of=version, score=score, agent=resolution.agent, comment=comment
        )

    def _only_agent_was(self, agent: Code | None) -> bool:
        return self.hops == 0 and {answer.agent for answer in self.answers} == {agent}
