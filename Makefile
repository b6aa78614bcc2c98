# Needs python >= 3.11 with pip, make and git; everything else is installed here, into .venv (and .tools, for uv).
# Another Python: make PYTHON=python3.12 try

PYTHON     ?= python3
UV_VERSION := 0.13.9
BIN        := .venv/bin
UV         := .tools/bin/uv
UV_STAMP   := .tools/uv-$(UV_VERSION)

.DEFAULT_GOAL := help
.PHONY: help try test run lint format lock bench fuzz audit examples docs peers clean

help:  ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## */\1\t/p' $(MAKEFILE_LIST) | expand -t 12

try: .venv/run-time  ## set up, and print the card of one example
	@$(BIN)/osteohooks try mirels

test: lint  ## set up, check style, types and imports, and run the tests
	$(BIN)/pytest -n auto --dist loadgroup $(ARGS)

run: .venv/run-time  ## serve on http://127.0.0.1:8000
	$(BIN)/osteohooks serve $(ARGS)

lint: .venv/dev  ## style, types and the import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: .venv/dev  ## put the style right
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/dev  ## measure, as ratios within one run
	$(BIN)/python -m benchmarks $(ARGS)

fuzz: .venv/dev  ## ten minutes of odd inputs, new ones every time
	$(BIN)/python -m tools.fuzz $(ARGS)

audit: .venv/dev  ## known vulnerabilities of what the service runs with
	$(BIN)/python -m tools.audit

examples: .venv/dev  ## record the cards of examples/*/request.json again
	$(BIN)/python -m tests.record_examples

docs: .venv/dev  ## print the catalogue and the references from the code again
	$(BIN)/python -m tools.docs

peers:  ## bring the FHIR server and the client of the interoperability tests (JDK, Maven, Node.js; about 280 MB)
	peers/install

clean:  ## remove what make made
	rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	rm -rf peers/hapi/target peers/medplum/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- Locks: hashes say what is installed; where it comes from is the installer's own setting, so no address is kept.
COMPILE = $(UV) pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
          --no-emit-index-url --no-annotate --custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade)

lock: $(UV_STAMP)  ## resolve pyproject.toml into the lock files (UPGRADE=1 takes the newest versions)
	$(COMPILE) --output-file requirements.lock
	$(COMPILE) --extra postgres --group dev --constraint requirements.lock --output-file requirements-dev.lock
	@! grep -nE '://|^-|file:|[@] ' requirements.lock requirements-dev.lock || { echo 'A lock names an address.' >&2; exit 1; }

# --- Set-up. Empty stamp files say what is installed; a changed lock or pyproject.toml installs again.
# $(call install,LOCK): uv does in seconds what takes pip half a minute; where uv is not to be had, pip does the same.
define install
@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r $(1) 2>.venv/uv.log && \
 $(UV) pip install --quiet --python $(BIN)/python --no-deps -e . 2>>.venv/uv.log || { \
 echo 'uv could not install (.venv/uv.log says why); pip does, which takes longer.' && \
 $(PYTHON) -m pip --python $(BIN)/python install --quiet --require-hashes -r $(1) && \
 $(PYTHON) -m pip --python $(BIN)/python install --quiet --no-deps -e . ; }
endef

.venv/run-time: requirements.lock pyproject.toml | .venv/bin/python $(UV_STAMP)
	@echo 'Installing into .venv ...'
	$(call install,requirements.lock)
	@touch $@

# The development lock holds the run-time lock, version for version, so one install does for both.
.venv/dev: requirements-dev.lock requirements.lock pyproject.toml | .venv/bin/python $(UV_STAMP)
	@echo 'Installing into .venv, with what the tests need ...'
	$(call install,requirements-dev.lock)
	@touch .venv/run-time $@

# --without-pip: Debian ships Python without ensurepip, and the pip outside can install into a venv just as well.
.venv/bin/python:
	$(if $(shell $(PYTHON) -c 'import sys; print(sys.version_info >= (3, 11) or "")' 2>&1 | grep -x True),,$(error \
	OsteoHooks needs Python 3.11 or newer, and '$(PYTHON)' is $(or $(shell $(PYTHON) --version 2>/dev/null),not there). \
	Name another: make PYTHON=python3.12 $(MAKECMDGOALS)))
	@$(PYTHON) -m venv --clear --without-pip .venv

$(UV_STAMP): | .venv/bin/python
	@$(PYTHON) -m venv --clear --without-pip .tools
	@$(PYTHON) -m pip --python .tools/bin/python install --quiet --disable-pip-version-check uv==$(UV_VERSION) || \
	 echo 'uv $(UV_VERSION) could not be installed; pip does its work, which takes longer.'
	@touch $@
