"""A worker's work: loads and warms up the model, then answers batches of requests from the server's socket.

handle(data, context) does the same under a stock multi-model-server, by its custom service protocol
(docs/custom_service.md), which sagemaker_inference.default_handler_service implements too: data is
None when the model must be loaded, else a list of requests, for which a list of bodies of the same
length is returned. sagemaker-inference's Transformer is not used: it applies the first request's
headers to the whole batch and puts tracebacks into responses. Its content types, environment
variables and user functions are kept.
"""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mms.context import Context, RequestProcessor

from contract import logs
from contract.cpu import cpu_flags
from contract.failures import EXIT_BUG, EXIT_USER_ERROR, UserError, log_failure, reason
from contract.options import from_environment
from inference.device import choose
from inference.messages import NO_MEMORY, NOTICE, Message
from inference.options import ServingOptions
from inference.processes import end_with_parent
from inference.worker import user_code
from inference.worker.batch_handler import BatchHandler
from inference.worker.inbox import Inbox

log = logging.getLogger("inference.worker.handler")


_handler: BatchHandler | None = None


def handle(data: list[dict[str, Any]] | None, context: Any) -> list[Any]:
    """Under a stock multi-model-server: load the model where data is None, else answer a batch of requests."""
    global _handler
    if data is None:
        logs.configure()
        options = from_environment(ServingOptions, os.environ)
        _handler = load(Path(context.system_properties["model_dir"]), context, options)
        return []
    if _handler is None:
        raise RuntimeError("handle was called with requests before the model was loaded")
    return _handler.respond(data, context)


def serve(inbox: Inbox, folder: Path, gpu: int | None, environ: Mapping[str, str]) -> None:
    """Load the model in `folder`, tell the server that it is ready, and answer requests until the server ends."""
    end_with_parent()
    logs.configure()
    try:
        options = from_environment(ServingOptions, environ)
        logs.configure(options.level_name)
        context = Context("model", str(folder), {}, options.batch_size, gpu, "")
        batch_handler = load(folder, context, options)
    except Exception as error:
        log_failure(error)
        inbox.send([Message(NOTICE, {"failure": NO_MEMORY if is_out_of_memory(error) else reason(error)})])
        sys.exit(EXIT_USER_ERROR if isinstance(error, UserError) else EXIT_BUG)
    inbox.open()
    inbox.send([Message(NOTICE, {"ready": True})])
    while batch := inbox.take(options.batch_size, options.batch_delay_ms / 1000):
        with exit_after(options.response_timeout):
            inbox.send(answers(batch_handler, batch, context))


def answers(batch_handler: BatchHandler, batch: Sequence[Message], context: Context) -> list[Message]:
    """The responses to a batch of requests."""
    context.request_ids = {index: message.fields["id"] for index, message in enumerate(batch)}
    context.request_processor = [RequestProcessor(message.fields["headers"]) for message in batch]
    bodies = batch_handler.respond([{"body": message.body} for message in batch], context)
    return [
        Message(
            message.number,
            {"status": processor.get_response_status_code(), "headers": processor.get_response_headers()},
            body,
        )
        for message, processor, body in zip(batch, context.request_processor, bodies, strict=True)
    ]


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


def is_out_of_memory(error: Exception) -> bool:
    """Whether `error` is Python's MemoryError or torch's OutOfMemoryError of a GPU."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


def load(folder: Path, context: Any, options: ServingOptions) -> BatchHandler:
    """Load the model in `folder`, and warm it up."""
    started = time.monotonic()
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
    """The Classifier of the model in `folder`, on the GPU with index `gpu`, or on the CPU if it is None."""
    # Imported late: the parent process, which forks the workers, must not load torch.
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
    # Compiled code starts its own threads.
    parallel = ParallelPasses(1 if device.is_gpu or options.compile else threads)
    classifier = Classifier(loaded, options.batch_tokens or device.batch_tokens(threads), parallel)
    if options.compile:
        compile_model(loaded.model, classifier.probe)
    return classifier
