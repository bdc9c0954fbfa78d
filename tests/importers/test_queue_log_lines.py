import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.vocabulary import Code, EndedBy, LeaveReason
from importers.queue_log_lines import (
    EXTERNAL,
    IGNORED,
    UNNAMED,
    Arrival,
    Completion,
    Connection,
    Departure,
    Line,
    LineError,
    parse,
    target,
)

GENERAL = Code("general")
A01 = Code("a01")


def parsed(text: str) -> Line | str:
    return parse(7, text, lambda name: Code(f"alias-of-{len(name)}"))


def test_an_arrival_carries_the_digits_of_its_caller() -> None:
    assert parsed("100|c1|general|NONE|ENTERQUEUE||+82-2-1234-5678|1") == Arrival(
        7, 100, "c1", GENERAL, caller="82212345678", refused=None
    )


@pytest.mark.parametrize("caller", ["", "anonymous", "7000", "00"])
def test_who_withholds_a_number_or_calls_from_inside_is_nobody(caller: str) -> None:
    arrival = parsed(f"100|c1|general|NONE|ENTERQUEUE||{caller}|1")

    assert isinstance(arrival, Arrival)
    assert arrival.caller is None


def test_a_caller_that_may_be_cut_short_is_not_taken() -> None:
    arrival = parsed("100|c1|general|NONE|ENTERQUEUE||021234567")

    assert isinstance(arrival, Arrival)
    assert arrival.caller is None


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ("FULL", LeaveReason.FULL),
        ("JOINEMPTY", LeaveReason.CLOSED),
        ("JOINUNAVAIL", LeaveReason.CLOSED),
    ],
)
def test_a_refusal_on_entry_is_an_arrival(event: str, reason: LeaveReason) -> None:
    assert parsed(f"100|c1|general|NONE|{event}") == Arrival(
        7, 100, "c1", GENERAL, caller=None, refused=reason
    )


def test_a_connection_has_the_wait_of_the_source() -> None:
    assert parsed("104|c1|general|Agent/a01|CONNECT|4|c1.b|2") == Connection(
        7, 104, "c1", GENERAL, waited_s=4, agent=A01
    )


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ("ABANDON|1|2|60", None),
        ("EXITWITHTIMEOUT|1|2|60", LeaveReason.TIMEOUT),
        ("EXITEMPTY|1|2|60", LeaveReason.EMPTY),
        ("EXITWITHKEY|9|1|2|60", LeaveReason.KEY),
    ],
)
def test_a_departure_has_the_wait_of_the_source(event: str, reason: LeaveReason | None) -> None:
    assert parsed(f"160|c1|general|NONE|{event}") == Departure(
        7, 160, "c1", GENERAL, waited_s=60, reason=reason
    )


@pytest.mark.parametrize(
    ("event", "by", "to"),
    [
        ("COMPLETEAGENT|4|60|1", EndedBy.AGENT, None),
        ("COMPLETECALLER|4|60|1", EndedBy.CITIZEN, None),
        ("BLINDTRANSFER|7000|inside|4|60|1", EndedBy.TRANSFER, "7000"),
        ("ATTENDEDTRANSFER|BRIDGE|c1.t|4|60|1", EndedBy.TRANSFER, "c1.t"),
        ("ATTENDEDTRANSFER|APP|Voicemail|4|60|1", EndedBy.TRANSFER, "Voicemail"),
        (
            "ATTENDEDTRANSFER|LINK|SIP/a01-0000000a|SIP/a02-0000000b|4|60|1",
            EndedBy.TRANSFER,
            "a01",
        ),
    ],
)
def test_a_completion_has_its_times_and_who_is_next(
    event: str, by: EndedBy, to: Code | None
) -> None:
    assert parsed(f"164|c1|general|SIP/a01|{event}") == Completion(
        7, 164, "c1", GENERAL, waited_s=4, agent=A01, talked_s=60, ended_by=by, to=to
    )


@pytest.mark.parametrize(
    ("member", "agent"),
    [
        ("Agent/a01", "a01"),
        ("PJSIP/a01", "a01"),
        ("Local/1001@inside/n", "1001@inside/n"),
        ("a01", "a01"),
        ("team/a01", "team/a01"),
    ],
)
def test_an_agent_is_the_member_without_the_channel_technology(member: str, agent: str) -> None:
    connection = parsed(f"104|c1|general|{member}|CONNECT|4|c1.b")

    assert isinstance(connection, Connection)
    assert connection.agent == agent


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("7000", "7000"),
        ("SIP/1001-0000001f", "1001"),
        ("c1e5a7b2-0000-4000-8000-123456789012", "c1e5a7b2-0000-4000-8000-123456789012"),
        ("0212345678", EXTERNAL),
        ("02-1234-5678", EXTERNAL),
        ("+82 2 1234 5678", EXTERNAL),
        ("PJSIP/0212345678-0000001f", EXTERNAL),
        ("SIP/trunk-0212345678-0000001f", EXTERNAL),
        ("Local/0212345678@outside-0000001f;1", EXTERNAL),
        ("*72", UNNAMED),
        ("", UNNAMED),
        ("김철수", UNNAMED),
    ],
)
def test_a_target_is_a_code_and_never_a_telephone_number(text: str, code: str) -> None:
    assert target(text) == code


@pytest.mark.parametrize("event", sorted(IGNORED))
def test_lines_about_agents_and_the_system_are_ignored_by_name(event: str) -> None:
    assert parsed(f"100|NONE|NONE|NONE|{event}|") == event


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty line"),
        ("not a line", "cut short"),
        ("1330441392|c9|general|Agent/a0", "cut short"),
        ("104|c1|general|Agent/a01|CONNECT|1", "needs 2 fields"),
        ("164|c1|general|Agent/a01|COMPLETECALLER|4|6", "needs 3 fields"),
        ("164|c1|general|Agent/a01|ATTENDEDTRANSFER|BRIDGE|c1.t|4|6", "needs 5 fields"),
        ("133044120x|c1|general|NONE|ENTERQUEUE", "time '133044120x'"),
        ("-1|c1|general|NONE|ENTERQUEUE", "time '-1'"),
        ("1330441200.5|c1|general|NONE|ENTERQUEUE", "time '1330441200.5'"),
        ("4102444800|c1|general|NONE|ENTERQUEUE", "up to 4102444799"),
        ("99999999999999999999|c1|general|NONE|ENTERQUEUE", "time"),
        ("x|NONE|NONE|NONE|QUEUESTART", "time 'x'"),
        ("104|c1|general|Agent/a01|CONNECT|-4|c1.b|2", "wait '-4'"),
        ("104|c1|general|Agent/a01|CONNECT||c1.b|2", "wait ''"),
        ("164|c1|general|Agent/a01|COMPLETECALLER|4|1330441400|NONE|NONE", "talk '1330441400'"),
        ("104|c1|general|NONE|CONNECT|4|c1.b|2", "without an agent"),
        ("100|c1|main queue|NONE|ENTERQUEUE||", "queue: 'main queue' is not a code"),
        ("100|c1|" + "q" * 5000 + "|NONE|ENTERQUEUE||", "queue: 'qqq.* is too long"),
        ("100||general|NONE|ENTERQUEUE||", "without a call"),
        ("100|NONE|general|NONE|FULL", "without a call"),
        ("100|c1|general|NONE|SYSCOMPAT", "unknown event 'SYSCOMPAT'"),
        ("100|c1|general|NONE|enterqueue", "unknown event 'enterqueue'"),
        ("100|c1|general|NONE|" + "X" * 5000, "unknown event"),
    ],
)
def test_what_cannot_be_read_has_a_reason(text: str, reason: str) -> None:
    with pytest.raises(LineError, match=reason) as caught:
        parsed(text)

    assert len(str(caught.value)) < 250


FIELDS = ["", "100", "1330441200", "-4", "c1", "general", "NONE", "Agent/a01", "0212345678", "60",
          "1", "BRIDGE", "LINK", "CONNECT", "ABANDON", "ENTERQUEUE", "COMPLETEAGENT", "EXITWITHKEY",
          "BLINDTRANSFER", "ATTENDEDTRANSFER", "PAUSE", "\uff11\uff12"]  # fmt: skip


@given(
    st.text(st.sampled_from("0123456789|-.cC /") | st.characters(), max_size=80)
    | st.lists(st.sampled_from(FIELDS), min_size=4, max_size=12).map("|".join)
)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read = parsed(text)
    except LineError:
        return
    assert isinstance(read, Line | str)


def test_lines_of_one_second_sort_by_the_visit_that_they_are_about() -> None:
    told = [
        "160|c1|general|NONE|EXITWITHTIMEOUT|1|1|60",
        "160|c1|general|NONE|ENTERQUEUE|||1",
        "160|c1|general|Agent/a01|CONNECT|0|c1.b|1",
        "160|c1|general|Agent/a01|COMPLETECALLER|0|0|1",
    ]
    lines = [parse(number, text, Code) for number, text in enumerate(reversed(told))]

    ordered = sorted(
        (line for line in lines if isinstance(line, Line)), key=lambda line: line.order
    )

    assert [line.number for line in ordered] == [3, 2, 1, 0]


def test_an_agent_with_a_personal_name_gets_a_pseudonym() -> None:
    line = parsed("104|c1|general|Local/Kim Cheol-su|CONNECT|4|c1.b|2")

    assert isinstance(line, Connection)
    assert line.agent == "alias-of-12"
