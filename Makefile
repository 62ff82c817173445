# The commands of this house; `make` alone lists them.

PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$python; break; }; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
RUN_TESTS := env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest  # what one process compiled, others need not
ON_ALL_CORES := -n auto --dist loadfile  # for tests that share nothing; those that watch the clock run one by one
# A quarter of their time most tests wait for a socket or a clock: one process more than there are cores uses that.
AND_ONE_MORE = --dist loadfile -n $(shell $(PYTHON) -c 'import os; \
	print(len(getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0)) + 1)')

# From quick to slow, so that the first mistake is seen soon; a room that is not listed comes before the slow ones.
# WHOLE start whole installations beside one another, and so do FIRE, which kill parts of them. ALONE watch the clock.
QUICK := $(wildcard tests/architecture tests/unit tests/providers tests/rendering)
WHOLE := $(wildcard tests/house tests/sdk tests/browser)
ALONE := $(wildcard tests/faults/test_stop.py tests/faults/test_promptness.py)
FIRE := $(filter-out $(ALONE),$(wildcard tests/faults/test_*.py)) $(wildcard tests/scale)
STORMS := tests/faults/results/storms.md
WITHOUT_TESTS := tests/bench tests/contrast tests/node_modules tests/__pycache__
MIDDLE := $(filter-out $(QUICK) $(WHOLE) tests/faults tests/scale $(WITHOUT_TESTS),$(patsubst %/,%,$(sort $(wildcard tests/*/))))

.DEFAULT_GOAL := help
.PHONY: help run install test check fix unit faults contrast browser screens bench vendor lock ci needs

help: ## List the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | while IFS="$$(printf '\t')" read -r name text; do \
		printf '  make %-9s %s\n' "$$name" "$$text"; done

run: install ## Install what is needed and start Carillon
	@$(BIN)/carillon up

install: .venv/.installed ## Make .venv with the locked dependencies
	@:

test: needs ## Install what the tests need, then run every check and every test
	@$(MAKE) --no-print-directory check-only
	@$(RUN_TESTS) $(AND_ONE_MORE) $(QUICK) $(MIDDLE)
	@$(RUN_TESTS) $(AND_ONE_MORE) --database postgresql tests/services
	@$(RUN_TESTS) $(AND_ONE_MORE) $(WHOLE)
	@$(RUN_TESTS) $(ON_ALL_CORES) $(FIRE)
	@$(RUN_TESTS) $(ALONE)

check: .venv/.tested check-only ## Run the linters, the type checker, the import contracts and the house rules
	@$(RUN_TESTS) tests/architecture

fix: .venv/.tested ## Format the code and mend what can be mended
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

unit: .venv/.tested ## Run the quick tests
	@$(RUN_TESTS) $(ON_ALL_CORES) $(QUICK)

# The full set: each seed sends to 50,000 people on SQLite and on PostgreSQL; `make test` runs one short seed on each.
faults: needs ## Kill every part at random moments and see that nothing is lost (two hours)
	@CARILLON_MODEL_EXAMPLES=$${CARILLON_MODEL_EXAMPLES:-1000} $(RUN_TESTS) tests/engine/test_model.py
	@rm -f $(STORMS)
	@CARILLON_FAULT_SEEDS=$${CARILLON_FAULT_SEEDS:-$$(seq -s, 1 20)} CARILLON_FAULT_PEOPLE=$${CARILLON_FAULT_PEOPLE:-50000} \
		CARILLON_FAULT_HANG=$${CARILLON_FAULT_HANG:-20} CARILLON_FAULT_REPORT=$(STORMS) \
		$(RUN_TESTS) $(wildcard tests/house tests/faults); result=$$?; cat $(STORMS); exit $$result

contrast: needs ## Let the same storms come over django-post_office and Celery, and count (an hour)
	@$(BIN)/python -m tests.contrast

browser: needs ## Run the tests that drive a browser
	@$(RUN_TESTS) $(wildcard tests/browser)

screens: needs ## Photograph every page in every state into docs/screens (PAGES=regex: only some)
	@$(BIN)/python -m tests.browser.screens "$(PAGES)"

bench: needs ## Measure how fast it is against yardsticks
	@$(BIN)/python -m tests.bench

vendor: .venv/.tested ## Fetch the pinned third-party files of the dashboard anew
	@$(BIN)/python -m tests.vendoring

lock: .venv/.tested ## Choose the newest fitting dependencies and write the lock files
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --extra test -c requirements.lock pyproject.toml -o requirements-test.lock

ci: ## Do what the build server does
	@.ci/run

needs: .venv/.tested
	@$(BIN)/python -m tests.needs

.PHONY: check-only
check-only:
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

.venv/.installed: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Carillon needs Python 3.11 or newer, and there is none on the path." \
		"Install one, or say where it is: make $(MAKECMDGOALS) PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Carillon needs Python 3.11 or newer;" \
		"$(PYTHON) is $$($(PYTHON) --version). Say where a newer one is: make $(MAKECMDGOALS) PYTHON=/path/to/python3"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { rm -rf .venv; echo "Python cannot make a virtual environment;" \
		"on Debian install it first: apt-get install python3-venv"; exit 1; }
	@echo "Installing the dependencies"
	@$(PIP) install --quiet --require-hashes -r requirements.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --no-index --config-settings editable_mode=compat -e .
	@$(BIN)/python -m compileall -q app
	@touch $@

.venv/.tested: .venv/.installed requirements-test.lock
	@echo "Installing what the tests need"
	@$(PIP) install --quiet --require-hashes -r requirements-test.lock
	@touch $@
