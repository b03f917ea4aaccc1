"""Paths of Vault that nobody declared, and that give something of a stack away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bulkhead.drift.elsewhere import Elsewhere, of
from bulkhead.drift.finding import Finding
from bulkhead.drift.report import Difference, Drift, say
from bulkhead.drift.vault_forms import essential
from bulkhead.drift.vault_path import Path
from bulkhead.drift.vault_server import as_kept, without_credentials

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bulkhead.drift.declared import Declaration, Declared
    from bulkhead.drift.vault_audit import Audit
    from bulkhead.drift.vault_server import Vault

_MOUNT, _AUTH = "vault:index/mount:Mount", "vault:index/authBackend:AuthBackend"
_AUTH_ROLE: Final = "vault:kubernetes/authBackendRole:AuthBackendRole"
_POLICY: Final = "vault:index/policy:Policy"


def compare(declaration: Declaration, vault: Vault, audit: Audit, elsewhere: Elsewhere) -> Iterator[Finding]:
    """What nobody declared: in a stack's database engines, and among the roles of the logins that it uses."""
    known = of([declaration]).paths | elsewhere.paths
    yield from _in_engines(declaration, vault, audit, known)
    yield from _of_logins(declaration, vault, audit, known)


def _in_engines(declaration: Declaration, vault: Vault, audit: Audit, known: frozenset[str]) -> Iterator[Finding]:
    for mount in declaration.of_type(_MOUNT):
        if mount.shown.get("type") == "database":
            for folder in ("config", "roles", "static-roles"):
                for name in vault.names(f"{mount.shown['path']}/{folder}"):
                    path = f"{mount.shown['path']}/{folder}/{name}"
                    if path not in known:
                        yield _extra(Path(mount, vault, audit, path))


def _of_logins(declaration: Declaration, vault: Vault, audit: Audit, known: frozenset[str]) -> Iterator[Finding]:
    owned = {str(one.shown.get("path") or one.shown["type"]): one for one in declaration.of_type(_AUTH)}
    roles: dict[str, list[Declared]] = {}
    for one in declaration.of_type(_AUTH_ROLE):
        roles.setdefault(str(one.shown.get("backend") or "kubernetes"), []).append(one)
    for backend in dict.fromkeys((*roles, *owned)):
        for name in vault.names(f"auth/{backend}/role"):
            path = f"auth/{backend}/role/{name}"
            if path in known:
                continue
            near = _nearest(roles.get(backend, []), vault.read(path) or {}, declaration)
            if anchor := near or owned.get(backend):
                yield _extra(Path(anchor, vault, audit, path))


def _nearest(roles: list[Declared], live: Mapping[str, Any], declaration: Declaration) -> Declared | None:
    """The declared role that one which nobody declared lies nearest to; None where it does not touch the stack.

    It does where it lets accounts of the stack's namespaces in, or gives the stack's policies to anybody.
    """
    namespaces = {
        str(one.shown["metadata"]["name"]) for one in declaration.of_type("kubernetes:core/v1:Namespace")
    }
    bound = set(live.get("bound_service_account_namespaces") or ()) & namespaces
    policies = {str(one.shown["name"]) for one in declaration.of_type(_POLICY)}
    given = (set(live.get("token_policies") or ()) | set(live.get("policies") or ())) & policies
    if not bound and not given:
        return None
    for one in roles:
        mine = set(one.shown.get("boundServiceAccountNamespaces") or ())
        if bound & mine or given & set(one.shown.get("tokenPolicies") or ()):
            return one
    return roles[0] if roles else None


def _extra(here: Path) -> Finding:
    resource, live = here.one.resource, essential(here.vault.read(here.path) or {})
    said = Difference(path=here.path, live=without_credentials(say(live)))
    return Finding(
        drift=Drift(
            urn=resource.urn,
            name=resource.name,
            type=resource.type,
            object=f"Vault {here.path}",
            kind="added",
            differences=(said,),
            cause=here.audit.cause(here.path),
            remedy="deleted; what it was is kept in a file",
        ),
        repair=lambda: here.vault.delete(here.path),
        before=as_kept(live),
    )
