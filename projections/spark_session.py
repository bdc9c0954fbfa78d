"""Starting Spark: on this machine, or on a cluster by its master's URL.

`pyspark` is an extra that nothing else may need. docs/engines.md says what a cluster needs.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MASTER = "DASAN_SPARK_MASTER"
"""The environment variable that names the cluster; without it Spark runs on this machine."""

OLDEST_JAVA = 17

_EXACT = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",  # what overflows is an error and not another number
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    # Times before 1900 are read and written as they are.
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
}
"""What the figures depend on."""

_QUIET = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false"}

_OF_THIS_MACHINE = {
    "spark.driver.memory": "1g",  # what does not fit goes to a temporary folder
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": str(2 * (os.cpu_count() or 1)),
}
"""What a cluster has settings of its own for, in spark-defaults.conf."""

_LOGGING = """\
rootLogger = WARN, console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.filter.errors.type = ThresholdFilter
appender.console.filter.errors.level = ERROR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss} %p %c{1}: %m%n
"""
"""Errors only: Spark's own would tell of its start, and of any other level than WARN."""


class EngineError(RuntimeError):
    """An engine cannot be used, or broke off; says why, and what it lacks."""


@contextmanager
def started() -> Iterator["SparkSession"]:
    """Yield a session on the master that the environment names, and stop it whatever happens.

    Raises:
        EngineError: pyspark or Java is missing, or Spark could not do what it was told.
    """
    try:
        from py4j.protocol import Py4JError  # noqa: PLC0415 - an extra
        from pyspark.errors import PySparkException  # noqa: PLC0415
        from pyspark.sql import SparkSession  # noqa: PLC0415
    except ImportError as error:
        raise EngineError("Spark is an extra of Dasan: pip install 'dasan[spark]'") from error
    _require_java()
    master = os.environ.get(MASTER) or "local[*]"
    builder = SparkSession.builder.appName("dasan").master(master)
    with TemporaryDirectory(prefix="dasan-spark-") as folder:
        logging = Path(folder) / "log4j2.properties"
        logging.write_text(_LOGGING)
        places = {
            "spark.driver.defaultJavaOptions": f"-Dlog4j2.configurationFile={logging}",
            "spark.sql.warehouse.dir": f"{folder}/warehouse",  # would be made where we are
        }
        local = _OF_THIS_MACHINE if master.startswith("local") else {}
        for name, value in (_EXACT | _QUIET | places | local).items():
            builder = builder.config(name, value)
        try:
            spark = builder.getOrCreate()
            try:
                yield spark
            finally:
                spark.stop()
        except (PySparkException, Py4JError) as error:
            raise EngineError(f"Spark on {master}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """Return the first line of what Spark says, which goes on with where in its code it says so."""
    told = str(error)
    return (told.partition("\n: ")[2] or told).partition("\n")[0]


def _require_java() -> None:
    wanted = f"install a JDK, {OLDEST_JAVA} or newer, and let JAVA_HOME name it"
    home = os.environ.get("JAVA_HOME")
    java = f"{home}/bin/java" if home else "java"
    try:
        told = subprocess.run([java, "--version"], capture_output=True, text=True, check=False)
    except OSError as error:
        raise EngineError(f"Spark needs Java: {wanted}") from error
    version = re.match(r"\S+ (\d+)", told.stdout)
    if told.returncode or version is None or int(version[1]) < OLDEST_JAVA:
        raise EngineError(f"this Java cannot run Spark: {wanted}")
