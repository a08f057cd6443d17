# The two commands: `make run` and `make test`. Only Python 3.11 or newer with venv and pip, and make, are needed.
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
RUN_READY := $(VENV)/.run-ready
TEST_READY := $(VENV)/.test-ready
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps

export CREDITBANK_BASE_URL ?= http://$(if $(filter 0.0.0.0,$(HOST)),127.0.0.1,$(HOST)):$(PORT)

.PHONY: run test test-distributed test-pgbouncer test-redis test-runbook test-oidc test-log test-credentials check bench drills import-drill event-drill openapi client lock format clean

run: $(RUN_READY)
	@$(BIN)/creditbank migrate
	@$(BIN)/creditbank demo
	@exec $(BIN)/creditbank serve --host $(HOST) --port $(PORT)

test: $(TEST_READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal

# PostgreSQL's half of the tests as on a distributed engine: every statement is judged by what Citus refuses. A test that
# tampers with the books by its own SQL is left out: its statements are none of the bank's.
test-distributed: $(TEST_READY)
	CREDITBANK_TEST_SPREAD=1 $(BIN)/python -m pytest -n 2 tests/api tests/services tests/drills -k "postgresql and not tampering"

# PostgreSQL's half of the tests through PgBouncer in transaction mode, which has to be installed for this alone.
test-pgbouncer: $(TEST_READY)
	@PATH="$$PATH:/usr/sbin" command -v pgbouncer > /dev/null || \
	    { echo "PgBouncer is missing. On Debian and Ubuntu: apt-get install pgbouncer" >&2; exit 1; }
	CREDITBANK_TEST_POOLER=1 $(BIN)/python -m pytest -n 2 tests/api tests/services tests/drills -k postgresql

# The logins against the certified OpenID provider of npm; Node 20 or newer is needed for this alone.
test-oidc: $(TEST_READY)
	@if command -v npm > /dev/null; then npm ci --prefix tests/oidc --ignore-scripts --no-audit --no-fund --silent; fi
	CREDITBANK_TEST_OIDC=certified $(BIN)/python -m pytest tests/api/test_logins.py

# Checkpoints and proofs of the log, checked by an implementation of others from npm; Node 20 or newer is needed for this.
test-log: $(TEST_READY)
	@if command -v npm > /dev/null; then npm ci --prefix tests/log --ignore-scripts --no-audit --no-fund --silent; fi
	CREDITBANK_TEST_LOG=others $(BIN)/python -m pytest tests/api/test_log_by_others.py

# Credentials, their proofs and their status lists, checked by implementations of others from npm; Node 20 or newer.
test-credentials: $(TEST_READY)
	@if command -v npm > /dev/null; then npm ci --prefix tests/credentials --ignore-scripts --no-audit --no-fund --silent; fi
	CREDITBANK_TEST_CREDENTIALS=others $(BIN)/python -m pytest tests/api/test_credentials_by_others.py tests/api/test_presentations_by_others.py

# Limits of several processes together, by a real Redis, which has to be installed for this alone.
test-redis: $(TEST_READY)
	@command -v redis-server > /dev/null || \
	    { echo "Redis is missing. On Debian and Ubuntu: apt-get install redis-server" >&2; exit 1; }
	CREDITBANK_TEST_REDIS=server $(BIN)/python -m pytest tests/redis

# The runbook by hand: an upgrade under load from the version before the newest migration, and a restore on an empty host.
test-runbook: $(TEST_READY)
	CREDITBANK_TEST_RUNBOOK=by-hand $(BIN)/python -m pytest tests/runbook

check: $(TEST_READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(TEST_READY)
	$(BIN)/python -m tools.bench

# An hour on two cores; DRILLS="--operations 20000 --faults 100" for less, "--sum" for the table of all rounds that are kept.
drills: $(TEST_READY)
	$(BIN)/python -m tests.drills $(DRILLS)
	CREDITBANK_DRILLS=long $(BIN)/python -m pytest tests/drills/test_faults.py tests/drills/test_defects.py \
	    tests/drills/test_canaries.py tests/drills/test_rotation.py tests/core/test_conversion_best.py
	DRILL_TAMPERINGS=1000 $(BIN)/python -m pytest tests/verifier/test_tampering.py -k sqlite

# A million rows of CSV and a hundred thousand of XLSX, in peace and with workers killed at random; IMPORT_ROWS=100000 for less.
import-drill: $(TEST_READY)
	$(BIN)/python -m tests.drills.importing

# 10,000 events go out on each engine while their workers are killed; some minutes.
event-drill: $(TEST_READY)
	CREDITBANK_EVENT_DRILL=1 $(BIN)/python -m pytest tests/drills/test_event_drill.py

openapi: $(RUN_READY)
	$(BIN)/creditbank openapi > api_docs/openapi.json.new
	mv api_docs/openapi.json.new api_docs/openapi.json
	$(BIN)/creditbank ruleset schema > api_docs/ruleset.schema.json.new
	mv api_docs/ruleset.schema.json.new api_docs/ruleset.schema.json

# A typed Python client for partners, made of the API document; pip install build/creditbank-client.
client: $(TEST_READY)
	$(BIN)/python -m openapi_python_client generate --overwrite --meta setup --path api_docs/openapi.json \
	    --config api_docs/client.yaml --output-path build/creditbank-client

lock: $(TEST_READY)
	$(BIN)/python -m uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	    pyproject.toml --group build -o requirements.txt
	$(BIN)/python -m uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	    pyproject.toml --group build --group dev -o requirements-dev.txt

format: $(TEST_READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) var

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "creditbank needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)

$(RUN_READY): requirements.txt pyproject.toml | $(BIN)/python
	@echo "Installing what is needed; this takes a minute once."
	@$(PIP) --require-hashes -r requirements.txt
	@$(PIP) --no-build-isolation --editable .
	@touch $@

$(TEST_READY): requirements-dev.txt $(RUN_READY)
	@$(PIP) --require-hashes -r requirements-dev.txt
	@touch $@
