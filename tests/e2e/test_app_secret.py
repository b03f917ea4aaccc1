"""One Secret of an application's own: generated, expected and borrowed values, all of them from Vault."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import hvac
import psycopg
import pytest
from kubernetes import client

from tests.e2e.engine import Project
from tests.e2e.leaks import Search
from tests.e2e.servers import Servers
from tests.e2e.small import OPENING, small_project
from tests.e2e.waiting import eventually

PROGRAM = (
    OPENING
    + """\
from components.app_secret import AppSecret, AppSecretArgs, Expected, From, Generated

opener = login(None)
secret = AppSecret(
    "app",
    AppSecretArgs(
        environment=env,
        namespace=here,
        secret="stall-secrets",
        credentials=how,
        used_by=runs,
        values={
            "database-url": From(opener, "DATABASE_URL"),
            "database-host": From(opener, "PGHOST"),
            "openai-api-key": Expected(),
            "jwt-secret": Generated(length=48),
            "encryption-key": Generated(length=32, encoding="base64", irreplaceable=True),
            "signing-key": Generated(length=32, encoding="hex"),
        },
    ),
    platform,
)
application(secret)
"""
)
KEY = "openai-api-key"
STATIC, LEASED = "dev", "pr-1"
STACKS = {
    STATIC: {"kind": "development", "credentials": {"mode": "static", "refresh": "3s"}},
    LEASED: {"kind": "ephemeral", "credentials": {"mode": "dynamic"}},
}
SECRET = "stall-secrets"


def key_of(whom: str) -> str:
    """What a person put into Vault: as long as such keys are."""
    return f"sk-of-{whom}-7f3a9c51e8b24d06"


@dataclass(frozen=True)
class Stall:
    """One environment of a small system that has such a Secret."""

    stack: str
    project: Project
    servers: Servers

    @property
    def namespace(self) -> str:
        """Where it runs."""
        return f"stall-{self.stack}"

    @property
    def expected_path(self) -> str:
        """Where a person puts values, below the mount."""
        return f"stall/{self.stack}/app_app"

    @property
    def values(self) -> dict[str, str]:
        """What the Secret holds now."""
        return self.servers.secret(self.namespace, SECRET)

    @property
    def reloaded(self) -> dict[str, str]:
        """The annotations of the pod template, which change when pods roll."""
        apps = client.AppsV1Api(self.servers.kubernetes)
        (found,) = apps.list_namespaced_deployment(self.namespace).items
        return found.spec.template.metadata.annotations or {}

    def put(self, **values: str) -> None:
        """Do what a person does who has a key for the application."""
        self.servers.vault.secrets.kv.v2.create_or_update_secret(self.expected_path, values)

    def put_key(self, value: str) -> None:
        """Put the one key that is expected."""
        self.put(**{KEY: value, "unused": "not delivered"})

    def external_secret(self) -> dict[str, Any]:
        """The ExternalSecret, as the operator left it."""
        custom = client.CustomObjectsApi(self.servers.kubernetes)
        return custom.get_namespaced_custom_object(
            "external-secrets.io", "v1", self.namespace, "externalsecrets", SECRET
        )

    def said(self) -> str:
        """What the operator says in events about it."""
        events = self.servers.core.list_namespaced_event(self.namespace).items
        return "\n".join(str(event.message) for event in events)


@pytest.fixture(scope="module")
def stalls(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Stall]]:
    """Both environments, applied after a person put the expected key into Vault."""
    project = small_project(tmp_path_factory.mktemp("stall"), servers, "stall", PROGRAM, STACKS)
    made = {stack: Stall(stack, project, servers) for stack in STACKS}
    try:
        for stack, stall in made.items():
            project.init(stack)
            stall.put_key(key_of(stack))
            project.up(stack)
        yield made
    finally:
        for stack, stall in made.items():
            project.remove(stack)
            servers.vault.secrets.kv.v2.delete_metadata_and_all_versions(stall.expected_path)


@pytest.fixture(params=list(STACKS), ids=["static", "leased"])
def stall(request: pytest.FixtureRequest, stalls: dict[str, Stall]) -> Stall:
    """One of them."""
    return stalls[str(request.param)]


def test_one_secret_has_every_value_and_no_other(stall: Stall) -> None:
    """Each in the form that was asked for; what nobody asked for stays in Vault."""
    values = stall.values
    assert set(values) == {*("database-url", "database-host", KEY, "jwt-secret", "encryption-key", "signing-key")}
    assert values[KEY] == key_of(stall.stack)
    assert len(values["jwt-secret"]) == 48
    assert values["jwt-secret"].isalnum()
    assert len(base64.b64decode(values["encryption-key"], validate=True)) == 32
    assert len(bytes.fromhex(values["signing-key"])) == 32
    assert values["database-host"] == stall.servers.environment["PGHOST"]


def test_the_borrowed_url_opens_the_database(stall: Stall) -> None:
    """As the static login, or as one that was leased for this Secret alone."""
    with psycopg.connect(stall.values["database-url"], connect_timeout=5) as session:
        found = session.execute("SELECT session_user, current_database()").fetchone()
    assert found
    user, database = found
    ending = stall.stack.replace("-", "__")
    assert database == f"stall_api_{ending}"
    assert user.startswith("v-stall_api_") if stall.stack == LEASED else user == f"stall_api_login_{ending}"


def test_environments_have_values_of_their_own(stalls: dict[str, Stall]) -> None:
    """Nothing that is secret is the same in two environments."""
    one, other = stalls[STATIC].values, stalls[LEASED].values
    assert {key for key in one if one[key] == other[key]} == {"database-host"}


def test_nothing_is_left_to_do_and_nothing_drifts(stall: Stall) -> None:
    """Neither at once nor after a look at every server."""
    assert stall.project.changes(stall.stack, "--refresh") == []


def test_the_reader_reads_its_sources_and_not_what_stands_beside_them(stall: Stall) -> None:
    """Its own four paths at most, and no neighbour's, no list, no other version's history."""
    mine = stall.servers.vault_as(stall.namespace, "app-app-secrets", f"stall-app_app-{stall.stack}")
    folder = f"stall/{stall.stack}"
    try:
        for path in ("app_app", "generated_app", "db_api"):
            mine.adapter.get(f"/v1/secret/data/{folder}/{path}")
        beside = f"{folder}/app_beside"
        stall.servers.vault.secrets.kv.v2.create_or_update_secret(beside, {"key": "value"})
        refused = [
            ("get", f"secret/data/{beside}"),
            ("list", f"secret/metadata/{folder}"),
            ("get", f"secret/metadata/{folder}/app_app"),
            ("delete", f"secret/data/{folder}/app_app"),
        ]
        for method, path in refused:
            with pytest.raises(hvac.exceptions.Forbidden):
                getattr(mine.adapter, method)(f"/v1/{path}")
        stall.servers.vault.secrets.kv.v2.delete_metadata_and_all_versions(beside)
    finally:
        mine.auth.token.revoke_self()


def test_a_changed_key_reaches_the_secret_at_the_next_refresh_and_rolls_the_pods(stalls: dict[str, Stall]) -> None:
    """Nobody runs anything: a person changes the value in Vault, and that is all."""
    stall = stalls[STATIC]
    before, others = stall.reloaded, {key: value for key, value in stall.values.items() if key != KEY}
    stall.put_key(key_of("another"))
    try:
        eventually(lambda: stall.values[KEY] == key_of("another"), "the Secret has the new key")
        eventually(lambda: stall.reloaded != before, "the pods roll")
        assert {key: value for key, value in stall.values.items() if key != KEY} == others
    finally:
        stall.put_key(key_of(STATIC))
        eventually(lambda: stall.values[KEY] == key_of(STATIC), "the Secret has its key back")


@pytest.mark.parametrize("gone", [{"other": "key"}, {KEY: ""}], ids=["missing", "empty"])
def test_a_key_that_goes_missing_is_said_by_name_and_takes_nothing_from_the_pods(
    stalls: dict[str, Stall], gone: dict[str, str]
) -> None:
    """The Secret stays as it was; the ExternalSecret is not ready, and its events tell the key and the path."""
    stall = stalls[STATIC]
    before = stall.values

    def ready() -> str:
        return next(c["status"] for c in stall.external_secret()["status"]["conditions"] if c["type"] == "Ready")

    stall.put(**gone)
    try:
        eventually(lambda: ready() == "False", "the operator complains")
        message = f"{KEY} is missing or empty at secret/{stall.expected_path}"
        eventually(lambda: message in stall.said(), "the operator says which key")
        assert stall.values == before
    finally:
        stall.put_key(key_of(STATIC))
        eventually(lambda: ready() == "True", "the operator is content")


def test_no_value_is_in_the_clear_anywhere_but_in_the_secret(stalls: dict[str, Stall]) -> None:
    """Not in state, logs (Vault's audit log among them), what the engine said, or the operator's objects."""
    values = {
        f"{stall.stack}'s {key}": value
        for stall in stalls.values()
        for key, value in stall.values.items()
        if key != "database-host"
    }
    search, stall = Search(values), stalls[STATIC]
    layout = stall.servers.sandbox.layout
    assert search.folder(layout.state) == set()
    assert search.folder(layout.logs) == set()
    objects = [json.dumps(each.external_secret()) + each.said() for each in stalls.values()]
    found = [search.text("what was said", text) for text in (*stall.project.said, *objects)]
    assert set().union(*found) == set()


def test_another_generation_is_a_new_value_of_this_key_alone(stalls: dict[str, Stall]) -> None:
    """`generation` raised in the program: the Secret has it at the end of the update, the rest is as before."""
    stall = stalls[STATIC]
    before, program = stall.values, stall.project.folder / "__main__.py"
    program.write_text(PROGRAM.replace("length=48", "length=48, generation=1"), encoding="utf-8")
    stall.project.up(STATIC)
    eventually(lambda: stall.values["jwt-secret"] != before["jwt-secret"], "the Secret has the new value")
    assert {key for key, value in stall.values.items() if value != before[key]} == {"jwt-secret"}
    assert stall.project.changes(STATIC, "--refresh") == []
