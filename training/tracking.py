"""MLflow: one run for a training, however often it is stopped and started again, with the delivered reports."""

from __future__ import annotations

import logging
import numbers
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from contract.failures import UserError, first_line
from contract.files import read_json, write_json
from training.distributed.stopping import InterruptionError

# In the checkpoint folder, which is there again after a stop.
FILE = "mlflow.json"
NAME = "mlflow"
# MLflow takes no more in one request, and no longer values.
MOST_PARAMETERS, LONGEST_VALUE = 100, 500
# MLflow's own are 7 tries, minutes in all, for each of which the training would wait.
DEFAULTS = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}

log = logging.getLogger(__name__)


class MlflowTracker(TrainerCallback):
    """Logs to one MLflow run from the first rank: parameters once, metrics at each log line, files at the end.

    transformers' own callback begins another run at each start, and one more for what is logged after the training.
    It reads MLFLOW_TRACKING_URI (an address, or the ARN of SageMaker's tracking server), MLFLOW_EXPERIMENT_NAME and
    MLFLOW_RUN_ID as MLflow does. A server that cannot be reached at the start ends the job; later it costs a warning.

    Args:
        root: folder of the checkpoints, which keeps the run's id.
        parameters: hyperparameters in force.
        run_name: of a new run; none has MLflow choose one.
    """

    def __init__(self, root: Path, parameters: Mapping[str, Any], run_name: str | None) -> None:
        self.root, self.parameters, self.run_name = root, parameters, run_name
        self.client: Any = None
        self.run_id = ""

    def on_train_begin(self, _args: TrainingArguments, state: TrainerState, _control: TrainerControl, **_: Any) -> None:
        """Go on with the run of the checkpoint, or begin one.

        Raises:
            UserError: the server cannot be reached, or does not know the run.
        """
        # Imported late: it takes a second, and few jobs want it.
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        os.environ.update({name: value for name, value in DEFAULTS.items() if name not in os.environ})
        try:
            self.client = MlflowClient()
            self.run_id = self.known_run(resumed=state.global_step > 0) or self.new_run()
            self.client.update_run(self.run_id, status="RUNNING")
            self.log_parameters(state.global_step)
        except MlflowException as error:
            raise UserError(
                f"hyperparameter report_to has {NAME}, but its server does not take the run: {first_line(error)}"
            ) from None
        write_json(self.root / FILE, {"run_id": self.run_id})
        log.info("MLflow run %s", self.run_id)

    def known_run(self, resumed: bool) -> str:
        """The id of the run to go on with: MLFLOW_RUN_ID, else that of the checkpoint folder; empty for a new one."""
        if os.environ.get("MLFLOW_RUN_ID"):
            return os.environ["MLFLOW_RUN_ID"]
        if resumed and (self.root / FILE).is_file():
            return str(read_json(self.root / FILE, "MLflow run of the checkpoints")["run_id"])
        return ""

    def new_run(self) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "Default")
        found = self.client.get_experiment_by_name(name)
        experiment = found.experiment_id if found else self.client.create_experiment(name)
        return str(self.client.create_run(experiment, run_name=self.run_name).info.run_id)

    def log_parameters(self, step: int) -> None:
        """Those that the run does not have; one that has changed, which MLflow does not allow, becomes a tag."""
        from mlflow.entities import Param, RunTag

        known = self.client.get_run(self.run_id).data.params
        values = {name: str(value)[:LONGEST_VALUE] for name, value in self.parameters.items()}
        new = [Param(name, value) for name, value in values.items() if name not in known]
        changed = [
            RunTag(f"{name}.from_step_{step + 1}", value)
            for name, value in values.items()
            if known.get(name, value) != value
        ]
        for start in range(0, len(new), MOST_PARAMETERS):
            self.client.log_batch(self.run_id, params=new[start : start + MOST_PARAMETERS])
        if changed:
            self.client.log_batch(self.run_id, tags=changed)

    def on_log(
        self,
        _args: TrainingArguments,
        state: TrainerState,
        _control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        self.log_metrics(logs or {}, state.global_step)

    def log_metrics(self, values: Mapping[str, Any], step: int) -> None:
        """The numbers among `values`."""
        if not self.run_id:
            return
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        found = [
            Metric(name, float(value), now, step) for name, value in values.items() if isinstance(value, numbers.Real)
        ]
        with self.tolerated("metrics"):
            self.client.log_batch(self.run_id, metrics=found)

    def log_files(self, files: Iterable[Path]) -> None:
        """Files of the delivered model and of the output, as artifacts of the run."""
        if self.run_id:
            with self.tolerated("artifacts"):
                for file in files:
                    self.client.log_artifact(self.run_id, str(file))

    def end(self, status: str) -> None:
        """Give the run its status: FINISHED, KILLED or FAILED."""
        if self.run_id:
            with self.tolerated("status"):
                self.client.set_terminated(self.run_id, status)

    @contextmanager
    def tolerated(self, what: str) -> Iterator[None]:
        """What MLflow cannot store costs no training."""
        from mlflow.exceptions import MlflowException

        try:
            yield
        except (MlflowException, OSError) as error:
            log.warning("MLflow did not take %s of run %s: %s", what, self.run_id, first_line(error))


@contextmanager
def ended(tracker: MlflowTracker | None) -> Iterator[None]:
    """Give the run the status that the training ends with."""
    try:
        yield
    except InterruptionError:
        if tracker:
            tracker.end("KILLED")
        raise
    except BaseException:
        if tracker:
            tracker.end("FAILED")
        raise
    if tracker:
        tracker.end("FINISHED")
