# Each target installs what it needs first, into .venv/.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check

.PHONY: setup demo test test-all check fix bench bench-rebuild fuzz openapi asyncapi soak faults lock lowest clean

setup: $(READY)

$(READY): pyproject.toml requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Dasan needs Python 3.11 or newer, and $(PYTHON) is not: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; \
		exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	@$(INSTALL) --only-binary :all: --require-hashes -r requirements/dev.txt
	@$(INSTALL) --no-build-isolation --no-deps --editable .
	@touch $@

demo: setup
	@$(BIN)/dasan demo

test: setup
	$(BIN)/pytest -n 3 --dist worksteal

# What takes long besides: Spark, browsers, real calls, long properties.
test-all: setup
	$(BIN)/pytest -n 3 --dist worksteal -m "long and not faults and not fuzz and not soak"

check: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/pip check --disable-pip-version-check

fix: setup
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: setup
	@$(BIN)/python -m benchmarks

bench-rebuild: setup
	@$(BIN)/python -m benchmarks.rebuilding

openapi: setup
	$(BIN)/python -m api > docs/openapi.json

asyncapi: setup
	$(BIN)/python -m consumers > docs/asyncapi.json

fuzz: setup
	$(BIN)/pytest -m fuzz

soak: setup
	$(BIN)/pytest -m soak

faults: setup
	$(BIN)/pytest -m faults

# Newest versions that pyproject.toml allows, for every platform and Python from 3.11 on.
# The tool stands in an environment of its own, so that a broken lock can be mended.
COMPILE = .venv-lock/bin/uv pip compile --quiet --no-config --upgrade --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --custom-compile-command "make lock" pyproject.toml
lock:
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/pip install --quiet --disable-pip-version-check uv
	$(COMPILE) --output-file requirements/runtime.txt
	$(COMPILE) --extra dev --constraint requirements/runtime.txt --output-file requirements/dev.txt
	$(COMPILE) --extra spark --constraint requirements/runtime.txt --output-file requirements/spark.txt
	rm -rf .venv-lock

# The lowest versions that pyproject.toml promises, each with the newest of what it needs itself.
LOWEST := .venv-lowest
UV = .venv-lock/bin/uv pip
lowest:
	rm -rf $(LOWEST)
	$(PYTHON) -m venv $(LOWEST)
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/pip install --quiet --disable-pip-version-check uv
	$(UV) compile --quiet --no-config --resolution lowest-direct --python $(LOWEST)/bin/python \
		--only-binary :all: --extra dev --output-file $(LOWEST)/versions.txt pyproject.toml
	$(UV) install --quiet --no-config --python $(LOWEST)/bin/python \
		--only-binary :all: --requirement $(LOWEST)/versions.txt
	$(UV) install --quiet --no-config --python $(LOWEST)/bin/python \
		--no-build-isolation --no-deps --editable .
	rm -rf .venv-lock
	touch $(LOWEST)/.ready
	$(MAKE) check test BIN=$(LOWEST)/bin READY=$(LOWEST)/.ready

# var/ stays: it holds data.
clean:
	rm -rf .venv .venv-lock $(LOWEST) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .schemathesis
	find . -name __pycache__ -not -path './var/*' -prune -exec rm -rf {} +
