# Every target sets the project up first, when it needs to. `make help` lists them.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run ui test coverage contract automation races soak large bench lint fuzz docs lock services services-down stack stack-status stack-down clean

# The first Python that is new enough and can make virtual environments; `make PYTHON=…` names another.
USABLE := import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
PYTHON ?= $(shell for python in python3.11 python3; do "$$python" -c '$(USABLE)' 2>/dev/null && echo "$$python" && break; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WANTED := --editable '.[dev]' --constraint constraints.txt

PORT ?= 3000
STACK_PORT ?= 3100
DEMO_USER ?= demo

# From the shell, else from .env, else inside the checkout.
DAGSTER_HOME ?= $(or $(shell sed -n 's/^DAGSTER_HOME=//p' .env 2>/dev/null),$(CURDIR)/data/dagster_home)
override DAGSTER_HOME := $(abspath $(DAGSTER_HOME))
export DAGSTER_HOME
# Partitions begin where the data of the default lake begin, so that the UI shows them without a search.
OWN_SETTINGS = $(HEALTH_ETL_LAKE)$(HEALTH_ETL_START_DATE)$(shell grep -hE '^HEALTH_ETL_(LAKE|START_DATE)=' .env 2>/dev/null)
FIRST_UPLOAD = $(shell find data/lake/raw -mindepth 4 -maxdepth 4 -type d 2>/dev/null | \
	sed -nE 's|.*/([0-9]{4})/([0-9]{2})/([0-9]{2})$$|\1-\2-\3|p' | sort | head -n 1)
WITH_ENV = $(if $(wildcard .env),$(abspath $(BIN))/dotenv -f "$(CURDIR)/.env" run --no-override --)

help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' Makefile | while IFS=$$'\t' read -r target text; do printf '  make %-14s %s\n' "$$target" "$$text"; done

run: $(READY) ## take in the sample exports, run the pipeline, show the result
	@$(BIN)/health-etl ingest data/sample/*.avro --user $(DEMO_USER)
	@$(BIN)/health-etl run --show-example

ui: $(READY) ## serve the Dagster UI on http://127.0.0.1:3000 (PORT=… for another port)
	@mkdir -p "$(DAGSTER_HOME)" && { test -f "$(DAGSTER_HOME)/dagster.yaml" || cp dagster.yaml "$(DAGSTER_HOME)"; }
	@echo "Dagster UI: http://127.0.0.1:$(PORT) (ready in about 10 seconds; Ctrl-C stops it)"
	@# Elsewhere than in DAGSTER_HOME, `dagster dev` warns wrongly that it reads no dagster.yaml; and it points to `dg dev`.
	@first="$(if $(OWN_SETTINGS),,$(FIRST_UPLOAD))"; if test -n "$$first"; then export HEALTH_ETL_START_DATE="$$first"; fi; \
	cd "$(DAGSTER_HOME)" && export PYTHONWARNINGS='ignore:Function `dev_command`' && \
	exec $(WITH_ENV) $(abspath $(BIN))/dagster dev -w "$(CURDIR)/workspace.yaml" -h 127.0.0.1 -p $(PORT) --log-level warning

lint: $(READY) ## check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

test: lint ## lint, then run the tests (PYTEST_ARGS="-k name" runs some)
	@$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

coverage: $(READY) ## run the tests, and list the lines of the product that no test reached (PYTEST_ARGS=…)
	@$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder --cov --cov-report term-missing:skip-covered $(PYTEST_ARGS)

contract: ## test the newest release of Dagster against what we expect of it, in a scratch environment (about 3 minutes)
	@$(require-python)
	@scratch=$$(mktemp -d); trap 'rm -rf "$$scratch"' EXIT; \
	"$(PYTHON)" -m venv "$$scratch"; \
	"$$scratch/bin/python" -m pip install -qq --editable '.[dev]'; \
	"$$scratch/bin/python" -m pip install -qq --upgrade dagster dagster-aws dagster-postgres dagster-webserver dagster-graphql; \
	"$$scratch/bin/python" -m dagster --version; \
	"$$scratch/bin/python" -m pytest health_etl_tests/dagster_internals health_etl_tests/deploy/test_dagster_yaml.py

load-test: $(READY) ## load training files with two major versions of `datasets`, the earlier one in a scratch environment
	@scratch=$$(mktemp -d); trap 'rm -rf "$$scratch"' EXIT; \
	"$(PYTHON)" -m venv "$$scratch"; \
	"$$scratch/bin/python" -m pip install -qq datasets==3.6.0 polars duckdb; \
	$(BIN)/python -m pytest health_etl_tests/training/test_load.py; \
	TEST_HEALTH_ETL_DATASETS_PYTHON="$$scratch/bin/python" $(BIN)/python -m pytest health_etl_tests/training/test_load.py

fuzz: $(READY) ## try 50,000 mutants of files, keys, messages and names, and report what became of them (about 10 minutes)
	@TEST_HEALTH_ETL_FUZZ_MUTANTS=$${TEST_HEALTH_ETL_FUZZ_MUTANTS:-50000} $(BIN)/python -m pytest -n auto health_etl_tests/fuzz

races: $(READY) ## have two processes race for one lake 1,000 times, and overtake a writer at every moment (about 20 minutes)
	@TEST_HEALTH_ETL_RACES=$${TEST_HEALTH_ETL_RACES:-1000} $(BIN)/python -m pytest -n auto \
	health_etl_tests/end_to_end/test_two_writers.py health_etl_tests/services/test_s3_two_writers.py

soak: $(READY) ## try 1,000 examples of each property, then kill runs at 50 random moments (about 45 minutes)
	@TEST_HEALTH_ETL_HYPOTHESIS=thorough $(BIN)/python -m pytest -n auto -m hypothesis health_etl_tests
	@echo "Killing runs; the moments and what each had reached come at the end …"
	@TEST_HEALTH_ETL_KILLS=$${TEST_HEALTH_ETL_KILLS:-50} $(BIN)/python -m pytest -k random -rP --show-capture stdout \
	health_etl_tests/cli/test_cli_killed.py health_etl_tests/services/test_s3_killed.py

large: $(READY) ## tick over 100,000 uploads on S3, and print seconds and memory (about 5 minutes)
	@TEST_HEALTH_ETL_OBJECTS=$${TEST_HEALTH_ETL_OBJECTS:-100000} $(BIN)/python -m pytest -rP --show-capture stdout \
	health_etl_tests/services/test_large_bucket.py

bench: $(READY) ## measure what everything costs, and keep ratios, picture and docs/performance.md (BENCH_ARGS="--quick bulk")
	@$(BIN)/python -m benchmarks --save $(BENCH_ARGS)

automation: $(READY) ## kill the daemon ten times, and stop each server for a minute, during uploads (about 10 minutes)
	@TEST_HEALTH_ETL_DAEMON_KILLS=$${TEST_HEALTH_ETL_DAEMON_KILLS:-10} TEST_HEALTH_ETL_OUTAGE_SECONDS=$${TEST_HEALTH_ETL_OUTAGE_SECONDS:-60} \
	TEST_HEALTH_ETL_REQUIRE_SERVICES=1 $(BIN)/python -m pytest health_etl_tests/services/test_automation.py

docs: $(READY) ## regenerate the pages of docs/ that come from the code
	@$(BIN)/python docs/generate_data_dictionary.py
	@$(BIN)/python docs/generate_clinical_sources.py
	@$(BIN)/python docs/generate_training_format.py

services: ## start the throw-away S3 server of the services tests and print its settings
	@health_etl_tests/services/start-s3.sh

services-down: ## stop that server; what it held is gone
	@health_etl_tests/services/stop-s3.sh

stack: $(READY) ## start S3, PostgreSQL, RabbitMQ, code server, webserver and daemon on loopback (STACK_PORT=…)
	@$(WITH_ENV) $(abspath $(BIN))/python -m deploy.stack up --port $(STACK_PORT)

stack-status: $(READY) ## show which services of the stack are not up
	@$(BIN)/python -m deploy.stack status --port $(STACK_PORT)

stack-down: $(READY) ## stop the stack; what it held is gone
	@$(BIN)/python -m deploy.stack down --port $(STACK_PORT)

lock: ## rewrite constraints.txt: the newest versions that setup.py allows
	@$(require-python)
	@scratch=$$(mktemp -d); trap 'rm -rf "$$scratch"' EXIT; \
	uv=$$(command -v uv) || { \
	  "$(PYTHON)" -m venv "$$scratch/venv"; \
	  "$$scratch/venv/bin/python" -m pip install --quiet uv; \
	  uv="$$scratch/venv/bin/uv"; \
	}; \
	{ echo '# Every version, transitive included. Written by `make lock`; do not edit.'; \
	  "$$uv" pip compile setup.py --extra dev --universal --no-header --no-annotate; } > "$$scratch/constraints.txt"; \
	cp "$$scratch/constraints.txt" constraints.txt

clean: ## remove the virtual environment and caches; the lake and the runs stay
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis build ./*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "Kept: data/lake and data/dagster_home. Remove them by hand to start from nothing."

# uv where there is one, else pip fetches it; pip itself where uv cannot be had or cannot find a package. Whichever
# installs them, the versions are those of constraints.txt.
$(READY): setup.py constraints.txt
	@$(require-python)
	@echo "Setting up $(VENV) with $(PYTHON): $$(grep -c == constraints.txt) packages …"
	@"$(PYTHON)" -m venv --clear $(VENV)
	@uv=$$(command -v uv) || { $(BIN)/python -m pip install --quiet uv && uv=$(BIN)/uv; } || uv=false; \
	"$$uv" pip install --compile-bytecode --python $(BIN)/python $(WANTED) || { \
	  echo "uv cannot install them here; pip does it, which takes about 2 minutes …"; \
	  $(BIN)/python -m pip install --progress-bar on $(WANTED); \
	}
	@touch $@
	@echo "Set up."

define require-python
test -n "$(PYTHON)" || { echo "health_etl needs Python 3.11, 3.12 or 3.13 with venv: install it (on Debian: apt install python3 python3-venv) or name one with make PYTHON=/path/to/python." >&2; exit 1; }
endef
