# Makes its own environment; needs Python 3.11 and nothing else. Nothing is installed twice.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PYTEST := $(BIN)/pytest -n 2 --dist worksteal

.PHONY: demo test slow gpu bench bench-gpu lint types clean

demo: .venv/.demo  ## shards the sample photographs, verifies them, leaves a contact sheet to look at
	$(BIN)/camnoise shard sample: demo/shards --camera sony_a7s2 --iso 25600 --ratio 4 --scheme n2n --seed 7
	$(BIN)/camnoise verify demo/shards
	$(BIN)/camnoise look demo/shards --out demo/contact.png

test: lint types  ## everything that a change must pass; under ten minutes on two cores
	$(PYTEST) -m "not slow and not gpu"

slow: .venv/.test  ## every word of the Poisson law, two thousand cameras calibrated, ...: about 3 minutes on two cores
	$(PYTEST) -m slow --durations=0

gpu: .venv/.test  ## what needs a CUDA device
	$(BIN)/pytest -m gpu

bench: .venv-bench/.made  ## speed of the whole chain, ours and others': under ten minutes on two idle cores
	.venv-bench/bin/python benchmarks/noise.py
	.venv-bench/bin/python benchmarks/demosaic.py

bench-gpu: .venv-bench/.made  ## the same on a CUDA device
	.venv-bench/bin/python benchmarks/noise_gpu.py

lint: .venv/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# mypy cannot see the package mapping of a checkout, so it reads a copy laid out as installed.
types: .venv/.test
	rm -rf .typed && mkdir .typed && cp -R camnoise .typed/camnoise && cp -R pipelines training .typed/camnoise/
	cd .typed && ../$(BIN)/mypy --config-file ../pyproject.toml -p camnoise

.venv/.made:
	$(PYTHON) -m venv .venv
	touch $@

.venv/.demo: .venv/.made pyproject.toml constraints.txt
	PYTHONWARNINGS=ignore $(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e '.[all]'
	touch $@

.venv/.test: .venv/.demo
	PYTHONWARNINGS=ignore $(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch $@

# What is compared with has an environment of its own, never the product's.
.venv-bench/.made: benchmarks/requirements.txt pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-bench
	PYTHONWARNINGS=ignore .venv-bench/bin/pip install -q --disable-pip-version-check -c constraints.txt -r benchmarks/requirements.txt -e '.[sample,raw]'
	touch $@

clean:
	rm -rf .venv .venv-bench .typed demo build dist *.egg-info
