from __future__ import annotations

import csv
import io
import json
from typing import Any

import numpy as np
import pytest
import torch
from sagemaker_inference import encoder

from inference.content_types import CSV, JSON, JSON_LINES, NPY
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
    assert encode_prediction(ANSWERS[:1], CSV) == encode(ANSWERS[:1], "list", CSV)


@pytest.mark.parametrize("output", [CSV, NPY])
@pytest.mark.parametrize("prediction", [{"answer": 42}, [[1], [2, 3]], None])
def test_what_is_no_array_is_not_written_as_one(prediction: Any, output: str) -> None:
    with pytest.raises(RequestError) as caught:
        encode_prediction(prediction, output)
    assert caught.value.status == 406


@pytest.mark.parametrize("make", [np.array, torch.tensor])
def test_arrays_are_written_as_sagemaker_inference_writes_them(make: Any) -> None:
    array = make([[1.5, 2.0], [0.5, -1.0]])
    for output in (JSON, CSV, NPY):
        assert encode_prediction(array, output) == encoder.encode(np.asarray(array.tolist()), output)
    assert encode_prediction(list(array), CSV) == "1.5,2.0\n0.5,-1.0\n"
    assert encode_prediction(list(array), JSON_LINES) == "[1.5, 2.0]\n[0.5, -1.0]"
    assert json.loads(encode_prediction({"nested": [array[0], array[0][0]]}, JSON)) == {"nested": [[1.5, 2.0], 1.5]}


def test_npy_keeps_numpys_dtype() -> None:
    body = encode_prediction(np.arange(3, dtype=np.int8), NPY)
    assert isinstance(body, bytes)
    assert np.load(io.BytesIO(body)).dtype == np.int8
