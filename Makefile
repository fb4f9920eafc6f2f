.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
MANAGE := $(BIN)/python manage.py

.PHONY: help
help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-17s %s\n", $$1, $$2}'

.PHONY: setup
setup: ## Make the environment in .venv from the hash-locked requirements (nothing to do when it is current)
	@$(PYTHON) requirements/install.py

.PHONY: run
run: setup ## Start Broadsheet with demo data: web server, worker, clock and inbox, until Ctrl-C
	@$(MANAGE) migrate --verbosity 0
	@$(MANAGE) seed_demo
	@$(MANAGE) run

.PHONY: demo
demo: setup ## Show the main job in the terminal, from a CSV file to a report, and check every number
	@$(MANAGE) migrate --verbosity 0
	@$(MANAGE) demo

.PHONY: test
test: setup ## Run the whole test suite, in parallel and in random order
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -q -n auto --maxprocesses 4 # compiled once, not in every process

.PHONY: check
check: setup ## Format, lint, types, arrows between rooms, migrations, templates, lock files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(MANAGE) makemigrations --check --dry-run
	git ls-files -z '*.html' | xargs -0 -r $(BIN)/djade --check
	@! grep -nE '://|^ *--(index|extra-index|find-links)' requirements/*.txt || { echo "A lock file names an index."; exit 1; }

.PHONY: bench-audience
bench-audience: setup ## Import, freeze and count a million people with ten million events, on PostgreSQL (some 20 minutes)
	@$(BIN)/python benchmarks/audience

.PHONY: bench-tracking
bench-tracking: setup ## Opens a second, ingest a second, and reports over ten million events, on PostgreSQL (some 10 minutes)
	@$(BIN)/python benchmarks/tracking

.PHONY: bench-splittests
bench-splittests: setup ## Decide 2,000 simulated split tests whose truth is known
	@$(BIN)/python benchmarks/splittests.py

.PHONY: openapi
openapi: ## Write the schema of the REST API into api/management/openapi.json
	$(BIN)/python manage.py spectacular --urlconf api.management.urls --validate --fail-on-warn --format openapi-json --file api/management/openapi.json

.PHONY: lock
lock: setup ## Lock the requirements anew after a change in pyproject.toml (UPGRADE=1 takes newer versions)
	$(BIN)/uv pip compile pyproject.toml --quiet --all-extras --universal --python-version 3.11 --generate-hashes \
		$(if $(UPGRADE),--upgrade) --custom-compile-command "make lock" --output-file requirements/run.txt
	$(BIN)/uv pip compile pyproject.toml --quiet --all-extras --group dev --universal --python-version 3.11 --generate-hashes \
		$(if $(UPGRADE),--upgrade) --custom-compile-command "make lock" --output-file requirements/dev.txt
