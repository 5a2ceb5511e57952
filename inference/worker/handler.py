"""Loads and warms up a model; handle(data, context), by which a stock multi-model-server can run it too.

handle is multi-model-server's custom service (docs/custom_service.md), which
sagemaker_inference.default_handler_service implements too: data is None when the model must be
loaded, else a list of requests, for which a list of bodies of the same length is returned.
sagemaker-inference's Transformer is not used: it applies the first request's headers to the whole
batch and puts tracebacks into responses. Its content types, environment variables and user functions
are kept.
"""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import Any

from contract import logs
from contract.cpu import cpu_flags
from contract.cuda import refuse_unusable_gpu
from contract.options import from_environment
from inference.device import choose, set_threads
from inference.model_folder import top
from inference.options import ServingOptions
from inference.worker import user_code
from inference.worker.batch_handler import BatchHandler

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


def load(folder: Path, context: Any, options: ServingOptions) -> BatchHandler:
    """Load the model in `folder`, and warm it up."""
    started = time.monotonic()
    folder = top(folder)
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

    torch.set_num_threads(set_threads(os.environ) or torch.get_num_threads())
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
