"""BatchHandler: answers a batch of requests: decodes, tokenizes, predicts, encodes; user functions; warm-up."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from inference import metrics
from inference.content_types import NPY, OUTPUTS, choose_output
from inference.errors import RequestError
from inference.options import ServingOptions
from inference.worker import decoding, responses
from inference.worker.batch_request import BatchRequest
from inference.worker.request import Request, as_mapping, check_count, read_content
from inference.worker.user_code import UserFunctions, call
from inference.worker.warm_up import warm_up

if TYPE_CHECKING:
    import torch

    from inference.worker.classifier import Classifier

log = logging.getLogger(__name__)


class BatchHandler:
    """Answers batches of requests with the image's classifier or with the model that a team's model_fn returned.

    Args:
        model: the Classifier, or the team's model: a callable like a transformers pipeline.
        options: limits and the default content type.
        functions: the team's functions. Unless one of them replaces the forward pass, requests share it.
    """

    def __init__(self, model: Classifier | Any, options: ServingOptions, functions: UserFunctions) -> None:
        self._model, self._options, self._functions = model, options, functions

    def warm_up(self) -> None:
        """Warm up the image's classifier (inference/worker/warm_up.py); a team's own model is left alone."""
        if not self._functions.model_fn:
            warm_up(self._model)

    def respond(self, data: list[dict[str, Any]], context: Any) -> list[Any]:
        """The responses to the requests in `data`, each in an envelope (inference/envelope.py) for the front."""
        started = time.monotonic()
        if self._functions.batched:
            self._model.reset_statistics()
        entries = [BatchRequest(index, context, request) for index, request in enumerate(data)]
        for entry in entries:
            entry.guard(self._decode if self._functions.batched else self._respond_by_user_code)
        self._tokenize(entries)
        self._predict([entry for entry in entries if entry.rows and not entry.error])
        bodies = [entry.finish() for entry in entries]
        self._report(entries, started)
        return bodies

    def _decode(self, entry: BatchRequest) -> None:
        """Decode the body of one request."""
        entry.output = self._output_type(entry)
        if self._functions.input_fn:
            content = call(self._functions.input_fn, entry.context, entry.payload, entry.content_type)
            entry.request = read_content(content)
        else:
            entry.request = decoding.decode(entry.payload, entry.content_type)
        check_count(entry.request, self._options.max_records)

    def _tokenize(self, entries: list[BatchRequest]) -> None:
        """Tokenize all decoded requests in one call; if that fails, each one alone, to find the faulty one."""
        decoded = [(entry, entry.request) for entry in entries if entry.request and not entry.error]
        if not decoded:
            return
        try:
            results = self._model.encode_together([request for _, request in decoded])
        except Exception:
            for entry, request in decoded:
                entry.guard(self._tokenize_alone, request)
            return
        for (entry, _), result in zip(decoded, results, strict=True):
            if isinstance(result, RequestError):
                entry.error = result
            else:
                entry.rows = result

    def _tokenize_alone(self, entry: BatchRequest, request: Request) -> None:
        entry.rows = self._model.encode(request)

    def _output_type(self, entry: BatchRequest) -> str:
        """The response's content type; a team's output_fn or transform_fn may write any type."""
        accept = entry.headers.get("accept")
        if self._functions.output_fn or self._functions.transform_fn:
            return self._options.default_accept if accept in (None, "*/*") else str(accept)
        outputs = OUTPUTS if self._functions.batched else (*OUTPUTS, NPY)
        return choose_output(accept, self._options.default_accept, outputs)

    def _predict(self, entries: list[BatchRequest]) -> None:
        """Predict all texts of all requests in one call; each request gets its slice of the logits.

        If the call fails, it is retried with each half of the requests, so that only the faulty request fails.
        """
        if len(entries) < 2:
            for entry in entries:
                entry.guard(self._predict_alone)
            return
        logits = self._logits(entries)
        if logits is None:
            middle = len(entries) // 2
            self._predict(entries[:middle])
            self._predict(entries[middle:])
            return
        start = 0
        for entry in entries:
            end = start + len(entry.rows)
            entry.guard(self._encode, logits[start:end])
            start = end

    def _logits(self, entries: list[BatchRequest]) -> torch.Tensor | None:
        """Logits of all texts of `entries`; None if the model fails."""
        try:
            return self._model.logits([row for entry in entries for row in entry.rows])
        except Exception as error:
            log.warning("a batch of %d requests failed (%s), retrying its halves", len(entries), type(error).__name__)
            return None

    def _predict_alone(self, entry: BatchRequest) -> None:
        self._encode(entry, self._model.logits(entry.rows))

    def _encode(self, entry: BatchRequest, logits: Any) -> None:
        """Set the body of the response to a request whose texts have `logits`."""
        request = entry.request
        if request is None:
            raise RuntimeError("a request was predicted before it was decoded")
        predictions = self._model.predictions(logits, request.parameters)
        if self._functions.output_fn:
            self._encode_by_user_code(entry, responses.arrange(predictions, request.shape))
        else:
            entry.body = responses.encode(predictions, request.shape, entry.output)

    def _encode_by_user_code(self, entry: BatchRequest, prediction: Any) -> None:
        """Set the body by the team's output_fn; without one encode `prediction` as JSON."""
        if self._functions.output_fn:
            result = call(self._functions.output_fn, entry.context, prediction, entry.output)
            self._set_body(entry, result)
        else:
            entry.body = responses.encode_prediction(prediction, entry.output)

    def _set_body(self, entry: BatchRequest, result: Any) -> None:
        """Use the result of a team's output_fn or transform_fn: a body, or a tuple of a body and its content type."""
        if isinstance(result, tuple):
            result, entry.output = result
        is_encoded = isinstance(result, (str, bytes, bytearray))
        entry.body = result if is_encoded else responses.encode_prediction(result, entry.output)

    def _respond_by_user_code(self, entry: BatchRequest) -> None:
        """Answer one request by the team's functions, where these include the forward pass."""
        functions, context = self._functions, entry.context
        entry.output = self._output_type(entry)
        payload, kind = entry.payload, entry.content_type
        if functions.transform_fn:
            self._set_body(entry, call(functions.transform_fn, context, self._model, payload, kind, entry.output))
            return
        input_fn = functions.input_fn
        content = call(input_fn, context, payload, kind) if input_fn else decoding.decode_content(payload, kind)
        if functions.predict_fn:
            prediction = call(functions.predict_fn, context, content, self._model)
        else:
            request = as_mapping(content)
            prediction = self._model(request["inputs"], **(request.get("parameters") or {}))
        self._encode_by_user_code(entry, prediction)

    def _report(self, entries: list[BatchRequest], started: float) -> None:
        """Log the metrics of a batch: sizes and times, never text."""
        values = {
            "requests": len(entries),
            "errors": sum(entry.error is not None for entry in entries),
            **metrics.queued((entry.headers.get(metrics.ARRIVED_HEADER) for entry in entries), started),
            "computed_ms": round(1000 * (time.monotonic() - started), 1),
        }
        if self._functions.batched:
            values |= self._model.statistics.summary()
        metrics.report(values, self._options.metrics_namespace)
