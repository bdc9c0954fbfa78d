"""Digests of views, and the refold that they are compared with."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import LiteralString

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.inquiry import Inquiry
from domain.vocabulary import AnnulReason, code
from projections.checking import checked
from projections.digest import contents, digest
from projections.refold import Refold
from projections.runner import Runner, ViewStoppedError
from projections.views import View, views
from tests.domain.building import NINE, WORDS
from tests.projections.calls import abandoned, answered, call
from tests.projections.city import VIEWS, City
from tests.projections.histories import REQUEST, History, histories
from tests.projections.test_runner import PATIENCE_S, await_lock, poison
from tests.projections.test_split import BRISK, SIZES, recorded

HOUR = timedelta(hours=1)


@pytest.fixture
def busy(city: City) -> City:
    """A city whose views have something of everything."""
    praised, classified = answered(NINE, language=code("ko")), answered(NINE + HOUR, "Taxes")
    praised.praise(ref=code("p"), title=WORDS, story=WORDS, author=WORDS, at=NINE + HOUR)
    city.tell(praised, classified, abandoned(NINE), call(NINE))
    classified.classify(category=code("traffic"), at=NINE + 2 * HOUR)
    city.tell(classified)
    return city


def digests(city: City) -> dict[str, str]:
    """Return the digests of the live views."""
    Runner(city.connection)  # makes what the views read
    live = contents(city.connection, views())
    return {name: held.digest for name, held in live.items()}


def refolded(city: City, batch: int, upto: int | None = None) -> dict[str, str | None]:
    """Return the digests of a refold."""
    with city.log.database.connect() as connection:
        refold = Refold(connection, batch=batch)
        refold.advance(VIEWS, city.position if upto is None else upto)
        return {name: refold.digest(name) for name in VIEWS}


def change(city: City, statement: LiteralString) -> None:
    with city.log.database.connect_as_owner() as owner:
        owner.execute(statement)


def test_a_digest_is_that_of_names_and_rows_as_text(city: City) -> None:
    view = View(
        "x", "x", "CREATE TABLE x.b (v text, k int PRIMARY KEY, at timestamptz);\n"
        "CREATE TABLE x.a (k text, n int, PRIMARY KEY (n, k))", (), {},
    ).within("pg_temp")  # fmt: skip
    for statement in (
        view.tables,
        "SET timezone = 'Asia/Seoul'; SET datestyle = 'SQL, DMY'",
        "INSERT INTO b VALUES ('a\tb', 10, '2012-02-29 09:00+09'), (NULL, 9, NULL)",
        "INSERT INTO a VALUES ('b', 2), ('가', 1), ('a', 1), ('B', 1)",
    ):
        city.connection.execute(statement.encode())

    octets = (
        b"a\nB\t1\na\t1\n\xea\xb0\x80\t1\nb\t2\n\\.\n"
        b"b\n\\N\t9\t\\N\n2012-02-29 00:00:00+00\t10\ta\\tb\n\\.\n"
    )
    assert digest(city.connection, view) == hashlib.sha256(octets).hexdigest()


@pytest.mark.parametrize(
    ("view", "statement"),
    [
        ("kpi", "UPDATE kpi.hourly SET answered = answered + 1 WHERE hour = '2012-02-29 01:00Z'"),
        ("kpi", "UPDATE kpi.waits SET seconds = seconds + 1"),
        ("kpi", "DELETE FROM kpi.daily_agent"),
        ("inquiries", "UPDATE inquiries.visit SET agent = 'a'"),
        ("inquiries", "UPDATE inquiries.visit SET visit = 2"),
        ("audit", "UPDATE audit.entry SET position = -position WHERE position = 3"),
        ("audit", "UPDATE audit.entry SET sealed = '{}' WHERE sealed IS NULL"),
        ("praise", "UPDATE praise.story SET reason = ''"),
    ],
)
def test_whatever_is_changed_in_a_view_changes_its_digest_and_no_others(
    busy: City, view: str, statement: LiteralString
) -> None:
    before = digests(busy)

    change(busy, statement)

    after = digests(busy)
    assert {name for name in VIEWS if after[name] != before[name]} == {view}


def test_a_view_has_one_digest_however_its_events_were_batched(busy: City) -> None:
    live = digests(busy)

    for batch in (1, 2, 5, 1_000):
        assert refolded(busy, batch) == live


@pytest.mark.parametrize("batch", [1, 2, 3, 1_000])
def test_what_is_taken_back_has_one_digest_in_one_batch_and_in_several(
    city: City, batch: int
) -> None:
    phantom = call(NINE, "water")
    phantom.annul(reason=AnnulReason.PHANTOM, at=NINE + HOUR)

    city.tell(phantom)

    assert city.kpi() == {}
    assert refolded(city, batch) == digests(city)


def test_a_row_of_zeros_says_nothing(busy: City) -> None:
    before = digests(busy)

    change(
        busy,
        "INSERT INTO kpi.waits VALUES ('2012-02-29 01:00Z', 'phone', 'ko', 'nowhere', 1, 0, 0)",
    )

    assert digests(busy) == before


@pytest.mark.long
@BRISK
@given(history=histories(), sizes=SIZES)
def test_any_split_into_batches_gives_the_digests_of_one_batch(
    old_city: City, history: History, sizes: list[int]
) -> None:
    begin = recorded(old_city, history)
    old_city.refolded(begin)
    whole = digests(old_city)

    old_city.begin_again(begin)
    for size in sizes:
        Runner(old_city.connection, batch=size).advance()
    old_city.catch_up(batch=sizes[-1])

    assert digests(old_city) == whole


@pytest.mark.long
@settings(BRISK, max_examples=5)  # each folds what the others left, too
@given(history=histories(), batch=st.integers(10, 100))
def test_a_refold_in_batches_of_any_size_is_what_the_views_hold(
    old_city: City, history: History, batch: int
) -> None:
    recorded(old_city, history)
    old_city.refolded()

    assert refolded(old_city, batch) == digests(old_city)


def test_contents_are_those_of_one_moment(busy: City) -> None:
    before, position = digests(busy), busy.position
    with (
        busy.log.database.connect_as_owner() as owner,
        ThreadPoolExecutor() as pool,
        owner.transaction(),
    ):
        owner.execute("LOCK TABLE kpi.waits")  # which is read after the first look, before praise
        known = views()
        reading = pool.submit(contents, busy.connection, known)
        await_lock(owner, busy.connection.info.backend_pid)
        owner.execute("DELETE FROM praise.story")
        owner.execute("UPDATE projection SET position = 0")

    live = reading.result(PATIENCE_S)

    assert {name: held.digest for name, held in live.items()} == before
    assert {held.position for held in live.values()} == {position}


# The refold


@pytest.fixture
def locked(busy: City) -> Iterator[City]:
    """A city whose live views can neither be read nor written."""
    with busy.log.database.connect_as_owner() as owner, owner.transaction():
        owner.execute("SET LOCAL lock_timeout = '1s'")
        for view in views():
            for table in view.table_names:
                owner.execute(f"LOCK TABLE {view.schema}.{table}".encode())
        owner.execute("LOCK TABLE projection")
        yield busy


def test_a_refold_neither_reads_nor_writes_the_live_views(locked: City) -> None:
    assert None not in refolded(locked, 7).values()


def test_a_refold_that_is_cut_off_leaves_nothing_behind(busy: City) -> None:
    whole = busy.contents()
    tables = "SELECT count(*) FROM pg_class WHERE relpersistence = 't'"
    with busy.log.database.connect() as connection:
        Refold(connection, batch=3).advance(VIEWS, 9)
        backend = connection.info.backend_pid
    with busy.log.database.connect_as_owner() as owner:
        while owner.execute("SELECT FROM pg_stat_activity WHERE pid = %s", [backend]).rowcount:
            pass

    assert busy.contents() == whole
    busy.connection.execute("DISCARD TEMPORARY")
    assert busy.connection.execute(tables.encode()).fetchone() == (0,)


def test_a_refold_stops_a_view_where_it_cannot_go_on_and_the_others_do(busy: City) -> None:
    position = poison(busy)
    with busy.log.database.connect() as connection:
        refold = Refold(connection)

        refold.advance(VIEWS, position)

        assert set(refold.errors) == {"praise"}
        assert refold.errors["praise"].startswith(f"the event at position {position} cannot be me")
        assert refold.digest("praise") is None
        assert refold.digest("audit") is not None


def test_a_refold_says_where_a_view_stopped_first(busy: City) -> None:
    position = poison(busy)
    end = poison(busy)
    with busy.log.database.connect() as connection:
        refold = Refold(connection, batch=1)

        refold.advance(VIEWS, end)

        assert f"position {position} " in refold.errors["praise"]


def test_a_view_elsewhere_is_the_same_view(busy: City) -> None:
    Runner(busy.connection)
    for view in views():
        elsewhere = view.within("another")

        assert (elsewhere.name, elsewhere.definition) == (view.name, view.definition)
        assert elsewhere.table_names == view.table_names
        assert elsewhere.within(view.name) == view


# Checking


def test_views_are_checked_at_their_own_position_and_where_it_is_asked(busy: City) -> None:
    earlier, end = refolded(busy, 100, upto=5), busy.position
    with busy.log.database.connect() as beside:
        found = checked(busy.connection, beside, {5, end, end + 1})

    assert {name: view.refolded[5] for name, view in found.items()} == earlier
    assert {name: view.refolded[end] for name, view in found.items()} == digests(busy)
    assert all(view.refolded.keys() == {5, end} for view in found.values())
    assert all(view.equals_refold for view in found.values())


def test_a_view_that_lags_is_checked_where_it_is(busy: City) -> None:
    busy.forget("kpi")
    Runner(busy.connection, batch=4).advance()
    with busy.log.database.connect() as beside:
        found = checked(busy.connection, beside, {busy.position})

    assert found["kpi"].live.position == 4
    assert found["kpi"].refolded.keys() == {4}
    assert all(view.equals_refold for view in found.values())


def test_a_view_that_stopped_is_folded_no_further_than_it_came(busy: City) -> None:
    position = poison(busy)
    with pytest.raises(ViewStoppedError):
        busy.catch_up()
    with busy.log.database.connect() as beside:
        found = checked(busy.connection, beside, {busy.position})

    assert found["praise"].live.position == position - 1
    assert found["praise"].refold_error is None
    assert all(view.equals_refold for view in found.values())


def test_a_view_that_was_changed_is_not_its_refold(busy: City) -> None:
    change(busy, "UPDATE kpi.hourly SET answered = answered + 1")
    with busy.log.database.connect() as beside:
        found = checked(busy.connection, beside, {busy.position})

    assert {name for name, view in found.items() if not view.equals_refold} == {"kpi"}


def told(city: City, *inquiries: Inquiry) -> None:
    """Save what is pending; the views do not learn of it."""
    assert all(city.log.inquiries.save_each((inquiry, REQUEST) for inquiry in inquiries))


def test_a_refold_that_stops_where_the_view_did_not_says_so(busy: City) -> None:
    position = poison(busy)
    told(busy, call(NINE))
    change(busy, "UPDATE projection SET position = (SELECT position FROM log_head)")
    with busy.log.database.connect() as beside:
        found = checked(busy.connection, beside, {busy.position})

    assert f"position {position} " in (found["praise"].refold_error or "")
    assert not found["praise"].equals_refold
    assert found["audit"].refold_error is None
