"""Unit tests mirror the modules: tests/unit/PACKAGE/FOLDER/test_MODULE.py tests PACKAGE/FOLDER/MODULE.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.tree import PACKAGES

ROOT = Path(__file__).parents[3]
UNIT = ROOT / "tests" / "unit"
# Modules without a unit test, with the tests that cover them instead.
ELSEWHERE = {
    "the whole program runs in tests/integration or tests/containers": (
        "examples/demo/__main__.py",
        "examples/demo/model.py",
        "examples/demo/stages.py",
        "inference/selftest.py",
        "processing/__main__.py",
        "processing/selftest.py",
        "training/distributed/sharding.py",
        "training/trainer.py",
        "benchmarks/inference.py",
        "benchmarks/jobs.py",
        "benchmarks/peers/onnx_server.py",
        "benchmarks/peers/toolkit_inference.py",
        "benchmarks/ceiling.py",
        "benchmarks/gpu_bench.py",
        "benchmarks/gpu_forward.py",
        "benchmarks/gpu_inputs.py",
        "benchmarks/gpu_serving.py",
        "benchmarks/gpu_training.py",
        "robustness/gpu_serving_checks.py",
        "robustness/gpu_training_checks.py",
        "robustness/launched_training.py",
        "robustness/served.py",
        "robustness/stops.py",
        "images/standin/start_inference.py",
        "images/standins.py",
        "examples/sdk_v3.py",
    ),
    "a test of what is made with it": (
        "examples/account.py",
        "examples/metric_definitions.py",
        "examples/sdk_v2_capacity.py",
        "inference/worker/onnx_model.py",
        "benchmarks/gpu_plot.py",
        "images/policies.py",
        "robustness/fuzz_requests.py",
        "processing/reading/listed_rows.py",
        "robustness/mutated_files.py",
        "tools/lock.py",
        "tools/tables.py",
        "tools/screenshots.py",
    ),
    "declarations alone": (
        "training/options.py",
        "training/run.py",
    ),
    "run by hand for docs/benchmarks.md": (
        "benchmarks/processing.py",
        "benchmarks/scaling.py",
        "benchmarks/peers/plain_trainer.py",
        "benchmarks/peers/tutorial_processing.py",
        "benchmarks/peers/tutorial_training.py",
    ),
}
# Tests of the repository itself and of files that are not modules.
NO_MODULE = UNIT / "repository"


def modules() -> set[Path]:
    """Every module below the packages, as a path below the root."""
    found = {file.relative_to(ROOT) for package in PACKAGES for file in (ROOT / package).rglob("*.py")}
    return {file for file in found if file.name != "__init__.py"}


def unit_test(module: Path) -> Path:
    return UNIT / module.parent / f"test_{module.stem.strip('_')}.py"


def listed() -> list[Path]:
    return [Path(name) for names in ELSEWHERE.values() for name in names]


def test_every_unit_test_has_its_module() -> None:
    expected = {unit_test(module) for module in modules()}
    strays = {file for file in UNIT.rglob("test_*.py") if file.parent != NO_MODULE} - expected
    assert sorted(str(file.relative_to(ROOT)) for file in strays) == []


def test_every_module_has_a_unit_test_or_a_listed_replacement() -> None:
    without = {module for module in modules() if not unit_test(module).is_file()}
    assert sorted(map(str, without - set(listed()))) == []


@pytest.mark.parametrize("module", listed(), ids=str)
def test_the_list_of_replacements_has_no_superfluous_entry(module: Path) -> None:
    assert (ROOT / module).is_file()
    assert not unit_test(module).is_file()
    assert listed().count(module) == 1
