"""What environments stand on: platform files, and when the sandbox takes their place."""

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from components import Environment, InputError, Platform, Settings
from components.platform import Legacy, load_platform
from tests.recording import within_stack
from tests.stacks import ROOT, configuration, engine_environment, platform

KEYBUZZ: dict[str, Any] = yaml.safe_load((ROOT / "platforms/keybuzz.yaml").read_text(encoding="utf-8"))
REMOVED = object()

Write = Callable[[Mapping[str, Any]], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write KeyBuzz's platform file with changes by path, and give its folder."""

    def write_changed(changes: Mapping[str, Any]) -> Path:
        data = copy.deepcopy(KEYBUZZ)
        for path, value in changes.items():
            *above, last = path.split(".")
            inner = data
            for key in above:
                inner = inner[key]
            if value is REMOVED:
                del inner[last]
            else:
                inner[last] = value
        (tmp_path / "keybuzz.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")
        return tmp_path

    return write_changed


def refusal(folder: Path, name: str = "keybuzz") -> str:
    with pytest.raises(InputError) as refused:
        load_platform(name, folder)
    assert isinstance(refused.value, pulumi.RunError), "the engine would print a traceback"
    return str(refused.value)


def test_the_file_of_keybuzz_has_the_write_end_point_and_names_the_nodes_to_refuse_them() -> None:
    platform = load_platform("keybuzz", ROOT / "platforms")
    assert (platform.postgresql.write.host, platform.postgresql.write.port) == ("10.0.0.10", 5432)
    assert platform.postgresql.nodes == ("10.0.0.120", "10.0.0.121", "10.0.0.122")
    assert platform.postgresql.write.network == "10.0.0.10/32"
    both = ("api", "backend")
    assert platform.legacy_names("dev", both).databases == {"api": "keybuzz", "backend": "keybuzz_backend"}
    assert platform.legacy_names("prod", both).databases == {}


def test_a_program_has_the_exceptions_of_its_own_databases_alone() -> None:
    assert platform().legacy_names("dev", ("backend", "other")).databases == {"backend": "keybuzz_backend"}


REFUSED = [
    ("port 0", {"postgresql.write.port": 0}, ["postgresql.write.port", "0", "at least 1"]),
    ("port 65536", {"postgresql.write.port": 65536}, ["postgresql.write.port", "65536", "at most 65535"]),
    ("port 5432x", {"postgresql.write.port": "5432x"}, ["postgresql.write.port", "'5432x'", "whole number"]),
    ("a node as end point", {"postgresql.write.host": "10.0.0.121"}, ["'10.0.0.121' is a node", "load balancer"]),
    (
        "a node in another spelling",
        {"postgresql.write.host": "fd00::1", "postgresql.nodes": ["FD00:0::0001"]},
        ["'fd00::1' is a node"],
    ),
    (
        "a host with a port",
        {"postgresql.write.host": "10.0.0.10:5432"},
        ["postgresql.write.host", "without scheme"],
    ),
    ("a host without addresses", {"postgresql.write.host": "db.keybuzz.io"}, ["give cidr", "'db.keybuzz.io'"]),
    ("a cidr that is none", {"postgresql.write.cidr": "10.0.0.10/33"}, ["give cidr", "10.0.0.10/33"]),
    ("an unknown sslmode", {"postgresql.sslmode": "prefer"}, ["postgresql.sslmode", "'prefer'", "verify-full"]),
    ("nodes as text", {"postgresql.nodes": "10.0.0.120"}, ["postgresql.nodes", "'10.0.0.120'", "a list"]),
    ("Vault without a scheme", {"vault.address": "vault:8200"}, ["vault.address", "'vault:8200'", "https://"]),
    ("Vault without a host", {"vault.address": "https://"}, ["vault.address", "'https://'", "https://host:port"]),
    ("Vault with a query", {"vault.address": "https://vault:8200?a=b"}, ["vault.address", "https://host:port"]),
    (
        "Vault with a slash",
        {"vault.address": "https://vault:8200/"},
        ["vault.address", "without a trailing slash"],
    ),
    ("a mount with a slash", {"vault.kvMount": "secret/x"}, ["vault.kvMount", "'secret/x'"]),
    ("a domain in capitals", {"domain": "KeyBuzz.io"}, ["domain", "'KeyBuzz.io'", "lower case"]),
    ("a missing domain", {"domain": REMOVED}, ["domain is missing", "the DNS domain of all hosts"]),
    ("a missing cluster", {"kubernetes": REMOVED}, ["kubernetes is missing", "the cluster"]),
    ("an unknown key", {"postgres": {}}, [":postgres is not a known key", "did you mean 'postgresql'"]),
    ("an unknown key inside", {"vault.adress": "x"}, ["vault.adress", "did you mean 'address'"]),
    ("another name", {"name": "keybuz"}, ["name is 'keybuz'", "use 'keybuzz'"]),
    ("an environment in capitals", {"legacy.Dev": {"databases": {"api": "x"}}}, ["legacy", "'Dev'"]),
    (
        "one database for two environments",
        {"legacy.prod": {"databases": {"api": "keybuzz"}}},
        ["'keybuzz' is claimed by dev.api and prod.api"],
    ),
    (
        "one login for two environments",
        {
            "legacy.dev": {"databases": {"api": "one"}, "logins": {"api": "old"}},
            "legacy.stage": {"databases": {"api": "two"}, "logins": {"api": "old"}},
        },
        ["legacy login 'old' is claimed by dev and stage"],
    ),
    (
        "a login without a database",
        {"legacy.dev": {"databases": {"api": "one"}, "logins": {"worker": "old"}}},
        ["logins.worker has no database; give databases.worker as well"],
    ),
    (
        "a database that looks like production's",
        {"legacy.dev": {"databases": {"api": "keybuzz_prod"}}},
        ["legacy 'keybuzz_prod' of dev is a name that prod makes by rule"],
    ),
    (
        "a login that looks like another environment's",
        {
            "legacy.dev": {"databases": {"api": "one"}, "logins": {"api": "keybuzz_api_login_pr__7"}},
            "legacy.pr-7": {"databases": {"api": "two"}},
        },
        ["legacy 'keybuzz_api_login_pr__7' of dev is a name that pr-7 makes by rule"],
    ),
]


@pytest.mark.parametrize(("changes", "words"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_platform_file_that_cannot_be_used_is_refused_with_key_value_and_what_is_allowed(
    write: Write, changes: Mapping[str, Any], words: list[str]
) -> None:
    message = refusal(write(changes))
    for word in words:
        assert word in message


def test_a_password_in_vaults_address_is_refused_and_not_repeated(write: Write) -> None:
    message = refusal(write({"vault.address": "https://me:hunter2@vault:8200"}))
    assert "vault.address" in message
    assert "hunter2" not in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "a mapping"),
        ("- a", "a mapping"),
        ("a: [", "is no YAML"),
        ("name: keybuzz\nname: other\n", "keybuzz.yaml"),
        ("\0", "is no YAML"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "keybuzz.yaml").write_text(text, encoding="utf-8")
    assert words in refusal(tmp_path)


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "keybuzz.yaml").write_bytes(b"name: \xff")
    assert "cannot be read" in refusal(tmp_path)


def test_a_file_that_is_not_there_is_refused_with_those_that_are(write: Write) -> None:
    folder = write({})
    assert "did you mean 'keybuzz'?; platforms here: keybuzz" in refusal(folder, "keybuz")


def test_a_database_that_is_another_environments_by_exception_is_refused() -> None:
    platform = load_platform("keybuzz", ROOT / "platforms")
    prod = Environment(system="keybuzz", name="prod", kind="production", domain="keybuzz.io")
    with pytest.raises(InputError, match="'keybuzz_backend' of backend belongs to environment 'dev'"):
        platform.refuse_legacy_of_others(prod, {"backend": "keybuzz_backend"})


@pytest.mark.parametrize("kind", ["databases", "logins"])
def test_an_environment_whose_names_another_one_has_by_exception_is_refused(kind: str) -> None:
    names = {"databases": {"api": "keybuzz"}, kind: {"api": "keybuzz_api_pr__7"}}
    legacy = {"dev": Legacy.model_validate(names)}
    platform = load_platform("keybuzz", ROOT / "platforms").model_copy(update={"legacy": legacy})
    called = {"system": "keybuzz", "kind": "ephemeral", "domain": "keybuzz.io"}
    with pytest.raises(InputError, match="'keybuzz_api_pr__7' belongs to environment 'dev'"):
        platform.refuse_legacy_of_others(Environment(name="pr-7", **called), {"api": "keybuzz_pr__7"})
    platform.refuse_legacy_of_others(Environment(name="pr-70", **called), {"api": "keybuzz_pr__70"})
    other = {**called, "system": "twinme"}
    platform.refuse_legacy_of_others(Environment(name="pr-7", **other), {"api": "twinme_pr__7"})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"postgresql.sslmode": "disable"}, "postgresql.sslmode is 'disable'; production uses require"),
        ({"vault.address": "http://vault:8200"}, "'http://vault:8200'; production uses https://"),
    ],
)
def test_a_connection_in_the_clear_is_refused_in_production_and_taken_in_development(
    write: Write, monkeypatch: pytest.MonkeyPatch, changes: Mapping[str, Any], words: str
) -> None:
    folder = write(changes)

    def load(stack: str) -> Settings:
        for key, value in engine_environment(configuration(stack)).items():
            monkeypatch.setenv(key, value)
        apps, databases = ("api", "backend", "client", "worker"), ("api", "backend")
        return within_stack(lambda: Settings.load(apps=apps, databases=databases, folder=folder), stack_name=stack)

    with pytest.raises(InputError, match=words):
        load("prod")
    assert load("dev").environment.name == "dev"


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """A sandbox's platform file, and the environment variables that `bulkhead sandbox env` prints."""
    home = tmp_path / ".sandbox"
    home.mkdir()
    backend = f"file://{home}/state"
    data = {
        **{key: KEYBUZZ[key] for key in ("kubernetes",)},
        "name": "sandbox",
        "domain": "sandbox.test",
        "backend": backend,
        "vault": {"address": "http://127.0.0.1:8200"},
        "postgresql": {"write": {"host": "127.0.0.1", "port": 5433}, "sslmode": "disable"},
    }
    (home / "platform.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")
    monkeypatch.setenv("BULKHEAD_PLATFORM", "sandbox")
    monkeypatch.setenv("BULKHEAD_SANDBOX", str(home))
    monkeypatch.setenv("PULUMI_BACKEND_URL", backend)
    return Platform.model_validate(data)


def test_the_sandbox_gives_its_servers_and_the_stacks_platform_gives_the_names(sandbox: Platform) -> None:
    platform = load_platform("keybuzz", ROOT / "platforms")
    assert platform.vault.address == sandbox.vault.address
    assert platform.postgresql.write == sandbox.postgresql.write
    assert platform.domain == "keybuzz.io"
    names = platform.legacy_names("dev", ("api", "backend"))
    assert names.databases == {"api": "keybuzz", "backend": "keybuzz_backend"}
    assert platform.postgresql.nodes == ("10.0.0.120", "10.0.0.121", "10.0.0.122")


def test_the_sandbox_with_another_state_is_refused(sandbox: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    for backend in ("", "https://api.pulumi.com", f"{sandbox.backend}2"):
        monkeypatch.setenv("PULUMI_BACKEND_URL", backend)
        assert "the sandbox works with its own state alone" in refusal(ROOT / "platforms")


def test_the_sandboxs_state_without_the_sandbox_is_refused(
    sandbox: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BULKHEAD_PLATFORM")
    assert "a sandbox's state; set BULKHEAD_PLATFORM=sandbox" in refusal(ROOT / "platforms")


def test_another_platform_than_the_sandbox_cannot_be_chosen_by_the_environment(
    sandbox: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BULKHEAD_PLATFORM", "prod")
    assert "BULKHEAD_PLATFORM is 'prod'; use 'sandbox' or leave it unset" in refusal(ROOT / "platforms")


def test_a_sandbox_that_is_not_named_is_refused_with_what_to_run(
    sandbox: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BULKHEAD_SANDBOX")
    assert "bulkhead sandbox env" in refusal(ROOT / "platforms")


@pytest.mark.usefixtures("sandbox")
def test_a_missing_platform_of_the_stack_is_refused_on_the_sandbox_too() -> None:
    assert "platforms here: keybuzz" in refusal(ROOT / "platforms", "other")
