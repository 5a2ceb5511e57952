"""One request of a batch: its input, limits, truncation count, error or response, isolated from the others."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from mms.service import PredictionException
from sagemaker_inference.errors import BaseInferenceToolkitError
from sagemaker_inference.utils import retrieve_content_type_header

from inference.content_types import JSON
from inference.envelope import pack
from inference.errors import RequestError, error_body, internal_error
from inference.worker.request import Request

if TYPE_CHECKING:
    from inference.worker.tokenization import Encoded

# SageMaker hands this header of a response on to the caller (InvokeEndpoint); others it drops.
ATTRIBUTES_HEADER = "x-amzn-sagemaker-custom-attributes"

log = logging.getLogger(__name__)


@dataclass
class BatchRequest:
    """A request, what was made of it, and its response.

    Attributes:
        index: position in the batch.
        context: multi-model-server's, of the whole batch.
        data: what the server parsed of the request: its body, or a form's fields.
        output: content type of the response.
        request: the decoded request, where decoding is ours.
        rows: its tokenized texts, where the forward pass is ours.
        error: why it gets no answer.
        body: of the response.
    """

    index: int
    context: Any
    data: dict[str, Any]
    output: str = JSON
    request: Request | None = None
    rows: list[Encoded] = field(default_factory=list)
    error: RequestError | None = None
    body: Any = ""

    @property
    def headers(self) -> dict[str, str]:
        """Headers in small letters. The server files the body's part among them, as an object: left out."""
        headers = self.context.get_all_request_header(self.index)
        return {name.lower(): value for name, value in headers.items() if isinstance(value, str)}

    @property
    def content_type(self) -> str | None:
        return retrieve_content_type_header(self.headers)

    @property
    def payload(self) -> bytes:
        """The request's body.

        Raises:
            RequestError: 415, it was a form, which the server takes apart.
        """
        if "body" not in self.data:
            raise RequestError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "forms are not read, expected application/json")
        return bytes(self.data["body"])

    def guard(self, step: Callable[..., None], *arguments: Any) -> None:
        """Run one step; its failure is this request's alone."""
        try:
            step(self, *arguments)
        except RequestError as error:
            self.error = error
        except (BaseInferenceToolkitError, PredictionException) as error:
            self.error = stated(error)
        except Exception:
            log.exception("request %s failed", self.context.get_request_id(self.index))
            self.error = internal_error()

    def finish(self) -> bytes:
        """The response in its envelope; what a team's code set in the context counts where there is no error."""
        try:
            return self._failed(self.error) if self.error else self._answered()
        except (TypeError, ValueError):
            log.exception("request %s has an answer that is no JSON", self.context.get_request_id(self.index))
            return self._failed(internal_error())

    def _answered(self) -> bytes:
        status, _ = self.context.get_response_status(self.index)
        headers = {"content-type": self.output, **self._taken_headers()}
        truncated = sum(row.truncated for row in self.rows)
        if truncated:
            headers[ATTRIBUTES_HEADER] = f"truncated={truncated}"
        self.context.set_response_status(idx=self.index)
        return pack(status or HTTPStatus.OK, headers, self.body)

    def _failed(self, error: RequestError) -> bytes:
        """The error as JSON, with the request's id."""
        self.error = error
        self._taken_headers()
        self.context.set_response_status(idx=self.index)
        return pack(
            error.status, {"content-type": JSON}, error_body(error, str(self.context.get_request_id(self.index)))
        )

    def _taken_headers(self) -> dict[str, str]:
        """The response's headers, taken out of the context so that the server sees none."""
        headers = self.context.get_response_headers(self.index)
        taken = {str(name).lower(): str(value) for name, value in headers.items()}
        headers.clear()
        return taken


def stated(error: BaseInferenceToolkitError | PredictionException) -> RequestError:
    """The status and message that a team's code chose by raising one of the two toolkits' errors."""
    status: Any = error.status_code if isinstance(error, BaseInferenceToolkitError) else error.error_code
    try:
        return RequestError(HTTPStatus(status), str(error.message))
    except ValueError:
        return internal_error()
