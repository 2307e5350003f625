# Everything starts here: `make help`.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev
INSTALLED_BENCH := $(VENV)/.installed-bench
DATA ?= ../shared/data
FIGURES ?= var/evaluation.json
HOST ?= 127.0.0.1
PORT ?= 8000

.DEFAULT_GOAL := help
.PHONY: help install demo run test test-tools lint lock messages train-compact train-sound calibrate-int8 \
  eval eval-texts eval-shots gate bench-clips bench-encode bench-growth bench-import bench-index \
  bench-life bench-speech bench-tune clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(INSTALLED): requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet -r requirements.txt
	@touch $@

$(INSTALLED_DEV): requirements-dev.txt $(INSTALLED)
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	@touch $@

# pip compiles hnswlib; without a compiler the other engines are still measured.
$(INSTALLED_BENCH): tools/requirements.txt $(INSTALLED)
	$(BIN)/python -m pip install --quiet -r tools/requirements.txt || \
	  grep -v '^hnswlib' tools/requirements.txt | $(BIN)/python -m pip install --quiet -r /dev/stdin
	@touch $@

install: $(INSTALLED) ## create the virtual environment in .venv

demo: $(INSTALLED) ## draw a sample shop, load it and serve it (HOST=, PORT=)
	$(BIN)/python manage.py demo --host $(HOST) --port $(PORT)

run: $(INSTALLED) ## serve the products already loaded: web and worker in one command
	$(BIN)/python manage.py serve --prepare --host $(HOST) --port $(PORT)

test: lint ## all checks, and the tests of the product
	$(BIN)/python -m pytest tests --ignore=tests/tools -n 2 --dist loadgroup

test-tools: $(INSTALLED_DEV) ## the tests of tools/: benchmarks, sample shop, training, encoder gate
	$(BIN)/python -m pytest tests/tools -n 2 --dist loadgroup

lint: $(INSTALLED_DEV) ## ruff, import-linter, deptry, mypy, Django checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/mypy
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py spectacular --validate --fail-on-warn --file /dev/null

lock: $(BIN)/python ## pin requirements*.in and all their dependencies
	$(BIN)/python -m pip install --quiet uv
	echo faiss-cpu==1.15.1 | $(BIN)/uv pip compile --quiet --no-header --python-version 3.11 --python-platform linux requirements.in - -o requirements.txt
	echo faiss-gpu-cuvs==1.15.1 | $(BIN)/uv pip compile --quiet --no-header --python-version 3.11 --python-platform linux requirements.in - -o requirements-gpu.txt
	$(BIN)/uv pip compile --quiet --no-header --python-version 3.11 --python-platform linux requirements-milvus.in -o requirements-milvus.txt
	$(BIN)/uv pip compile --quiet --no-header --python-version 3.11 --python-platform linux requirements-dev.in -o requirements-dev.txt
	$(BIN)/uv pip compile --quiet --no-header --python-version 3.11 --python-platform linux tools/requirements.in -o tools/requirements.txt

messages: $(INSTALLED_DEV) ## collect and compile translations of webapp/ and tools/ (needs gettext)
	$(BIN)/python manage.py makemessages --locale zh_Hans --no-location --no-obsolete --ignore '.venv/*' --ignore 'tests/*'
	$(BIN)/python manage.py compilemessages --locale zh_Hans --ignore '.venv/*'

DRAWN_SHOPS := $(foreach seed,101 102 103 104,var/drawings/$(seed)/catalog.jsonl)

var/drawings/%/catalog.jsonl: | $(INSTALLED)
	$(BIN)/python manage.py make_sample_shop --seed $* --no-clips --out $(@D)

train-compact: $(INSTALLED) $(DRAWN_SHOPS) ## retrain the heads of the bundled encoder (DATA=)
	$(BIN)/python -m tools.training.compact --data $(DATA) $(foreach file,$(DRAWN_SHOPS),--extra $(dir $(file)))

train-sound: $(INSTALLED_DEV) ## retrain the sound tower and its head, or compare recipes (DATA=, VALIDATE=1, CHECKPOINT=)
	$(BIN)/python -m tools.training.sound --data $(DATA) $(if $(VALIDATE),--validate) $(if $(CHECKPOINT),--checkpoint $(CHECKPOINT))

calibrate-int8: $(INSTALLED) ## measure the activation ranges that INT8 needs, on drawn products
	$(BIN)/python manage.py calibrate_int8

bench-encode: $(INSTALLED) ## speed and accuracy loss of the bundled encoder by precision, against plain torch (DATA=, JSON=--json)
	$(BIN)/python manage.py bench_encode $(if $(wildcard $(DATA)/eval),--data $(DATA)) $(JSON)

bench-tune: $(INSTALLED) ## tune on products that the encoder was not trained on, and roll back (DATA=, JSON=--json)
	$(BIN)/python manage.py bench_tune --data $(DATA) $(JSON)

bench-index: $(INSTALLED_BENCH) ## our index against raw FAISS and other engines (QUICK=1, ENGINES="NAME ...", JSON=--json)
	$(BIN)/python manage.py bench_index $(if $(QUICK),--rows 200000) $(if $(ENGINES),--engines $(ENGINES)) $(JSON)

bench-life: $(INSTALLED) ## soak test: ten minutes of mixed load, checked by an exact oracle (QUICK=1, JSON=--json)
	$(BIN)/python manage.py bench_life $(if $(QUICK),--minutes 1 --rows 10000) $(JSON)

bench-growth: $(INSTALLED) ## 10k, 100k and 1M vectors, killed builders, damaged files (QUICK=1, JSON=--json)
	$(BIN)/python manage.py bench_growth $(if $(QUICK),--sizes 10000 100000 --killed-size 30000) $(JSON)

bench-speech: $(INSTALLED) ## word error rate and latency of spoken queries; needs espeak-ng (DATA=, JSON=--json)
	$(BIN)/python manage.py bench_speech $(if $(wildcard $(DATA)/fsdd),--data $(DATA)) $(JSON)

bench-import: $(INSTALLED) ## import 5,000 real rows, against the bare encoder (DATA=, JSON=--json)
	$(BIN)/python manage.py bench_import $(DATA)/myntra/items.jsonl $(JSON)

bench-clips: $(INSTALLED) ## encoding speed of video and audio in times real time, and peak memory (CLIP=, JSON=--json)
	$(BIN)/python manage.py bench_clips $(if $(CLIP),--clip $(CLIP)) $(JSON)

eval-shots: $(INSTALLED_BENCH) ## shot detection on films joined from real clips, against PySceneDetect (DATA=)
	$(BIN)/python -m tools.evaluation.shot_eval --data $(DATA)

eval: $(INSTALLED_DEV) ## evaluate on DATA/eval; a full run writes docs/ (ONLY="NAME ...", COMPARE=PREVIOUS)
	@mkdir -p var
	@if [ -d "$(DATA)/eval" ]; then $(BIN)/python manage.py evaluate "$(DATA)/eval" \
	  $(if $(ONLY),--only $(ONLY),--out docs --json $(FIGURES)) $(if $(COMPARE),--compare $(COMPARE)); \
	else echo "No evaluation: the folder $(DATA)/eval does not exist."; fi

eval-texts: $(INSTALLED) ## compare text retrieval of the joint space with the text tower alone (DATA=)
	$(BIN)/python -m tools.evaluation.text_eval --data $(DATA)

gate: $(INSTALLED_DEV) ## record the accuracy of the bundled encoder on the drawn shop (LOWER=1 to accept less)
	$(BIN)/python -m tools.gate.record $(if $(LOWER),--lower)

clean: ## remove caches (never var/)
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -exec rm -rf {} +
