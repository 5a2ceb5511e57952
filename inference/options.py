"""ServingOptions: every environment variable of the server with default and help.

Names that begin with SAGEMAKER_ are sagemaker-inference's own, with its meaning. Ours begin
with SERVING_.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sagemaker_inference import content_types, parameters

from contract import logs
from contract.failures import UserError
from contract.options import declared, option

MIB = 1024 * 1024
# Of the model folder: a team's own functions and requirements.txt.
CODE_FOLDER = "code"
# Port 0 takes a free one.
MAY_BE_ZERO = ("port", "batch_delay_ms")


@dataclass(frozen=True)
class ServingOptions:
    """Options of one server, from its environment."""

    port: int = option(8080, "Port of /ping and /invocations.", variable=parameters.BIND_TO_PORT_ENV)
    workers: int | None = option(
        None,
        "Worker processes, each with the model; none means one a GPU, or one over all cores.",
        variable=parameters.MODEL_SERVER_WORKERS_ENV,
    )
    multi_model: bool = option(
        False,
        "Serve the models that SageMaker loads and unloads over /models, each with one worker unless told otherwise.",
        variable=parameters.MULTI_MODEL_ENV,
    )
    timeout_minutes: int = option(
        60,
        "Minutes after which a worker that does not answer is replaced.",
        variable=parameters.MODEL_SERVER_TIMEOUT_ENV,
    )
    timeout_seconds: int | None = option(
        None, "The same in seconds; it wins.", variable=parameters.MODEL_SERVER_TIMEOUT_SECONDS_ENV
    )
    startup_timeout: int = option(
        600, "Seconds until the model must be loaded and warm.", variable=parameters.STARTUP_TIMEOUT_ENV
    )
    payload_mb: int = option(
        25, "Largest request body, in MiB; a larger one gets 413.", variable=parameters.MAX_REQUEST_SIZE
    )
    default_accept: str = option(
        content_types.JSON,
        "Content type of answers where the request accepts anything.",
        variable=parameters.DEFAULT_INVOCATIONS_ACCEPT_ENV,
    )
    # Java otherwise leaves a file of performance counters in /tmp, wherever TMPDIR is, and lets garbage grow to
    # a share of the machine's memory before it collects any. Its second compiler takes more of the cores
    # that the model needs than it ever gives back.
    vm_arguments: str = option(
        "-XX:-UsePerfData -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xms64m",
        "Arguments for the Java VM.",
        variable=parameters.MODEL_SERVER_VMARGS,
    )
    log_level: str = option("INFO", "Level of the log, a name or a number.", variable=logs.LEVEL_VARIABLE)
    program: str | None = option(
        None, "File in the model's code folder with a team's own functions.", variable=parameters.USER_PROGRAM_ENV
    )
    allow_requirements: bool = option(
        False,
        "Whether the model's code/requirements.txt is installed at start, by pip.",
        variable="SAGEMAKER_ALLOW_REQUIREMENTS",
    )
    allow_pickle: bool = option(
        False,
        "Whether weights may be read from pytorch_model.bin, tensors only, where there are no safetensors.",
        variable="ALLOW_PICKLE",
    )
    hub_model: str | None = option(
        None,
        "Name of a model on the hub to serve instead of model data; needs HF_HUB_OFFLINE=0.",
        variable="HF_MODEL_ID",
    )
    hub_revision: str | None = option(None, "Its branch, tag or commit; none means main.", variable="HF_MODEL_REVISION")
    batch_size: int = option(32, "Requests in a batch, at most.", variable="SERVING_BATCH_SIZE")
    batch_delay_ms: int = option(
        1,
        "Milliseconds a request waits for others. More, such as 8, fills batches where many callers ask again once "
        "they are answered; a lone caller only waits longer. 0 caps a batch at two requests.",
        variable="SERVING_BATCH_DELAY_MS",
    )
    batch_tokens: int | None = option(
        None,
        "Tokens in one forward pass, padding included; none means 256 a core on CPUs and 32,768 on GPUs.",
        variable="SERVING_BATCH_TOKENS",
    )
    compile: bool = option(
        False,
        "Whether torch.compile makes the model's kernels, a minute or so at each start of a worker; "
        "on CPUs it needs a C++ compiler.",
        variable="SERVING_COMPILE",
    )
    max_records: int = option(50_000, "Texts in one request, at most; more get 413.", variable="SERVING_MAX_RECORDS")
    queue_size: int = option(1_000, "Requests that may wait; one more gets 503.", variable="SERVING_QUEUE_SIZE")
    metrics_namespace: str | None = option(
        None,
        "CloudWatch namespace; with it the line of a batch is in the embedded metric format.",
        variable="SERVING_METRICS_NAMESPACE",
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = option(
        "auto",
        "Type of weights; auto: bfloat16 where the device computes in it, else float16 on GPUs, float32 on CPUs.",
        variable="SERVING_DTYPE",
    )

    def __post_init__(self) -> None:
        for declaration in declared(type(self)):
            value, least = getattr(self, declaration.name), 0 if declaration.name in MAY_BE_ZERO else 1
            if type(value) is int and value < least:
                raise UserError(f"{declaration.variable} is {value}, expected at least {least}")

    @property
    def max_bytes(self) -> int:
        """Largest request body in bytes."""
        return self.payload_mb * MIB

    @property
    def response_timeout(self) -> int:
        """Seconds after which a silent worker is replaced."""
        return self.timeout_seconds or 60 * self.timeout_minutes

    @property
    def level_name(self) -> str:
        """The log's level as a name of the logging module.

        Raises:
            UserError: there is no such level.
        """
        return logs.level(self.log_level)
