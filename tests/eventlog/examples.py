"""One example of every type of event, and a strategy for any event at all."""

import types
from base64 import b64encode
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from eventsourcing.domain import AggregateCreated
from hypothesis import strategies as st

from domain.events import CATALOGUE
from domain.personal_numbers import personal_data_in
from domain.request import Request
from domain.vocabulary import Code, Digest, Plain, Sealed
from eventlog.record import INQUIRY_TOPIC, MAX_INTEGER

STREAM = UUID("0188a3c1-7d2e-8f00-9b1c-3f4d5e6a7b8c")
OTHER = UUID("0188a3c1-7d2e-8f00-9b1c-000000000002")
TIME = datetime(2012, 2, 29, 0, 0, 4, tzinfo=UTC)
REQUEST = Request(actor="agent:a017", cause="command:" + "0123456789abcdef" * 2)

_SAMPLES: dict[object, Any] = {
    int: 4_000,
    bool: True,
    datetime: TIME - timedelta(seconds=4, microseconds=120),
    UUID: OTHER,
    Code: Code("a017"),
    Digest: Digest("c0ffee00" * 4),
    Sealed: Sealed(c="Y2lwaGVydGV4dA==", k=Digest("fedcba98" * 4), n="bm9uY2Ugbm9uY2Ug", v=1),
}

_NAMED: dict[str, Any] = {
    "timestamp": TIME,
    "queue": Code("general"),
    "language": Code("ko"),
    "category": Code("traffic"),
    "district": Code("gangdong-gu"),
    "agency": Code("bus-company"),
    "to": Code("bus-company"),
    "from_agent": Code("a004"),
    "moderator": Code("m001"),
    "reader": Code("a009"),
    "ref": Code("7b1e-2"),
    "visit": 1,
    "of": 2,
    "hop": 1,
    "ordinal": 1,
    "score": 5,
}


def example(name: str) -> Any:
    """The one example of a type: every field filled."""
    fact = CATALOGUE[name]
    hints = get_type_hints(fact)
    data = {f.name: _NAMED.get(f.name) or _sample(hints[f.name]) for f in fields(fact)}
    return _made(fact, data)


def any_event() -> st.SearchStrategy[Any]:
    """Any event of any type, within what its fields may hold."""
    return st.sampled_from(sorted(CATALOGUE)).flatmap(lambda name: _drawn(CATALOGUE[name]))


def _made(fact: type[Any], data: dict[str, Any]) -> Any:
    placed = {"originator_id": STREAM, "originator_version": 3, "timestamp": data["timestamp"]}
    if issubclass(fact, AggregateCreated):
        placed["originator_topic"] = INQUIRY_TOPIC
    return fact(**(data | placed))


def _sample(hint: Any) -> Any:
    if hint in _SAMPLES:
        return _SAMPLES[hint]
    if get_origin(hint) in (Union, types.UnionType):
        members = [m for m in get_args(hint) if m not in (type(None), Plain)]
        return _sample(members[0])
    if get_origin(hint) is tuple:
        return (_sample(get_args(hint)[0]),)
    if is_dataclass(hint):
        hints = get_type_hints(hint)
        return hint(**{f.name: _sample(hints[f.name]) for f in fields(hint)})  # type: ignore[operator]
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return next(iter(hint))
    return str(hint)  # only the library's topic, which is replaced


_base64 = st.binary(max_size=40).map(lambda octets: b64encode(octets).decode())
_SCALARS: dict[object, st.SearchStrategy[Any]] = {
    int: st.integers(-MAX_INTEGER, MAX_INTEGER),
    bool: st.booleans(),
    datetime: st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001
    UUID: st.uuids(),
    Code: st.from_regex(r"[A-Za-z0-9][A-Za-z._:@/+-]{0,63}", fullmatch=True)
    .filter(lambda text: personal_data_in(text) is None)
    .map(Code),
    Digest: st.binary(min_size=16, max_size=16).map(lambda octets: Digest(octets.hex())),
}
_SCALARS[Sealed] = st.builds(Sealed, c=_base64, k=_SCALARS[Digest], n=_base64, v=st.just(1))


def _drawn(fact: type[Any]) -> st.SearchStrategy[Any]:
    hints = get_type_hints(fact)
    named = {
        f.name: _strategy(hints[f.name])
        for f in fields(fact)
        if not f.name.startswith("originator_")
    }
    return st.fixed_dictionaries(named).map(lambda data: _made(fact, data))


def _strategy(hint: Any) -> st.SearchStrategy[Any]:
    if hint in _SCALARS:
        return _SCALARS[hint]
    if get_origin(hint) in (Union, types.UnionType):
        members = [m for m in get_args(hint) if m not in (type(None), Plain)]
        drawn = _strategy(members[0])
        return st.none() | drawn if type(None) in get_args(hint) else drawn
    if get_origin(hint) is tuple:
        return st.lists(_strategy(get_args(hint)[0]), max_size=3).map(tuple)
    if is_dataclass(hint):
        hints = get_type_hints(hint)
        return st.builds(hint, **{f.name: _strategy(hints[f.name]) for f in fields(hint)})  # type: ignore[arg-type]
    return st.sampled_from(list(hint))
