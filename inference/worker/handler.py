"""handle(data, context), the function that multi-model-server's workers call: load, warm up, answer batches.

The protocol is multi-model-server's custom service (docs/custom_service.md), the same that
sagemaker_inference.default_handler_service implements: data is None when the model is to be
loaded, else a list of requests, for which a list of bodies of the same length goes back.
sagemaker-inference's Transformer answers the first request's headers for a whole batch and puts
tracebacks into bodies, so the steps between are ours; content types, variables and the
functions of a team's code are its.
"""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contract import logs
from contract.cpu import cpu_flags
from contract.failures import EXIT_BUG, EXIT_USER_ERROR, UserError, log_failure, reason
from contract.options import from_environment
from inference import model_store_entry
from inference.device import choose
from inference.options import ServingOptions
from inference.processes import die_with_parent
from inference.readiness import NO_MEMORY, RUN_FOLDER_VARIABLE, ReadinessBoard
from inference.worker import user_code
from inference.worker.batch_handler import BatchHandler

log = logging.getLogger("inference.worker.handler")


@dataclass(frozen=True)
class Worker:
    """What this process is after it has loaded its model.

    Attributes:
        response_timeout: seconds that a batch may take.
    """

    batch_handler: BatchHandler
    response_timeout: int


_worker: Worker | None = None


def handle(data: list[dict[str, Any]] | None, context: Any) -> list[Any]:
    """Load on the first call, where data is None; then answer batches. Never raises for a request."""
    global _worker
    if data is None:
        _worker = start(context, os.environ)
        return []
    if _worker is None:
        raise RuntimeError("asked to predict before the model was loaded")
    with watched(_worker.response_timeout):
        return _worker.batch_handler.respond(data, context)


@contextlib.contextmanager
def watched(seconds: int) -> Iterator[None]:
    """End this process, with its threads' stacks in the log, where the block takes longer.

    Multi-model-server would take another worker after its own time, but leave the silent one running.
    """
    faulthandler.dump_traceback_later(seconds, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def start(context: Any, environ: Mapping[str, str]) -> Worker:
    """Load and warm the model, and say that this worker is ready; or say why not and end it."""
    die_with_parent()
    logs.configure()
    # What multi-model-server's worker logs goes to the root logger itself.
    logging.getLogger().addFilter(is_news)
    board = ReadinessBoard(Path(environ[RUN_FOLDER_VARIABLE]), context.model_name)
    try:
        options = from_environment(ServingOptions, environ)
        logs.configure(options.level_name)
        # Its metrics of every batch say less than the batch's own line.
        logging.getLogger("mms.service").setLevel(logging.WARNING)
        batch_handler = load(context, options)
        board.announce_ready()
        return Worker(batch_handler, options.response_timeout)
    except Exception as error:
        log_failure(error)
        board.announce_failure(NO_MEMORY if ran_out(error) else reason(error))
        # The server logs a traceback for any exception but this one.
        sys.exit(EXIT_USER_ERROR if isinstance(error, UserError) else EXIT_BUG)


def is_news(record: logging.LogRecord) -> bool:
    """False for the traceback that a worker leaves whenever its model is unloaded."""
    return not (record.exc_info and str(record.exc_info[1]) == "Frontend disconnected")


def ran_out(error: Exception) -> bool:
    """Whether `error` says that there is no memory: Python's, or torch's for a GPU's."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


def load(context: Any, options: ServingOptions) -> BatchHandler:
    """The responder for the model that the registered stub names, loaded and warm."""
    started = time.monotonic()
    folder = model_store_entry.model_folder(Path(context.system_properties["model_dir"]))
    functions = user_code.load(folder, options.program)
    log.info("functions of the model's own code: %s", ", ".join(functions.names) or "none")
    if functions.model_fn:
        model = user_code.call(functions.model_fn, context, str(folder))
    else:
        model = load_classifier(folder, context.system_properties.get("gpu_id"), options)
    batch_handler = BatchHandler(model, options, functions)
    batch_handler.warm_up()
    log.info("model loaded and warm in %.1f s", time.monotonic() - started)
    return batch_handler


def load_classifier(folder: Path, gpu: int | None, options: ServingOptions) -> Any:
    """Our classifier for the model in `folder`, on the GPU with this index or on the CPU."""
    # Imported here: the parent of the workers, which forks them, must not load torch.
    import torch

    from inference.worker.classifier import Classifier
    from inference.worker.compilation import compile_model
    from inference.worker.loading import load as load_model
    from inference.worker.parallel import ParallelPasses

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS") or torch.get_num_threads()))
    device = choose(options.dtype, gpu, cpu_flags())
    loaded = load_model(folder, device, options.allow_pickle)
    log.info(
        "model on %s in %s, %d thread(s), labels %s, at most %d tokens",
        device.device,
        str(device.dtype).removeprefix("torch."),
        torch.get_num_threads(),
        list(loaded.label_names),
        loaded.max_length,
    )
    threads = torch.get_num_threads()
    # Compiled code has threads of its own.
    parallel = ParallelPasses(1 if device.is_gpu or options.compile else threads)
    classifier = Classifier(loaded, options.batch_tokens or device.batch_tokens(threads), parallel)
    if options.compile:
        compile_model(loaded.model, classifier.probe)
    return classifier
