"""The catalogue as one JSON document: categories, districts, queues and KPI targets.

`catalogue.schema.json` is the document's schema, made of the classes below; the catalogue that a
log begins with is `default_catalogue.json`. The tables are in `projections/catalogue_tables.py`.
"""

from collections.abc import Iterable
from importlib.resources import files
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from domain.vocabulary import Code, code, require_impersonal
from projections.targets import Target

CODE_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,63}$"
FAULTS_NAMED = 5
SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"

CodeField = Annotated[Code, Field(pattern=CODE_PATTERN), AfterValidator(code)]
Name = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,100}$")]


class CatalogueError(ValueError):
    """A catalogue cannot be loaded; says where in the document, and why."""


def _impersonal(name: str) -> str:
    require_impersonal(name)
    return name


ShownName = Annotated[Name, AfterValidator(_impersonal)]
"""What everybody with a token reads."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    code: CodeField
    ko: ShownName
    en: ShownName


class Category(_Entry):
    """What inquiries are about; `agency` is the code of who answers for it."""

    agency: CodeField


class District(_Entry):
    """A part of the city."""


class Queue(_Entry):
    """Where calls wait; `names` are what telephone systems call it, if not by the code."""

    names: tuple[Name, ...] = ()


class Catalogue(BaseModel):
    """Names of the codes that stand in events, and what the city aims at."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    categories: tuple[Category, ...] = ()
    districts: tuple[District, ...] = ()
    queues: tuple[Queue, ...] = ()
    targets: tuple[Target, ...] = ()


def parse_catalogue(octets: bytes) -> Catalogue:
    """Return the catalogue that a JSON document holds.

    Raises:
        CatalogueError: it is none, or an entry stands in it twice.
    """
    try:
        catalogue = Catalogue.model_validate_json(octets)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        named = [_named(fault["loc"], fault["msg"]) for fault in faults[:FAULTS_NAMED]]
        if len(faults) > FAULTS_NAMED:
            named.append(f"and {len(faults) - FAULTS_NAMED:,} more")
        raise CatalogueError("; ".join(named)) from error
    _require_single("categories", (entry.code for entry in catalogue.categories))
    _require_single("districts", (entry.code for entry in catalogue.districts))
    _require_single("queues", (entry.code for entry in catalogue.queues))
    _require_single("queues", (name for entry in catalogue.queues for name in entry.names))
    _require_single("targets", (f"{entry.kpi} from {entry.since}" for entry in catalogue.targets))
    return catalogue


def catalogue_schema() -> dict[str, Any]:
    """Return the document's JSON Schema."""
    return {"$schema": SCHEMA_DIALECT, **Catalogue.model_json_schema()}


def default_catalogue() -> Catalogue:
    """Return the catalogue that a log begins with: Seoul's, aiming at what 2012 has reached."""
    return parse_catalogue(files("projections").joinpath("default_catalogue.json").read_bytes())


def _named(place: Iterable[int | str], reason: str) -> str:
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    told = reason.removeprefix("Value error, ")
    return f"{path.removeprefix('.')}: {told}" if path else told


def _require_single(name: str, keys: Iterable[str]) -> None:
    first: dict[str, int] = {}
    for number, key in enumerate(keys):
        if key in first:
            raise CatalogueError(f"{name}[{number}]: {key} stands in {name}[{first[key]}] already")
        first[key] = number
