"""A day's figures beside those that the city published for February 2012."""

from rich import box
from rich.console import Console
from rich.table import Table

from cli.kpi_table import MET, MISSED, UNKNOWN, VARIANT
from projections.answer import Row

PUBLISHED = {
    "answer_rate": ("answer rate", 0.997),
    "service_level": ("answered within 15 s", 0.975),
    "first_agent_resolution": ("first-agent resolution", 0.880),
    "satisfaction": ("satisfaction", 0.957),
}
"""Seoul's press release of March 2012 on its 120 Dasan Call Center."""


def print_beside(row: Row) -> None:
    """Print the four published figures beside the row's, and the targets that hold."""
    table = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    for title in ("", "this day", "press release", "target"):
        table.add_column(title, justify="right" if title else "left")
    for name, (title, published) in PUBLISHED.items():
        value = row.ratios[name]
        value = value[VARIANT] if isinstance(value, dict) else value
        met = {True: f" {MET}", False: f" {MISSED}", None: ""}[row.met.get(name)]
        target = row.targets.get(name)
        table.add_row(
            title,
            UNKNOWN if value is None else f"{value:.2%}{met}",
            f"{published:.1%}",
            UNKNOWN if target is None else f"{target:.1%}",
        )
    Console().print(table, highlight=False)
