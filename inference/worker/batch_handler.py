"""BatchHandler: answers a batch of requests: decodes, tokenizes, predicts, encodes; user functions; warm-up."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from inference import metrics
from inference.content_types import NPY, OUTPUTS, choose_output
from inference.errors import RequestError
from inference.options import ServingOptions, default_output
from inference.worker import batching, decoding, responses
from inference.worker.batch_request import BatchRequest
from inference.worker.progress import Progress, shares, to_tokenize
from inference.worker.request import as_mapping, check_count, read_content
from inference.worker.user_code import UserFunctions, call
from inference.worker.warm_up import warm_up

if TYPE_CHECKING:
    import torch

    from inference.worker.classifier import Classifier

# The time for the long requests of a batch, during which a new request waits.
PART_SECONDS = 0.1

log = logging.getLogger(__name__)


class BatchHandler:
    """Answers batches of requests with the image's classifier or with the model that a team's model_fn returned.

    Args:
        model: the Classifier, or the team's model: a callable like a transformers pipeline.
        options: limits and the default content type.
        functions: the team's functions. Unless one of them replaces the forward pass, requests share it.

    Raises:
        UserError: SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT is no type that is written.
    """

    def __init__(self, model: Classifier | Any, options: ServingOptions, functions: UserFunctions) -> None:
        self._model, self._options, self._functions = model, options, functions
        self._outputs = OUTPUTS if functions.batched else (*OUTPUTS, NPY)
        self._writes_any = bool(functions.output_fn or functions.transform_fn)
        self._default_output = options.default_accept if self._writes_any else default_output(options, self._outputs)
        self._tokens_per_second = 0.0
        # Of the next batch.
        self.most_requests = options.batch_size

    def warm_up(self) -> None:
        """Warm up the image's classifier (inference/worker/warm_up.py); a team's own model is left alone."""
        if not self._functions.model_fn:
            warm_up(self._model)

    def respond(self, data: list[dict[str, Any]], context: Any) -> list[bytes]:
        """The bodies of the responses to the requests in `data`; their status and headers are set in `context`."""
        entries = [BatchRequest(index, context, request) for index, request in enumerate(data)]
        self.advance(entries, divisible=False)
        return [entry.finish() for entry in entries]

    def advance(self, entries: Sequence[BatchRequest], divisible: bool = True) -> None:
        """Compute one batch: decode the new requests, and predict all texts of short requests and some of long ones.

        Args:
            divisible: whether a long request may be predicted in parts; it is finished once all are.
        """
        started = time.monotonic()
        if self._functions.batched:
            self._model.reset_statistics()
        new = [entry for entry in entries if entry.is_new]
        for entry in new:
            entry.is_new = False
            entry.guard(self._decode if self._functions.batched else self._respond_by_user_code, divisible)
        self._tokenize(entries)
        self._share(entries)
        self._predict_timed([entry for entry in entries if entry.rows and not entry.error])
        if self._functions.batched and all(entry.is_finished for entry in entries):
            seconds, share = time.monotonic() - started, self._model.statistics.tokens / self._model.batch_tokens
            self.most_requests = batching.most_requests(self._options.batch_size, len(entries), seconds, share)
        self._report(entries, new, started)

    def _decode(self, entry: BatchRequest, divisible: bool) -> None:
        """Decode the body of one request."""
        entry.output = self._output_type(entry)
        if self._functions.input_fn:
            content = call(self._functions.input_fn, entry.context, entry.content, entry.content_type)
            request = read_content(content)
        else:
            request = decoding.decode(entry.payload, entry.content_type)
        check_count(request, self._options.max_records)
        self._model.check(request)
        # A team's functions get a request as a whole, once.
        entry.progress = Progress(request, divisible and not self._functions.names)

    def _tokenize(self, entries: Sequence[BatchRequest]) -> None:
        """Tokenize decoded requests in one call; if that fails, each one alone, to find the faulty one."""
        waiting = [
            (entry, entry.progress)
            for entry in entries
            if entry.progress and not entry.progress.rows and not entry.error
        ]
        if not waiting:
            return
        decoded = [waiting[index] for index in to_tokenize([progress for _, progress in waiting])]
        try:
            results = self._model.encode_together([progress.window() for _, progress in decoded])
        except Exception:
            for entry, progress in decoded:
                entry.guard(self._tokenize_alone, progress)
            return
        for (entry, progress), result in zip(decoded, results, strict=True):
            if isinstance(result, RequestError):
                entry.error = result
            else:
                progress.set_rows(result)

    def _tokenize_alone(self, _: BatchRequest, progress: Progress) -> None:
        progress.set_rows(self._model.encode(progress.window()))

    def _share(self, entries: Sequence[BatchRequest]) -> None:
        """Choose the texts of each request that are predicted in this batch: all, or a part of a long request."""
        ready = [(entry, entry.progress) for entry in entries if entry.progress and not entry.error]
        lengths = [progress.lengths() for _, progress in ready if progress.divisible]
        longest = max((each[0] for each in lengths if each), default=0)
        counts = iter(shares(lengths, self._budget(longest)) if lengths else [])
        for entry, progress in ready:
            count = next(counts) if progress.divisible else len(progress.rows)
            entry.indices, entry.rows = progress.take(count)

    def _budget(self, longest: int) -> int:
        """Tokens of long requests in one batch: so many full forward passes as take about PART_SECONDS, at least one,
        since each part of a request costs some milliseconds besides, and cores wait where the last pass is not full.

        Args:
            longest: tokens of the longest text. A full forward pass has at least one such text for each thread.
        """
        full = max(self._model.batch_tokens, self._model.parallel.count * longest)
        return full * max(1, round(PART_SECONDS * self._tokens_per_second / full))

    def _output_type(self, entry: BatchRequest) -> str:
        """The response's content type; a team's output_fn or transform_fn may write any type."""
        accept = entry.headers.get("accept")
        if self._writes_any:
            return self._default_output if accept in (None, "*/*") else str(accept)
        return choose_output(accept, self._default_output, self._outputs)

    def _predict_timed(self, entries: list[BatchRequest]) -> None:
        """Predict the texts of `entries`, and measure the tokens per second if they are as many as in a full pass."""
        started = time.monotonic()
        self._predict(entries)
        if entries and self._model.statistics.tokens >= self._model.batch_tokens:
            self._tokens_per_second = self._model.statistics.tokens / (time.monotonic() - started)

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
        progress = entry.progress
        if progress is None:
            raise RuntimeError("a request was predicted before it was decoded")
        request = progress.request
        progress.add(entry.indices, self._model.predictions(logits, request.parameters))
        if not progress.is_finished():
            return
        if self._functions.output_fn:
            self._encode_by_user_code(entry, responses.arrange(progress.predictions, request.shape))
        else:
            entry.body = responses.encode(progress.predictions, request.shape, entry.output)
        entry.is_answered = True

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

    def _respond_by_user_code(self, entry: BatchRequest, _divisible: bool) -> None:
        """Answer one request by the team's functions, where these include the forward pass."""
        entry.is_answered = True
        functions, context = self._functions, entry.context
        entry.output = self._output_type(entry)
        payload, kind = entry.payload, entry.content_type
        if functions.transform_fn:
            self._set_body(entry, call(functions.transform_fn, context, self._model, entry.content, kind, entry.output))
            return
        input_fn = functions.input_fn
        content = call(input_fn, context, entry.content, kind) if input_fn else decoding.decode_content(payload, kind)
        if functions.predict_fn:
            prediction = call(functions.predict_fn, context, content, self._model)
        else:
            request = as_mapping(content)
            prediction = self._model(request["inputs"], **(request.get("parameters") or {}))
        self._encode_by_user_code(entry, prediction)

    def _report(self, entries: Sequence[BatchRequest], new: Sequence[BatchRequest], started: float) -> None:
        """Log the metrics of a batch: sizes and times, never text."""
        values = {
            "requests": sum(entry.is_finished for entry in entries),
            "unfinished": sum(not entry.is_finished for entry in entries),
            "errors": sum(entry.error is not None for entry in entries),
            **metrics.queued((entry.headers.get(metrics.ARRIVED_HEADER) for entry in new), started),
            "computed_ms": round(1000 * (time.monotonic() - started), 1),
        }
        if self._functions.batched:
            values |= self._model.statistics.summary()
        metrics.report(values, self._options.metrics_namespace)
