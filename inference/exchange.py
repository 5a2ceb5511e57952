"""One request of a batch on its way to its response, apart from its neighbours."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from mms.service import PredictionException
from sagemaker_inference.errors import BaseInferenceToolkitError
from sagemaker_inference.utils import retrieve_content_type_header

from inference.decoding import Request
from inference.errors import RequestError, error_body, internal_error
from inference.media import JSON

if TYPE_CHECKING:
    from inference.tokenization import Encoded

# SageMaker hands this header of a response on to the caller (InvokeEndpoint); others it drops.
ATTRIBUTES_HEADER = "X-Amzn-SageMaker-Custom-Attributes"

log = logging.getLogger(__name__)


@dataclass
class Exchange:
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

    def finish(self) -> None:
        """Set status and headers; the body of an error carries the request's id."""
        if self.error:
            status = self.error.status
            self.output = JSON
            self.context.set_response_status(status.value, status.phrase, self.index)
            self.body = error_body(self.error, str(self.context.get_request_id(self.index)))
        self.context.set_response_content_type(self.index, self.output)
        truncated = sum(row.truncated for row in self.rows)
        if truncated and not self.error:
            self.context.set_response_header(self.index, ATTRIBUTES_HEADER, f"truncated={truncated}")


def stated(error: BaseInferenceToolkitError | PredictionException) -> RequestError:
    """The status and message that a team's code chose by raising one of the two toolkits' errors."""
    status: Any = error.status_code if isinstance(error, BaseInferenceToolkitError) else error.error_code
    try:
        return RequestError(HTTPStatus(status), str(error.message))
    except ValueError:
        return internal_error()
