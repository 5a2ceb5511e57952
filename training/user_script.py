"""A team's own script (hyperparameter sagemaker_program): run as the Deep Learning Container itself would run it.

The SDK's Estimator sends the hyperparameter with entry_point=. The container's own module, sagemaker_pytorch_container,
fetches the code, installs its requirements.txt, and starts the script with the launcher that distribution= names;
here SIGTERM is passed on to it as well, and a failure becomes one sentence.
"""

from __future__ import annotations

import difflib
import logging
import os
import re
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from contract.failures import UserError, first_line
from contract.values import unquote
from training.distributed.rank_failures import ECHO_MARKS
from training.script_output import ScriptOutput
from training.signal_forwarding import SignalForwarder

PROGRAM, CODE = "sagemaker_program", "sagemaker_submit_directory"
# A child image names its script by this variable instead, as the toolkit's own documentation does; it wins.
PROGRAM_VARIABLE = "SAGEMAKER_PROGRAM"
# What the SDK's distribution= sets, and the launcher that the container starts for it: the first that is set.
LAUNCHERS = {
    "sagemaker_mpi_enabled": "MPI",
    "sagemaker_pytorch_ddp_enabled": "smdistributed data parallel",
    "sagemaker_torch_distributed_enabled": "torchrun",
    "sagemaker_distributed_dataparallel_enabled": "smdistributed data parallel",
    "sagemaker_pytorch_xla_multi_worker_enabled": "PyTorch/XLA",
}
# The toolkit waits 15 minutes for the names of all hosts to resolve, unless this says that there is no need.
NO_NAMES_VARIABLE = "SM_STUDIO_LOCAL_MODE"
# Seconds that torchrun (from PyTorch 2.10 on) gives its ranks after SIGTERM, by default 30 of SageMaker's 120.
TORCHRUN_GRACE = {"TORCH_ELASTIC_SHUTDOWN_TIMEOUT": "100"}
# The last line of a traceback, which some launchers begin with the rank; torchrun's own traceback is no cause.
RAISED = re.compile(r"(?:\[(?:rank)?\d+\]:\s*)?((?:\w+\.)*\w*(?:Error|Exception|Interrupt)\b.*)")
TORCHRUN_REPORT = "ChildFailedError"
# Notices of libraries, which tell nothing of why a program failed.
NOTICE = re.compile(r"warn|newly initialized|consider training|deprecat", re.IGNORECASE)
# What a shell makes of a command that SIGKILL ended.
KILLED_IN_A_SHELL = "137"
KILL_HINT = ", which is how a machine out of memory ends a process: expected an instance with more memory"

log = logging.getLogger(__name__)


def is_requested(hyperparameters: Mapping[str, Any], environ: Mapping[str, str]) -> bool:
    """Whether a job with these hyperparameters and variables brings its own script.

    Raises:
        UserError: it brings code, but the name of the script is missing or misspelled.
    """
    if PROGRAM in hyperparameters or environ.get(PROGRAM_VARIABLE):
        return True
    misspelled = difflib.get_close_matches(PROGRAM, hyperparameters, n=1, cutoff=0.85)
    if misspelled or CODE in hyperparameters:
        raise UserError(
            f"hyperparameter {misspelled[0] if misspelled else CODE} is set, but {PROGRAM}, the script to run, is not; "
            "expected both, or neither for the image's own training"
        )
    return False


def launchers(hyperparameters: Mapping[str, Any]) -> dict[str, str]:
    """The launchers that distribution= names, by hyperparameter."""
    return {name: launcher for name, launcher in LAUNCHERS.items() if switch(hyperparameters.get(name)) is True}


def switch(value: Any) -> Any:
    """True or False where `value` is a spelling of that; else `value`. The toolkit takes the text "False" for true."""
    return {"true": True, "false": False}.get(str(unquote(value)).lower(), value)


def run(hyperparameters: Mapping[str, Any]) -> None:
    """Fetch the script's code, run it to its end, and pass SIGTERM on to it.

    Raises:
        UserError: there is no such script, its code cannot be fetched, or it failed; names its exit status.
    """
    with SignalForwarder() as stop:
        program, settings = prepare(hyperparameters)
        if stop.requested:
            raise UserError(f"interrupted: SIGTERM came before script {program} was started")
        start(program, settings, stop)


def prepare(hyperparameters: Mapping[str, Any]) -> tuple[str, Any]:
    """The script's name and the toolkit's settings, the code fetched.

    Raises:
        UserError: there is no such script, or its code cannot be fetched.
    """
    program = os.environ.get(PROGRAM_VARIABLE) or str(unquote(hyperparameters.get(PROGRAM) or ""))
    if not program:
        raise UserError(f"hyperparameter {PROGRAM} is empty, expected the name of a script in the source directory")
    # Imported late: the toolkit makes folders when it is imported.
    from sagemaker_training import environment

    given = environment.read_hyperparameters()
    settings = environment.Environment(
        hyperparameters={
            name: switch(value) if name.startswith("sagemaker_") else value for name, value in given.items()
        }
    )
    code = Path(environment.code_dir)
    for folder in (settings.model_dir, settings.output_data_dir, settings.output_intermediate_dir):
        # SageMaker makes them; in other places the script would find none.
        Path(folder).mkdir(parents=True, exist_ok=True)
    place, launcher = fetch(settings.module_dir, code, program), launcher_of(settings, code)
    log.info("running the script %s of %s by %s instead of the image's own training", program, place, launcher)
    skip_name_resolution(settings.hosts)
    return program, settings


def launcher_of(settings: Any, code: Path) -> str:
    """What starts the script in `code`: the launcher that sagemaker_pytorch_container chooses, else python or sh."""
    if settings.current_instance_group in settings.distribution_instance_groups:
        for name, launcher in LAUNCHERS.items():
            if settings.additional_framework_parameters.get(name):
                return launcher
    program = settings.user_entry_point
    is_python = program.endswith(".py") or (code / "setup.py").is_file()
    return "python" if is_python and not program.endswith(".sh") else "sh"


def start(program: str, settings: Any, stop: SignalForwarder) -> None:
    """Install the script's requirements and run it, as the container does.

    Raises:
        UserError: it cannot be started, or it failed.
    """
    from sagemaker_pytorch_container import training
    from sagemaker_training import errors

    path = list(sys.path)
    os.environ.update({name: value for name, value in TORCHRUN_GRACE.items() if name not in os.environ})
    try:
        with ScriptOutput() as output:
            training.train(settings)
    except errors._CalledProcessError as error:
        raise UserError(failure(program, error, output.last_errors, stop.requested)) from None
    except (errors.ClientError, errors.SMTrainingCompilerConfigurationError, RuntimeError, OSError) as error:
        raise UserError(f"script {program} cannot be started: {first_line(error)}") from None
    finally:
        # The toolkit puts the code before all libraries, where a team's `datasets` would be taken for the library.
        sys.path[:] = path


def fetch(uri: str, folder: Path, program: str) -> str:
    """Put the code of `uri` into `folder`, unless that has files already. Returns where the code came from.

    Raises:
        UserError: it cannot be fetched, or has no `program`.
    """
    from sagemaker_training import files

    uri = uri.removeprefix("file://")
    if folder.is_dir() and any(folder.iterdir()):
        # The toolkit's own rule: local mode mounts the code there, and a child image brings it.
        if uri != str(folder):
            log.warning("%s holds files already: %s %s is not fetched", folder, CODE, uri)
        uri = str(folder)
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


def failure(program: str, error: Any, last_errors: list[str], stopped: bool) -> str:
    """One sentence for a script that failed: how it ended, and the error that it wrote last.

    Args:
        program: the script.
        error: what the toolkit raised; its output begins at the first line that names one of Python's exceptions.
        last_errors: the last lines of the standard error of what failed.
        stopped: whether SIGTERM was passed on to it.
    """
    if stopped:
        return f"interrupted: SIGTERM was passed on to script {program}, which {ending(error.return_code)}"
    if type(error).__name__ in ("InstallRequirementsError", "InstallModuleError"):
        said = next((line for line in reversed(last_errors) if line.startswith("ERROR")), "see the log")
        return f"the requirements of script {program} cannot be installed: {said}"
    if error.return_code == "None":
        # The toolkit puts the error of the start where the command line belongs.
        return f"script {program} cannot be started: {first_line(Exception(error.cmd))}"
    output = error.output.decode("utf-8", "replace") if isinstance(error.output, bytes) else error.output or ""
    # torchrun's own report ends in rules.
    others = [] if TORCHRUN_REPORT in output else [line for line in last_errors[-1:] if not NOTICE.search(line)]
    said = last_error(output.splitlines()) or "".join(others)
    is_killed = error.return_code.startswith("-")
    return f"script {program} {ending(error.return_code)}" + (f": {said}" if said and not is_killed else "")


def ending(status: str) -> str:
    """How a process ended, from its exit status, which is a signal's negative number where that ended it."""
    if status == KILLED_IN_A_SHELL or status == str(-signal.SIGKILL):
        return f"was killed by SIGKILL{KILL_HINT}"
    if status.startswith("-"):
        return f"was killed by {signal.Signals(-int(status)).name}"
    return f"ended with exit status {status}"


def last_error(lines: list[str]) -> str:
    """The last line that states an error and not the echo of another rank's; empty where there is none."""
    raised = [found[1] for line in lines if TORCHRUN_REPORT not in line and (found := RAISED.fullmatch(line.strip()))]
    causes = [line for line in raised if not any(mark in line for mark in ECHO_MARKS)]
    return (causes or raised or [""])[-1]
