from __future__ import annotations

import pytest

from contract.failures import UserError
from contract.options import from_environment
from inference.content_types import JSON_LINES, OUTPUTS
from inference.options import ServingOptions, default_output, unknown_variables


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
        ("SERVING_DTYPE", "int4"),
        ("SERVING_ENGINE", "tensorrt"),
        ("SERVING_MAX_LENGTH", "0"),
        ("HF_TASK", "token-classification"),
        ("SAGEMAKER_MODEL_SERVER_WORKERS", "-2"),
        ("SAGEMAKER_BIND_TO_PORT", "65536"),
        ("SERVING_QUANTIZATION_LOSS", "nan"),
    ],
)
def test_a_bad_value_is_named(name: str, value: str) -> None:
    with pytest.raises(UserError, match=f"{name} is "):
        read(**{name: value})


def test_the_default_content_type_is_one_that_is_written() -> None:
    aliased = read(SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT="application/x-jsonlines")
    assert default_output(aliased, OUTPUTS) == JSON_LINES
    with pytest.raises(UserError, match="SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT is 'text/html', expected one of app"):
        default_output(read(SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT="text/html"), OUTPUTS)


def test_a_misspelled_variable_of_the_image_is_named() -> None:
    environ = {"SERVING_BATCHSIZE": "4", "SERVING_SERVICE_HOST": "x", "SERVING_DTYPE": "int8", "SERVER_X": "1"}
    assert unknown_variables(environ) == [
        "SERVING_BATCHSIZE is no option; did you mean SERVING_BATCH_SIZE?",
        "SERVING_SERVICE_HOST is no option",
    ]


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(UserError, match="SAGEMAKER_CONTAINER_LOG_LEVEL is 'loud'"):
        _ = read(SAGEMAKER_CONTAINER_LOG_LEVEL="loud").level_name


@pytest.mark.parametrize(
    ("engine", "dtype"), [("torch", "int8"), ("onnxruntime", "bfloat16"), ("onnxruntime", "float16")]
)
def test_an_engine_without_the_dtype_is_refused(engine: str, dtype: str) -> None:
    with pytest.raises(UserError, match=f"^SERVING_DTYPE is {dtype} and SERVING_ENGINE {engine}, expected "):
        read(SERVING_ENGINE=engine, SERVING_DTYPE=dtype)


def test_onnx_runtime_compiles_nothing() -> None:
    with pytest.raises(UserError, match="^SERVING_COMPILE is true with ONNX Runtime, expected SERVING_ENGINE=torch$"):
        read(SERVING_ENGINE="onnxruntime", SERVING_COMPILE="true")


def test_logits_of_onnx_runtime_are_compared_with_those_of_float32() -> None:
    assert read(SERVING_DTYPE="int8").torch_dtype == read(SERVING_ENGINE="onnxruntime").torch_dtype == "float32"
    assert (read().torch_dtype, read(SERVING_DTYPE="bfloat16").torch_dtype) == ("auto", "bfloat16")
