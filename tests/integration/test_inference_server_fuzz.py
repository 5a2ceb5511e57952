"""Random requests: fuzzed ones with valid ones among them, and requests generated from the OpenAPI description."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from inference_server import Server, running
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from unit.inference.tiny import write_model

from robustness.fuzz import fuzz, report

pytestmark = pytest.mark.integration

DESCRIPTION = Path(__file__).parents[2] / "docs" / "inference.openapi.json"
CASES, EXAMPLES = 400, 60
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    base = tmp_path_factory.mktemp("ml")
    write_model(base / "model")
    limits = {"SERVING_MAX_RECORDS": "2000", "SAGEMAKER_MAX_PAYLOAD_IN_MB": "2"}
    with running(base, tmp_path_factory.mktemp("log") / "log", **limits) as server:
        server.wait()
        before = server.workers
        yield server
        assert server.workers == before
        assert "Traceback" not in server.log.read_text()


def test_fuzzed_requests_get_responses_and_valid_ones_correct_predictions(server: Server) -> None:
    findings = asyncio.run(fuzz(int(server.url.rpartition(":")[2]), CASES, seed=1))
    assert not findings.wrong, report(findings)
    assert findings.good == CASES // 4
    # Most statuses have occurred, so the cases differ.
    assert {200, 400, 404, 405, 406, 413, 415, 417, 431} <= {status for _, status in findings.statuses}


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_responses_match_the_openapi_description(server: Server, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_dict(json.loads(DESCRIPTION.read_text()))
    accepted = 0

    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(case=schema["/invocations"]["POST"].as_strategy(generation_mode=mode))
    def check(case: Any) -> None:
        nonlocal accepted
        answer = case.call(base_url=server.url)
        case.validate_response(answer, checks=CHECKS)
        accepted += answer.status_code == 200
        if mode is GenerationMode.POSITIVE and case.media_type == "application/json":
            assert answer.status_code == 200 or forbids_truncation(case.body), answer.text

    check()
    if mode is GenerationMode.POSITIVE:
        assert accepted > EXAMPLES / 4


def forbids_truncation(body: dict[str, Any]) -> bool:
    """Whether a request refuses texts that are longer than its max_length."""
    truncation = body.get("parameters", {}).get("truncation", True)
    return truncation in (False, "do_not_truncate") or body.get("truncate") is False


def test_every_status_and_route_of_the_openapi_description_occurs(server: Server) -> None:
    described = json.loads(DESCRIPTION.read_text())["paths"]
    assert {(path, method) for path in described for method in described[path]} == {
        ("/ping", "get"),
        ("/invocations", "post"),
    }
    assert server.ping() == 200
