"""What a server shows of its city once its views have caught up."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2 as httpx

from tests.faults.harness import await_condition
from tests.faults.made_up import INQUIRIES
from tests.faults.served import Served

PAGE = 500
RECORDS = 10_000


@dataclass(frozen=True)
class Shown:
    """Versions of inquiries by the view and by the log, the KPIs, and the log's own bytes."""

    listed: dict[str, int]
    loaded: dict[str, int]
    kpi: dict[str, Any]
    records: list[bytes]


def shown(server: Served, token: str, inquiries: Iterable[str]) -> Shown:
    """Return what a server shows of the city, and of these inquiries by themselves."""
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=server.url, headers=headers) as http:
        await_condition(lambda: _caught_up(http))
        return Shown(
            listed={row["id"]: row["version"] for row in _listed(http)},
            loaded={
                inquiry: _read(http, f"{INQUIRIES}/{inquiry}").json()["version"]
                for inquiry in inquiries
            },
            kpi=_read(http, "/v1/kpi").json(),
            records=list(_records(http)),
        )


def opened(server: Served, token: str, places: Sequence[tuple[str, int]]) -> list[str]:
    """Return the texts of the notes at these places, inquiry and version."""
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": server.url}
    fields = [{"stream": place[0], "version": place[1], "field": "note"} for place in places]
    answer = httpx.post(
        f"{server.url}/v1/disclosures",
        json={"purpose": "proof", "fields": fields},
        headers=headers,
    )
    assert answer.is_success, answer.text
    return [field["text"] for field in answer.json()["fields"]]


def _caught_up(http: httpx.Client) -> bool:
    ready = _read(http, "/health/ready").json()
    return all(view["position"] == ready["position"] for view in ready["views"])


def _listed(http: httpx.Client) -> Iterator[dict[str, Any]]:
    page = _read(http, INQUIRIES, limit=PAGE).json()
    yield from page["inquiries"]
    while page["next"]:
        page = _read(http, INQUIRIES, limit=PAGE, after=page["next"]).json()
        yield from page["inquiries"]


def _records(http: httpx.Client) -> Iterator[bytes]:
    lines = _read(http, "/v1/events", limit=RECORDS)
    while lines.content:
        yield from lines.content.splitlines()
        lines = _read(http, "/v1/events", after=lines.headers["Dasan-Position"], limit=RECORDS)


def _read(http: httpx.Client, path: str, **params: str | int) -> httpx.Response:
    answer = http.get(path, params=params)
    assert answer.is_success, answer.text
    return answer
