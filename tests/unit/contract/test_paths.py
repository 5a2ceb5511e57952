from pathlib import Path

from contract.paths import Paths, python_path


def test_base_is_opt_ml_where_nothing_is_set() -> None:
    assert Paths.from_environment({}).model == Path("/opt/ml/model")
    assert Paths.from_environment({"SAGEMAKER_BASE_DIR": ""}).base == Path("/opt/ml")


def test_all_paths_are_below_the_base_directory() -> None:
    paths = Paths.from_environment({"SAGEMAKER_BASE_DIR": "/tmp/job"})
    values = [getattr(paths, name) for name, kind in vars(Paths).items() if isinstance(kind, property)]
    assert len(values) >= 14
    assert all(value.is_relative_to("/tmp/job") for value in values)
    assert len(set(values)) == len(values)
    assert paths.channel("train") == Path("/tmp/job/input/data/train")


def test_python_path_has_the_packages_first_and_each_folder_once() -> None:
    here = str(Path(__file__).parents[3])
    assert python_path({}) == here
    assert python_path({"PYTHONPATH": f"/opt/a::{here}:/opt/b"}) == f"{here}:/opt/a:/opt/b"
