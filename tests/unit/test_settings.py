"""A stack's configuration: what is taken, and what is refused in which words."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import pulumi
import pytest

from components import InputError, Settings
from components.values import Replicas
from tests.recording import within_stack
from tests.stacks import ROOT, configuration, engine_environment

Load = Callable[..., Settings]

APPS, DATABASES = ("api", "backend", "client", "worker"), ("api", "backend")
IMAGE = "ghcr.io/keybuzzio/keybuzz-api"
REMOVED = object()


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    """Load the settings of one stack, with changes by path: `{"apps.api.replicas": 0}`."""

    def load_changed(
        changes: Mapping[str, Any] | None = None,
        *,
        stack: str = "dev",
        secret: tuple[str, ...] = (),
        raw: Mapping[str, str] | None = None,
    ) -> Settings:
        config = changed(configuration(stack), changes or {})
        for key, value in engine_environment({**config, **(raw or {})}, secret).items():
            monkeypatch.setenv(key, value)
        folder = ROOT / "platforms"
        return within_stack(lambda: Settings.load(apps=APPS, databases=DATABASES, folder=folder), stack_name=stack)

    return load_changed


def changed(config: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A stack's configuration with some values set or removed, each at a path below `bulkhead:`."""
    result = copy.deepcopy(dict(config))
    for path, value in changes.items():
        first, *rest = path.split(".")
        keys = [f"bulkhead:{first}", *rest]
        inner = result
        for key in keys[:-1]:
            inner = inner.setdefault(key, {})
        if value is REMOVED:
            del inner[keys[-1]]
        else:
            inner[keys[-1]] = value
    return result


def refusal(load: Load, *arguments: Any, **more: Any) -> str:
    with pytest.raises(InputError) as refused:
        load(*arguments, **more)
    assert isinstance(refused.value, pulumi.RunError), "the engine would print a traceback"
    return str(refused.value)


def test_the_files_of_dev_and_prod_are_taken(load: Load) -> None:
    dev, prod = load(), load(stack="prod")
    assert (dev.environment.name, dev.environment.kind) == ("dev", "development")
    assert (prod.environment.name, prod.environment.kind) == ("prod", "production")
    assert dev.workload("client").image == "ghcr.io/keybuzzio/keybuzz-client:v0.5.33-replacement"
    assert prod.workload("api").replicas == Replicas(min=2, max=6)
    assert prod.workload("api").most_replicas == 6
    assert dev.namespaces == (
        "keybuzz-dev",
        "keybuzz-api-dev",
        "keybuzz-backend-dev",
        "keybuzz-client-dev",
        "keybuzz-worker-dev",
    )


def test_what_a_stack_leaves_out_has_a_default(load: Load) -> None:
    settings = load({"apps": {}})
    assert settings.workload("client").replicas == 1
    assert settings.workload("client").resources.requests.cpu == "100m"
    assert settings.workload("client").variables == {}
    assert not settings.database("api").protect


def test_production_is_leased_and_protected_without_being_told(load: Load) -> None:
    settings = load({"credentials": REMOVED, "databases": REMOVED}, stack="prod")
    assert settings.credentials.mode == "dynamic"
    assert settings.database("api").protect


def test_development_is_static_unless_it_says_otherwise(load: Load) -> None:
    assert load().credentials.mode == "static"
    assert load({"credentials": {"mode": "dynamic"}}).credentials.mode == "dynamic"


def test_a_variable_may_name_the_environments_own_host(load: Load) -> None:
    own = {"apps.client.variables": {"NEXT_PUBLIC_API_URL": "https://api-dev.keybuzz.io/v1"}}
    assert load(own).workload("client").variables["NEXT_PUBLIC_API_URL"].startswith("https://api-dev")


def test_a_public_key_and_a_foreign_domain_are_no_secret_and_no_leak(load: Load) -> None:
    public = {"NEXT_PUBLIC_API_KEY": "shown-to-everybody", "SENTRY_HOST": "o1.ingest.sentry.io"}
    assert load({"apps.client.variables": public}).workload("client").variables == public


REFUSED = [
    # what, changes, the words that the error must have
    ("an unknown key", {"imagess": {}}, ["bulkhead:imagess", "did you mean 'images'"]),
    ("an unknown key inside", {"apps.api.replica": 2}, ["bulkhead:apps.api.replica", "did you mean 'replicas'"]),
    ("a key in Python's spelling", {"credentials.max_ttl": "2h"}, ["max_ttl", "did you mean 'maxTtl'"]),
    ("an unknown app", {"apps.apii": {}}, ["bulkhead:apps.apii", "did you mean 'api'", "api, backend"]),
    (
        "an image of an unknown app",
        {"images.cron": f"{IMAGE}:v1"},
        ["images.cron", "api, backend, client, worker"],
    ),
    ("a database of an unknown part", {"databases.apii": {}}, ["databases.apii", "did you mean 'api'"]),
    ("a missing kind", {"kind": REMOVED}, ["bulkhead:kind is missing", "production"]),
    ("a missing platform", {"platform": REMOVED}, ["bulkhead:platform is missing", "platforms/"]),
    ("missing images", {"images": REMOVED}, ["bulkhead:images is missing", "the image of each workload"]),
    ("an unknown kind", {"kind": "staging"}, ["bulkhead:kind", "'staging'", "production", "ephemeral"]),
    ("an unknown platform", {"platform": "keybuz"}, ["'keybuz'", "did you mean 'keybuzz'"]),
    ("a platform outside the folder", {"platform": "../keybuzz"}, ["bulkhead:platform", "a DNS label"]),
    ("null for a map", {"images": None}, ["bulkhead:images", "a mapping"]),
    ("a list for a map", {"images": ["a"]}, ["bulkhead:images", "a mapping"]),
    ("a text for a map", {"apps": "api"}, ["bulkhead:apps is 'api'", "a mapping"]),
    ("null for an app", {"apps.api": None}, ["bulkhead:apps.api is null", "a mapping"]),
    ("a map for a text", {"kind": {"a": "b"}}, ["bulkhead:kind is a mapping"]),
    ("the tag latest", {"images.api": f"{IMAGE}:latest"}, ["bulkhead:images.api", "'latest' moves", "digest"]),
    ("a branch as tag", {"images.api": f"{IMAGE}:main"}, ["bulkhead:images.api", "'main' moves"]),
    ("no tag", {"images.api": IMAGE}, ["bulkhead:images.api", IMAGE, "needs a tag or a digest"]),
    ("a malformed digest", {"images.api": f"{IMAGE}@sha256:abc"}, ["images.api", "sha256: and 64 hex digits"]),
    ("an empty digest", {"images.api": f"{IMAGE}@"}, ["images.api", "needs a tag or a digest"]),
    ("an image with a space", {"images.api": f"{IMAGE}:v1 "}, ["images.api", "its tag must be"]),
    ("an image with CRLF", {"images.api": f"{IMAGE}:v1\r\n"}, ["images.api", r"\r\n"]),
    ("an image with NUL", {"images.api": f"{IMAGE}:v1\0"}, ["images.api", r"\x00"]),
    ("an image in capitals", {"images.api": "GHCR.io/a/b:v1"}, ["images.api", "registry/repository:tag"]),
    ("an empty image", {"images.api": ""}, ["images.api is ''", "registry/repository:tag"]),
    ("an image of 1 MB", {"images.api": "x" * 2**20}, ["images.api", "1048578 characters"]),
    ("replicas 0", {"apps.api.replicas": 0}, ["bulkhead:apps.api.replicas", "0", "at least 1"]),
    ("replicas -1", {"apps.api.replicas": -1}, ["bulkhead:apps.api.replicas", "-1", "at least 1"]),
    ("replicas 10⁹", {"apps.api.replicas": 10**9}, ["bulkhead:apps.api.replicas", "1000000000", "at most 100"]),
    ("replicas in quotes", {"apps.api.replicas": "3"}, ["bulkhead:apps.api.replicas", "'3'", "without quotes"]),
    ("replicas as a fraction", {"apps.api.replicas": 1.5}, ["bulkhead:apps.api.replicas", "1.5", "whole number"]),
    ("replicas true", {"apps.api.replicas": True}, ["bulkhead:apps.api.replicas is true", "whole number"]),
    ("a range upside down", {"apps.api.replicas": {"min": 3, "max": 2}}, ["apps.api.replicas", "max 2", "min 3"]),
    ("a range of one", {"apps.api.replicas": {"min": 2, "max": 2}}, ["apps.api.replicas", "fixed number"]),
    ("memory 1Gb", {"apps.api.resources.limits.memory": "1Gb"}, ["limits.memory", "'1Gb'", "256Mi"]),
    ("memory 0", {"apps.api.resources.limits.memory": "0Mi"}, ["limits.memory", "'0Mi'", "256Mi"]),
    ("processor time in words", {"apps.api.resources.requests.cpu": "half"}, ["requests.cpu", "'half'", "500m"]),
    (
        "a limit below the request",
        {"apps.api.resources": {"requests": {"memory": "1Gi"}, "limits": {"memory": "512Mi"}}},
        ["bulkhead:apps.api.resources", "limits.memory '512Mi' is below requests.memory '1Gi'"],
    ),
    (
        "a request above the limit that is default",
        {"apps.api.resources.requests.memory": "1Gi"},
        ["bulkhead:apps.api.resources", "limits.memory", "is below requests.memory '1Gi'"],
    ),
    ("a lease of nothing", {"credentials.ttl": "0s"}, ["bulkhead:credentials.ttl", "'0s'", "longer than zero"]),
    ("a negative lease", {"credentials.ttl": "-1h"}, ["bulkhead:credentials.ttl", "'-1h'", "1h30m"]),
    ("a lease in words", {"credentials.ttl": "1 fortnight"}, ["credentials.ttl", "'1 fortnight'", "15m"]),
    ("a lease without a unit", {"credentials.ttl": 3600}, ["credentials.ttl", "3600", "text"]),
    ("an unknown mode", {"credentials.mode": "leased"}, ["bulkhead:credentials.mode", "'leased'", "static"]),
    (
        "refresh at the lease's length",
        {"credentials": {"mode": "dynamic", "ttl": "1h", "refresh": "1h"}},
        ["bulkhead:credentials", "refresh '1h' must be at most half of ttl '1h'"],
    ),
    (
        "a longest lease below the usual one",
        {"credentials": {"mode": "dynamic", "ttl": "2h", "maxTtl": "1h", "refresh": "15m"}},
        ["bulkhead:credentials", "maxTtl '1h' is below ttl '2h'"],
    ),
    ("no connections", {"databases.api.connectionLimit": 0}, ["databases.api.connectionLimit", "0"]),
    ("a variable in small letters", {"apps.api.variables": {"port": "1"}}, ["apps.api.variables", "'port'"]),
    ("a variable that is a number", {"apps.api.variables": {"PORT": 1}}, ["apps.api.variables.PORT", "text"]),
    ("a variable with CRLF", {"apps.api.variables": {"A": "b\r\nC: d"}}, ["'A'", "one printable line"]),
    ("a variable with NUL", {"apps.api.variables": {"A": "b\0"}}, ["'A'", "one printable line"]),
    ("a variable of 1 MB", {"apps.api.variables": {"A": "x" * 2**20}}, ["'A'", "at most 4096"]),
    (
        "the host of another environment",
        {"apps.client.variables": {"NEXT_PUBLIC_API_URL": "https://api.keybuzz.io"}},
        ["bulkhead:apps.client.variables.NEXT_PUBLIC_API_URL", "'api.keybuzz.io'", "api-dev.keybuzz.io"],
    ),
    (
        "the host of another environment in capitals",
        {"apps.client.variables": {"API": "HTTPS://API.KeyBuzz.IO"}},
        ["bulkhead:apps.client.variables.API", "'api.keybuzz.io'", "api-dev.keybuzz.io"],
    ),
]


@pytest.mark.parametrize(("changes", "words"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_input_that_cannot_be_used_is_refused_with_key_value_and_what_is_allowed(
    load: Load, changes: Mapping[str, Any], words: list[str]
) -> None:
    message = refusal(load, changes)
    for word in words:
        assert word in message
    assert len(message) < 600


PRODUCTION_REFUSED = [
    ("a static credential", {"credentials.mode": "static"}, ["credentials.mode is 'static'", "dynamic"]),
    ("an unprotected database", {"databases.api.protect": False}, ["databases.api.protect is false", "protected"]),
    ("dev's host", {"apps.api.variables": {"A": "https://api-dev.keybuzz.io"}}, ["'api-dev.keybuzz.io'"]),
    ("another kind", {"kind": "development"}, ["'development'", "'prod'", "kind production"]),
]


@pytest.mark.parametrize(
    ("changes", "words"), [row[1:] for row in PRODUCTION_REFUSED], ids=[row[0] for row in PRODUCTION_REFUSED]
)
def test_what_production_may_not_have_is_refused(load: Load, changes: Mapping[str, Any], words: list[str]) -> None:
    message = refusal(load, changes, stack="prod")
    for word in words:
        assert word in message


def test_every_fault_is_reported_at_once_a_line_each(load: Load) -> None:
    message = refusal(load, {"kind": "staging", "apps.api.replicas": 0, "images.api": IMAGE})
    assert len(message.splitlines()) == 3


CANARY = "hunter2-canary"

WITH_A_SECRET = [
    ("a password variable", {"apps.api.variables": {"DB_PASSWORD": CANARY}}),
    ("a token variable", {"apps.api.variables": {"GITHUB_TOKEN": CANARY}}),
    ("a connection string", {"apps.api.variables": {"DB": f"postgresql://api:{CANARY}@10.0.0.10/keybuzz"}}),
    ("a connection string for variables", {"apps.api.variables": f"postgresql://api:{CANARY}@10.0.0.10/keybuzz"}),
    ("a password for an image", {"images.api": f"https://me:{CANARY}@ghcr.io/a/b:v1"}),
    ("a password as an unknown key", {"apps.api.password": CANARY}),
    ("a password at the top", {"vaultToken": CANARY}),
    ("a variable that is a map", {"apps.api.variables": {"DB": {"password": CANARY}}}),
    ("a variable that is a list", {"apps.api.variables": {"DB_PASSWORD": [CANARY]}}),
    ("a list for variables", {"apps.api.variables": [f"DB_PASSWORD={CANARY}"]}),
    ("a password and another fault", {"apps.api.variables": {"DB_PASSWORD": CANARY}, "kind": "x"}),
]


@pytest.mark.parametrize("changes", [row[1] for row in WITH_A_SECRET], ids=[row[0] for row in WITH_A_SECRET])
def test_a_secret_in_plain_configuration_is_refused_and_never_repeated(
    load: Load, changes: Mapping[str, Any]
) -> None:
    assert CANARY not in refusal(load, changes)


def test_an_encrypted_setting_is_refused_by_its_key_alone(load: Load) -> None:
    message = refusal(load, {"vaultToken": CANARY}, secret=("bulkhead:vaultToken",))
    assert "bulkhead:vaultToken is encrypted" in message
    assert CANARY not in message


def test_a_key_of_another_namespace_is_refused(load: Load) -> None:
    assert "bulkheads:kind is not a known key" in refusal(load, raw={"bulkheads:kind": "development"})
    assert "keybuzz:kind is not a known key" in refusal(load, raw={"keybuzz:kind": "development"})


def test_a_mapping_that_is_no_json_is_refused_as_text(load: Load) -> None:
    assert "bulkhead:apps is '{\"api\": '" in refusal(load, raw={"bulkhead:apps": '{"api": '})


def test_an_app_without_an_image_is_refused_when_it_is_asked_for(load: Load) -> None:
    settings = load({"images.worker": REMOVED})
    with pytest.raises(InputError, match=r"bulkhead:images\.worker is missing"):
        settings.workload("worker")


def test_a_database_that_the_settings_were_not_loaded_for_is_refused(load: Load) -> None:
    with pytest.raises(InputError, match=r"database 'bakend' is not among .* did you mean 'backend'"):
        load().database("bakend")
