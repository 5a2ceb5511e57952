from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mms.context import Context, RequestProcessor
from mms.service import PredictionException
from sagemaker_inference.errors import GenericInferenceToolkitError

from inference.device import Device
from inference.options import ServingOptions
from inference.worker.batch_handler import BatchHandler
from inference.worker.classifier import Classifier
from inference.worker.loading import load
from inference.worker.request import Request, Text
from inference.worker.tokenization import Encoded
from inference.worker.user_code import UserFunctions

Requests = list[tuple[str, dict[str, str]]]


@pytest.fixture(scope="module")
def model(model_folder: Path) -> Classifier:
    return Classifier(load(model_folder, Device(torch.device("cpu"), torch.float32)), 4096)


def respond(batch_handler: BatchHandler, *requests: tuple[Any, dict[str, str]]) -> list[tuple[int, str, Any]]:
    """Status, content type and body of the response to each request, with multi-model-server's own context."""
    context = Context("model", "", None, len(requests), None, "")
    context.request_ids = {index: f"id-{index}" for index in range(len(requests))}
    context.request_processor = [RequestProcessor({"body": {}, **headers}) for _, headers in requests]
    data = [{"body": bytearray(body.encode())} if isinstance(body, str) else body for body, _ in requests]
    return [
        (context.get_response_status(index)[0], context.get_response_content_type(index), body.decode())
        for index, body in enumerate(batch_handler.respond(data, context))
    ]


def test_each_request_gets_its_own_type_and_status(model: Classifier) -> None:
    good = json.dumps({"inputs": "good film"})
    answers = respond(
        BatchHandler(model, ServingOptions(max_records=2), UserFunctions()),
        (good, {"Accept": "text/csv"}),
        ("{", {"Content-Type": "application/json"}),
        ("good film\nbad", {"content-type": "text/plain", "accept": "application/jsonlines"}),
        (good, {"accept": "image/png"}),
        ({"field": b"form"}, {}),
        ('{"inputs": ["a", "b", "c"]}', {}),
        (good, {}),
    )
    assert [status for status, _, _ in answers] == [200, 400, 200, 406, 415, 413, 200]
    assert answers[0][1:] == ("text/csv", "{label},{score}".format(**json.loads(answers[6][2])[0]))
    lines = [json.loads(line) for line in answers[2][2].split("\n")]
    assert lines[0] == json.loads(answers[6][2])[0]
    assert len(lines) == 2
    for index in (1, 3, 4, 5):
        assert json.loads(answers[index][2])["error"]["request_id"] == f"id-{index}"
        assert answers[index][1] == "application/json"


def test_requests_of_a_batch_are_tokenized_together(model: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = [
        {"inputs": ["good film", "bad"]},
        {"inputs": "good " * 50, "parameters": {"max_length": 5}},
        {"inputs": "the end", "parameters": {"truncation": False}},
        {"inputs": "good " * 200, "parameters": {"truncation": False}},
        {"inputs": "dull", "parameters": {"max_length": 1}},
        {"inputs": {"text": "good", "text_pair": "bad"}},
    ]
    batch_handler = BatchHandler(model, ServingOptions(), UserFunctions())
    requests: Requests = [(json.dumps(body), {}) for body in bodies]
    alone = [respond(batch_handler, request)[0] for request in requests]
    calls = record_tokenizer(model, monkeypatch)
    together = respond(batch_handler, *requests)
    # The request with another max_length is tokenized separately; the fifth is refused before.
    assert sorted(map(len, calls)) == [1, 5]
    assert [status for status, _, _ in together] == [status for status, _, _ in alone] == [200, 200, 200, 400, 400, 200]
    for (_, _, found), (_, _, expected) in zip(together, alone, strict=True):
        assert scores(found) == pytest.approx(scores(expected), abs=1e-5)


def test_a_tokenizer_error_fails_only_its_request(
    model: Classifier, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    record_tokenizer(model, monkeypatch, refused="bad")
    requests: Requests = [(json.dumps({"inputs": text}), {}) for text in ("good", "bad", "dull")]
    answers = respond(BatchHandler(model, ServingOptions(), UserFunctions()), *requests)
    assert [status for status, _, _ in answers] == [200, 500, 200]
    assert "request id-1 failed" in caplog.text
    assert "request id-0" not in caplog.text


def test_a_model_error_fails_only_its_request(
    model: Classifier, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    requests: Requests = [
        (json.dumps({"inputs": text}), {}) for text in ("good film", "dull", "bad", "the end", "good")
    ]
    batch_handler = BatchHandler(model, ServingOptions(), UserFunctions())
    alone = [respond(batch_handler, request)[0] for request in requests]
    once = model.forward.once
    (dull,) = model.encode(Request([Text("dull")]))

    def refuse_dull(rows: list[Encoded]) -> torch.Tensor:
        if dull in rows:
            raise RuntimeError("no such text")
        return once(rows)

    monkeypatch.setattr(model.forward, "once", refuse_dull)
    answers = respond(batch_handler, *requests)
    assert [status for status, _, _ in answers] == [200, 500, 200, 200, 200]
    for index in (0, 2, 3, 4):
        assert scores(answers[index][2]) == pytest.approx(scores(alone[index][2]), abs=1e-5)
    assert "request id-1 failed" in caplog.text
    assert caplog.text.count("Traceback") == 1


def record_tokenizer(
    model: Classifier, monkeypatch: pytest.MonkeyPatch, refused: str | None = None
) -> list[list[Text]]:
    """Record the lists of texts that are tokenized from now on; the tokenizer fails for the text `refused`."""
    calls: list[list[Text]] = []
    encode = model.loaded.tokenizer.encode

    def watched(texts: list[Text], limit: int) -> list[Encoded]:
        if any(text.text == refused for text in texts):
            raise RuntimeError("no such text")
        calls.append(texts)
        return encode(texts, limit)

    monkeypatch.setattr(model.loaded.tokenizer, "encode", watched)
    return calls


def scores(body: str) -> list[float]:
    """The scores of a response; empty for an error."""
    content = json.loads(body)
    answers = content if isinstance(content, list) else [content]
    return [answer["score"] for answer in answers if "score" in answer]


def test_a_batch_makes_one_log_line_without_text(model: Classifier, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    respond(BatchHandler(model, ServingOptions(), UserFunctions()), *[('{"inputs": "brightest"}', {})] * 3)
    assert len(caplog.messages) == 1
    line = json.loads(caplog.messages[0].removeprefix("batch "))
    assert (line["requests"], line["errors"], line["texts"], line["passes"]) == (3, 0, 3, 1)
    assert "brightest" not in caplog.text


def test_a_refused_batch_is_not_logged_with_the_sizes_of_the_one_before(
    model: Classifier, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    batch_handler = BatchHandler(model, ServingOptions(), UserFunctions())
    for body in ('{"inputs": ["good", "bad"]}', "{"):
        respond(batch_handler, (body, {}))
    first, second = (json.loads(line.removeprefix("batch ")) for line in caplog.messages)
    assert (first["errors"], first["texts"], first["passes"]) == (0, 2, 1)
    assert [second[name] for name in ("errors", "texts", "passes", "tokens", "padding")] == [1, 0, 0, 0, 0]


def test_metrics_for_cloudwatch_are_lines_of_json_alone(model: Classifier, capsys: pytest.CaptureFixture[str]) -> None:
    batch_handler = BatchHandler(model, ServingOptions(metrics_namespace="Reviews"), UserFunctions())
    headers = {"x-serving-arrived": str(time.monotonic() - 2)}
    respond(batch_handler, ('{"inputs": ["good", "bad"]}', headers), ("{", {}))
    [line] = capsys.readouterr().out.splitlines()
    values = json.loads(line)
    [directive] = values["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Reviews"
    assert {metric["Name"] for metric in directive["Metrics"]} == values.keys() - {"_aws"}
    assert abs(values["_aws"]["Timestamp"] / 1000 - time.time()) < 60
    assert (values["requests"], values["errors"], values["texts"]) == (2, 1, 2)
    assert 2000 <= values["queued_ms"] < 60_000
    assert 0 < values["computed_ms"] < 60_000


def test_input_fn_and_output_fn_around_the_images_forward_pass(model: Classifier) -> None:
    functions = UserFunctions(
        input_fn=lambda body, _kind: body.decode().split("|"),
        output_fn=lambda prediction, accept: (",".join(one["label"] for one in prediction), accept),
    )
    batch_handler = BatchHandler(model, ServingOptions(), functions)
    answers = respond(batch_handler, ("good|bad", {"accept": "text/own"}), ("dull", {}))
    assert [answer[:2] for answer in answers] == [(200, "text/own"), (200, "application/json")]
    assert [len(answer[2].split(",")) for answer in answers] == [2, 1]
    assert model.statistics.texts == 3


def test_predict_fn_gets_the_classifier_as_a_pipeline(model: Classifier) -> None:
    functions = UserFunctions(predict_fn=lambda data, pipe: pipe(data["inputs"], top_k=1)[0]["label"])
    answers = respond(BatchHandler(model, ServingOptions(), functions), ('{"inputs": "good"}', {}))
    assert json.loads(answers[0][2]) in ("POSITIVE", "NEGATIVE")


def test_transform_fn_replaces_the_other_functions() -> None:
    functions = UserFunctions(transform_fn=lambda model, data, kind, accept: f"{model} {data.decode()} {kind} {accept}")
    batch_handler = BatchHandler("model", ServingOptions(), functions)
    answers = respond(batch_handler, ("data", {"content-type": "a/b", "accept": "c/d"}))
    assert answers == [(200, "c/d", "model data a/b c/d")]


def test_arrays_of_a_teams_code_are_written_in_the_accepted_type() -> None:
    predicting = UserFunctions(model_fn=lambda _: None, predict_fn=lambda _data, _model: np.array([[1.0, 2.0]]))
    transforming = UserFunctions(transform_fn=lambda *_: {"score": np.float32(0.5), "class": torch.tensor(1)})
    for functions, accept, body in (
        (predicting, "text/csv", "1.0,2.0\n"),
        (predicting, "application/json", "[[1.0, 2.0]]"),
        (transforming, "application/json", '{"score": 0.5, "class": 1}'),
    ):
        batch_handler = BatchHandler(None, ServingOptions(), functions)
        assert respond(batch_handler, ('{"inputs": 1}', {"accept": accept})) == [(200, accept, body)]


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (ValueError("/secret/path"), 500, "the server failed on this request; its log has the cause"),
        (GenericInferenceToolkitError(422, "no such thing"), 422, "no such thing"),
        (PredictionException("busy", 503), 503, "busy"),
    ],
)
def test_an_error_of_a_teams_code_fails_only_its_request(error: Exception, status: int, message: str) -> None:
    def predict_fn(data: Any, _model: Any) -> Any:
        if data["inputs"] == "bad":
            raise error
        return "fine"

    batch_handler = BatchHandler(None, ServingOptions(), UserFunctions(model_fn=lambda _: None, predict_fn=predict_fn))
    answers = respond(batch_handler, ('{"inputs": "bad"}', {}), ('{"inputs": "good"}', {}))
    assert [answer[0] for answer in answers] == [status, 200]
    assert json.loads(answers[0][2])["error"]["message"] == message
    assert answers[1][2] == '"fine"'
