"""What all plugins share: values, errors on their way to the engine, and the refusal of other servers."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.provider.experimental import provider as sdk
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime.proto import provider_pb2, status_pb2

from sandbox.plugins import process
from sandbox.plugins.process import (
    InitFailedError,
    Interceptor,
    PluginError,
    Secret,
    Unknown,
    has_unknown,
    plain,
    plain_map,
    property_map,
    property_value,
    refuse_unless_sandbox,
    secret_paths,
    with_secrets,
)
from sandbox.plugins.values import UNKNOWN_MARK

SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text()
TREES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(TREES)
def test_plain_data_survives_the_wire(tree: Any) -> None:
    """Numbers come back whole, text as it was, at every depth."""
    wire = PropertyValue.marshal_map({"value": property_value(tree)})
    assert plain(PropertyValue.unmarshal_map(wire)["value"]) == tree


@given(TREES)
def test_secret_marks_survive_the_wire(tree: Any) -> None:
    """What is marked is found again, and can be marked again."""
    values = property_map({"open": tree, "closed": {"inner": [tree, Secret(tree)]}})
    wire = PropertyValue.unmarshal_map(PropertyValue.marshal_map(values))
    assert secret_paths(wire) == {("closed", "inner", 1)}
    again = property_map(with_secrets(plain_map(wire), secret_paths(wire)))
    assert secret_paths(again) == secret_paths(wire)


def test_unknown_values_are_told_from_text() -> None:
    """The engine sends a mark; plugins see a sentinel and send the mark back."""
    seen = plain(property_value({"a": [UNKNOWN_MARK], "b": "text"}))
    assert seen == {"a": [Unknown], "b": "text"}
    assert has_unknown(seen)
    assert not has_unknown({"b": Secret(["text"])})
    assert property_value(Unknown).value == UNKNOWN_MARK


def test_secrets_do_not_show_in_messages() -> None:
    """A secret that ends up in an error's text is not readable there."""
    assert "hunter2" not in f"{Secret('hunter2')!r} {[Secret('hunter2')]}"


class Aborted(Exception):  # noqa: N818 - what gRPC raises to end a request
    """What the engine would have been told."""

    def __init__(self, code: grpc.StatusCode, text: str, metadata: tuple[tuple[str, bytes], ...] = ()) -> None:
        super().__init__(text)
        self.code, self.text, self.metadata = code, text, dict(metadata)


class Context:
    """A request's surroundings."""

    def set_code(self, code: grpc.StatusCode) -> None:
        """The generated server announces what it does not serve in this way, too."""

    def set_details(self, text: str) -> None:
        """As above."""

    async def abort(self, *arguments: Any) -> None:
        """End the request."""
        raise Aborted(*arguments)


def ask(method: str, provider: sdk.Provider, *requests: Any) -> list[Any]:
    """Send requests to a provider at the same time, through everything that stands between it and the engine."""

    async def answers() -> list[Any]:
        handler = getattr(ProviderServicer([], "1.0.0", provider, ""), method)

        async def continuation(_details: Any) -> Any:
            return grpc.unary_unary_rpc_method_handler(handler)

        served = await Interceptor().intercept_service(continuation, None)
        return await asyncio.gather(
            *(served.unary_unary(request, Context()) for request in requests), return_exceptions=True
        )

    return asyncio.run(answers())


class Fails(sdk.Provider):
    """Raises what it is told to."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def create(self, request: sdk.CreateRequest) -> sdk.CreateResponse:
        """Fail."""
        del request
        raise self._error


def test_an_error_is_told_as_it_is() -> None:
    """No type, no traceback: the words of the plugin."""
    [aborted] = ask("Create", Fails(PluginError("the server is away")), provider_pb2.CreateRequest())
    assert (aborted.code, aborted.text) == (grpc.StatusCode.UNKNOWN, "the server is away")


def test_a_defect_is_told_with_its_type(capfd: pytest.CaptureFixture[str]) -> None:
    """Something unforeseen still reaches the engine, and its place the log."""
    [aborted] = ask("Create", Fails(ZeroDivisionError("by zero")), provider_pb2.CreateRequest())
    assert aborted.text == "ZeroDivisionError: by zero"
    assert "test_plugins_process.py" in capfd.readouterr().err


def test_what_exists_is_kept_although_it_failed() -> None:
    """The engine gets id, properties and reasons of a resource that did not become ready."""
    error = InitFailedError("ns/name", property_map({"a": 1, "s": Secret("x")}), ["first", "second"])
    [aborted] = ask("Create", Fails(error), provider_pb2.CreateRequest())
    status = status_pb2.Status.FromString(aborted.metadata["grpc-status-details-bin"])
    details = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(details)
    assert (details.id, list(details.reasons)) == ("ns/name", ["first", "second"])
    kept = PropertyValue.unmarshal_map(details.properties)
    assert (plain_map(kept), secret_paths(kept)) == ({"a": 1, "s": "x"}, {("s",)})


def test_what_is_not_served_is_said_so() -> None:
    """The engine goes on without what answers with this code."""
    [aborted] = ask("GetMapping", sdk.Provider(), provider_pb2.GetMappingRequest())
    assert aborted.code == grpc.StatusCode.UNIMPLEMENTED


def test_old_inputs_reach_their_own_request() -> None:
    """Requests at the same time do not see each other's inputs, and none waits for another."""
    names = [f"n{number}" for number in range(4)]
    all_here = threading.Barrier(len(names))

    class Remembers(sdk.Provider):
        async def diff(self, request: sdk.DiffRequest) -> sdk.DiffResponse:
            del request
            all_here.wait(60)
            return sdk.DiffResponse(diffs=[plain(process.old_inputs()["name"])])

    def request(name: str) -> Any:
        return provider_pb2.DiffRequest(old_inputs=PropertyValue.marshal_map(property_map({"name": name})))

    answers = ask("Diff", Remembers(), *map(request, names))
    assert [list(answer.diffs) for answer in answers] == [[name] for name in names]


def test_output_values_are_not_asked_for() -> None:
    """The SDK accepts them and then fails on those without dependencies."""
    [answer] = ask("Configure", sdk.Provider(), provider_pb2.ConfigureRequest())
    assert (answer.acceptSecrets, answer.supportsPreview) == (True, True)
    assert (answer.acceptOutputs, answer.acceptResources) == (False, False)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sandbox's home with its addresses."""
    (tmp_path / "kubeconfig").write_text("clusters: [{cluster: {server: 'https://127.0.0.1:1'}}]")
    text = "vault: {address: 'http://127.0.0.1:2'}\npostgresql: {write: {host: 127.0.0.1, port: 3}}\n"
    (tmp_path / "platform.yaml").write_text(text)
    monkeypatch.setenv("BULKHEAD_SANDBOX", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("package", "own"),
    [
        ("kubernetes", "https://127.0.0.1:1/"),
        ("vault", "http://127.0.0.1:2"),
        ("postgresql", "127.0.0.1:3"),
    ],
)
def test_only_the_sandboxs_own_server_is_served(home: Path, package: str, own: str) -> None:
    """Any other address is refused, and the message names both."""
    refuse_unless_sandbox(package, own)
    with pytest.raises(PluginError, match=r"10\.0\.0\.10.*official"):
        refuse_unless_sandbox(package, "https://10.0.0.10:6443")


def test_nothing_is_served_outside_a_sandbox(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the sandbox's variables, or with those of one that is gone, the message says what to do."""
    monkeypatch.delenv("BULKHEAD_SANDBOX", raising=False)
    with pytest.raises(PluginError, match="bulkhead sandbox env"):
        refuse_unless_sandbox("vault", "http://127.0.0.1:2")
    monkeypatch.setenv("BULKHEAD_SANDBOX", str(tmp_path / "gone"))
    with pytest.raises(PluginError, match="sandbox status"):
        refuse_unless_sandbox("vault", "http://127.0.0.1:2")
