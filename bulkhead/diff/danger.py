"""Danger: of all changes those that a reviewer must see first, each with the words that say why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from bulkhead.diff.access import allowed
from bulkhead.diff.pods import RUNS_AS, WORKLOADS, Image, images

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulkhead.diff.model import Preview, Resource

Kind = Literal["data", "access", "image"]

_STATEFUL = {
    "postgresql:index/database:Database": "the database and every row in it",
    "postgresql:index/schema:Schema": "the schema and its tables",
    "kubernetes:core/v1:PersistentVolumeClaim": "the volume's content",
    "kubernetes:core/v1:PersistentVolume": "the volume's content",
    "kubernetes:apps/v1:StatefulSet": "its pods, all at once, and what they keep in memory",
    "kubernetes:core/v1:Namespace": "the namespace and everything in it",
    "vault:index/mount:Mount": "every secret and lease below the mount",
    "vault:kv/secretV2:SecretV2": "the secret with all its versions",
    "vault:kv/secret:Secret": "the secret",
    "vault:generic/secret:Secret": "the secret",
    "vault:database/secretsMount:SecretsMount": "every lease below the mount",
}
"""Kinds whose replacement or deletion loses something that an update does not bring back, and what."""
_OWNED = ("postgresql:index/database:Database", "postgresql:index/schema:Schema")
_POSTGRESQL_ROLE = "postgresql:index/role:Role"
_NETWORK_POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"


@dataclass(frozen=True, kw_only=True)
class Danger:
    """One reason to look twice.

    Args:
        kind: what is at stake: data that is lost, access that is widened, an image that is another.
        resource: whose change it is.
        text: what would happen.
    """

    kind: Kind
    resource: Resource
    text: str

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "kind": self.kind,
            "urn": self.resource.urn,
            "operation": self.resource.operation,
            "text": self.text,
        }


def dangers(preview: Preview) -> tuple[Danger, ...]:
    """The dangerous changes of a stack: lost data first, then widened access, then images."""
    owners = {
        str(one.before["owner"]) for one in preview.resources if one.type in _OWNED and "owner" in one.before
    }
    found: list[Danger] = []
    for one in preview.changes:
        found += (Danger(kind="data", resource=one, text=text) for text in _lost(one, owners))
        found += (Danger(kind="access", resource=one, text=text) for text in _widened(one, new=preview.is_new))
        found += (Danger(kind="image", resource=one, text=text) for text in _images(one))
    order: tuple[Kind, ...] = ("data", "access", "image")
    return tuple(sorted(found, key=lambda danger: order.index(danger.kind)))


def _lost(one: Resource, owners: set[str]) -> Iterator[str]:
    if one.operation in {"replace", "delete"}:
        lost = _STATEFUL.get(one.type)
        if one.type == _POSTGRESQL_ROLE and str(one.before.get("name")) in owners:
            lost = "the role that owns a database's objects"
        if lost:
            because = ", ".join(change.path for change in one.properties if change.replaces)
            done = "is deleted" if one.operation == "delete" else "is replaced"
            yield f"{done}{f' because of {because}' if because else ''}: {lost}"
    if one.protected == (True, False) and one.operation != "delete":
        yield "is protected no longer"


def _widened(one: Resource, *, new: bool) -> Iterator[str]:
    """What a change allows that was not allowed before.

    A stack that has nothing yet has nothing to widen: all of it is new, and the table says so.
    """
    if one.operation == "delete":
        if one.type == _NETWORK_POLICY:
            yield "is deleted: what it closed is open, unless another policy closes it"
        return
    if one.operation == "create" and new:
        return
    # Where there was no policy, everything was open: a first one closes what it says nothing of no further.
    nothing = {"spec": {"policyTypes": [""]}} if one.type == _NETWORK_POLICY else {}
    more = sorted(allowed(one.type, one.after) - allowed(one.type, one.before or nothing))
    if one.operation == "create":
        more = [right for right in more if not right.startswith(RUNS_AS)]  # a new workload has some account
    yield from (f"allows: {right}" for right in more)


def _images(one: Resource) -> Iterator[str]:
    if one.kind not in WORKLOADS or one.operation not in {"update", "replace"}:
        return
    before, after = images(one.before), images(one.after)
    for container in sorted(after):
        old, new = before.get(container), after[container]
        if old is None:
            yield f"{container}: {new}, a new container"
        elif old != new:
            was, then = Image.of(old), Image.of(new)
            if was.name == then.name:
                yield f"{container}: {was.name} {was.version} → {then.version}"
            else:
                yield f"{container}: {old} → {new}"
