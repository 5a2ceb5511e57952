"""A batch of requests to a batch of responses: read, tokenize, predict, write; the team's functions; warm-up."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from inference import metrics
from inference.content_types import choose_output
from inference.errors import RequestError
from inference.options import ServingOptions
from inference.worker import decoding, isolation, responses
from inference.worker.batch_request import BatchRequest
from inference.worker.request import Request, Text, as_mapping, check_count, read_content
from inference.worker.user_code import UserFunctions, call

if TYPE_CHECKING:
    import torch

    from inference.worker.classifier import Classifier

log = logging.getLogger(__name__)


class BatchHandler:
    """Answers batches with one classifier, or with a team's model.

    Args:
        model: our classifier, or what the team's model_fn returned: a callable like a pipeline.
        options: limits and the default content type.
        functions: the team's; where the forward pass is ours, requests share it.
    """

    def __init__(self, model: Classifier | Any, options: ServingOptions, functions: UserFunctions) -> None:
        self._model, self._options, self._functions = model, options, functions

    def warm_up(self) -> None:
        """The shortest and the longest passes, so that the first request pays for no set-up.

        Before, whether texts may share a pass.
        """
        if self._functions.model_fn:
            return
        isolation.ensure(self._model)
        longest = Text("warm " * self._model.loaded.max_length)
        for texts in ([Text("warm")], [longest, longest]):
            self._model.logits(self._model.encode(Request(texts)))

    def respond(self, data: list[dict[str, Any]], context: Any) -> list[Any]:
        """Responses to the requests in `data`, each in the envelope that the front opens."""
        started = time.monotonic()
        entries = [BatchRequest(index, context, request) for index, request in enumerate(data)]
        for entry in entries:
            entry.guard(self._read if self._functions.batched else self._answer_alone)
        self._tokenize(entries)
        self._predict([entry for entry in entries if entry.rows and not entry.error])
        bodies = [entry.finish() for entry in entries]
        self._report(entries, started)
        return bodies

    def _read(self, entry: BatchRequest) -> None:
        """Decode one request."""
        entry.output = self._output(entry)
        if self._functions.input_fn:
            content = call(self._functions.input_fn, entry.context, entry.payload, entry.content_type)
            entry.request = read_content(content)
        else:
            entry.request = decoding.decode(entry.payload, entry.content_type)
        check_count(entry.request, self._options.max_records)

    def _tokenize(self, entries: list[BatchRequest]) -> None:
        """Token ids of all requests that were read, together; where that fails each alone, for it is one's fault."""
        read = [(entry, entry.request) for entry in entries if entry.request and not entry.error]
        if not read:
            return
        try:
            results = self._model.encode_together([request for _, request in read])
        except Exception:
            for entry, request in read:
                entry.guard(self._tokenize_alone, request)
            return
        for (entry, _), result in zip(read, results, strict=True):
            if isinstance(result, RequestError):
                entry.error = result
            else:
                entry.rows = result

    def _tokenize_alone(self, entry: BatchRequest, request: Request) -> None:
        entry.rows = self._model.encode(request)

    def _output(self, entry: BatchRequest) -> str:
        """The response's content type; what a team writes itself is its own choice."""
        accept = entry.headers.get("accept")
        if self._functions.output_fn or self._functions.transform_fn:
            return self._options.default_accept if accept in (None, "*/*") else str(accept)
        return choose_output(accept, self._options.default_accept)

    def _predict(self, entries: list[BatchRequest]) -> None:
        """One call for all texts of all requests; each request takes its slice.

        Where it fails, halves of the requests try again, so that one request's failure is its alone.
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
            entry.guard(self._write, logits[start:end])
            start = end

    def _logits(self, entries: list[BatchRequest]) -> torch.Tensor | None:
        """Logits of all texts of `exchanges`; None where the model fails."""
        try:
            return self._model.logits([row for entry in entries for row in entry.rows])
        except Exception as error:
            log.warning("a batch of %d requests failed (%s), trying its halves", len(entries), type(error).__name__)
            return None

    def _predict_alone(self, entry: BatchRequest) -> None:
        self._write(entry, self._model.logits(entry.rows))

    def _write(self, entry: BatchRequest, logits: Any) -> None:
        request = entry.request
        if request is None:
            raise RuntimeError("a request was predicted before it was read")
        answers = self._model.answers(logits, request.parameters)
        if self._functions.output_fn:
            self._write_own(entry, responses.arrange(answers, request.shape))
        else:
            entry.body = responses.encode(answers, request.shape, entry.output)

    def _write_own(self, entry: BatchRequest, prediction: Any) -> None:
        """The body by the team's output_fn, else as JSON."""
        if self._functions.output_fn:
            result = call(self._functions.output_fn, entry.context, prediction, entry.output)
            self._take(entry, result)
        else:
            entry.body = responses.encode_prediction(prediction, entry.output)

    def _take(self, entry: BatchRequest, result: Any) -> None:
        """A team's result: a body, or a body and its content type."""
        if isinstance(result, tuple):
            result, entry.output = result
        entry.body = result

    def _answer_alone(self, entry: BatchRequest) -> None:
        """One request through the team's functions, where the forward pass is theirs."""
        functions, context = self._functions, entry.context
        entry.output = self._output(entry)
        payload, kind = entry.payload, entry.content_type
        if functions.transform_fn:
            self._take(entry, call(functions.transform_fn, context, self._model, payload, kind, entry.output))
            return
        read = functions.input_fn
        content = call(read, context, payload, kind) if read else decoding.decode_content(payload, kind)
        if functions.predict_fn:
            prediction = call(functions.predict_fn, context, content, self._model)
        else:
            request = as_mapping(content)
            prediction = self._model(request["inputs"], **(request.get("parameters") or {}))
        self._write_own(entry, prediction)

    def _report(self, entries: list[BatchRequest], started: float) -> None:
        """One line a batch: sizes and times only, never text."""
        values = {
            "requests": len(entries),
            "errors": sum(entry.error is not None for entry in entries),
            **metrics.queued((entry.headers.get(metrics.ARRIVED_HEADER) for entry in entries), started),
            "computed_ms": round(1000 * (time.monotonic() - started), 1),
        }
        if self._functions.batched:
            values |= self._model.statistics.summary()
        metrics.report(values, self._options.metrics_namespace)
