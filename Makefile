# Two commands for a newcomer: `make demo` and `make test`. Both do their own set-up and need
# only Python >= 3.11, pip and make.

PYTHON ?= python3
VENV ?= .venv
LEGACY ?= .venv-legacy
FOREIGN ?= .venv-foreign
SDKS ?= .venv-sdks
FUZZ ?= .venv-fuzz
BENCH ?= .venv-bench
BIN := $(VENV)/bin
PIP_QUIET := -q --disable-pip-version-check
PYTEST ?= pytest
PYTEST_ARGS ?=
# Clients of other projects leave sockets and loops to the garbage collector.
LEFT_OPEN := -W ignore::ResourceWarning -W ignore::pytest.PytestUnraisableExceptionWarning

.PHONY: demo test test-legacy test-foreign test-sdks fuzz lint types bench bench-peers dist clean

demo: $(VENV)/.demo
	@$(BIN)/python examples/demo/demo.py

test: $(VENV)/.test
	$(BIN)/python -m $(PYTEST) $(PYTEST_ARGS)

# The second environment: the SDKs that CrewAI and others still need.
test-legacy: $(LEGACY)/.test
	$(LEGACY)/bin/python -m $(PYTEST) -m legacy $(PYTEST_ARGS)

# The third environment: other projects' instrumentations, whose spans are decided about.
test-foreign: $(FOREIGN)/.test
	$(FOREIGN)/bin/python -m $(PYTEST) -m foreign tests/foreign $(PYTEST_ARGS)

# The fourth environment: many SDKs, each through the guard.
test-sdks: $(SDKS)/.test
	$(SDKS)/bin/python -m $(PYTEST) -m sdks $(LEFT_OPEN) tests/sdks $(PYTEST_ARGS)

# Bytes that a fuzzer makes up. Needs a Python that atheris has a wheel for.
fuzz: $(FUZZ)/.test
	$(FUZZ)/bin/python -m pytest --noconftest tests/fuzz $(PYTEST_ARGS)

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/.lint
	$(BIN)/mypy

# All that docs/benchmarks.md shows: ours, then every library beside it, then the page.
bench: $(VENV)/.bench bench-peers
	$(BIN)/python benchmarks/run.py --json benchmarks/results/latest.json
	$(BIN)/python benchmarks/peers.py --environments $(BENCH)
	$(BIN)/python benchmarks/page.py

# One environment for each of them.
bench-peers: $(patsubst benchmarks/peers/%.txt,$(BENCH)/%/.peer,$(wildcard benchmarks/peers/*.txt))

# Build the distribution and prove it in an environment that has nothing else.
dist: $(VENV)/.lint
	rm -rf dist
	$(BIN)/python -m build -q --outdir dist .
	$(PYTHON) -m venv --clear .venv-dist
	.venv-dist/bin/python -m pip install $(PIP_QUIET) -c constraints.txt dist/*.whl
	cd .venv-dist && bin/wflo --version && bin/python -c "import wflo_otel; print(*wflo_otel.__all__)"

clean:
	rm -rf $(VENV) $(LEGACY) $(FOREIGN) $(SDKS) $(FUZZ) $(BENCH) .venv-dist dist .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache

$(VENV)/.pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "wflo_otel needs Python >= 3.11; set PYTHON=")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install $(PIP_QUIET) -U "pip>=25.1"
	@touch $@

$(VENV)/.demo: $(VENV)/.pip pyproject.toml constraints.txt
	$(BIN)/python -m pip install $(PIP_QUIET) -c constraints.txt -e . --group demo
	@touch $@

$(VENV)/.test: $(VENV)/.pip pyproject.toml constraints.txt
	$(BIN)/python -m pip install $(PIP_QUIET) -c constraints.txt -e . --group test
	@touch $@

$(VENV)/.bench: $(VENV)/.test
	$(BIN)/python -m pip install $(PIP_QUIET) -c constraints.txt --group bench
	@touch $@

$(VENV)/.lint: $(VENV)/.test
	$(BIN)/python -m pip install $(PIP_QUIET) -c constraints.txt --group lint
	@touch $@

$(LEGACY)/.test: pyproject.toml constraints-legacy.txt
	$(PYTHON) -m venv $(LEGACY)
	$(LEGACY)/bin/python -m pip install $(PIP_QUIET) -U "pip>=25.1"
	$(LEGACY)/bin/python -m pip install $(PIP_QUIET) -c constraints-legacy.txt -e . --group legacy
	@touch $@

$(FOREIGN)/.test: pyproject.toml constraints-foreign.txt
	$(PYTHON) -m venv $(FOREIGN)
	$(FOREIGN)/bin/python -m pip install $(PIP_QUIET) -U "pip>=25.1"
	$(FOREIGN)/bin/python -m pip install $(PIP_QUIET) -c constraints-foreign.txt -e . --group foreign
	@touch $@

$(SDKS)/.test: pyproject.toml constraints-sdks.txt
	$(PYTHON) -m venv $(SDKS)
	$(SDKS)/bin/python -m pip install $(PIP_QUIET) -U "pip>=25.1"
	$(SDKS)/bin/python -m pip install $(PIP_QUIET) -c constraints-sdks.txt -e . --group sdks
	@touch $@

$(FUZZ)/.test: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(FUZZ)
	$(FUZZ)/bin/python -m pip install $(PIP_QUIET) -U "pip>=25.1"
	$(FUZZ)/bin/python -m pip install $(PIP_QUIET) -c constraints.txt -e . --group fuzz
	@touch $@

$(BENCH)/%/.peer: benchmarks/peers/%.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install $(PIP_QUIET) -U "pip>=25.1"
	$(@D)/bin/python -m pip install $(PIP_QUIET) -r $<
	@touch $@
