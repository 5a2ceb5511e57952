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
from inference.worker.batch_request import Exchange
from inference.worker.request import Request, Text, as_mapping, check_count, read_content
from inference.worker.user_code import UserFunctions, call

if TYPE_CHECKING:
    import torch

    from inference.worker.classifier import Classifier

log = logging.getLogger(__name__)


class Responder:
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
        exchanges = [Exchange(index, context, request) for index, request in enumerate(data)]
        for exchange in exchanges:
            exchange.guard(self._read if self._functions.batched else self._answer_alone)
        self._tokenize(exchanges)
        self._predict([exchange for exchange in exchanges if exchange.rows and not exchange.error])
        bodies = [exchange.finish() for exchange in exchanges]
        self._report(exchanges, started)
        return bodies

    def _read(self, exchange: Exchange) -> None:
        """Decode one request."""
        exchange.output = self._output(exchange)
        if self._functions.input_fn:
            content = call(self._functions.input_fn, exchange.context, exchange.payload, exchange.content_type)
            exchange.request = read_content(content)
        else:
            exchange.request = decoding.decode(exchange.payload, exchange.content_type)
        check_count(exchange.request, self._options.max_records)

    def _tokenize(self, exchanges: list[Exchange]) -> None:
        """Token ids of all requests that were read, together; where that fails each alone, for it is one's fault."""
        read = [(exchange, exchange.request) for exchange in exchanges if exchange.request and not exchange.error]
        if not read:
            return
        try:
            results = self._model.encode_together([request for _, request in read])
        except Exception:
            for exchange, request in read:
                exchange.guard(self._tokenize_alone, request)
            return
        for (exchange, _), result in zip(read, results, strict=True):
            if isinstance(result, RequestError):
                exchange.error = result
            else:
                exchange.rows = result

    def _tokenize_alone(self, exchange: Exchange, request: Request) -> None:
        exchange.rows = self._model.encode(request)

    def _output(self, exchange: Exchange) -> str:
        """The response's content type; what a team writes itself is its own choice."""
        accept = exchange.headers.get("accept")
        if self._functions.output_fn or self._functions.transform_fn:
            return self._options.default_accept if accept in (None, "*/*") else str(accept)
        return choose_output(accept, self._options.default_accept)

    def _predict(self, exchanges: list[Exchange]) -> None:
        """One call for all texts of all requests; each request takes its slice.

        Where it fails, halves of the requests try again, so that one request's failure is its alone.
        """
        if len(exchanges) < 2:
            for exchange in exchanges:
                exchange.guard(self._predict_alone)
            return
        logits = self._logits(exchanges)
        if logits is None:
            middle = len(exchanges) // 2
            self._predict(exchanges[:middle])
            self._predict(exchanges[middle:])
            return
        start = 0
        for exchange in exchanges:
            end = start + len(exchange.rows)
            exchange.guard(self._write, logits[start:end])
            start = end

    def _logits(self, exchanges: list[Exchange]) -> torch.Tensor | None:
        """Logits of all texts of `exchanges`; None where the model fails."""
        try:
            return self._model.logits([row for exchange in exchanges for row in exchange.rows])
        except Exception as error:
            log.warning("a batch of %d requests failed (%s), trying its halves", len(exchanges), type(error).__name__)
            return None

    def _predict_alone(self, exchange: Exchange) -> None:
        self._write(exchange, self._model.logits(exchange.rows))

    def _write(self, exchange: Exchange, logits: Any) -> None:
        request = exchange.request
        if request is None:
            raise RuntimeError("a request was predicted before it was read")
        answers = self._model.answers(logits, request.parameters)
        if self._functions.output_fn:
            self._write_own(exchange, responses.arrange(answers, request.shape))
        else:
            exchange.body = responses.encode(answers, request.shape, exchange.output)

    def _write_own(self, exchange: Exchange, prediction: Any) -> None:
        """The body by the team's output_fn, else as JSON."""
        if self._functions.output_fn:
            result = call(self._functions.output_fn, exchange.context, prediction, exchange.output)
            self._take(exchange, result)
        else:
            exchange.body = responses.encode_prediction(prediction, exchange.output)

    def _take(self, exchange: Exchange, result: Any) -> None:
        """A team's result: a body, or a body and its content type."""
        if isinstance(result, tuple):
            result, exchange.output = result
        exchange.body = result

    def _answer_alone(self, exchange: Exchange) -> None:
        """One request through the team's functions, where the forward pass is theirs."""
        functions, context = self._functions, exchange.context
        exchange.output = self._output(exchange)
        payload, kind = exchange.payload, exchange.content_type
        if functions.transform_fn:
            self._take(exchange, call(functions.transform_fn, context, self._model, payload, kind, exchange.output))
            return
        read = functions.input_fn
        content = call(read, context, payload, kind) if read else decoding.decode_content(payload, kind)
        if functions.predict_fn:
            prediction = call(functions.predict_fn, context, content, self._model)
        else:
            request = as_mapping(content)
            prediction = self._model(request["inputs"], **(request.get("parameters") or {}))
        self._write_own(exchange, prediction)

    def _report(self, exchanges: list[Exchange], started: float) -> None:
        """One line a batch: sizes and times only, never text."""
        values = {
            "requests": len(exchanges),
            "errors": sum(exchange.error is not None for exchange in exchanges),
            **metrics.queued((exchange.headers.get(metrics.ARRIVED_HEADER) for exchange in exchanges), started),
            "computed_ms": round(1000 * (time.monotonic() - started), 1),
        }
        if self._functions.batched:
            values |= self._model.statistics.summary()
        metrics.report(values, self._options.metrics_namespace)
