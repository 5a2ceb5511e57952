"""Entry point `python -m training`: sets malloc variables and replaces itself by sagemaker-training's `train`."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from contract import logs
from contract.command import SELFTEST, answered
from contract.cuda import compatibility
from contract.failures import EXIT_OK, UserError, guard
from contract.option_help import as_hyperparameters, help_text
from contract.paths import Paths, python_path
from training.base_defaults import base_defaults
from training.hyperparameters import read_values
from training.options import TrainingOptions
from training.sagemaker_toolkit import complete, refuse_no_temporary_folder
from training.user_script import is_requested

log = logging.getLogger("training")

USAGE = (
    "usage: python -m training [train]\n\nEvery option is a hyperparameter; "
    "so is every field of transformers.TrainingArguments:"
)


def main(arguments: Sequence[str]) -> int:
    """Replace this process by `train`, so that signals reach it. Returns only where it does not."""
    if answered(arguments, lambda: help_text(TrainingOptions, USAGE, as_hyperparameters)):
        return EXIT_OK
    if list(arguments) == [SELFTEST]:
        # Imported late: a job has no use for it.
        from training import selftest

        return selftest.start(os.environ)
    logs.configure()
    paths = Paths.from_environment(os.environ)
    return guard(lambda: become_train(arguments, paths), paths.failure)


def become_train(arguments: Sequence[str], paths: Paths) -> None:
    # SDK v2 and the service say `train`, SDK v3 says nothing.
    if list(arguments) == ["serve"]:
        raise UserError(
            "the argument is serve, but this is the training image; expected sagemaker-huggingface-inference for "
            "endpoints and batch transform"
        )
    if list(arguments) not in (["train"], []):
        raise UserError(f"arguments are {' '.join(arguments)!r}, expected train")
    complete(paths)
    refuse_no_temporary_folder()
    os.environ.update(compatibility(os.environ))
    os.environ.update(module_settings(os.environ))
    is_script = is_requested(read_values(paths.hyperparameters), os.environ)
    if not is_script:
        os.environ.update(allocation(os.environ))
    os.environ.update(base_defaults(os.environ, is_script))
    program, *rest = train_command(is_script)
    os.execv(program, [Path(program).name, *rest])  # noqa: S606 (no shell is wanted)


def train_command(is_script: bool) -> list[str]:
    """The toolkit's `train`, of this interpreter's environment before any other on PATH; else what it would call.

    Args:
        is_script: whether a team's own script is to run, which the toolkit alone can start.

    Raises:
        UserError: the toolkit is needed, and not installed.
    """
    found = shutil.which("train", path=str(Path(sys.executable).parent)) or shutil.which("train")
    if found is not None:
        return [found]
    if is_script:
        raise UserError("there is no command train; expected sagemaker-training in the environment of this Python")
    log.warning("sagemaker-training is not installed: the image's own training runs without it")
    return [sys.executable, "-m", "training.launch"]


def module_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """What makes the toolkit call this package, here and in the processes that it starts, where it is not set."""
    # torchrun, for a team's own script, lies beside the interpreter; the toolkit calls the system's `which`.
    paths = environ.get("PATH") or os.defpath
    commands = [*filter(None, paths.split(os.pathsep)), str(Path(sys.executable).parent)]
    return {
        "PATH": os.pathsep.join(dict.fromkeys(commands)),
        "SAGEMAKER_TRAINING_MODULE": environ.get("SAGEMAKER_TRAINING_MODULE") or "training.launch:main",
        "PYTHONPATH": python_path(environ),
        # As in the images: the hub is asked where that is allowed.
        "HF_HUB_OFFLINE": environ.get("HF_HUB_OFFLINE") or "1",
        # ONNX Runtime sends usage data to its vendor unless told otherwise.
        "ORT_DISABLE_TELEMETRY": environ.get("ORT_DISABLE_TELEMETRY") or "1",
        # What a script prints is in the log at once, not at its end.
        "PYTHONUNBUFFERED": environ.get("PYTHONUNBUFFERED") or "1",
    }


def allocation(environ: Mapping[str, str]) -> dict[str, str]:
    """Settings of the memory allocators of the C library and of CUDA, but for those that the caller made.

    The C library gives large blocks back to the system with every step, and gets them anew, page by page:
    on CPUs a third of the time. See mallopt(3) for what the variables mean. Batches differ in width, which leaves
    CUDA memory in blocks that fit no other width; segments that can grow are one block (PyTorch's CUDA notes).
    """
    defaults = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**40), "MALLOC_ARENA_MAX": "1"}
    # The second name is the older one, which PyTorch still reads.
    if not {"PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF"} & environ.keys():
        defaults["PYTORCH_ALLOC_CONF"] = "expandable_segments:True"
    return {name: value for name, value in defaults.items() if name not in environ}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
