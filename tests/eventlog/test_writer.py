"""What the writer promises its callers, beyond what `append` promises it."""

import asyncio
from collections.abc import Sequence
from uuid import uuid4

import pytest

from eventlog.log import Log
from eventlog.reconnecting import Reconnecting
from eventlog.writer import WORTH_HALVING, Answer, Command, Outcome, Writer, WriterError
from tests.eventlog.test_append import command, record, stored


def in_one_loop(log: Log, callers: Sequence[Sequence[Command]]) -> list[list[Answer]]:
    """Let callers, each in a task, append one command after the other."""

    async def call(commands: Sequence[Command]) -> list[Answer]:
        return [(await log.writer.append(one))[0] for one in commands]

    async def all_of_them() -> list[list[Answer]]:
        return await asyncio.gather(*map(call, callers))

    return log.portal.call(all_of_them)


@pytest.mark.parametrize("callers", [1, 2, WORTH_HALVING - 1, WORTH_HALVING, 100])
def test_each_caller_gets_the_answer_to_its_own_command(log: Log, callers: int) -> None:
    streams = [uuid4() for _ in range(callers)]
    commands = [[command(record(s, 1)), command(record(s, 2), record(s, 3))] for s in streams]

    answers = in_one_loop(log, commands)

    at = {(stream, version): position for position, stream, version in stored(log)}
    assert [[(a.first_position, a.last_position) for a in each] for each in answers] == [
        [(at[s, 1], at[s, 1]), (at[s, 2], at[s, 3])] for s in streams
    ]


def test_what_a_cancelled_caller_had_sent_is_appended_all_the_same(log: Log) -> None:
    async def cancelled() -> bool:
        task = asyncio.create_task(log.writer.append(command(record(uuid4(), 1))))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        await log.writer.append(command(record(uuid4(), 1)))
        return task.cancelled()

    assert log.portal.call(cancelled)
    assert len(stored(log)) == 2


@pytest.mark.parametrize(
    "unfit",
    [command(record(uuid4(), 2**31)), command(record(uuid4(), 1), key="\ud800")],
    ids=["a version that is no integer of the database", "a key that is no text"],
)
def test_a_command_that_cannot_be_sent_fails_alone_and_is_not_sent_later(
    log: Log, unfit: Command
) -> None:
    async def appended() -> tuple[object, object]:
        both = [log.writer.append(unfit), log.writer.append(command(record(uuid4(), 1)))]
        outcomes = await asyncio.gather(*both, return_exceptions=True)
        await log.writer.append(command(record(uuid4(), 1)))
        return outcomes[0], outcomes[1]

    failed, accepted = log.portal.call(appended)

    assert isinstance(failed, WriterError)
    assert isinstance(accepted, list)
    assert len(stored(log)) == 2


def test_closing_appends_what_still_waits_and_lets_nothing_in(log: Log) -> None:
    async def closed() -> list[Answer]:
        writer = Writer(Reconnecting(log.database.connect_async), log.keys.encryption_id)
        async with writer:
            waiting = [
                asyncio.create_task(writer.append(command(record(uuid4(), 1)))) for _ in range(50)
            ]
            await asyncio.sleep(0)
        with pytest.raises(WriterError, match="closed"):
            await writer.append(command(record(uuid4(), 1)))
        return [(await one)[0] for one in waiting]

    answers = log.portal.call(closed)

    assert {answer.outcome for answer in answers} == {Outcome.ACCEPTED}
    assert len(stored(log)) == 50


def test_what_nobody_waits_for_any_more_is_not_appended(log: Log) -> None:
    async def given_up() -> None:
        first = asyncio.create_task(log.writer.append(command(record(uuid4(), 1))))
        await asyncio.sleep(0)  # it asks
        await asyncio.sleep(0)  # it is on its way
        second = asyncio.create_task(log.writer.append(command(record(uuid4(), 1))))
        await asyncio.sleep(0)
        second.cancel()
        await first
        await log.writer.append(command(record(uuid4(), 1)))

    log.portal.call(given_up)

    assert len(stored(log)) == 2
