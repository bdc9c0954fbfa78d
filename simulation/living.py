"""What the inquiries make of the commands that they are told, as behind the service's REST."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from domain.inquiry import Inquiry
from domain.vocabulary import (
    AnnulReason,
    Channel,
    Delivery,
    EndedBy,
    LeaveReason,
    Medium,
    Outcome,
    Plain,
    Purpose,
    TransferKind,
    code,
)
from eventlog.keys import Keys
from simulation.command import Command

METHODS: Mapping[str, Callable[..., None]] = {
    "queue": Inquiry.queue,
    "answer": Inquiry.answer,
    "abandon": Inquiry.abandon,
    "leave-queue": Inquiry.leave_queue,
    "end": Inquiry.end,
    "transfer": Inquiry.transfer,
    "agency-reply": Inquiry.agency_reply,
    "reply": Inquiry.reply,
    "note": Inquiry.note,
    "classify": Inquiry.classify,
    "identify": Inquiry.identify,
    "resolve": Inquiry.resolve,
    "follow-ups": Inquiry.follow_up,
    "report": Inquiry.report_follow_up,
    "reopen": Inquiry.reopen,
    "rating": Inquiry.rate,
    "praise": Inquiry.praise,
    "annul": Inquiry.annul,
}

_SEALED = ("question", "message", "reply", "note", "comment", "title", "story", "author")
_AS_IT_IS = ("of", "score", "holds", "talk_ms", "hold_ms", "wrapup_ms")
_WORDS: dict[str, Callable[[Any], Any]] = {
    "citizen": UUID,
    "channel": Channel,
    "ended_by": EndedBy,
    "medium": Medium,
    "purpose": Purpose,
    **dict.fromkeys(_SEALED, Plain),
    **dict.fromkeys(_AS_IT_IS, lambda value: value),
}
"""What a field of a body is in the domain; a code unless it stands here."""

_WORDS_OF: dict[str, dict[str, Callable[[Any], Any]]] = {
    "transfer": _WORDS | {"kind": TransferKind},
    "resolve": _WORDS | {"outcome": Outcome},
    "report": _WORDS | {"outcome": Delivery},
    "leave-queue": _WORDS | {"reason": LeaveReason},
    "annul": _WORDS | {"reason": AnnulReason},
}


class Living:
    """Inquiries, each as its commands have made it so far."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._inquiries: dict[UUID, Inquiry] = {}

    def carry_out(self, command: Command) -> Inquiry:
        """Let the inquiry decide on a command and return it, with the new fact pending.

        Raises:
            InquiryError: a rule forbids it.
        """
        arguments = _arguments(command)
        if command.name == "receive":
            inquiry = self._receive(command, arguments)
            self._inquiries[command.inquiry] = inquiry
            return inquiry
        inquiry = self._inquiries[command.inquiry]
        is_refusal = command.name == "leave-queue" and "queue" in arguments
        method = Inquiry.turn_away if is_refusal else METHODS[command.name]
        method(inquiry, at=command.at, **arguments)
        return inquiry

    def _receive(self, command: Command, arguments: dict[str, Any]) -> Inquiry:
        source, contact_id = (command.body["contact"][name] for name in ("source", "id"))
        return Inquiry.receive(
            self._keys.inquiry_id(source, contact_id),
            at=command.at,
            contact=self._keys.contact(source, contact_id),
            **arguments,
        )


def _arguments(command: Command) -> dict[str, Any]:
    words = _WORDS_OF.get(command.name, _WORDS)
    return {
        name: words.get(name, code)(value)
        for name, value in command.body.items()
        if name not in ("at", "contact")
    }
