"""Encodes predictions as response bodies: application/json, application/jsonlines and text/csv.

In the line formats line i of the response belongs to record i of the request. The body does not end
with a newline, since batch transform adds one (AssembleWith=Line).
"""

from __future__ import annotations

import csv
import io
import json
from http import HTTPStatus
from typing import Any, Literal

from inference.content_types import CSV, JSON, JSON_LINES
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
    if output == CSV:
        return "\n".join(csv_line(prediction) for prediction in predictions)
    if output == JSON_LINES:
        return "\n".join(json.dumps(prediction, ensure_ascii=False) for prediction in predictions)
    return json.dumps(arrange(predictions, shape), ensure_ascii=False)


def encode_prediction(prediction: Any, output: str) -> str:
    """Encode the return value of a team's predict_fn as JSON, or as one JSON value per line.

    Raises:
        RequestError: 406, the request accepts only CSV, which needs a team's output_fn.
    """
    if output == JSON_LINES and isinstance(prediction, list):
        return "\n".join(json.dumps(value, ensure_ascii=False) for value in prediction)
    if output == CSV:
        raise RequestError(HTTPStatus.NOT_ACCEPTABLE, f"this model's responses are {JSON} or {JSON_LINES} only")
    return json.dumps(prediction, ensure_ascii=False)


def csv_line(prediction: Prediction) -> str:
    """A prediction as CSV: label,score, repeated for each label if the request has top_k."""
    scores = [prediction] if isinstance(prediction, dict) else prediction
    target = io.StringIO()
    csv.writer(target, lineterminator="").writerow([part for score in scores for part in score.values()])
    return target.getvalue()
