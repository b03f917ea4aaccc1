"""Vault: how what was declared is spelled there, and what is there besides."""

import json
from typing import Any

import pytest

from bulkhead.drift.declared import Declaration, parse
from bulkhead.drift.elsewhere import Elsewhere
from bulkhead.drift.finding import RepairError
from bulkhead.drift.report import Cause
from bulkhead.drift.vault import compare
from bulkhead.drift.vault_audit import Audit, changes, read
from bulkhead.drift.vault_forms import FORMS, essential, seconds, snake
from bulkhead.drift.vault_server import Vault

AUDIT = Audit({"sys/policies/acl/shop": Cause(who="alice", when="2026-01-01T00:00:00Z", source="audit")})


class Server:
    """A Vault of plain paths, as an hvac client shows it."""

    def __init__(self, **paths: dict[str, Any]) -> None:
        self.paths = {path.replace("__", "/"): data for path, data in paths.items()}
        self.written: dict[str, dict[str, Any]] = {}
        self.deleted: list[str] = []

    def read(self, path: str) -> dict[str, Any] | None:
        return {"data": self.paths[path]} if path in self.paths else None

    def list(self, path: str) -> dict[str, Any] | None:
        keys = [one.removeprefix(f"{path}/") for one in self.paths if one.startswith(f"{path}/")]
        return {"data": {"keys": keys}} if keys else None

    def write_data(self, path: str, data: dict[str, Any]) -> None:
        self.written[path] = data

    def delete(self, path: str) -> None:
        self.deleted.append(path)


def declaration(*resources: tuple[str, str, dict[str, Any]], ignored: tuple[str, ...] = ()) -> Declaration:
    entries = [
        {
            "urn": f"urn:pulumi:dev::shop::{kind}::{name}",
            "type": kind,
            "custom": True,
            "inputs": inputs,
            "ignoreChanges": list(ignored),
        }
        for kind, name, inputs in resources
    ]
    return parse({"deployment": {"resources": entries}}, "dev")


def told(declared: Declaration, server: Server) -> dict[str, list[str]]:
    found = compare(declared, Vault(server), AUDIT)
    assert found.undecided == []
    return {one.drift.object: [str(part) for part in one.drift.differences] for one in found.drifts}


POLICY = ("vault:index/policy:Policy", "policy", {"name": "shop", "policy": 'path "a" { }\n'})
AUTH = (
    "vault:kubernetes/authBackendRole:AuthBackendRole",
    "auth-role",
    {
        "backend": "kubernetes",
        "roleName": "shop",
        "boundServiceAccountNames": ["api"],
        "boundServiceAccountNamespaces": ["shop-api-dev"],
        "tokenPolicies": ["shop"],
        "tokenTtl": 600,
        "tokenType": "default",
    },
)
BOUND = {
    "alias_name_source": "serviceaccount_uid",
    "bound_service_account_names": ["api"],
    "bound_service_account_namespaces": ["shop-api-dev"],
    "token_policies": ["shop"],
    "token_ttl": 600,
    "token_type": "default",
    "token_max_ttl": 0,
    "token_no_default_policy": False,
}
CONNECTION = (
    "vault:database/secretBackendConnection:SecretBackendConnection",
    "connection",
    {
        "backend": "db",
        "name": "main",
        "allowedRoles": ["b", "a"],
        "postgresql": {"connectionUrl": "postgresql://{{username}}:{{password}}@h/d", "username": "u"},
    },
)
CONNECTED = {
    "allowed_roles": ["a", "b"],
    "plugin_name": "postgresql-database-plugin",
    "verify_connection": True,
    "connection_details": {"connection_url": "postgresql://{{username}}:{{password}}@h/d", "username": "u"},
}


def test_what_is_as_it_was_declared_is_no_drift() -> None:
    server = Server(
        sys__policies__acl__shop={"policy": 'path "a" { }'},
        auth__kubernetes__role__shop=BOUND,
        db__config__main=CONNECTED,
    )
    assert told(declaration(POLICY, AUTH, CONNECTION), server) == {}


def test_a_changed_policy_names_who_changed_it_and_is_written_again() -> None:
    server = Server(sys__policies__acl__shop={"policy": 'path "*" { }'})
    [one] = compare(declaration(POLICY), Vault(server), AUDIT).drifts
    assert one.drift.cause.who == "alice"
    assert one.repair is not None
    one.repair()
    assert server.written == {"sys/policies/acl/shop": {"policy": 'path "a" { }\n'}}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("token_policies", ["shop", "root-ish"]),
        ("bound_service_account_namespaces", ["*"]),
        ("token_ttl", 900),
        ("token_period", 60),
        ("token_type", "batch"),
        ("a_field_of_a_later_version", True),
    ],
)
def test_every_field_of_a_role_is_looked_at_also_those_nobody_declared(field: str, value: Any) -> None:
    server = Server(auth__kubernetes__role__shop={**BOUND, field: value})
    [differences] = told(declaration(AUTH), server).values()
    assert any(field in one for one in differences)


def test_a_field_that_nobody_declared_is_written_empty() -> None:
    server = Server(auth__kubernetes__role__shop={**BOUND, "token_period": 60, "audience": "x"})
    [one] = compare(declaration(AUTH), Vault(server), AUDIT).drifts
    assert one.repair is not None
    one.repair()
    written = server.written["auth/kubernetes/role/shop"]
    assert (written["token_period"], written["audience"], written["token_ttl"]) == (0, "", 600)


def test_a_connection_is_written_without_its_password_unless_the_user_changed() -> None:
    kind, name, inputs = CONNECTION
    own = declaration((kind, name, {**inputs, "postgresql": {**inputs["postgresql"], "password": "s3cret"}}))
    for user, sent in (("u", None), ("somebody", "s3cret")):
        details = {"connection_url": "postgresql://{{username}}:{{password}}@evil/d", "username": user}
        server = Server(db__config__main={**CONNECTED, "connection_details": details})
        [one] = compare(own, Vault(server), AUDIT).drifts
        assert one.repair is not None
        one.repair()
        assert server.written["db/config/main"].get("password") == sent
        assert "s3cret" not in repr(one)


def test_a_password_in_a_url_is_hidden() -> None:
    details = {"connection_url": "postgresql://root:s3cret@evil/d", "username": "u"}
    server = Server(db__config__main={**CONNECTED, "connection_details": details})
    [differences] = told(declaration(CONNECTION), server).values()
    assert "s3cret" not in str(differences)
    assert "evil" in str(differences)


def test_kv_data_is_compared_and_its_keys_alone_are_shown() -> None:
    kv = ("vault:kv/secretV2:SecretV2", "kv", {"mount": "kv", "name": "db", "dataJson": '{"A": "s3cret"}'})
    server = Server(
        kv__data__db={"data": {"A": "other", "B": "m0re"}, "metadata": {"version": 4}},
        kv__metadata__db={"custom_metadata": None},
    )
    [one] = compare(declaration(kv), Vault(server), AUDIT).drifts
    said = [str(part) for part in one.drift.differences]
    assert [part.split(":")[0] for part in said] == ["data.A", "data.B"]
    assert not [secret for secret in ("s3cret", "other", "m0re") if secret in str(said) + repr(one)]
    assert one.repair is not None
    one.repair()
    assert server.written["kv/data/db"] == {"data": {"A": "s3cret"}, "options": {"cas": 4}}


def test_a_kv_secret_that_is_gone_is_missing() -> None:
    kv = ("vault:kv/secretV2:SecretV2", "kv", {"mount": "kv", "name": "db", "dataJson": "{}"})
    [one] = compare(declaration(kv), Vault(Server()), AUDIT).drifts
    assert one.drift.kind == "missing"


def test_a_kv_secret_that_nobody_may_read_is_undecided() -> None:
    inputs = {"mount": "kv", "name": "db", "dataJson": "{}", "disableRead": True}
    found = compare(declaration(("vault:kv/secretV2:SecretV2", "kv", inputs)), Vault(Server()), AUDIT)
    assert (found.compared, [one.name for one in found.undecided]) == (0, ["kv"])


def test_a_role_that_nobody_declared_is_found_where_it_touches_the_stack() -> None:
    near = {**BOUND, "token_policies": ["admin"]}
    far = {**near, "bound_service_account_namespaces": ["elsewhere"]}
    namespace = ("kubernetes:core/v1:Namespace", "ns", {"metadata": {"name": "shop-api-dev"}})
    server = Server(
        auth__kubernetes__role__shop=BOUND, auth__kubernetes__role__near=near, auth__kubernetes__role__far=far
    )
    assert told(declaration(namespace, AUTH), server).keys() == {"Vault auth/kubernetes/role/near"}


def test_a_role_that_another_stack_declares_is_its_own() -> None:
    """PROD's role that lets DEV's accounts in is PROD's drift; a repair of DEV must not take it away."""
    namespace = ("kubernetes:core/v1:Namespace", "ns", {"metadata": {"name": "shop-api-dev"}})
    server = Server(auth__kubernetes__role__shop=BOUND, auth__kubernetes__role__prod=BOUND)
    theirs = Elsewhere(paths=frozenset({"auth/kubernetes/role/prod"}))
    declared = declaration(namespace, AUTH)
    assert compare(declared, Vault(server), AUDIT, theirs).drifts == []
    assert len(compare(declared, Vault(server), AUDIT).drifts) == 1


def test_what_nobody_declared_in_a_database_engine_is_found_and_deleted() -> None:
    mount = ("vault:index/mount:Mount", "engine", {"path": "db", "type": "database"})
    server = Server(sys__mounts__db={"type": "database", "config": {}}, db__roles__admin={"db_name": "main"})
    [one] = compare(declaration(mount), Vault(server), AUDIT).drifts
    assert (one.drift.kind, one.drift.object) == ("added", "Vault db/roles/admin")
    assert one.repair is not None
    one.repair()
    assert server.deleted == ["db/roles/admin"]


def test_a_mount_that_is_gone_is_nothing_to_repair() -> None:
    mount = ("vault:index/mount:Mount", "engine", {"path": "db", "type": "kv"})
    [one] = compare(declaration(mount), Vault(Server()), AUDIT).drifts
    assert (one.drift.kind, one.repair, one.drift.remedy) == ("missing", None, "")


def test_a_mounts_kind_cannot_be_changed_back() -> None:
    mount = ("vault:index/mount:Mount", "engine", {"path": "db", "type": "kv"})
    [one] = compare(declaration(mount), Vault(Server(sys__mounts__db={"type": "database"})), AUDIT).drifts
    assert one.repair is None


def test_what_the_program_ignores_is_known() -> None:
    server = Server(sys__policies__acl__shop={"policy": "other"})
    found = compare(declaration(POLICY, ignored=("policy",)), Vault(server), AUDIT)
    assert found.drifts == []
    assert [one.known for one in found.noise] == ["ignored"]


def test_a_type_without_a_comparison_is_undecided() -> None:
    found = compare(declaration(("vault:pkiSecret/x:Root", "root", {})), Vault(Server()), AUDIT)
    assert [one.reason for one in found.undecided] == ["no comparison for vault:pkiSecret/x:Root"]
    assert found.compared == 0


def test_a_refused_read_is_undecided() -> None:
    import hvac  # noqa: PLC0415 - the client's errors alone

    class Refusing(Server):
        def read(self, path: str) -> dict[str, Any] | None:
            raise hvac.exceptions.Forbidden(errors=["permission denied"]) if path else ValueError

    found = compare(declaration(POLICY), Vault(Refusing()), AUDIT)
    assert [one.reason for one in found.undecided] == [
        "Vault refuses to read sys/policies/acl/shop: permission denied"
    ]


def test_a_refused_write_is_an_answer() -> None:
    import hvac  # noqa: PLC0415 - the client's errors alone

    class Refusing(Server):
        def write_data(self, path: str, data: dict[str, Any]) -> None:
            raise hvac.exceptions.InvalidRequest(errors=["no"]) if path or data else ValueError

    with pytest.raises(RepairError, match="refuses to write a/b: no"):
        Vault(Refusing()).write("a/b", {"password": "s3cret"})


@pytest.mark.parametrize(("value", "found"), [("1h", 3600), ("1h0m5s", 3605), ("60", 60), (60, 60), ("x", "x")])
def test_times_are_compared_in_seconds(value: Any, found: Any) -> None:
    assert seconds(value) == found


def test_nothing_of_any_kind_is_left_out() -> None:
    fields = {"a": 0, "b": "", "c": [], "d": {}, "e": None, "f": False, "g": "0s", "h": 1, "accessor": "x"}
    assert essential(fields) == {"h": 1}


def test_keys_are_spelled_as_vault_does() -> None:
    assert snake("boundServiceAccountNames") == "bound_service_account_names"


def test_every_form_reads_a_path_of_its_inputs() -> None:
    inputs = {"path": "p", "type": "kv", "name": "n", "backend": "b", "roleName": "r"}
    assert all(form.path(inputs) for form in FORMS.values())


LINE = {
    "type": "response",
    "time": "2026-11-21T10:00:00.123456789Z",
    "auth": {"display_name": "oidc-alice"},
    "request": {"operation": "update", "path": "kv/data/db", "remote_address": "10.0.0.5"},
}


def logged(**more: Any) -> str:
    return json.dumps({**LINE, **more}, separators=(",", ":"))


def test_the_last_change_that_was_carried_out_is_the_cause() -> None:
    later = logged(time="2026-11-22T10:00:00Z", auth={"display_name": "bob"})
    refused = logged(time="2026-11-23T10:00:00Z", error="permission denied")
    asked = logged(time="2026-11-24T10:00:00Z", type="request")
    looked = logged(request={"operation": "read", "path": "kv/data/db"})
    found = changes([logged(), later, refused, asked, looked, "{half a line"])
    assert found["kv/data/db"] == Cause(
        who="bob from 10.0.0.5", when="2026-11-22T10:00:00Z", source="Vault's audit log"
    )


def test_a_log_that_cannot_be_read_is_said(tmp_path: Any) -> None:
    assert "no audit log" in read({}).cause("a").source
    gone = {"file/": {"type": "file", "options": {"file_path": str(tmp_path / "none")}}}
    assert "no audit log" in read(gone).cause("a").source
    log = tmp_path / "audit.log"
    log.write_text(logged() + "\n", encoding="utf-8")
    there = read({"file/": {"type": "file", "options": {"file_path": str(log)}}})
    assert there.cause("kv/data/db").who == "oidc-alice from 10.0.0.5"
    assert "has no change" in there.cause("kv/data/other").source
