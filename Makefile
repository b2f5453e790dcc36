# Each target is the same here and in CI. The program ends up at .venv/bin/armslength.
PYTHON ?= python3
BIN := .venv/bin
# Targets start hundreds of processes. Each module is compiled for the first of them, whatever the shell says of it, and
# nothing is written beside the sources.
export PYTHONDONTWRITEBYTECODE :=
export PYTHONPYCACHEPREFIX := $(CURDIR)/.venv/pycache

.PHONY: help install demo test browser-test check fix docs mutants tck bench lock clean

help:                           ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## */  \1\t/' | expand -t 16

install: .venv/.installed       ## the program, as .venv/bin/armslength

demo: .venv/.installed          ## run the July 2016 arrangement between separate processes; results in out/july-2016/
	$(BIN)/python examples/july-2016/demo.py

test: .venv/.installed-dev      ## everything that must hold
	$(BIN)/python -m pytest -q -n auto --dist worksteal

browser-test: .venv/.installed-dev  ## the tests in a real browser alone; Chromium is installed if it can be
	timeout 420 .ci/services
	$(BIN)/python -m pytest -q tests/browser

check: .venv/.installed-dev     ## lint, types, layers, budgets, generated docs
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_layers.py tests/test_edges.py tests/test_tidy.py tests/test_docs.py tests/test_rules.py tests/test_habits.py

fix: .venv/.installed-dev       ## format, sort imports, and mend what the linter can mend without risk
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: .venv/.installed-docs     ## the documents as a site, in out/site; a link that leads nowhere is an error
	$(BIN)/python docs/build_site.py

mutants: .venv/.installed-dev   ## small changes to the core, a random sample of 300: which of them no test notices
	$(BIN)/python -m tests.mutation

tck: .venv/.installed-dev       ## the Dataspace Protocol's test kit, test by test, as docs/conformance.md says
	$(BIN)/python -m tests.conformance

bench: .venv/.installed-dev     ## one JSON line per figure, with its peer and ratio
	$(BIN)/python -m bench

.venv/.installed: requirements.lock pyproject.toml .ci/install
	PYTHON=$(PYTHON) .ci/install requirements.lock
	touch $@

.venv/.installed-dev: .venv/.installed requirements-dev.lock
	PYTHON=$(PYTHON) .ci/install requirements-dev.lock
	touch $@

.venv/.installed-docs: .venv/.installed requirements-docs.lock
	PYTHON=$(PYTHON) .ci/install requirements-docs.lock
	touch $@

lock:                           ## rewrite the lock files (needs uv)
	uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --no-annotate -o requirements.lock pyproject.toml --extra build
	uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --no-annotate -o requirements-dev.lock pyproject.toml --extra build --extra dev
	uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --no-annotate -o requirements-docs.lock pyproject.toml --extra build --extra docs -c requirements-dev.lock
	echo uv | uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --no-annotate -o .ci/installer.lock -

clean:                          ## remove .venv and out
	rm -rf .venv out
