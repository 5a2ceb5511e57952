"""handle(data, context), which multi-model-server's workers call: loads and warms up the model, answers batches.

The protocol is multi-model-server's custom service (docs/custom_service.md), which
sagemaker_inference.default_handler_service implements too: data is None when the model must be
loaded, else a list of requests, for which a list of bodies of the same length is returned.
sagemaker-inference's Transformer is not used: it applies the first request's headers to the whole
batch and puts tracebacks into responses. Its content types, environment variables and user functions
are kept.
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
from contract.cuda import refuse_unusable_gpu
from contract.failures import EXIT_BUG, EXIT_USER_ERROR, UserError, log_failure, reason
from contract.options import from_environment
from inference import model_store_entry
from inference.device import choose
from inference.model_folder import top
from inference.options import ServingOptions
from inference.processes import end_with_parent
from inference.readiness import NO_MEMORY, RUN_FOLDER_VARIABLE, ReadinessBoard
from inference.worker import user_code
from inference.worker.batch_handler import BatchHandler

log = logging.getLogger("inference.worker.handler")


@dataclass(frozen=True)
class Worker:
    """State of this worker process once its model is loaded.

    Attributes:
        response_timeout: most seconds for a batch.
    """

    batch_handler: BatchHandler
    response_timeout: int


_worker: Worker | None = None


def handle(data: list[dict[str, Any]] | None, context: Any) -> list[Any]:
    """Load the model on the first call, where data is None; then answer batches. No request makes it raise."""
    global _worker
    if data is None:
        _worker = start(context, os.environ)
        return []
    if _worker is None:
        raise RuntimeError("handle was called with requests before the model was loaded")
    with exit_after(_worker.response_timeout):
        return _worker.batch_handler.respond(data, context)


@contextlib.contextmanager
def exit_after(seconds: int) -> Iterator[None]:
    """Exit this process and log the stacks of its threads if the block takes more than `seconds`.

    Multi-model-server would start another worker after its own timeout, but leave this one running.
    """
    faulthandler.dump_traceback_later(seconds, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def start(context: Any, environ: Mapping[str, str]) -> Worker:
    """Load and warm up the model and announce that this worker is ready; on failure record the cause and exit."""
    end_with_parent()
    logs.configure()
    # Multi-model-server's worker logs to the root logger.
    logging.getLogger().addFilter(is_not_disconnect)
    board = ReadinessBoard(Path(environ[RUN_FOLDER_VARIABLE]), context.model_name)
    try:
        options = from_environment(ServingOptions, environ)
        logs.configure(options.level_name)
        # Multi-model-server logs metrics of every batch too; the image's own line of a batch has more.
        logging.getLogger("mms.service").setLevel(logging.WARNING)
        batch_handler = load(context, options)
        board.announce_ready()
        return Worker(batch_handler, options.response_timeout)
    except Exception as error:
        log_failure(error)
        board.announce_failure(NO_MEMORY if is_out_of_memory(error) else reason(error))
        # Multi-model-server logs a traceback for any other exception than SystemExit.
        sys.exit(EXIT_USER_ERROR if isinstance(error, UserError) else EXIT_BUG)


def is_not_disconnect(record: logging.LogRecord) -> bool:
    """Log filter: False for the traceback that multi-model-server's worker logs whenever its model is unloaded."""
    return not (record.exc_info and str(record.exc_info[1]) == "Frontend disconnected")


def is_out_of_memory(error: Exception) -> bool:
    """Whether `error` is Python's MemoryError or torch's OutOfMemoryError of a GPU."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


def load(context: Any, options: ServingOptions) -> BatchHandler:
    """Load the model that the registered stub folder names, and warm it up."""
    started = time.monotonic()
    folder = top(model_store_entry.model_folder(Path(context.system_properties["model_dir"])))
    functions = user_code.load(folder, options.program)
    log.info("functions of the model's own code: %s", ", ".join(functions.names) or "none")
    if functions.model_fn:
        model = user_code.call(functions.model_fn, context, str(folder))
    else:
        gpu = None if options.use_cpu else context.system_properties.get("gpu_id")
        if not options.use_cpu:
            refuse_unusable_gpu("SERVING_USE_CPU=true", os.environ)
        model = load_classifier(folder, gpu, options)
    batch_handler = BatchHandler(model, options, functions)
    batch_handler.warm_up()
    log.info("model loaded and warm in %.1f s", time.monotonic() - started)
    return batch_handler


def load_classifier(folder: Path, gpu: int | None, options: ServingOptions) -> Any:
    """The Classifier of the model in `folder`, on the GPU with index `gpu`, or on the CPU if it is None."""
    # Imported late: the parent process, which forks the workers, must not load torch.
    import torch

    from inference.worker import engine
    from inference.worker.classifier import Classifier
    from inference.worker.compilation import compile_model
    from inference.worker.loading import load as load_model
    from inference.worker.parallel import ParallelPasses

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS") or torch.get_num_threads()))
    threads = torch.get_num_threads()
    device = choose(options.torch_dtype, gpu, cpu_flags())
    loaded = load_model(folder, device, options.allow_pickle, options.max_length)
    loaded = engine.choose(loaded, folder, options, threads, cpu_flags())
    log.info(
        "model on %s in %s, %d thread(s), labels %s, at most %d tokens",
        device.device,
        str(loaded.device.dtype).removeprefix("torch."),
        threads,
        list(loaded.label_names),
        loaded.max_length,
    )
    # Compiled code starts its own threads.
    parallel = ParallelPasses(1 if device.is_gpu or options.compile else threads)
    classifier = Classifier(loaded, options.batch_tokens or device.batch_tokens(threads), parallel)
    if options.compile:
        compile_model(loaded.model, classifier.probe)
    return classifier
