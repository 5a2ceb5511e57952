from __future__ import annotations

import asyncio
import socket

import pytest
from unit.inference.fronts import Client, EchoModel, error_of, with_front

from contract.failures import UserError
from inference.options import ServingOptions
from inference.server.app import listen


def test_ping_is_200_only_while_a_worker_is_ready() -> None:
    async def check(client: Client) -> None:
        assert (await client.get("/ping")).status == 200
        model.is_ready = False
        assert await error_of(await client.get("/ping")) == (503, "service_unavailable")

    model = EchoModel()
    with_front(model, check)


def test_there_are_two_routes() -> None:
    async def check(client: Client) -> None:
        for path in ("/", "/models", "/predictions/key", "/invocations/"):
            assert await error_of(await client.post(path)) == (404, "not_found")
        message = (await (await client.post("/")).json())["error"]["message"]
        assert message == "not found, expected one of GET /ping, POST /invocations"
        answer = await client.get("/invocations")
        assert await error_of(answer) == (405, "method_not_allowed")
        assert answer.headers["Allow"] == "POST"

    with_front(EchoModel(), check)


def test_a_large_body_is_refused() -> None:
    async def check(client: Client) -> None:
        assert (await client.post("/invocations", data=b"x" * 1000)).status == 201
        answer = await client.post("/invocations", data=b"x" * 1001)
        assert await error_of(answer) == (413, "request_entity_too_large")
        message = (await answer.json())["error"]["message"]
        assert message == "the body is larger than 1,000 bytes, the most that SAGEMAKER_MAX_PAYLOAD_IN_MB allows"

    with_front(EchoModel(), check, limit=1000)


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:  # noqa: S104 - as the front binds it
        options = ServingOptions(port=taken.getsockname()[1])
        with pytest.raises(UserError, match="cannot be opened: Address already in use; SAGEMAKER_BIND_TO_PORT"):
            asyncio.run(listen([], options))


def test_a_message_that_is_not_http_is_not_quoted_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> bytes:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        runner = await listen([], ServingOptions(port=port))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\n secret: words\r\n\r\n")
        answer = await reader.readuntil(b"\r\n")
        writer.close()
        await runner.cleanup()
        return answer

    assert asyncio.run(run()).startswith(b"HTTP/1.0 400 ")
    assert "secret" not in caplog.text
