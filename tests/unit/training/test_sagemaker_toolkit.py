import json
import tempfile
from pathlib import Path

import pytest
from sagemaker_training import environment

from contract.failures import UserError
from contract.paths import Paths
from training.sagemaker_toolkit import complete, refuse_no_temporary_folder


def test_the_toolkit_can_start_from_what_was_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = Paths(tmp_path)
    paths.channel("train").mkdir(parents=True)
    complete(paths)
    monkeypatch.setattr(environment, "resource_config_file_dir", str(paths.training_resource_config))
    assert environment.read_resource_config() == {"current_host": "algo-1", "hosts": ["algo-1"]}
    assert json.loads(paths.input_data_config.read_text()) == {"train": {"TrainingInputMode": "File"}}
    assert json.loads(paths.hyperparameters.read_text()) == {}
    assert paths.failure.parent.is_dir()


def test_what_is_there_stays(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    paths.hyperparameters.parent.mkdir(parents=True)
    paths.hyperparameters.write_text('{"epochs": "3"}')
    complete(paths)
    assert paths.hyperparameters.read_text() == '{"epochs": "3"}'


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "input").write_text("a file where a folder is needed")
    with pytest.raises(UserError, match="input.*cannot be written"):
        complete(Paths(tmp_path))


def test_a_container_without_a_folder_for_temporary_files_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/nowhere"])
    with pytest.raises(UserError) as error:
        refuse_no_temporary_folder()
    assert str(error.value) == (
        "No usable temporary directory found in ['/nowhere'], expected /tmp to be writable, or TMPDIR to name such a "
        "folder"
    )
