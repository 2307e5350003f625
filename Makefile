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
.PHONY: help install demo run test lint lock messages train-compact train-sound calibrate-int8 eval eval-texts gate bench-encode bench-import bench-tune bench-index bench-life bench-growth bench-speech bench-clips eval-shots clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(INSTALLED): requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet -r requirements.txt
	@touch $@

$(INSTALLED_DEV): requirements-dev.txt $(INSTALLED)
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	@touch $@

# hnswlib is compiled here; without a compiler the others are measured all the same.
$(INSTALLED_BENCH): tools/requirements.txt $(INSTALLED)
	$(BIN)/python -m pip install --quiet -r tools/requirements.txt || \
	  grep -v '^hnswlib' tools/requirements.txt | $(BIN)/python -m pip install --quiet -r /dev/stdin
	@touch $@

install: $(INSTALLED) ## make the virtual environment in .venv

demo: $(INSTALLED) ## draw a sample shop, load it and serve it (HOST=, PORT=)
	$(BIN)/python manage.py demo --host $(HOST) --port $(PORT)

run: $(INSTALLED) ## serve what is already loaded: web and worker in one command
	$(BIN)/python manage.py serve --prepare --host $(HOST) --port $(PORT)

test: lint ## all checks and tests
	$(BIN)/python -m pytest -n 2 --dist loadgroup

lint: $(INSTALLED_DEV) ## ruff, import-linter, mypy, Django checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py spectacular --validate --fail-on-warn --file /dev/null

lock: $(BIN)/python ## pin requirements*.in with everything they need
	$(BIN)/python -m pip install --quiet uv
	echo faiss-cpu==1.15.1 | $(BIN)/uv pip compile --quiet --no-header --python-version 3.11 --python-platform linux requirements.in - -o requirements.txt
	echo faiss-gpu-cuvs==1.15.1 | $(BIN)/uv pip compile --quiet --no-header --python-version 3.11 --python-platform linux requirements.in - -o requirements-gpu.txt
	$(BIN)/uv pip compile --quiet --no-header --python-version 3.11 --python-platform linux requirements-milvus.in -o requirements-milvus.txt
	$(BIN)/uv pip compile --quiet --no-header --python-version 3.11 --python-platform linux requirements-dev.in -o requirements-dev.txt
	$(BIN)/uv pip compile --quiet --no-header --python-version 3.11 --python-platform linux tools/requirements.in -o tools/requirements.txt

messages: $(INSTALLED_DEV) ## gather and compile translations (needs gettext)
	$(BIN)/python manage.py makemessages --locale zh_Hans --no-location --ignore '.venv/*'
	$(BIN)/python manage.py compilemessages --locale zh_Hans --ignore '.venv/*'

DRAWN := $(foreach seed,101 102 103 104,var/drawings/$(seed)/catalog.jsonl)

var/drawings/%/catalog.jsonl: | $(INSTALLED)
	$(BIN)/python manage.py make_sample_shop --seed $* --no-clips --out $(@D)

train-compact: $(INSTALLED) $(DRAWN) ## train the heads of the bundled encoder anew (DATA=)
	$(BIN)/python -m tools.training.compact --data $(DATA) $(foreach file,$(DRAWN),--extra $(dir $(file)))

train-sound: $(INSTALLED_DEV) ## make the sound tower and its head anew, or judge its recipes (DATA=, VALIDATE=1, CHECKPOINT=)
	$(BIN)/python -m tools.training.sound --data $(DATA) $(if $(VALIDATE),--validate) $(if $(CHECKPOINT),--checkpoint $(CHECKPOINT))

calibrate-int8: $(INSTALLED) ## draw products and take from them the ranges that INT8 needs
	$(BIN)/python manage.py calibrate_int8

bench-encode: $(INSTALLED) ## speed and loss of the bundled encoder by precision, against plain torch (DATA=, JSON=--json)
	$(BIN)/python manage.py bench_encode $(if $(wildcard $(DATA)/eval),--data $(DATA)) $(JSON)

bench-tune: $(INSTALLED) ## tune on goods the encoder has never learned from, and roll back (DATA=, JSON=--json)
	$(BIN)/python manage.py bench_tune --data $(DATA) $(JSON)

bench-index: $(INSTALLED_BENCH) ## our index beside raw FAISS and other engines (QUICK=1, ENGINES="NAME ...", JSON=--json)
	$(BIN)/python manage.py bench_index $(if $(QUICK),--rows 200000) $(if $(ENGINES),--engines $(ENGINES)) $(JSON)

bench-life: $(INSTALLED) ## ten minutes of mixed load with an exact oracle beside it (QUICK=1, JSON=--json)
	$(BIN)/python manage.py bench_life $(if $(QUICK),--minutes 1 --rows 10000) $(JSON)

bench-growth: $(INSTALLED) ## 10k, 100k and 1M vectors, killed builders, damaged files (QUICK=1, JSON=--json)
	$(BIN)/python manage.py bench_growth $(if $(QUICK),--sizes 10000 100000 --killed-size 30000) $(JSON)

bench-speech: $(INSTALLED) ## word error rate and latency of spoken queries; needs espeak-ng (DATA=, JSON=--json)
	$(BIN)/python manage.py bench_speech $(if $(wildcard $(DATA)/fsdd),--data $(DATA)) $(JSON)

bench-import: $(INSTALLED) ## import 5,000 real rows, against the bare encoder (DATA=, JSON=--json)
	$(BIN)/python manage.py bench_import $(DATA)/myntra/items.jsonl $(JSON)

bench-clips: $(INSTALLED) ## times real time at which videos and sounds are taken in, and memory meanwhile (CLIP=, JSON=--json)
	$(BIN)/python manage.py bench_clips $(if $(CLIP),--clip $(CLIP)) $(JSON)

eval-shots: $(INSTALLED_BENCH) ## cuts found in films joined from real clips, beside PySceneDetect (DATA=)
	$(BIN)/python -m tools.evaluation.shot_eval --data $(DATA)

eval: $(INSTALLED_DEV) ## evaluate on DATA/eval; all of it goes to docs/ (ONLY="NAME ...", COMPARE=FORMER)
	@mkdir -p var
	@if [ -d "$(DATA)/eval" ]; then $(BIN)/python manage.py evaluate "$(DATA)/eval" \
	  $(if $(ONLY),--only $(ONLY),--out docs --json $(FIGURES)) $(if $(COMPARE),--compare $(COMPARE)); \
	else echo "Nothing is evaluated: there is no folder $(DATA)/eval."; fi

eval-texts: $(INSTALLED) ## does the space rank product texts as the text tower alone does? (DATA=)
	$(BIN)/python -m tools.evaluation.text_eval --data $(DATA)

gate: $(INSTALLED_DEV) ## record what the bundled encoder reaches on the drawn shop (LOWER=1 to accept less)
	$(BIN)/python -m tools.gate.record $(if $(LOWER),--lower)

clean: ## remove caches (never var/)
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -exec rm -rf {} +
