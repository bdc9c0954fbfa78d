"""Rules that a command broke. None of these is recorded: an expected bad outcome is an event."""


class InquiryError(Exception):
    """A command was refused; nothing was recorded. The message says why."""


class InquiryNotFoundError(InquiryError):
    """No inquiry has this id."""


class InquiryAnnulledError(InquiryError):
    """The inquiry was taken back; nothing more can happen to it."""


class InquiryResolvedError(InquiryError):
    """The inquiry is resolved; reopen it first."""


class InquiryNotResolvedError(InquiryError):
    """The inquiry has no resolution to reopen or rate."""


class NobodyAnsweredError(InquiryError):
    """Nobody has answered, replied or followed up, so there is nothing to resolve."""


class ChannelError(InquiryError):
    """The command does not fit the inquiry's channel."""


class ContactMissingError(InquiryError):
    """A visit needs the contact that it belongs to."""


class NoArrivalError(InquiryError):
    """No visit has arrived that the command could be about."""


class VisitOverError(InquiryError):
    """The visit is over: answered, abandoned or left already."""


class NoConversationError(InquiryError):
    """No conversation is going on that could end."""


class ConversationOpenError(InquiryError):
    """A conversation is going on already."""


class DifferentFactError(InquiryError):
    """The same step was reported before with other facts."""


class ImpossibleTimeError(InquiryError):
    """The time contradicts what is known: an end before its beginning, or no offset."""


class InquiryFullError(InquiryError):
    """The inquiry has as many events as one may have: another goes on for it."""


class FactTimeError(InquiryError):
    """Nothing can have happened at that time: it is before all that is taken, or has not come."""


class UnknownReferenceError(InquiryError):
    """The version that the command names is no such event of this inquiry."""


class AgencyRepliedError(InquiryError):
    """The agency has replied to this transfer already."""


class AlreadyRatedError(InquiryError):
    """The resolution has its rating."""


class ScoreError(InquiryError):
    """A score is a whole number from 1 to 5."""


class LinkError(InquiryError):
    """An inquiry cannot belong to itself, to nothing, nor to one that is gone or belongs to it."""


class CitizenNotFoundError(InquiryError):
    """Nothing is known of a citizen with this id."""


class CitizenHeldError(InquiryError):
    """A legal hold forbids to forget the citizen."""
