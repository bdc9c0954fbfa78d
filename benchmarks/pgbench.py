"""Bare `pgbench`: three rows a transaction into a table like the log, without its order."""

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from benchmarks.callers import CALLERS, Run
from benchmarks.saves import EVENTS
from benchmarks.server import rows
from eventlog.database import Database

TABLE = """
CREATE TABLE log (
    position  bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    stream_id uuid NOT NULL,
    version   integer NOT NULL,
    type      text NOT NULL,
    record    bytea NOT NULL,
    UNIQUE (stream_id, version)
)"""
SCRIPT = """
INSERT INTO log (stream_id, version, type, record)
SELECT id, version, 'inquiry.answered.v1', :record::bytea
FROM (SELECT uuidv7() AS id) stream, generate_series(1, :events) version;
"""
RECORD_BYTES = 700


@dataclass(frozen=True, slots=True)
class Pgbench:
    """The program beside the server's own, on a database of its own."""

    programs: Path
    database: Database

    def prepare(self) -> None:
        with self.database.connect_as_owner() as owner:
            owner.execute(TABLE)

    def run(self, seconds: float) -> Run:
        """Run for whole seconds, at least one."""
        seconds = max(1, round(seconds))
        before = rows(self.database, "log")
        address = conninfo_to_dict(self.database.admin_url)
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
            script.write(SCRIPT)
            script.flush()
            subprocess.run(
                [
                    self.programs / "pgbench", "--no-vacuum", "--protocol=prepared",
                    f"--file={script.name}", f"--client={CALLERS}", "--jobs=2",
                    f"--time={seconds}", f"--define=record=\\x{'ab' * RECORD_BYTES}",
                    f"--define=events={EVENTS}",
                    f"--host={address['host']}", f"--port={address['port']}",
                    f"--username={address['user']}", str(address["dbname"]),
                ],
                check=True, stdout=subprocess.DEVNULL, env={"PGPASSWORD": str(address["password"])},
            )  # fmt: skip
        return Run((rows(self.database, "log") - before) // EVENTS, seconds)
