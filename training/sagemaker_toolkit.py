"""Files and variables that sagemaker-training's `train` requires, filled in for `docker run` without SageMaker.

The toolkit opens three files before it looks at anything else. Where one is missing and it
cannot write its failure file either, it ends with exit status 0 and no word in the log.
"""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path
from typing import Any

from contract.failures import UserError
from contract.files import read_json, write_json
from contract.hosts import Hosts
from contract.paths import Paths

log = logging.getLogger(__name__)


def complete(paths: Paths) -> None:
    """Write the defaults of the configuration files that are missing, and make the output folder.

    Raises:
        UserError: a folder cannot be written.
    """
    try:
        paths.failure.parent.mkdir(parents=True, exist_ok=True)
        for file, content in defaults(paths).items():
            if not file.exists():
                write_json(file, content)
                log.info("%s is missing: %s", file, content)
    except OSError as error:
        raise UserError(
            f"{error.filename} cannot be written ({os.strerror(error.errno or 0)}); "
            "expected a job's folders below the base directory"
        ) from None


def refuse_pipe_mode(paths: Paths) -> None:
    """Refuse channels in Pipe mode, which are FIFOs in place of folders.

    Raises:
        UserError: a channel has it; names the modes that the image reads.
    """
    file = paths.input_data_config
    channels = read_json(file, "configuration of the channels") if file.exists() else {}
    for name, channel in channels.items() if isinstance(channels, dict) else ():
        if isinstance(channel, dict) and channel.get("TrainingInputMode") == "Pipe":
            raise UserError(f"channel {name} has the input mode Pipe, expected File or FastFile")


def refuse_no_temporary_folder() -> None:
    """Refuse a container in which no folder for temporary files can be written, which PyTorch's import needs.

    Raises:
        UserError: there is none; names the folders that were tried.
    """
    try:
        tempfile.gettempdir()
    except OSError as error:
        raise UserError(f"{error.strerror}, expected /tmp to be writable, or TMPDIR to name such a folder") from None


def defaults(paths: Paths) -> dict[Path, Any]:
    """Each file with what it says of a job of one host, its channels as they lie there."""
    host = Hosts()
    channels = sorted(folder.name for folder in paths.channels.iterdir()) if paths.channels.is_dir() else []
    return {
        paths.hyperparameters: {},
        paths.input_data_config: {channel: {"TrainingInputMode": "File"} for channel in channels},
        paths.training_resource_config: {"current_host": host.current, "hosts": list(host.names)},
    }
