"""One request of a batch: its input, progress, truncation count, error or response, isolated from the others."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from mms.service import PredictionException
from sagemaker_inference.errors import BaseInferenceToolkitError
from sagemaker_inference.utils import retrieve_content_type_header

from inference.content_types import JSON
from inference.continuation import BODY_NEEDED_HEADER, CURSOR_HEADER, FRAME_HEADER, Part, encode_part
from inference.envelope import pack
from inference.errors import RequestError, error_body, internal_error
from inference.worker.progress import Progress
from inference.worker.responses import frame

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
        context: multi-model-server's context of the whole batch.
        data: the request as multi-model-server parsed it: its body, or the fields of a form.
        output: content type of the response.
        progress: the decoded request, and how far it is predicted; None if the team's functions decode it.
        indices: indices in the request of the texts that are predicted in this batch.
        rows: these texts, tokenized; empty if the team's functions run the forward pass.
        error: the error to respond with; None if there is none.
        body: body of the response, if it is complete.
        part: the predictions of this batch, if the response has several parts.
        is_last: whether the response is complete with this batch.
    """

    index: int
    context: Any
    data: dict[str, Any]
    output: str = JSON
    progress: Progress | None = None
    indices: list[int] = field(default_factory=list)
    rows: list[Encoded] = field(default_factory=list)
    error: RequestError | None = None
    body: Any = ""
    part: Part | None = None
    is_last: bool = True

    @property
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
        """The response in its envelope. Without an error, status and headers are those that a team's code set."""
        try:
            return self._error_response(self.error) if self.error else self._response()
        except (TypeError, ValueError):
            log.exception("request %s has a response that is not JSON", self.context.get_request_id(self.index))
            return self._error_response(internal_error())

    def _response(self) -> bytes:
        status, _ = self.context.get_response_status(self.index)
        headers = {"content-type": self.output, **self._pop_headers()}
        truncated = self.progress.all_truncated() if self.progress else 0
        if truncated:
            headers[ATTRIBUTES_HEADER] = f"truncated={truncated}"
        self.context.set_response_status(idx=self.index)
        headers |= self._part_headers()
        return pack(status or HTTPStatus.OK, headers, self.body if self.part is None else encode_part(self.part))

    def _part_headers(self) -> dict[str, str]:
        """The headers of a response of several parts (inference/continuation.py)."""
        if not self.is_last:
            lost = {} if self.progress else {BODY_NEEDED_HEADER: "1"}
            return {CURSOR_HEADER: self.progress.cursor if self.progress else self.headers[CURSOR_HEADER], **lost}
        if self.part is None or self.progress is None:
            return {}
        return {FRAME_HEADER: json.dumps(frame(self.progress.request.shape, self.output))}

    def _error_response(self, error: RequestError) -> bytes:
        """The error as JSON, with the request's id."""
        self.error, self.is_last = error, True
        self._pop_headers()
        self.context.set_response_status(idx=self.index)
        return pack(
            error.status, {"content-type": JSON}, error_body(error, str(self.context.get_request_id(self.index)))
        )

    def _pop_headers(self) -> dict[str, str]:
        """Remove the response's headers from the context, since multi-model-server must get none; returns them."""
        headers = self.context.get_response_headers(self.index)
        lower_case = {str(name).lower(): str(value) for name, value in headers.items()}
        headers.clear()
        return lower_case


def from_toolkit_error(error: BaseInferenceToolkitError | PredictionException) -> RequestError:
    """The status and message of an error of sagemaker-inference or multi-model-server that a team's code raised."""
    status: Any = error.status_code if isinstance(error, BaseInferenceToolkitError) else error.error_code
    try:
        return RequestError(HTTPStatus(status), str(error.message))
    except ValueError:
        return internal_error()
