"""`python -m consumers`: prints the AsyncAPI document, without a broker."""

import sys

import orjson

from consumers.documentation import asyncapi


def document() -> bytes:
    """Return the AsyncAPI document as it stands in `docs/asyncapi.json`."""
    return orjson.dumps(asyncapi("seoul"), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


if __name__ == "__main__":
    sys.stdout.buffer.write(document())
