"""ServingOptions: every environment variable of the server, with default and help.

Variables that begin with SAGEMAKER_ are those of sagemaker-inference and mean the same. The image's
own begin with SERVING_.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sagemaker_inference import content_types, parameters

from contract import logs
from contract.failures import UserError
from contract.options import closest, declared, option
from inference.content_types import choose_output
from inference.errors import RequestError

MIB = 1024 * 1024
# Folder in the model folder with a team's own inference.py and requirements.txt.
CODE_FOLDER = "code"
# Environment variable by which the server names its folder for temporary files to its workers.
RUN_FOLDER_VARIABLE = "SERVING_RUN_FOLDER"
MOST_PORT = 65_535
OWN_PREFIX = "SERVING_"
# Options that may be 0; port 0 lets the system choose a free port.
MAY_BE_ZERO = ("port", "batch_delay_ms")


@dataclass(frozen=True)
class ServingOptions:
    """Options of the inference server."""

    port: int = option(8080, "Port of /ping and /invocations.", variable=parameters.BIND_TO_PORT_ENV)
    workers: int | None = option(
        None,
        "Worker processes, each with its own copy of the model; none means one per GPU, or one for all CPU cores.",
        variable=parameters.MODEL_SERVER_WORKERS_ENV,
    )
    multi_model: bool = option(
        False,
        "Whether this is a multi-model endpoint: SageMaker loads and unloads models over /models; each model gets one "
        "worker unless SAGEMAKER_MODEL_SERVER_WORKERS is set.",
        variable=parameters.MULTI_MODEL_ENV,
    )
    timeout_minutes: int = option(
        60,
        "Minutes after which a worker that does not respond is replaced.",
        variable=parameters.MODEL_SERVER_TIMEOUT_ENV,
    )
    timeout_seconds: int | None = option(
        None,
        "The same in seconds; it takes precedence over the minutes.",
        variable=parameters.MODEL_SERVER_TIMEOUT_SECONDS_ENV,
    )
    startup_timeout: int = option(
        600, "Seconds within which the model must be loaded and warmed up.", variable=parameters.STARTUP_TIMEOUT_ENV
    )
    payload_mb: int = option(
        25, "Largest request body in MiB; a larger one gets status 413.", variable=parameters.MAX_REQUEST_SIZE
    )
    default_accept: str = option(
        content_types.JSON,
        "Content type of responses to requests without an Accept header, or with */*.",
        variable=parameters.DEFAULT_INVOCATIONS_ACCEPT_ENV,
    )
    log_level: str = option("INFO", "Log level, a name or a number.", variable=logs.LEVEL_VARIABLE)
    program: str | None = option(
        None,
        "File in the model's code folder with a team's own model_fn, input_fn, predict_fn, output_fn or transform_fn.",
        variable=parameters.USER_PROGRAM_ENV,
    )
    allow_requirements: bool = option(
        False,
        "Whether pip installs the model's code/requirements.txt when the server starts.",
        variable="SAGEMAKER_ALLOW_REQUIREMENTS",
    )
    allow_pickle: bool = option(
        False,
        "Whether weights may be loaded from pytorch_model.bin (tensors only) if there is no model.safetensors.",
        variable="ALLOW_PICKLE",
    )
    task: Literal["text-classification", "sentiment-analysis"] | None = option(
        None,
        "Task of the model, as launchers set it; the image serves text classification alone, and refuses others.",
        variable="HF_TASK",
    )
    hub_model: str | None = option(
        None,
        "Name of a model on the Hugging Face Hub to serve instead of model data; needs HF_HUB_OFFLINE=0.",
        variable="HF_MODEL_ID",
    )
    hub_revision: str | None = option(
        None, "Branch, tag or commit of HF_MODEL_ID; none means main.", variable="HF_MODEL_REVISION"
    )
    batch_size: int = option(32, "Most requests in a batch.", variable="SERVING_BATCH_SIZE")
    batch_delay_ms: int = option(
        1,
        "Most milliseconds that a batch waits for as many requests as the one before had. A larger value, such as 8, "
        "gives larger batches with many concurrent callers; a single caller never waits.",
        variable="SERVING_BATCH_DELAY_MS",
    )
    batch_tokens: int | None = option(
        None,
        "Most tokens in one forward pass, including padding; none means 256 per core on CPUs and 32,768 on GPUs.",
        variable="SERVING_BATCH_TOKENS",
    )
    max_length: int | None = option(
        None,
        "Longest input in tokens, special tokens included; longer texts are truncated. None means max_length of "
        "card.json, else the tokenizer's limit, at most 8,192. It is never more than the model has positions.",
        variable="SERVING_MAX_LENGTH",
    )
    compile: bool = option(
        False,
        "Whether the model is compiled by torch.compile, which takes about a minute at each start of a worker; "
        "on CPUs it needs a C++ compiler.",
        variable="SERVING_COMPILE",
    )
    max_records: int = option(
        50_000, "Most texts in one request; a request with more gets status 413.", variable="SERVING_MAX_RECORDS"
    )
    queue_size: int = option(
        1_000, "Most requests that wait in the queue; one more gets status 503.", variable="SERVING_QUEUE_SIZE"
    )
    queue_mb: int = option(
        256,
        "Most MiB of the bodies of all requests that have no response yet; beyond it a request gets status 503, unless "
        "it is the only one.",
        variable="SERVING_QUEUE_MB",
    )
    metrics_namespace: str | None = option(
        None,
        "CloudWatch namespace; if set, the log line of each batch is in CloudWatch's embedded metric format.",
        variable="SERVING_METRICS_NAMESPACE",
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16", "int8"] = option(
        "auto",
        "dtype of the weights; auto is bfloat16 where the hardware supports it, else float16 on GPUs, float32 on CPUs; "
        "on CPUs it is int8 if the model folder holds an int8 model and its card a loss of accuracy that "
        "SERVING_QUANTIZATION_LOSS allows. int8 needs ONNX Runtime.",
        variable="SERVING_DTYPE",
    )
    engine: Literal["auto", "torch", "onnxruntime"] = option(
        "auto",
        "What runs the model. onnxruntime (CPUs only) exports it at load, in seconds, if the model folder holds no "
        "exported files; auto takes ONNX Runtime for float32 and int8 if it holds them, else torch.",
        variable="SERVING_ENGINE",
    )
    int8_loss: float = option(
        0.5,
        "Largest loss of accuracy on validation, in percentage points, with which SERVING_DTYPE=auto takes int8.",
        variable="SERVING_QUANTIZATION_LOSS",
    )

    use_cpu: bool = option(False, "Whether to compute on the CPU of a host that has GPUs.", variable="SERVING_USE_CPU")

    def __post_init__(self) -> None:
        for declaration in declared(type(self)):
            value, least = getattr(self, declaration.name), 0 if declaration.name in MAY_BE_ZERO else 1
            if type(value) is int and value < least:
                raise UserError(f"{declaration.variable} is {value}, expected at least {least}")
        if self.port > MOST_PORT:
            raise UserError(f"SAGEMAKER_BIND_TO_PORT is {self.port}, expected at most {MOST_PORT}")
        if math.isnan(self.int8_loss):
            raise UserError("SERVING_QUANTIZATION_LOSS is nan, expected a number")
        refuse = {("torch", "int8"), ("onnxruntime", "bfloat16"), ("onnxruntime", "float16")}
        if (self.engine, self.dtype) in refuse:
            expected = "another dtype than int8" if self.engine == "torch" else "auto, float32 or int8"
            raise UserError(f"SERVING_DTYPE is {self.dtype} and SERVING_ENGINE {self.engine}, expected {expected}")
        if self.compile and (self.engine == "onnxruntime" or self.dtype == "int8"):
            raise UserError("SERVING_COMPILE is true with ONNX Runtime, expected SERVING_ENGINE=torch")

    @property
    def torch_dtype(self) -> str:
        """dtype in which torch loads the weights; ONNX Runtime's logits are compared with those of float32."""
        return "float32" if self.dtype == "int8" or (self.engine, self.dtype) == ("onnxruntime", "auto") else self.dtype

    @property
    def max_bytes(self) -> int:
        """Largest request body in bytes."""
        return self.payload_mb * MIB

    @property
    def queue_bytes(self) -> int:
        """Most bytes of the bodies of all requests that have no response yet."""
        return self.queue_mb * MIB

    @property
    def response_timeout(self) -> int:
        """Seconds after which a worker that does not respond is replaced."""
        return self.timeout_seconds or 60 * self.timeout_minutes

    @property
    def level_name(self) -> str:
        """The log level as a name of the logging module.

        Raises:
            UserError: there is no such level.
        """
        return logs.level(self.log_level)


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """A sentence for each variable that is named as the image's own are, and is none of them.

    They are not refused: Kubernetes, for example, sets some for a service that is named `serving`.
    """
    known = [declaration.variable for declaration in declared(ServingOptions) if declaration.variable]
    names = [name for name in environ if name.startswith(OWN_PREFIX) and name not in (*known, RUN_FOLDER_VARIABLE)]
    nearest = {name: closest(name, known) for name in sorted(names)}
    return [f"{name} is no option" + (f"; did you mean {near}?" if near else "") for name, near in nearest.items()]


def default_output(options: ServingOptions, outputs: Sequence[str]) -> str:
    """The content type, one of `outputs`, of responses to requests that accept any.

    Raises:
        UserError: SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT is none of them.
    """
    try:
        return choose_output(options.default_accept, content_types.JSON, outputs)
    except RequestError:
        raise UserError(
            f"{parameters.DEFAULT_INVOCATIONS_ACCEPT_ENV} is {options.default_accept!r}, "
            f"expected one of {', '.join(outputs)}"
        ) from None
