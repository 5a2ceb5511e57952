"""Encodes predictions as response bodies: application/json, application/jsonlines, text/csv; a team's also as npy.

In the line formats line i of the response belongs to record i of the request. The body does not end
with a newline, since batch transform adds one (AssembleWith=Line).
"""

from __future__ import annotations

import csv
import io
import json
from http import HTTPStatus
from typing import Any, Literal

from sagemaker_inference import encoder

from inference.content_types import CSV, JSON, JSON_LINES, NPY
from inference.errors import RequestError

# Layout of a JSON response: a single prediction, a list of them, or a list under the key "predictions".
Shape = Literal["alone", "list", "predictions"]
Score = dict[str, Any]
Prediction = list[Score] | Score


def arrange(predictions: list[Prediction], shape: Shape) -> Any:
    """The predictions as one JSON value of the given shape."""
    if shape == "alone":
        return predictions[0]
    return {"predictions": predictions} if shape == "predictions" else predictions


def encode(predictions: list[Prediction], shape: Shape, output: str) -> str:
    """The response body of content type `output`: one JSON value of the given shape, or one prediction per line."""
    before, between, after = frame(shape, output)
    return f"{before}{between.join(records(predictions, output))}{after}"


def records(predictions: list[Prediction], output: str) -> list[str]:
    """Each prediction encoded for the content type `output`."""
    if output == CSV:
        return [csv_line(prediction) for prediction in predictions]
    return [json.dumps(prediction, ensure_ascii=False) for prediction in predictions]


def frame(shape: Shape, output: str) -> tuple[str, str, str]:
    """What stands before, between and after the records of a response."""
    if output in (CSV, JSON_LINES):
        return "", "\n", ""
    if shape == "alone":
        return "", "", ""
    return ('{"predictions": [', ", ", "]}") if shape == "predictions" else ("[", ", ", "]")


def encode_prediction(prediction: Any, output: str) -> str | bytes:
    """Encode a return value of a team's function: values as of json, of numpy or of torch, however nested.

    Arrays are written as sagemaker_inference.encoder writes them: as nested lists, as rows of CSV, or as npy.

    Raises:
        RequestError: 406, the request accepts only CSV or npy, and the value is no array.
    """
    if output == NPY or (output == CSV and not is_scored(prediction)):
        return encode_array(prediction, output)
    content = json.loads(json.dumps(prediction, default=plain)) if output in (CSV, JSON_LINES) else prediction
    if output == CSV:
        return "\n".join(csv_line(value) for value in content)
    if output == JSON_LINES and isinstance(content, list):
        return "\n".join(json.dumps(value, ensure_ascii=False) for value in content)
    return json.dumps(prediction, ensure_ascii=False, default=plain)


def plain(value: Any) -> Any:
    """Numpy's and torch's values, arrays and scalars, as lists and numbers, for json.dumps.

    Raises:
        TypeError: `value` is of another type.
    """
    if not hasattr(value, "tolist"):
        raise TypeError(f"{type(value).__name__} cannot be written as JSON")
    return value.tolist()


def is_scored(prediction: Any) -> bool:
    """Whether the value is a list of predictions like those of the image's classifier."""
    return isinstance(prediction, list) and all(
        isinstance(value, dict) and value.keys() == {"label", "score"} for value in prediction
    )


def encode_array(prediction: Any, output: str) -> str | bytes:
    """A numeric array, or nested lists of numbers, as CSV or npy.

    Raises:
        RequestError: 406, `prediction` is something else.
    """
    import numpy as np

    try:
        array = np.asarray(json.loads(json.dumps(prediction, default=plain)))
    except (TypeError, ValueError):
        array = np.asarray(None)
    dtype = getattr(prediction, "dtype", None)
    # Objects would be pickled in npy, and become Python's notation in CSV.
    if array.dtype == object:
        raise RequestError(HTTPStatus.NOT_ACCEPTABLE, f"this model's responses are {JSON} or {JSON_LINES} only")
    if isinstance(dtype, np.dtype):
        array = array.astype(dtype)
    return encoder.encode(array, output)


def csv_line(prediction: Prediction) -> str:
    """A prediction as CSV: label,score, repeated for each label if the request has top_k."""
    scores = [prediction] if isinstance(prediction, dict) else prediction
    target = io.StringIO()
    csv.writer(target, lineterminator="").writerow([part for score in scores for part in score.values()])
    return target.getvalue()
