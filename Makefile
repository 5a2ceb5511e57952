# Every target that people call has a ## comment; `make help` prints them.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SDK3 := .venv-sdk3
SITE := .venv-docs
CODE := contract processing training inference images examples benchmarks robustness tools tests

# What runs inside the images, in one environment: the demo and the tests use the same. Locked by `make lock`.
RUNTIME := examples/demo/requirements.lock
# Every library is in the lock, with the digests of its files; --use-pep517 builds those that come as source.
INSTALL := -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps

# The demo on other made-up data: make demo TASK=multilabel, regression or pairs
TASK ?=
# The demo on your own data: make demo DATA=file.tsv.gz TEXT=review_body LABEL=star_rating MODEL=folder
DATA ?=
TEXT ?= review_body
LABEL ?= star_rating
THRESHOLD ?= 4
MODEL ?=
ROWS ?= 4000
MAX_LENGTH ?= 128
EPOCHS ?=

# Where pytest looks, and what else to tell it: make unit TESTS=tests/unit/training PYTEST=-x
TESTS ?=
PYTEST ?=
# Unit tests run one process a core. The others start processes and containers of their own that use all cores.
PARALLEL := -n auto
# make gpu-check GPU='--small --output .build/gpu'
GPU ?=
# make lock UPGRADE=--upgrade
UPGRADE ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-next unit coverage lint audit gpu-kit gpu-check gpu-bench lock format tree contract docs pictures images clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | expand -t 10

setup: $(VENV)/.runtime ## Make .venv with what the demo needs

$(VENV)/.runtime: $(RUNTIME) images/standin/libraries-training.txt examples/demo/setup.sh
	PYTHON=$(PYTHON) examples/demo/setup.sh $(VENV) $(RUNTIME) images/standin/libraries-training.txt
	@touch $@

$(VENV)/.tests: $(VENV)/.runtime tests/requirements.lock
	$(BIN)/python $(INSTALL) --use-pep517 -r tests/requirements.lock
	@touch $@

# SDK v3 and v2 are both `sagemaker`: the tests run v3 from an environment of its own.
$(SDK3)/.ready: tests/requirements-sdk3.lock
	$(PYTHON) -m venv $(SDK3)
	$(SDK3)/bin/python $(INSTALL) --no-compile -r $<
	@touch $@

demo: $(VENV)/.runtime ## Process, train, serve and ask, on made-up reviews, TASK= or DATA= (see the Makefile)
	@$(BIN)/python -m examples.demo $(if $(TASK),--task $(TASK)) $(if $(DATA),--data '$(DATA)' --text '$(TEXT)' --label '$(LABEL)' --threshold $(THRESHOLD)) \
	  $(if $(MODEL),--model '$(MODEL)') --rows $(ROWS) --max-length $(MAX_LENGTH) $(if $(EPOCHS),--epochs $(EPOCHS))

test: unit ## Run every test: unit, integration, and containers where a Docker engine answers
	$(BIN)/python -m pytest tests/integration tests/containers $(PYTEST)

unit: $(VENV)/.tests ## Run the unit tests alone, or those under TESTS= (a few minutes)
	$(BIN)/python -m pytest $(or $(TESTS),tests/unit) $(PARALLEL) $(PYTEST)

test-next: $(VENV)/.tests ## Run the tests marked both_bases on images of the next generation of base images
	IMAGE_BASE=standin-next $(BIN)/python -m pytest tests/containers -m both_bases $(PYTEST)

coverage: COVERAGE := --cov --cov-append --cov-report= --cov-fail-under=0
coverage: $(VENV)/.tests ## Run every test as `make test` does, and report branch coverage
	$(BIN)/coverage erase
	$(MAKE) test PYTEST='$(PYTEST) $(COVERAGE)'
	@for package in contract processing training inference; do printf '%-11s %s %%\n' $$package \
	  "$$($(BIN)/coverage report --include="$$package/*" --format=total --fail-under=0)"; done
	$(BIN)/coverage report

lint: $(VENV)/.tests ## Check style, types, imports, shell scripts and Dockerfiles
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/shellcheck build.sh .ci/run $(shell git ls-files '*.sh')
	$(BIN)/hadolint images/Dockerfile images/standin/Dockerfile

audit: $(VENV)/.tests ## Look for known vulnerabilities in the pinned libraries and all that they need; needs the network
	$(BIN)/pip-audit --progress-spinner off

gpu-kit: $(VENV)/.tests ## Build into .gpu-kit what a bare GPU machine lacks, with the model in MODEL= and the reviews in DATA=
	$(BIN)/python -m tools.gpu_kit --model '$(MODEL)' --data '$(DATA)'

gpu-check: ## Check what needs a GPU, on a machine with one (4 minutes); GPU=--small does it on a CPU
	tools/gpu.sh robustness.gpu_check $(GPU)

gpu-bench: ## Measure training and serving on a machine with a GPU (5 minutes); GPU=--small does it on a CPU
	tools/gpu.sh benchmarks.gpu_bench $(GPU)

lock: $(VENV)/.tests ## Write the lock files after a change of a requirements file; UPGRADE=--upgrade takes newer versions
	$(BIN)/python -m tools.lock $(UPGRADE)

format: $(VENV)/.tests ## Rewrite the code in the one style
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

tree: $(VENV)/.tests ## Write the tree of docs/architecture.md from what the files say of themselves
	$(BIN)/python -m tools.tree

contract: $(VENV)/.tests ## Write the tables of docs/contract.md from the code
	$(BIN)/python -m tools.tables

# An environment of its own: the site's tools have nothing to do with what runs in the images.
$(SITE)/.ready: docs/requirements.lock
	$(PYTHON) -m venv $(SITE)
	$(SITE)/bin/python $(INSTALL) -r $<
	@touch $@

docs: $(SITE)/.ready ## Build the documentation as a site in .build/site; a dead link is an error
	NO_MKDOCS_2_WARNING=1 $(SITE)/bin/mkdocs build --strict

pictures: $(VENV)/.tests ## Take the screenshots of docs/images from what `make demo` left; needs a Chromium browser
	$(BIN)/python -m tools.screenshots

images: ## Build the images on the CPU stand-in: no account, needs a Docker engine
	./build.sh --base standin

clean: ## Remove what setup, demo and builds made
	rm -rf $(VENV) $(SDK3) $(SITE) .demo .build .gpu-kit .gpu-venv job
