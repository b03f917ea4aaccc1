"""One look at each server before anything is registered, and what it is told in words."""

import base64
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import psycopg
import pytest
import yaml

from components import InputError, Platform, preflight
from components.errors import PlatformError
from components.identity import Identity
from components.preflight import Questions
from components.server import Server
from tests.making import environment
from tests.stacks import platform

Answers = Callable[..., None]

CANARY = "hunter2-canary"

BODIES: dict[str, object] = {
    "/api/v1/namespaces/kube-system": {"metadata": {"uid": "a-cluster"}},
    "/v1/sys/health": {"cluster_id": "a-vault"},
    "/v1/sys/audit": {"data": {"file/": {}}},
}


def setting(name: str, value: str, **more: object) -> dict[str, object]:
    return {"name": name, "setting": value, "shown": value, "unit": None, "kind": "integer", "choices": [], **more}


SETTINGS = {
    "max_connections": setting("max_connections", "100"),
    "superuser_reserved_connections": setting("superuser_reserved_connections", "3"),
}

EXTENSIONS = {"pg_trgm": ["1.5", "1.6"], "vector": ["0.8.5"]}


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Answers:
    """Set what the servers answer; by default all of them are ready."""
    config = {
        "clusters": [{"name": "here", "cluster": {"server": "https://10.1.1.1:6443"}}],
        "contexts": [{"name": "keybuzz", "context": {"cluster": "here", "user": "me"}}],
        "users": [{"name": "me", "user": {"token": CANARY}}],
    }
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    for name, value in {
        "KUBECONFIG": str(file),
        "VAULT_TOKEN": CANARY,
        "PGUSER": "bulkhead",
        "PGPASSWORD": CANARY,
        "HOME": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)

    def set_answers(
        statuses: Mapping[str, int] | None = None,
        *,
        bodies: Mapping[str, object] | None = None,
        recovering: bool = False,
        database: str | None = None,
        settings: Mapping[str, Mapping[str, object]] | None = None,
    ) -> None:
        said = {**BODIES, **(bodies or {})}

        def get(_self: Server, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
            path = path.partition("?")[0]
            return (statuses or {}).get(path, 200), json.dumps(said.get(path, {})).encode()

        def connect(**_: Any) -> FakeConnection:
            if database:
                raise psycopg.OperationalError(database)
            found = {**SETTINGS, **(settings or {})}
            return FakeConnection((recovering, "7412345678901234567", found, None, EXTENSIONS, None))

        monkeypatch.setattr(Server, "get", get)
        monkeypatch.setattr(psycopg, "connect", connect)

    set_answers()
    return set_answers


class FakeConnection:
    """A PostgreSQL that knows one question."""

    def __init__(self, row: tuple[object, ...]) -> None:
        self._row = row

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def execute(self, statement: str, values: Mapping[str, object]) -> SimpleNamespace:
        """Answer all questions of a preflight at once."""
        assert "pg_is_in_recovery()" in statement
        assert not [name for name in re.findall(r"%\((\w+)\)s", statement) if name not in values]
        return SimpleNamespace(fetchone=lambda: self._row)


def asked(of: Platform | None = None, name: str = "dev", **more: Any) -> Questions:
    return Questions(platform=of or platform(), environment=environment(name), **more)


def fault(of: Platform | None = None, name: str = "dev", **more: Any) -> str:
    with pytest.raises(PlatformError) as refused:
        preflight.check(asked(of, name, **more))
    assert isinstance(refused.value, InputError), "the engine would print a traceback"
    assert CANARY not in str(refused.value)
    return str(refused.value)


@pytest.mark.usefixtures("answers")
def test_servers_that_are_ready_are_taken_and_say_which_they_are() -> None:
    found = preflight.check(asked())
    assert found.identity == Identity(kubernetes="a-cluster", vault="a-vault", postgresql="7412345678901234567")
    assert found.extensions == EXTENSIONS
    assert found.max_connections == 97
    assert found.warnings == ()
    assert found.adoptions == {}


@pytest.mark.parametrize("status", [401, 403])
def test_a_cluster_that_asks_who_we_are_is_there(answers: Answers, status: int) -> None:
    answers({"/readyz": status})
    preflight.check(asked())


@pytest.mark.parametrize(
    ("statuses", "words"),
    [
        ({"/readyz": 500}, "Kubernetes API server https://10.1.1.1:6443 is not ready: /readyz answers 500"),
        ({"/v1/sys/health": 503}, "Vault https://vault.keybuzz.io:8200 is sealed"),
        ({"/v1/sys/health": 501}, "Vault https://vault.keybuzz.io:8200 is not initialised"),
        ({"/v1/sys/health": 472}, "is unhealthy, /v1/sys/health answers 472"),
        ({"/v1/auth/token/lookup-self": 403}, "refuses the token (403); log in again with: vault login"),
    ],
)
def test_a_server_that_is_not_ready_is_named_with_its_address(
    answers: Answers, statuses: Mapping[str, int], words: str
) -> None:
    answers(statuses)
    assert words in fault()


def test_a_replica_behind_the_write_end_point_is_refused(answers: Answers) -> None:
    answers(recovering=True)
    assert "PostgreSQL 10.0.0.10:5432 is a replica; the write end point must lead to the primary" in fault()


def test_a_database_that_refuses_is_reported_by_its_last_line(answers: Answers) -> None:
    answers(database="connection failed\nFATAL: no such role")
    assert fault() == "PostgreSQL 10.0.0.10:5432 cannot be used: FATAL: no such role"


def test_all_servers_that_fail_are_reported_at_once(answers: Answers) -> None:
    answers({"/readyz": 500, "/v1/sys/health": 503}, database="refused")
    assert len(fault().splitlines()) == 3


@pytest.mark.usefixtures("answers")
@pytest.mark.parametrize(
    ("variable", "words"),
    [
        ("PGUSER", "PGUSER is not set; it gives the administrator of PostgreSQL 10.0.0.10:5432"),
        ("PGPASSWORD", "PGPASSWORD is not set"),
        ("VAULT_TOKEN", "VAULT_TOKEN is not set and there is no ~/.vault-token"),
    ],
)
def test_a_credential_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, variable: str, words: str) -> None:
    monkeypatch.delenv(variable)
    assert words in fault()


@pytest.mark.usefixtures("answers")
def test_vaults_token_may_stand_in_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("VAULT_TOKEN")
    (tmp_path / ".vault-token").write_text("token\n", encoding="utf-8")
    preflight.check(asked())


@pytest.mark.usefixtures("answers")
def test_a_context_that_the_kubeconfig_lacks_is_refused_with_those_it_has(tmp_path: Path) -> None:
    other = platform().model_copy(
        update={"kubernetes": platform().kubernetes.model_copy(update={"context": "prod"})}
    )
    message = fault(other)
    assert "kubernetes.context is 'prod'" in message
    assert "it has keybuzz" in message


@pytest.mark.usefixtures("answers")
@pytest.mark.parametrize("text", ["", "[]", "clusters: 1", "a: [", "clusters: [{}]\ncontexts: []"])
def test_what_is_no_kubeconfig_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "kubeconfig").write_text(text, encoding="utf-8")
    assert f"KUBECONFIG: {tmp_path / 'kubeconfig'} is no kubeconfig" in fault()


@pytest.mark.usefixtures("answers")
def test_a_kubeconfig_that_is_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kubeconfig").unlink()
    assert "is no kubeconfig" in fault()


@pytest.mark.usefixtures("answers")
def test_a_kubeconfigs_authority_that_is_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    config = yaml.safe_load(file.read_text(encoding="utf-8"))
    broken = base64.b64encode(b"no certificate").decode()
    config["clusters"][0]["cluster"]["certificate-authority-data"] = broken
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    assert "certificate-authority" in fault()


NO_AUDIT: dict[str, object] = {"/v1/sys/audit": {"data": {}}}


def test_a_vault_that_logs_nobody_is_refused_in_production_and_warned_of_elsewhere(answers: Answers) -> None:
    answers(bodies=NO_AUDIT)
    assert "has no audit device" in fault(name="prod")
    [warning] = preflight.check(asked()).warnings
    assert "vault audit enable file" in warning


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_what_a_token_may_not_ask_is_undecided_and_said(answers: Answers, name: str) -> None:
    answers({"/v1/sys/audit": 403})
    [warning] = preflight.check(asked(name=name)).warnings
    assert "undecided: /v1/sys/audit answers 403; the token needs read and sudo" in warning


def requiring(**settings: str) -> Platform:
    changed = platform().postgresql.model_copy(update={"requires": settings})
    return platform().model_copy(update={"postgresql": changed})


def test_a_setting_that_does_not_hold_is_refused_in_production_and_warned_of_elsewhere(answers: Answers) -> None:
    of = requiring(max_connections=">= 200")
    words = "PostgreSQL 10.0.0.10:5432: max_connections is '100', required is '>= 200'"
    assert fault(of, "prod") == words
    assert preflight.check(asked(of)).warnings == (words,)


def test_keys_that_vault_lacks_are_refused_with_the_command(answers: Answers) -> None:
    path = "/v1/secret/subkeys/keybuzz/dev/app_api"
    answers(bodies={path: {"data": {"subkeys": {"there": None}}}})
    assert fault(secrets={"keybuzz/dev/app_api": ("there", "missing")}) == (
        "Vault lacks missing of secret/keybuzz/dev/app_api; each from standard input: "
        "vault kv patch -mount=secret keybuzz/dev/app_api missing=-"
    )


def test_a_server_that_says_not_which_it_is_is_refused(answers: Answers) -> None:
    answers({"/api/v1/namespaces/kube-system": 403}, bodies={"/v1/sys/health": {}})
    said = fault()
    assert "namespace kube-system answers 403; the user of context 'keybuzz' needs get on namespaces" in said
    assert "which Vault https://vault.keybuzz.io:8200 is cannot be told" in said


def holding(monkeypatch: pytest.MonkeyPatch, labels: Mapping[str, dict[str, str] | None]) -> None:
    """A cluster that has namespaces with these labels, and keeps the one called `forbidden` to itself."""

    def get(_self: Server, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        assert headers == {"Authorization": f"Bearer {CANARY}"}
        name = path.rpartition("/")[2]
        if name == "forbidden":
            return 403, b""
        if name not in labels:
            return 404, b""
        metadata = {"name": name} if labels[name] is None else {"name": name, "labels": labels[name]}
        return 200, json.dumps({"metadata": metadata}).encode()

    monkeypatch.setattr(Server, "get", get)


OURS = {"bulkhead.dev/system": "keybuzz", "bulkhead.dev/environment": "dev"}


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ({**OURS, "bulkhead.dev/environment": "prod"}, "belongs to keybuzz/prod, not to keybuzz/dev"),
        ({**OURS, "bulkhead.dev/system": "twinme"}, "belongs to twinme/dev, not to keybuzz/dev"),
        ({"other": "label"}, "belongs to ?/?"),
        (None, "belongs to ?/?"),
    ],
)
def test_a_namespace_that_is_not_ours_is_refused_with_how_to_hand_it_over(
    answers: Answers, monkeypatch: pytest.MonkeyPatch, labels: dict[str, str] | None, words: str
) -> None:
    holding(monkeypatch, {"keybuzz-api-dev": labels})
    with pytest.raises(PlatformError) as refused:
        preflight.refuse_foreign_namespaces(platform(), environment(), ["keybuzz-api-dev"])
    assert words in str(refused.value)
    assert "kubectl label namespace keybuzz-api-dev bulkhead.dev/system=keybuzz" in str(refused.value)


def test_our_own_namespaces_and_those_that_are_not_there_are_taken(
    answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    holding(monkeypatch, {"keybuzz-api-dev": OURS})
    preflight.refuse_foreign_namespaces(platform(), environment(), ["keybuzz-api-dev", "keybuzz-dev"])


def test_a_namespace_that_cannot_be_read_is_undecided_and_refused(
    answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    holding(monkeypatch, {})
    with pytest.raises(PlatformError, match=r"namespace forbidden cannot be read: .* answers 403"):
        preflight.refuse_foreign_namespaces(platform(), environment(), ["forbidden"])
