"""A team's own script (hyperparameter sagemaker_program): run as the Deep Learning Container itself would run it.

The SDK's Estimator sends the hyperparameter with entry_point=. The container's own module, sagemaker_pytorch_container,
fetches the code, installs its requirements.txt, and starts the script with the launcher that distribution= asked for;
here SIGTERM is passed on to it as well, and a failure becomes one sentence.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from contract.failures import UserError
from contract.values import unquote

PROGRAM, CODE = "sagemaker_program", "sagemaker_submit_directory"
# What the SDK's distribution= sets, and the name of the launcher that it asks the container for.
LAUNCHERS = {
    "sagemaker_mpi_enabled": "MPI",
    "sagemaker_pytorch_ddp_enabled": "smdistributed data parallel",
    "sagemaker_torch_distributed_enabled": "torchrun",
    "sagemaker_distributed_dataparallel_enabled": "smdistributed data parallel",
    "sagemaker_pytorch_xla_multi_worker_enabled": "PyTorch/XLA",
}
# The toolkit waits 15 minutes for the names of all hosts to resolve, unless this says that there is no need.
NO_NAMES_VARIABLE = "SM_STUDIO_LOCAL_MODE"
SHELLS = ("sh", "bash", "dash")

log = logging.getLogger(__name__)


def is_requested(hyperparameters: Mapping[str, Any]) -> bool:
    """Whether a job with these hyperparameters brings its own script."""
    return PROGRAM in hyperparameters


def launchers(hyperparameters: Mapping[str, Any]) -> dict[str, str]:
    """The launchers that distribution= asked for, by hyperparameter."""
    wanted = {name: str(unquote(hyperparameters.get(name, ""))).lower() == "true" for name in LAUNCHERS}
    return {name: LAUNCHERS[name] for name, value in wanted.items() if value}


def run(hyperparameters: Mapping[str, Any]) -> None:
    """Fetch the script's code, run it to its end, and pass SIGTERM on to it.

    Raises:
        UserError: there is no such script, its code cannot be fetched, or it failed; names its exit status.
    """
    program = str(unquote(hyperparameters[PROGRAM]) or "")
    if not program:
        raise UserError(f"hyperparameter {PROGRAM} is empty, expected the name of a script in the source directory")
    # Imported late: the toolkit makes folders when it is imported.
    from sagemaker_pytorch_container import training
    from sagemaker_training import environment, errors

    settings = environment.Environment()
    place = fetch(settings.module_dir, Path(environment.code_dir), program)
    names = ", ".join(launchers(hyperparameters).values()) or "python"
    log.info("running the script %s of %s by %s instead of the image's own training", program, place, names)
    skip_name_resolution(settings.hosts)
    with sigterm_passed_on() as stopped:
        try:
            training.train(settings)
        except errors._CalledProcessError as error:
            raise UserError(failure(program, error, bool(stopped))) from None
        except errors.ClientError as error:
            raise UserError(f"script {program} cannot be run: {error}") from None


def fetch(uri: str, folder: Path, program: str) -> str:
    """Put the code of `uri` into `folder`, unless that has files already. Returns where the code came from.

    Raises:
        UserError: it cannot be fetched, or has no `program`.
    """
    from sagemaker_training import files

    uri = uri.removeprefix("file://")
    try:
        files.download_and_extract(uri, str(folder))
    except Exception as error:  # Of boto3, tarfile, the toolkit or the file system.
        raise UserError(
            f"hyperparameter {CODE} is {uri}, which cannot be fetched ({type(error).__name__}: {error}); expected a "
            "folder or a .tar.gz file here or in S3"
        ) from None
    # A package has a setup.py in place of a file of the program's name.
    if not (folder / program).is_file() and not (folder / "setup.py").is_file():
        found = sorted(path.name for path in folder.iterdir())[:5]
        raise UserError(f"hyperparameter {PROGRAM} is {program!r}, expected one of the files in {uri}: {found}")
    return uri


def skip_name_resolution(hosts: list[str]) -> None:
    """Have the toolkit not wait for the name of a job's only host, which plain `docker run` does not make known."""
    if len(hosts) > 1:
        return
    try:
        socket.gethostbyname(hosts[0])
    except OSError:
        os.environ.setdefault(NO_NAMES_VARIABLE, "true")


@contextmanager
def sigterm_passed_on() -> Iterator[list[int]]:
    """Send every SIGTERM on to the script's processes. Yields a list that is empty until the first one."""
    stopped: list[int] = []

    def pass_on(number: int, _frame: object) -> None:
        stopped.append(number)
        for process in script_processes():
            process.terminate()

    before = signal.signal(signal.SIGTERM, pass_on)
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGTERM, before)


def script_processes() -> list[psutil.Process]:
    """The children of this process; of a shell, which ends without a word to its own, those as well."""
    found = []
    for child in psutil.Process().children():
        is_shell = child.name() in SHELLS
        found += [child, *child.children()] if is_shell else [child]
    return found


def failure(program: str, error: Any, stopped: bool) -> str:
    """One sentence for a script that failed: its exit status, and the last line that it wrote as an error."""
    output = error.output.decode("utf-8", "replace") if isinstance(error.output, bytes) else error.output or ""
    said = (output.strip().splitlines() or [""])[-1].strip()
    if type(error).__name__ in ("InstallRequirementsError", "InstallModuleError"):
        return f"the requirements of script {program} cannot be installed: {said or 'see the log'}"
    if error.return_code == "None":
        return f"script {program} cannot be started: its launcher is not installed in this image"
    how = "interrupted: SIGTERM was passed on to script" if stopped else "script"
    return f"{how} {program}{', which' if stopped else ''} ended with exit status {error.return_code}" + (
        f": {said}" if said else ""
    )
