"""Arrays in the binary form of PostgreSQL (`array_recv`), packed here.

The driver packs each element in Python, which takes as long as the server takes for the insert.
"""

import struct
from collections.abc import Sequence

import psycopg
from psycopg import pq
from psycopg.adapt import Dumper


class BinaryArray(bytes):
    """An array, ready to be sent."""


class _BinaryArrayDumper(Dumper):
    """Hands an array on as it is."""

    format = pq.Format.BINARY

    def dump(self, obj: BinaryArray) -> BinaryArray:
        return obj


psycopg.adapters.register_dumper(BinaryArray, _BinaryArrayDumper)

TEXT, BYTEA, INTEGER, BIGINT, UUID = (
    psycopg.adapters.types[name].oid for name in ("text", "bytea", "int4", "int8", "uuid")
)
integer = struct.Struct("!i").pack
bigint = struct.Struct("!q").pack
_ARRAY = struct.Struct("!iiIii").pack
_NULL = integer(-1)


def array(oid: int, values: Sequence[bytes | None]) -> BinaryArray:
    """Return an array of elements of the type `oid`, each in that type's binary form."""
    has_nulls = None in values
    parts = [_ARRAY(1, has_nulls, oid, len(values), 1)]  # one dimension, from 1 on
    for value in values:
        parts += (_NULL,) if value is None else (integer(len(value)), value)
    return BinaryArray(b"".join(parts))
