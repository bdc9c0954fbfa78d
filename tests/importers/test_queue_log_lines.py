from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.vocabulary import Code, EndedBy, LeaveReason
from importers.naming import UNNAMED
from importers.queue_log_lines import (
    IGNORED,
    Arrival,
    Completion,
    Connection,
    Departure,
    Line,
    LineError,
    Restart,
    parse,
)

GENERAL = Code("general")
A01 = Code("a01")
SEOUL = ZoneInfo("Asia/Seoul")


class Aliases:
    """Names are codes here but for those with a blank."""

    def agent(self, name: str) -> Code:
        return Code(f"alias-of-{len(name)}" if " " in name else name)

    def queue(self, name: str) -> Code:
        return Code(f"queue-of-{len(name)}" if " " in name else name)


def parsed(text: str) -> Line | str:
    return parse(7, text, Aliases(), SEOUL)


def at(second: float) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def test_an_arrival_carries_what_the_field_of_its_caller_holds() -> None:
    assert parsed("100|c1|general|NONE|ENTERQUEUE||+82-2-1234-5678|1") == Arrival(
        7, at(100), "c1", GENERAL, caller="+82-2-1234-5678", refused=None
    )


@pytest.mark.parametrize(
    ("fields", "caller"),
    [("|||1", None), ("||", None), ("|", None), ("", None), ("||0212345678", "0212345678")],
)
def test_an_arrival_may_have_no_caller_and_no_place_in_the_queue(
    fields: str, caller: str | None
) -> None:
    arrival = parsed(f"100|c1|general|NONE|ENTERQUEUE{fields}")

    assert isinstance(arrival, Arrival)
    assert arrival.caller == caller


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
        7, at(100), "c1", GENERAL, caller=None, refused=reason
    )


def test_a_connection_has_the_wait_of_the_source() -> None:
    assert parsed("104|c1|general|Agent/a01|CONNECT|4|c1.b|2") == Connection(
        7, at(104), "c1", GENERAL, waited_s=4, agent=A01
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
        7, at(160), "c1", GENERAL, waited_s=60, reason=reason
    )


@pytest.mark.parametrize(
    ("event", "by", "to"),
    [
        ("COMPLETEAGENT|4|60|1", EndedBy.AGENT, None),
        ("COMPLETECALLER|4|60|1", EndedBy.CITIZEN, None),
        ("BLINDTRANSFER|7000|inside|4|60|1", EndedBy.TRANSFER, "7000"),
        ("TRANSFER|7000|inside|4|60|1", EndedBy.TRANSFER, "7000"),  # Asterisk 11 and older
        ("COMPLETECALLER|4|60", EndedBy.CITIZEN, None),  # Asterisk 1.6
        ("ATTENDEDTRANSFER|BRIDGE|c1.t|4|60|1|", EndedBy.TRANSFER, "c1.t"),
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
        7, at(164), "c1", GENERAL, waited_s=4, agent=A01, talked_s=60, ended_by=by, to=to
    )


@pytest.mark.parametrize(
    ("member", "agent"),
    [
        ("Agent/a01", "a01"),
        ("PJSIP/a01", "a01"),
        ("Local/a01@inside/n", "a01"),
        ("PJSIP/a01-0000001f", "a01"),
        ("a01", "a01"),
        ("team/a01", "team/a01"),
    ],
)
def test_an_agent_is_the_member_without_the_channel_technology(member: str, agent: str) -> None:
    connection = parsed(f"104|c1|general|{member}|CONNECT|4|c1.b")

    assert isinstance(connection, Connection)
    assert connection.agent == agent


@pytest.mark.parametrize("event", sorted(IGNORED - {"QUEUESTART", "(heading)"}))
def test_lines_about_agents_and_the_system_are_ignored_by_name(event: str) -> None:
    assert parsed(f"100|NONE|NONE|NONE|{event}|") == event


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("not a line", "cut short"),
        ("1330441392|c9|general|Agent/a0", "cut short"),
        ("133044120x|c1|general|NONE|ENTERQUEUE", "time '133044120x'"),
        ("-1|c1|general|NONE|ENTERQUEUE", "time '-1'"),
        ("20120229|c1|general|NONE|ENTERQUEUE|extra|\x00", "a control character"),
        ("2012-02-30 09:00:00|c1|general|NONE|ENTERQUEUE", "time '2012-02-30 09:00:00'"),
        ("2012-02-29|c1|general|NONE|ENTERQUEUE", "time '2012-02-29'"),
        ("99999999999999999999|c1|general|NONE|ENTERQUEUE", "time"),
        ("x|NONE|NONE|NONE|QUEUESTART", "time 'x'"),
        ("100|c1|" + "q" * 5000 + "|NONE|ENTERQUEUE||", "queue: 'qqq.* is too long"),
        ("100|c1|NONE|NONE|ENTERQUEUE||", "no queue is named"),
        ("100||general|NONE|ENTERQUEUE||", "without a call"),
        ("100|NONE|general|NONE|FULL", "without a call"),
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
    lines = [parse(number, text, Aliases(), SEOUL) for number, text in enumerate(reversed(told))]

    ordered = sorted(
        (line for line in lines if isinstance(line, Line)), key=lambda line: line.order
    )

    assert [line.number for line in ordered] == [3, 2, 1, 0]


def test_an_agent_with_a_personal_name_gets_a_pseudonym() -> None:
    line = parsed("104|c1|general|Local/Kim Cheol-su@inside/n|CONNECT|4|c1.b|2")

    assert isinstance(line, Connection)
    assert line.agent == "alias-of-12"


@pytest.mark.parametrize(
    "time",
    [
        "1330477200",
        "2012-02-29 10:00:00",
        "2012-02-29T10:00:00",
        "2012-02-29T10:00:00+09:00",
        "2012-02-29T01:00:00Z",
    ],
)
def test_a_time_is_seconds_since_1970_or_of_the_zone(time: str) -> None:
    line = parsed(f"{time}|c1|general|NONE|ENTERQUEUE||")

    assert isinstance(line, Line)
    assert line.at == datetime(2012, 2, 29, 1, tzinfo=UTC)


@pytest.mark.parametrize("time", ["1330477200.25", "2012-02-29 10:00:00.250000"])
def test_a_time_may_have_a_fraction(time: str) -> None:
    line = parsed(f"{time}|c1|general|NONE|ENTERQUEUE||")

    assert isinstance(line, Line)
    assert line.at == datetime(2012, 2, 29, 1, 0, 0, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        '"7","2012-02-29 10:00:00","c1","general","Agent/a01","CONNECT","4","c1.b","2","",""',
        '"2012-02-29 10:00:00","c1","general","Agent/a01","CONNECT","4","c1.b","2"',
        "7,2012-02-29 10:00:00,c1,general,Agent/a01,CONNECT,4,c1.b,2,,",
        "1330477200,c1,general,Agent/a01,CONNECT,4,c1.b,2",
        " 1330477200 | c1 | general | Agent/a01 | CONNECT | 4 | c1.b | 2 ||",
    ],
)
def test_rows_of_a_database_are_read_as_lines_are(text: str) -> None:
    assert parsed(text) == parsed("1330477200|c1|general|Agent/a01|CONNECT|4|c1.b|2")


def test_the_heading_of_a_table_tells_nothing() -> None:
    assert parsed('"id","time","callid","queuename","agent","event","data1"') == "(heading)"


def test_the_start_of_the_telephone_system_is_of_no_call() -> None:
    assert parsed("100|NONE|NONE|NONE|QUEUESTART|") == Restart(7, at(100), "", UNNAMED)


@pytest.mark.parametrize(
    ("event", "name"),
    [("SYSCOMPAT|1", "SYSCOMPAT"), ("enterqueue", "enterqueue"), ("X" * 5000, "(no name)"),
     ("01055511001", "(no name)"), ("", "(no name)")],
)  # fmt: skip
def test_an_unknown_event_has_a_name_to_be_counted_by(event: str, name: str) -> None:
    assert parsed(f"100|c1|general|NONE|{event}") == name


@pytest.mark.parametrize(
    ("event", "missing"),
    [
        ("CONNECT", "waited_s"),
        ("CONNECT|4", "waited_s"),  # alone it may be cut short
        ("EXITWITHTIMEOUT|1", "waited_s"),
        ("EXITWITHKEY|1|1", "waited_s"),
        ("COMPLETEAGENT|4", "talked_s"),
        ("TRANSFER|7000|inside", "talked_s"),
    ],
)
def test_what_a_dialect_lacks_is_not_known(event: str, missing: str) -> None:
    line = parsed(f"164|c1|general|SIP/a01|{event}")

    assert isinstance(line, Line)
    assert getattr(line, missing) is None
    assert line.warnings == ()


@pytest.mark.parametrize("figure", ["-5", "4294967291", "x", "1.5", "9" * 30, "\uff15"])
def test_a_figure_that_cannot_be_is_not_known_and_named(figure: str) -> None:
    line = parsed(f"104|c1|general|Agent/a01|CONNECT|{figure}|c1.b|2")

    assert isinstance(line, Connection)
    assert line.waited_s is None
    [warning] = line.warnings
    assert "taken as not known" in warning


def test_a_connection_without_an_agent_counts_all_the_same() -> None:
    line = parsed("104|c1|general|NONE|CONNECT|4|c1.b|2")

    assert isinstance(line, Connection)
    assert line.agent == UNNAMED
    assert line.warnings == ("CONNECT without an agent",)
