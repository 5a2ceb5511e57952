from __future__ import annotations

import pytest

from contract.failures import UserError
from contract.options import from_environment
from inference.options import ServingOptions


def read(**variables: str) -> ServingOptions:
    return from_environment(ServingOptions, variables)


def test_defaults() -> None:
    options = read()
    assert (options.port, options.batch_size, options.batch_delay_ms) == (8080, 32, 1)
    assert options.response_timeout == 3600


def test_variables_of_sagemaker_and_of_the_image() -> None:
    options = read(
        SAGEMAKER_BIND_TO_PORT="9999",
        SAGEMAKER_MODEL_SERVER_WORKERS="2",
        SAGEMAKER_MODEL_SERVER_TIMEOUT="3",
        SAGEMAKER_MAX_PAYLOAD_IN_MB="100",
        SAGEMAKER_CONTAINER_LOG_LEVEL="20",
        SERVING_DTYPE="bfloat16",
    )
    assert (options.port, options.workers, options.dtype) == (9999, 2, "bfloat16")
    assert options.max_bytes == 100 * 2**20
    assert options.response_timeout == 180
    assert options.level_name == "INFO"


def test_the_timeout_in_seconds_takes_precedence() -> None:
    assert read(SAGEMAKER_MODEL_SERVER_TIMEOUT="3", SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS="5").response_timeout == 5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SERVING_BATCH_SIZE", "0"),
        ("SERVING_BATCH_SIZE", "many"),
        ("SERVING_BATCH_DELAY_MS", "-1"),
        ("SERVING_DTYPE", "int8"),
        ("SERVING_MAX_LENGTH", "0"),
        ("HF_TASK", "token-classification"),
        ("SAGEMAKER_MODEL_SERVER_WORKERS", "-2"),
    ],
)
def test_a_bad_value_is_named(name: str, value: str) -> None:
    with pytest.raises(UserError, match=f"{name} is "):
        read(**{name: value})


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(UserError, match="SAGEMAKER_CONTAINER_LOG_LEVEL is 'loud'"):
        _ = read(SAGEMAKER_CONTAINER_LOG_LEVEL="loud").level_name
