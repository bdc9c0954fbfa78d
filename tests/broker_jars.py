"""The jars of Apache Kafka: fetched once by Maven, then kept outside the tree for all checkouts."""

import fcntl
import os
import re
import subprocess
import tempfile
from functools import cache
from pathlib import Path

# Not 4.3: 4.3.0 and 4.3.1 let a broker that is alone skip the markers of a transaction that it had
# acknowledged when it was killed. Readers of what is committed then wait for them for ever.
VERSION = "4.2.1"
OLDEST_JAVA = 17
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"

# slf4j-simple writes the broker's log to its standard error: Kafka's own jars bring no way to log.
POM = f"""
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>dasan</groupId>
  <artifactId>broker</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>{VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka-tools</artifactId>
      <version>{VERSION}</version>
      <exclusions>
        <exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion>
      </exclusions>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
"""


class NoKafkaError(RuntimeError):
    """This machine cannot run a broker; says what to install."""


@cache
def class_path() -> str:
    """Return what `java -cp` takes to run a broker, fetching the jars the first time.

    Raises:
        NoKafkaError: there is no Java, or no Maven, or Maven cannot fetch.
    """
    _require_java()
    kept = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dasan"
    jars = kept / f"kafka-{VERSION}"
    kept.mkdir(parents=True, exist_ok=True)
    with (kept / f"{jars.name}.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the other runs of this machine wait, and then find them
        if not jars.is_dir():
            _fetch(jars)
    return f"{jars}/*"


def _require_java() -> None:
    wanted = f"install a JDK {OLDEST_JAVA} or newer and mvn, or set KAFKA_BOOTSTRAP_SERVERS"
    try:  # asked, since macOS has a program of this name that is no Java
        told = _run("java", "--version")
    except OSError as error:
        raise NoKafkaError(f"a Kafka broker needs Java: {wanted}") from error
    version = re.match(r"\S+ (\d+)", told.stdout)
    if told.returncode or version is None or int(version[1]) < OLDEST_JAVA:
        raise NoKafkaError(f"this Java cannot run a Kafka broker: {wanted}")


def _fetch(jars: Path) -> None:
    """Fetch under another name and rename, so that a folder of the right name is whole."""
    with tempfile.TemporaryDirectory(dir=jars.parent, prefix=f"{jars.name}-") as folder:
        pom, fetched = Path(folder) / "pom.xml", Path(folder) / "jars"
        pom.write_text(POM)
        try:
            told = _run(
                "mvn", "-q", "-B", "--strict-checksums", "-f", str(pom), COPY,
                f"-DoutputDirectory={fetched}",
            )  # fmt: skip
        except OSError as error:
            raise NoKafkaError(
                "Kafka's jars are fetched by mvn: install it, or set KAFKA_BOOTSTRAP_SERVERS"
            ) from error
        if told.returncode:
            raise NoKafkaError(f"mvn cannot fetch Kafka {VERSION}: {told.stdout}{told.stderr}")
        fetched.rename(jars)


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)
