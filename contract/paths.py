"""Paths: every path below /opt/ml (or SAGEMAKER_BASE_DIR): channels, model, checkpoints, output, processing folders.

Source of the layout: the SageMaker developer guide ("How Amazon SageMaker provides training
information", "Build your own processing container", "Use your own inference code").
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

BASE_DIR_VARIABLE = "SAGEMAKER_BASE_DIR"
DEFAULT_BASE_DIR = "/opt/ml"


def python_path(environ: Mapping[str, str]) -> str:
    """PYTHONPATH for a job's child processes: the folder of the image's packages, then PYTHONPATH of `environ`."""
    folders = [str(Path(__file__).parents[1]), *filter(None, environ.get("PYTHONPATH", "").split(os.pathsep))]
    return os.pathsep.join(dict.fromkeys(folders))


@dataclass(frozen=True)
class Paths:
    """The folders and files of one job, all below `base`."""

    base: Path

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Paths:
        """Read SAGEMAKER_BASE_DIR from `environ`; /opt/ml if it is unset or empty."""
        return cls(Path(environ.get(BASE_DIR_VARIABLE) or DEFAULT_BASE_DIR))

    # Processing jobs

    @property
    def processing_input(self) -> Path:
        return self.base / "processing" / "input"

    @property
    def processing_train(self) -> Path:
        return self.base / "processing" / "train"

    @property
    def processing_validation(self) -> Path:
        return self.base / "processing" / "validation"

    @property
    def processing_test(self) -> Path:
        return self.base / "processing" / "test"

    @property
    def processing_report(self) -> Path:
        return self.base / "processing" / "report"

    @property
    def processing_resource_config(self) -> Path:
        return self.base / "config" / "resourceconfig.json"

    @property
    def processing_job_config(self) -> Path:
        """The CreateProcessingJob request, the only file that has the distribution type of inputs."""
        return self.base / "config" / "processingjobconfig.json"

    @property
    def message(self) -> Path:
        """Exit message of a processing job, read by DescribeProcessingJob."""
        return self.base / "output" / "message"

    # Training jobs

    @property
    def hyperparameters(self) -> Path:
        return self.base / "input" / "config" / "hyperparameters.json"

    @property
    def training_resource_config(self) -> Path:
        return self.base / "input" / "config" / "resourceconfig.json"

    @property
    def input_data_config(self) -> Path:
        return self.base / "input" / "config" / "inputdataconfig.json"

    @property
    def channels(self) -> Path:
        return self.base / "input" / "data"

    def channel(self, name: str) -> Path:
        """Folder of the input channel `name` (train, validation, test)."""
        return self.channels / name

    @property
    def checkpoints(self) -> Path:
        """Synced with S3 while the job runs, if the job names a checkpoint location."""
        return self.base / "checkpoints"

    @property
    def output_data(self) -> Path:
        """Uploaded as output.tar.gz when the job ends, failed jobs included."""
        return self.base / "output" / "data"

    @property
    def tensorboard(self) -> Path:
        return self.base / "output" / "tensorboard"

    @property
    def failure(self) -> Path:
        """Failure reason of a training job, read by DescribeTrainingJob."""
        return self.base / "output" / "failure"

    # Training writes the model, inference reads it

    @property
    def model(self) -> Path:
        return self.base / "model"

    @property
    def models(self) -> Path:
        """Parent of the models of a multi-model endpoint."""
        return self.base / "models"
