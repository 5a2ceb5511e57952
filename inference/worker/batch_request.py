"""One request of a batch: its input, progress, truncation count, error or response, isolated from the others."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from mms.service import PredictionException
from sagemaker_inference import content_types
from sagemaker_inference.errors import BaseInferenceToolkitError
from sagemaker_inference.utils import retrieve_content_type_header

from inference.content_types import JSON, media_type
from inference.errors import RequestError, error_body, internal_error
from inference.worker.decoding import as_text
from inference.worker.progress import Progress

if TYPE_CHECKING:
    from inference.worker.tokenization import Encoded

# The one custom header of a response that SageMaker's InvokeEndpoint returns to the caller.
ATTRIBUTES_HEADER = "x-amzn-sagemaker-custom-attributes"

log = logging.getLogger(__name__)


@dataclass
class BatchRequest:
    """One request of a batch, its intermediate results, and its response or error.

    Attributes:
        index: position in the batch.
        context: multi-model-server's context: of this request alone, or of the batch that a stock server passes.
        data: the request as multi-model-server parses it: its body, or the fields of a form.
        number: its number between server and worker (inference/messages.py).
        output: content type of the response.
        progress: the decoded request, and how far it is predicted; None if the team's functions decode it.
        indices: indices in the request of the texts that are predicted in this batch.
        rows: these texts, tokenized; empty if the team's functions run the forward pass.
        error: the error to respond with; None if there is none.
        body: body of the response, if it is complete.
        is_new: whether it is to be decoded first.
        is_answered: whether the response is complete.
    """

    index: int
    context: Any
    data: dict[str, Any]
    number: int = 0
    output: str = JSON
    progress: Progress | None = None
    indices: list[int] = field(default_factory=list)
    rows: list[Encoded] = field(default_factory=list)
    error: RequestError | None = None
    body: Any = ""
    is_new: bool = True
    is_answered: bool = False

    @property
    def is_finished(self) -> bool:
        """Whether there is a response: a complete one, or an error."""
        return self.is_answered or self.error is not None

    @cached_property
    def headers(self) -> dict[str, str]:
        """Headers with names in lower case.

        Multi-model-server adds the part of the body to them, as an object; it is left out.
        """
        headers = self.context.get_all_request_header(self.index)
        return {name.lower(): value for name, value in headers.items() if isinstance(value, str)}

    @property
    def content_type(self) -> str | None:
        """The Content-Type header of the request."""
        return retrieve_content_type_header(self.headers)

    @property
    def payload(self) -> bytes:
        """The request's body.

        Raises:
            RequestError: 415, the request is a form, which multi-model-server has parsed.
        """
        if "body" not in self.data:
            raise RequestError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "forms are not supported, expected application/json")
        return bytes(self.data["body"])

    @property
    def content(self) -> str | bytes:
        """The body as sagemaker-inference hands it to a team's functions: JSON and CSV as text, others as bytes.

        Raises:
            RequestError: 415, the request is a form; 400, its text is not UTF-8.
        """
        return as_text(self.payload) if media_type(self.content_type) in content_types.UTF8_TYPES else self.payload

    def guard(self, step: Callable[..., None], *arguments: Any) -> None:
        """Run one step for this request; an exception becomes the request's error, without effect on others."""
        try:
            step(self, *arguments)
        except RequestError as error:
            self.error = error
        except (BaseInferenceToolkitError, PredictionException) as error:
            self.error = from_toolkit_error(error)
        except Exception:
            log.exception("request %s failed", self.context.get_request_id(self.index))
            self.error = internal_error()

    def finish(self) -> bytes:
        """The response's body; its status and headers go into the context, where a team's code may have set some."""
        try:
            return self._error_response(self.error) if self.error else self._response()
        except (TypeError, ValueError):
            log.exception("request %s has a response that is not JSON", self.context.get_request_id(self.index))
            return self._error_response(internal_error())

    def _response(self) -> bytes:
        body = as_bytes(self.body)
        headers = {"content-type": self.output, **self._headers_of_user_code()}
        truncated = self.progress.all_truncated() if self.progress else 0
        if truncated:
            headers[ATTRIBUTES_HEADER] = f"truncated={truncated}"
        status, _ = self.context.get_response_status(self.index)
        self._set(int(status or HTTPStatus.OK), headers)
        return body

    def _error_response(self, error: RequestError) -> bytes:
        """The error as JSON, with the request's id."""
        self.error = error
        self._set(error.status, {"content-type": JSON})
        return error_body(error, str(self.context.get_request_id(self.index))).encode()

    def _headers_of_user_code(self) -> dict[str, str]:
        headers = self.context.get_response_headers(self.index)
        return {str(name).lower(): str(value) for name, value in headers.items()}

    def _set(self, status: int, headers: Mapping[str, str]) -> None:
        """Set the response's status and headers, and no others."""
        self.context.set_response_status(code=status, idx=self.index)
        self.context.get_response_headers(self.index).clear()
        for name, value in headers.items():
            self.context.set_response_header(self.index, name, value)


def as_bytes(body: Any) -> bytes:
    """A body as bytes: bytes as they are, text as UTF-8, other values as JSON.

    Raises:
        TypeError: the value cannot be encoded as JSON.
    """
    if isinstance(body, (bytes, bytearray)):
        return bytes(body)
    return (body if isinstance(body, str) else json.dumps(body)).encode("utf-8", "replace")


def from_toolkit_error(error: BaseInferenceToolkitError | PredictionException) -> RequestError:
    """The status and message of an error of sagemaker-inference or multi-model-server that a team's code raised."""
    status: Any = error.status_code if isinstance(error, BaseInferenceToolkitError) else error.error_code
    try:
        return RequestError(HTTPStatus(status), str(error.message))
    except ValueError:
        return internal_error()
