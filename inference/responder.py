"""A batch of requests to a batch of responses: one bad request does not spoil its neighbours."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from sagemaker_inference.utils import retrieve_content_type_header

from inference import codecs
from inference.codecs import JSON, Request, Text
from inference.errors import RequestError, error_body, internal_error
from inference.options import ServingOptions
from inference.parameters import Parameters

if TYPE_CHECKING:
    from inference.classifier import Classifier, Encoded

# SageMaker hands this header of a response on to the caller (InvokeEndpoint); others it drops.
ATTRIBUTES_HEADER = "X-Amzn-SageMaker-Custom-Attributes"

log = logging.getLogger(__name__)


@dataclass
class Exchange:
    """One request of a batch on its way to its response."""

    index: int
    output: str = JSON
    request: Request | None = None
    rows: list[Encoded] = field(default_factory=list)
    error: RequestError | None = None
    body: str = ""


class Responder:
    """Answers batches with one classifier.

    Args:
        classifier: the loaded model.
        options: limits and the default content type.
    """

    def __init__(self, classifier: Classifier, options: ServingOptions) -> None:
        self._classifier, self._options = classifier, options

    def warm_up(self) -> None:
        """One short and one longest pass, so that the first request pays for no set-up."""
        words = "warm " * self._classifier.loaded.max_length
        for text in ("warm", words):
            self._classifier.logits(self._classifier.encode([Text(text)], Parameters()))

    def respond(self, data: list[dict[str, Any]], context: Any) -> list[str]:
        """Bodies for the requests in `data`; statuses and headers go into `context`, request by request."""
        started = time.monotonic()
        exchanges = [Exchange(index) for index in range(len(data))]
        for exchange in exchanges:
            self._guard(exchange, self._read, data[exchange.index], context)
        self._predict([exchange for exchange in exchanges if exchange.error is None])
        for exchange in exchanges:
            self._finish(exchange, context)
        self._log(exchanges, time.monotonic() - started)
        return [exchange.body for exchange in exchanges]

    def _guard(self, exchange: Exchange, step: Any, *arguments: Any) -> None:
        """Run one step for one request; its failure is that request's alone."""
        try:
            step(exchange, *arguments)
        except RequestError as error:
            exchange.error = error
        except Exception:
            log.exception("request %d of the batch failed", exchange.index)
            exchange.error = internal_error()

    def _read(self, exchange: Exchange, data: dict[str, Any], context: Any) -> None:
        headers = {name.lower(): value for name, value in string_headers(context, exchange.index).items()}
        exchange.output = codecs.choose_output(headers.get("accept"), self._options.default_accept)
        if "body" not in data:
            raise RequestError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "forms are not read, expected application/json")
        content_type = retrieve_content_type_header(headers)
        exchange.request = codecs.decode(data["body"], content_type, self._options.max_records)
        exchange.rows = self._classifier.encode(exchange.request.texts, exchange.request.parameters)

    def _predict(self, exchanges: list[Exchange]) -> None:
        """One call for all texts of all requests; each request takes its slice."""
        rows = [row for exchange in exchanges for row in exchange.rows]
        if not rows:
            return
        try:
            logits = self._classifier.logits(rows)
        except Exception:
            log.exception("a batch of %d texts failed", len(rows))
            for exchange in exchanges:
                exchange.error = internal_error()
            return
        start = 0
        for exchange in exchanges:
            end = start + len(exchange.rows)
            self._guard(exchange, self._write, logits[start:end])
            start = end

    def _write(self, exchange: Exchange, logits: Any) -> None:
        if exchange.request is None:
            raise RuntimeError("a request was predicted before it was read")
        answers = self._classifier.answers(logits, exchange.request.parameters)
        exchange.body = codecs.encode(answers, exchange.request.shape, exchange.output)

    def _finish(self, exchange: Exchange, context: Any) -> None:
        """Set status and headers; the body of an error carries the request's id."""
        if exchange.error is None:
            context.set_response_content_type(exchange.index, exchange.output)
            truncated = sum(row.truncated for row in exchange.rows)
            if truncated:
                context.set_response_header(exchange.index, ATTRIBUTES_HEADER, f"truncated={truncated}")
            return
        status = exchange.error.status
        context.set_response_status(status.value, status.phrase, exchange.index)
        context.set_response_content_type(exchange.index, JSON)
        exchange.body = error_body(exchange.error, str(context.get_request_id(exchange.index)))

    def _log(self, exchanges: list[Exchange], seconds: float) -> None:
        """One JSON line a batch: sizes only, never text."""
        statistics = self._classifier.statistics
        padding = 1 - statistics.tokens / statistics.padded if statistics.padded else 0.0
        line = {
            "requests": len(exchanges),
            "errors": sum(exchange.error is not None for exchange in exchanges),
            "texts": sum(len(exchange.rows) for exchange in exchanges),
            "tokens": statistics.tokens,
            "passes": statistics.passes,
            "padding": round(padding, 3),
            "ms": round(1000 * seconds, 1),
        }
        log.info("batch %s", json.dumps(line))


def string_headers(context: Any, index: int) -> dict[str, str]:
    """The request's headers. The server files a body's content type among them as an object; that is left out."""
    headers = context.get_all_request_header(index)
    return {name: value for name, value in headers.items() if isinstance(value, str)}
