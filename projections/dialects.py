"""What the views' SQL says in words that an engine has not, and what it says there instead.

Given and Fold of a view are one text for every engine, in words of PostgreSQL that DuckDB has too.
Spark lacks two of them. `city_hour` and `city_day` are each engine's own: `projections/runner.py`,
`projections/duck.py`, `projections/spark.py`.
"""

import re

_NAMES = r"[\w, ]+"

_FIRST_OF_EACH = re.compile(
    rf"SELECT DISTINCT ON \(({_NAMES})\)(.+?)ORDER BY ({_NAMES})(?=\))", re.DOTALL
)
"""A subquery of the first row, in an order, of each group."""

_LAST_VALUE = re.compile(
    r"\(array_agg\((\w+) ORDER BY (\w+) DESC\) (FILTER \(.+?\))\)\[1\]", re.DOTALL
)
"""The value of a column where another is greatest, of the rows that a filter lets in."""


def for_spark(select: str) -> str:
    """Return a SELECT of a view in Spark's words."""
    select = _FIRST_OF_EACH.sub(
        r"SELECT * EXCEPT (nth) FROM ("
        r"SELECT row_number() OVER (PARTITION BY \1 ORDER BY \3) AS nth,\2) WHERE nth = 1",
        select,
    )
    return _LAST_VALUE.sub(r"max_by(\1, \2) \3", select)
