from __future__ import annotations

import csv
import io
import json

import pytest

from inference.content_types import CSV, JSON, JSON_LINES
from inference.errors import RequestError
from inference.worker.responses import Prediction, encode, encode_prediction

ANSWERS: list[Prediction] = [
    {"label": 'a,"b"', "score": 0.25},
    [{"label": "x", "score": 0.5}, {"label": "y", "score": 0.1}],
]


def test_json_has_the_requests_shape() -> None:
    assert json.loads(encode(ANSWERS, "list", JSON)) == ANSWERS
    assert json.loads(encode(ANSWERS, "predictions", JSON)) == {"predictions": ANSWERS}
    assert json.loads(encode(ANSWERS[:1], "alone", JSON)) == ANSWERS[0]


def test_one_line_per_prediction_without_a_final_newline() -> None:
    lines = encode(ANSWERS, "list", JSON_LINES).split("\n")
    assert [json.loads(line) for line in lines] == ANSWERS
    rows = list(csv.reader(io.StringIO(encode(ANSWERS, "list", CSV))))
    assert rows == [['a,"b"', "0.25"], ["x", "0.5", "y", "0.1"]]
    assert not encode(ANSWERS, "list", CSV).endswith("\n")


def test_a_teams_prediction() -> None:
    assert encode_prediction({"answer": 42}, JSON) == '{"answer": 42}'
    assert encode_prediction([1, 2], JSON_LINES) == "1\n2"
    with pytest.raises(RequestError) as caught:
        encode_prediction([1], CSV)
    assert caught.value.status == 406
