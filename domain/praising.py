"""Deciding on praise and its moderation."""

from datetime import datetime

from domain import errors, events
from domain.known import Known, require_order
from domain.state import Praise
from domain.vocabulary import Code, Personal


class Praising(Known):
    """An inquiry that somebody is thankful for."""

    def praise(
        self,
        *,
        ref: Code,
        title: Personal,
        story: Personal,
        author: Personal,
        at: datetime,
        agent: Code | None = None,
    ) -> None:
        """Thank the line."""
        self._require_live()
        if not self._is_repeat(
            ("praise", ref), agent=agent, title=title, story=story, author=author
        ):
            self._record(
                events.Praised, at, ref=ref, agent=agent, title=title, story=story, author=author
            )

    def publish_praise(
        self,
        *,
        of: int,
        moderator: Code,
        at: datetime,
        title: Personal | None = None,
        story: Personal | None = None,
        reason: Code | None = None,
    ) -> None:
        """Put the praise of version `of` on the board, in moderated words if given.

        Raises:
            DifferentFactError: it is there in other words: withdraw it first.
        """
        if self._praise(of, at).published:
            self._is_repeat(("publication", of), title=title, story=story, reason=reason)
        else:
            self._record(
                events.PraisePublished,
                at,
                of=of,
                moderator=moderator,
                title=title,
                story=story,
                reason=reason,
            )

    def withdraw_praise(
        self, *, of: int, moderator: Code, at: datetime, reason: Code | None = None
    ) -> None:
        """Take the praise of version `of` off the board, or keep it from it."""
        if self._praise(of, at).published is False:
            self._is_repeat(("withdrawal", of), reason=reason)
        else:
            self._record(
                events.PraiseWithdrawn,
                at,
                of=of,
                moderator=moderator,
                title=None,
                story=None,
                reason=reason,
            )

    def _praise(self, version: int, at: datetime) -> Praise:
        self._require_live()
        if version not in self.praises:
            raise errors.UnknownReferenceError(f"version {version} is no praise")
        praise = self.praises[version]
        require_order(praise.at, at, "a story cannot be moderated before it was told")
        return praise
