"""One training: what it was configured with, and the Trainer that runs it."""

from __future__ import annotations

from dataclasses import dataclass

from contract.paths import Paths
from training.data.channel import Channels
from training.hyperparameters import Hyperparameters
from training.model.base_model import BaseModel
from training.tracking import MlflowTracker
from training.trainer import JobTrainer


@dataclass(frozen=True)
class TrainingRun:
    """A training as one rank sees it.

    Attributes:
        paths: where SageMaker mounts the job's folders.
        hyperparameters: the caller's.
        channels: the rows.
        base: the model that the training started from.
        trainer: of this rank, with the model as it is trained so far.
        tracker: of the first rank, where report_to has mlflow.
    """

    paths: Paths
    hyperparameters: Hyperparameters
    channels: Channels
    base: BaseModel
    trainer: JobTrainer
    tracker: MlflowTracker | None = None
