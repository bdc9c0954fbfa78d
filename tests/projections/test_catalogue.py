import csv
import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import psycopg
import pytest

from eventlog.database import Database
from projections.catalogue import (
    Catalogue,
    CatalogueError,
    catalogue_schema,
    default_catalogue,
    parse_catalogue,
)
from projections.catalogue_tables import load_catalogue, read_catalogue
from projections.runner import prepare

ROOT = Path(__file__).parent.parent.parent
TARGET = {"kpi": "answer_rate", "value": 0.99, "from": "2013-01-01"}
WATER = {"code": "water", "ko": "수도", "en": "Water", "agency": "waterworks"}


def loaded(database: Database, **document: Any) -> Catalogue:
    """Load a document, and return the catalogue as it then stands."""
    with database.connect_as_owner() as owner:
        load_catalogue(owner, parse_catalogue(json.dumps(document).encode()))
    return stored(database)


def stored(database: Database) -> Catalogue:
    with database.connect() as connection:
        return read_catalogue(connection)


def test_a_log_begins_with_the_default_catalogue(database: Database) -> None:
    catalogue = stored(database)

    assert {*catalogue.categories} == {*default_catalogue().categories}
    assert {*catalogue.districts} == {*default_catalogue().districts}
    assert {*catalogue.targets} == {*default_catalogue().targets}


def test_the_default_has_seouls_districts_and_the_press_releases_figures() -> None:
    default = default_catalogue()

    assert len({district.ko for district in default.districts}) == 25
    assert all(district.ko.endswith("구") for district in default.districts)
    assert {target.kpi: target.value for target in default.targets} == {
        "answer_rate": 0.997,
        "service_level": 0.975,
        "first_agent_resolution": 0.88,
        "satisfaction": 0.957,
    }


def test_the_default_has_the_categories_of_the_questions_that_are_asked(shared_data: Path) -> None:
    with (shared_data / "seoul-120-text.csv").open(encoding="utf-8", newline="") as file:
        asked = {row["분류"] for row in csv.DictReader(file)}

    assert {category.ko for category in default_catalogue().categories} == asked


def test_a_start_later_leaves_what_was_loaded(database: Database) -> None:
    changed = loaded(database, categories=[WATER | {"code": "transport"}])

    prepare(database, "Asia/Seoul")

    assert stored(database) == changed


def test_loading_replaces_names_and_leaves_what_it_does_not_name(database: Database) -> None:
    before = stored(database)

    after = loaded(database, categories=[WATER, WATER | {"code": "transport"}])

    names: dict[str, tuple[str, str]] = {
        category.code: (category.ko, category.agency) for category in after.categories
    }
    assert names["water"] == names["transport"] == ("수도", "waterworks")
    assert len(after.categories) == len(before.categories) + 1
    assert after.districts == before.districts
    assert loaded(database, categories=[WATER]) == after


def test_what_a_catalogue_may_not_hold_any_more_is_read(database: Database) -> None:
    with database.connect_as_owner() as owner:
        owner.execute("INSERT INTO catalogue.district VALUES ('kim@seoul.go.kr', '김', 'Kim')")

    assert "kim@seoul.go.kr" in [district.code for district in stored(database).districts]


def test_a_new_target_leaves_the_earlier_ones(database: Database) -> None:
    after = loaded(database, targets=[TARGET, TARGET | {"from": "2012-02-01", "value": 0.995}])

    held = [(str(t.since), t.value) for t in after.targets if t.kpi == "answer_rate"]
    assert held == [("2012-02-01", 0.995), ("2013-01-01", 0.99)]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"", "Invalid JSON: EOF while parsing a value at line 1 column 0"),
        (b"\xff", "Invalid JSON"),
        (b"[]", "Input should be an object"),
        ({"colours": []}, "colours: Extra inputs are not permitted"),
        ({"categories": [WATER, {**WATER, "code": "a b"}]}, "categories[1].code: String should"),
        ({"categories": [{**WATER, "ko": "수\n도"}]}, "categories[0].ko: String should match"),
        ({"districts": [WATER]}, "districts[0].agency: Extra inputs are not permitted"),
        ({"categories": [WATER, WATER]}, "categories[1]: water stands in categories[0] already"),
        ({"targets": [TARGET | {"kpi": "luck"}]}, "targets[0].kpi: Input should be 'answer_rate'"),
        ({"targets": [TARGET | {"value": 99.7}]}, "answer_rate is at most 1, not 99.7"),
        ({"targets": [TARGET | {"value": -1}]}, "targets[0].value: Input should be greater"),
        ({"targets": [TARGET | {"from": "1330473600"}]}, "targets[0].from: '1330473600' is not a"),
        ({"targets": [TARGET | {"from": 1_330_473_600}]}, "targets[0].from: Input should be a va"),
        ({"targets": [TARGET, TARGET]}, "targets[1]: answer_rate from 2013-01-01 stands in"),
        ({"categories": [{**WATER, "agency": "kim@seoul.go.kr"}]}, "looks like a mail address"),
        ({"categories": [{**WATER, "en": "Water 010-5551-3006"}]}, "looks like a telephone number"),
        ({"districts": [{}] * 3}, "districts[1].ko: Field required; and 4 more"),
    ],
)
def test_a_wrong_document_is_refused_with_the_place(document: Any, reason: str) -> None:
    octets = document if isinstance(document, bytes) else json.dumps(document).encode()

    with pytest.raises(CatalogueError) as refused:
        parse_catalogue(octets)

    assert reason in str(refused.value)


def test_what_cannot_be_stored_whole_is_not_stored_at_all(database: Database) -> None:
    before = stored(database)
    with database.connect_as_owner() as owner:
        owner.execute("ALTER TABLE catalogue.target ADD CHECK (value < 0.999)")

        with pytest.raises(psycopg.errors.CheckViolation):
            loaded(database, categories=[WATER], targets=[TARGET | {"value": 1}])

    assert stored(database) == before


def test_the_service_reads_the_catalogue_and_cannot_change_it(database: Database) -> None:
    with database.connect() as service:
        for change in ("DELETE FROM catalogue.category", "UPDATE catalogue.target SET value = 0"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                service.execute(change.encode())


def test_the_schema_in_the_repository_is_that_of_the_parser() -> None:
    """To make it again: json.dumps(catalogue_schema(), indent=2) and a newline."""
    schema = json.loads((ROOT / "projections" / "catalogue.schema.json").read_text("utf-8"))
    default = json.loads((ROOT / "projections" / "default_catalogue.json").read_text("utf-8"))

    assert schema == catalogue_schema()
    assert jsonschema_rs.Draft202012Validator(schema, validate_formats=True).is_valid(default)
