# make train   MNIST to a trained network, its figures and its report
# make test    the whole test suite
# make quick   the tests that take a moment
# make tour    notebooks/tour.ipynb, run top to bottom; make article, notebooks/article.ipynb
PYTHON ?= python3
BIN := .venv/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
WASM := $(and $(shell command -v clang),$(shell command -v wasm-ld),$(wildcard /usr/include/wasm32-wasi))
NEEDED := clang, lld and wasi-libc; on Debian: apt install clang lld libclang-rt-dev-wasm32 wasi-libc

# The tests start many processes: where nothing is kept compiled, each of them compiles tenfold and
# Keras anew, which takes a second of it.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: train test quick tour article docs demo engines browser javascript lint format types slow wheel dist soak benchmark constraints clean

train: .venv/train.stamp
	$(BIN)/tenfold train

# Two files at a time, the longest first: much of the time a test waits for a process or a disk.
# COVERAGE=1 measures which lines run in the test processes and takes a sixth longer.
PYTEST = $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder
test: .venv/dev.stamp
	$(PYTEST) $(if $(COVERAGE),--cov --cov-report=term:skip-covered)

quick: .venv/dev.stamp
	$(PYTEST) -m "not (long or slow or gpu or engines or browser)"

# A notebook from the data to a picture of your own; minutes.
tour: .venv/dev.stamp
	$(BIN)/python notebooks/run.py tour

# The article in plain Keras, as a notebook; about five minutes of two free cores.
article: .venv/dev.stamp
	$(BIN)/python notebooks/run.py article

# The documentation site, in build/site; a warning is an error. Without a compiler for WebAssembly
# it has no page that reads a digit.
docs: .venv/dev.stamp $(if $(WASM),demo)
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --fresh-env --quiet docs build/site
	@echo "build/site/index.html; to read digits on it: $(PYTHON) -m http.server --directory build/site"
ifeq ($(WASM),)
	@echo "Left out: the sheet to draw on. It needs $(NEEDED)"
endif

# The reader of one digit in WebAssembly, for browsers and Node (javascript/README.md).
javascript: javascript/reader.wasm
javascript/reader.wasm: javascript/reader.c src/tenfold/weights/tiny/tiny.h
ifeq ($(WASM),)
	@echo "The reader for browsers needs $(NEEDED)" >&2; exit 1
endif
	clang --target=wasm32-wasi -O3 -nostartfiles -Wl,--no-entry -Wl,--strip-all -o $@ $<

# The sheet that reads a digit without a server, in build/site/demo (docs/demo/).
demo: javascript
	mkdir -p build/site/demo
	cp $(DEMO) build/site/demo/
DEMO := $(wildcard docs/demo/*) javascript/index.js javascript/canvas.js javascript/reader.wasm \
	src/tenfold/weights/tiny/tiny.h $(addprefix src/tenfold/serving/page/,answer.js base.css cell.js \
	icon.svg layers.js network.js page.css painting.js panel.css sheet.js softmax.js switches.js)

# PostgreSQL and Ray, started by the tests.
engines: .venv/dev.stamp
	$(BIN)/python -m pytest -m engines

# Chromium, driven by Playwright.
browser: .venv/dev.stamp
	$(BIN)/python -m pytest -m browser

# Half an hour of load on `tenfold serve`; MINUTES=3 is enough for a look.
soak: .venv/dev.stamp
	$(BIN)/python tests/soak.py --minutes $(or $(MINUTES),30)

slow: .venv/dev.stamp
	$(BIN)/python -m pytest -m slow

lint: .venv/dev.stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/codespell $(PROSE)
	$(BIN)/yamllint --strict .
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml
	$(BIN)/check-jsonschema --builtin-schema vendor.citation-file-format CITATION.cff
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
PROSE := src tests benchmarks tools docs dev deploy notebooks .ci .github Dockerfile compose.yaml $(wildcard *.md) Makefile pyproject.toml

# What is published: dist/*.tar.gz and dist/*.whl.
dist: .venv/dev.stamp
	rm -rf dist
	$(BIN)/python -m build --no-isolation

# The wheel alone in an empty environment: make wheel PYTHON=python3.13
WHEEL := build/wheel
wheel:
	rm -rf $(WHEEL)
	$(PYTHON) -m venv $(WHEEL)/env
	$(WHEEL)/env/$(notdir $(BIN))/python -m pip wheel --quiet --no-deps --wheel-dir $(WHEEL) .
	$(WHEEL)/env/$(notdir $(BIN))/python -m pip install --quiet $(WHEEL)/tenfold-*.whl
	$(WHEEL)/env/$(notdir $(BIN))/python tests/installed.py

format: .venv/dev.stamp
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: .venv/dev.stamp
	$(BIN)/mypy

# About forty minutes, most of them the article's.
benchmark: .venv/dev.stamp
	$(BIN)/python benchmarks/train_speed.py

constraints: .venv/dev.stamp
	$(BIN)/uv pip compile pyproject.toml --extra serve $(LOCK) -o constraints/serve.txt
	$(BIN)/uv pip compile pyproject.toml --extra train $(LOCK) -o constraints/train.txt
	$(BIN)/uv pip compile pyproject.toml --extra all --extra dev $(LOCK) -o constraints/dev.txt
LOCK := --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	--no-annotate --upgrade --quiet

clean:
	rm -rf .venv build dist javascript/reader.wasm .coverage .mypy_cache .pytest_cache .ruff_cache

# Exactly the packages, by hash, that the figures were measured with; then tenfold itself.
.venv/%.stamp: constraints/%.txt pyproject.toml | $(BIN)/python
	@echo "Installing $$(grep -c '==' $<) packages into .venv, once: some minutes, up to 4 GB"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "tenfold needs Python 3.11 or newer: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv .venv
