"""Kubeconfigs, and what the client makes of a server's answers."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import urllib3
import yaml

from sandbox.plugins.kubernetes.client import ApiError, Client, UnknownKindError, UnreachableError
from sandbox.plugins.kubernetes.kubeconfig import Connection, connection
from sandbox.plugins.process import PluginError


def kubeconfig(**user: Any) -> dict[str, Any]:
    """Two contexts on two clusters."""
    return {
        "current-context": "one",
        "contexts": [
            {"name": "one", "context": {"cluster": "a", "user": "u", "namespace": "here"}},
            {"name": "two", "context": {"cluster": "b", "user": "u"}},
        ],
        "clusters": [
            {"name": "a", "cluster": {"server": "https://a/", "certificate-authority-data": "Y2E="}},
            {"name": "b", "cluster": {"server": "https://b", "insecure-skip-tls-verify": True}},
        ],
        "users": [{"name": "u", "user": user}],
    }


def test_contexts_choose_clusters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current one or the one that is asked for; from a path, from text, from KUBECONFIG."""
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(kubeconfig(token="t")))
    one = Connection(server="https://a", certificate_authority=b"ca", token="t", namespace="here")
    assert connection(str(path), None) == one
    assert connection(json.dumps(kubeconfig(token="t")), None) == one
    monkeypatch.setenv("KUBECONFIG", str(path))
    assert connection(None, "two") == Connection(server="https://b", token="t", insecure=True)


def test_credentials_are_read_from_files_beside_it(tmp_path: Path) -> None:
    """Relative to the kubeconfig's own folder."""
    (tmp_path / "token").write_text("t\n")
    (tmp_path / "key.pem").write_bytes(b"key")
    user = {
        "tokenFile": "token",
        "client-key": "key.pem",
        "client-certificate-data": base64.b64encode(b"crt").decode(),
    }
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(kubeconfig(**user)))
    found = connection(str(path), None)
    assert (found.token, found.client_key, found.client_certificate) == ("t", b"key", b"crt")


@pytest.mark.parametrize(
    ("given", "context", "message"),
    [
        ("/nowhere/config", None, "/nowhere/config"),
        ("{", None, "not YAML"),
        ("\n", None, "empty"),
        (json.dumps(kubeconfig()), "three", "one, two"),
    ],
)
def test_what_is_wrong_with_it_is_named(given: str, context: str | None, message: str) -> None:
    """The file, or the contexts that there are."""
    with pytest.raises(PluginError, match=message):
        connection(given, context)


class Answers:
    """Stands in for the connection pool: answers by path."""

    def __init__(self, answers: dict[str, tuple[int, Any]]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def request(self, method: str, url: str, **_named: Any) -> Any:
        """The answer to a request, or silence."""
        path = url.removeprefix("http://api")
        self.asked.append(f"{method} {path}")
        if path not in self.answers:
            raise urllib3.exceptions.NewConnectionError(Any, "Connection refused")  # type: ignore[arg-type]
        status, body = self.answers[path]
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return urllib3.HTTPResponse(body=data, status=status)


def client(answers: dict[str, tuple[int, Any]]) -> tuple[Client, Answers]:
    """A client of a server with these answers."""
    made, pool = Client(Connection(server="http://api", token="t")), Answers(answers)
    made._http = pool  # type: ignore[assignment]
    return made, pool


RESOURCES = {
    "resources": [
        {"kind": "Deployment", "name": "deployments", "namespaced": True},
        {"kind": "Scale", "name": "deployments/scale", "namespaced": True},
    ]
}


def test_kinds_are_asked_for_once() -> None:
    """Also those that are not there, until it is said that there may be new ones."""
    made, pool = client({"/apis/apps/v1": (200, RESOURCES), "/apis/x/v1": (404, {})})
    kind = made.kind("apps/v1", "Deployment")
    assert kind.url("n", "a b") == "/apis/apps/v1/namespaces/n/deployments/a%20b"
    assert not made.knows("apps/v1", "Scale")
    with pytest.raises(UnknownKindError, match="http://api"):
        made.kind("x/v1", "Own")
    made.kind("apps/v1", "Deployment")
    assert pool.asked == ["GET /apis/apps/v1", "GET /apis/x/v1"]
    made.forget_kinds()
    made.kind("apps/v1", "Deployment")
    assert len(pool.asked) == 3


def test_silence_is_an_error_that_names_the_server() -> None:
    """It never counts as absence."""
    made, _ = client({"/apis/apps/v1": (200, RESOURCES)})
    with pytest.raises(UnreachableError, match="http://api"):
        made.get("apps/v1", "Deployment", "n", "d")
    with pytest.raises(UnreachableError, match="http://api"):
        made.knows("other/v1", "Own")


def test_refusals_carry_the_servers_words() -> None:
    """A status object's message, or the text of whatever stands in front of the server."""
    path = "/apis/apps/v1/namespaces/n/deployments/d"
    answers: dict[str, tuple[int, Any]] = {"/apis/apps/v1": (200, RESOURCES)}
    for answer, found in (
        ((404, {"reason": "NotFound", "message": "no d"}), None),
        ((403, {"reason": "Forbidden", "message": "may not"}), "may not"),
        ((502, b"bad gateway"), "bad gateway"),
    ):
        made, _ = client({**answers, path: answer})
        if found is None:
            assert made.get("apps/v1", "Deployment", "n", "d") is None
        else:
            with pytest.raises(ApiError, match=found):
                made.get("apps/v1", "Deployment", "n", "d")
