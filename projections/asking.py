"""Asking for KPIs whatever can be known: from the view's tables, or else from the whole history."""

from collections.abc import Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

from projections.answer import Answer, Standing, answered, answers, standing
from projections.as_of import Moment
from projections.asking_history import Past, recalled
from projections.asking_tables import own_tables
from projections.question import Question, UnanswerableError
from projections.sources import Sources, Tables, choose, unit_of
from projections.views import view


def ask(
    past: Past,
    questions: Sequence[Question],
    *,
    as_of: Moment | None = None,
    with_history: bool = False,
) -> list[Answer]:
    """Answer questions of one range, of which the first is the finest.

    With `as_of` the answers are those of that moment, each with the one that is known now beside
    it. `with_history` adds to each row what the whole history alone tells.

    Raises:
        UnanswerableError: nothing can answer them; says why.
        TooLongError, ArchiveError: the history cannot be read.
    """
    view_now = standing(past.connection)
    if with_history or held_by_view(questions[0], view_now) is None:
        known_now = from_history(past, questions, view_now.position, with_history=with_history)
    else:
        known_now = answers(past.connection, questions)
    if as_of is None:
        return known_now
    then = from_history(past, questions, as_of.position, with_history=with_history)
    return [
        replace(one, as_of=as_of, known_now=now) for one, now in zip(then, known_now, strict=True)
    ]


def held_by_view(question: Question, standing: Standing) -> Sources | None:
    """Return the tables of the view that answer a question, null if it takes the history.

    Raises:
        UnanswerableError: nothing can answer it; says why.
    """
    buckets = question.buckets()
    try:
        return choose(question, buckets, standing.city, standing.tables)
    except UnanswerableError:
        unit_of(question, buckets, standing.city)
        return None


def from_history(
    past: Past, questions: Sequence[Question], position: int, *, with_history: bool
) -> list[Answer]:
    """Answer questions as of a position, as `ask` does, and as the view's tables would have."""
    city = ZoneInfo(past.timezone)
    stands_for = Standing(view("kpi").definition, position, city)
    first = questions[0]
    unit_of(first, first.buckets(), city)  # what is refused is so before anything is read
    with (
        recalled(past, position) as history,
        own_tables(past.connection, history, first, city, with_repeats=with_history) as tables,
    ):
        return [
            told
            for question in questions
            for told in answered(
                past.connection,
                [question],
                tables if with_history else _as_held(tables, held_by_view(question, stands_for)),
                stands_for,
            )
        ]


def _as_held(tables: Tables, held: Sources | None) -> Tables:
    """Return the tables that tell no more than the view's do, so that answers can be compared."""
    return replace(tables, waits=None) if held and held.waits is None else tables
