"""Predictions to response bodies: application/json, application/jsonlines and text/csv.

In the line formats line i of the answer belongs to record i of the request, and no line end
closes the body, since batch transform adds it.
"""

from __future__ import annotations

import csv
import io
import json
from http import HTTPStatus
from typing import Any, Literal

from inference.content_types import CSV, JSON, JSON_LINES
from inference.errors import RequestError

# How the answers are laid out: one answer by itself, in a list, or under "predictions".
Shape = Literal["alone", "list", "predictions"]
Score = dict[str, Any]
Answer = list[Score] | Score


def arrange(answers: list[Answer], shape: Shape) -> Any:
    """The answers as one JSON value, in the request's shape."""
    if shape == "alone":
        return answers[0]
    return {"predictions": answers} if shape == "predictions" else answers


def encode(answers: list[Answer], shape: Shape, output: str) -> str:
    """The response body: all answers in the request's shape as JSON, or one a line."""
    if output == CSV:
        return "\n".join(csv_line(answer) for answer in answers)
    if output == JSON_LINES:
        return "\n".join(json.dumps(answer, ensure_ascii=False) for answer in answers)
    return json.dumps(arrange(answers, shape), ensure_ascii=False)


def encode_prediction(prediction: Any, output: str) -> str:
    """What a team's predict_fn returned, as JSON or as one JSON value a line.

    Raises:
        RequestError: 406, CSV was asked for, which only the team's output_fn could write.
    """
    if output == JSON_LINES and isinstance(prediction, list):
        return "\n".join(json.dumps(value, ensure_ascii=False) for value in prediction)
    if output == CSV:
        raise RequestError(HTTPStatus.NOT_ACCEPTABLE, f"this model writes {JSON} and {JSON_LINES} only")
    return json.dumps(prediction, ensure_ascii=False)


def csv_line(answer: Answer) -> str:
    """label,score, repeated where more than one label was asked for."""
    scores = [answer] if isinstance(answer, dict) else answer
    target = io.StringIO()
    csv.writer(target, lineterminator="").writerow([part for score in scores for part in score.values()])
    return target.getvalue()
