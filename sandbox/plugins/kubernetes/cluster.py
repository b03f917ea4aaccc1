"""What one configured provider does to its cluster: create, apply, read, delete, each with its waiting."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sandbox.plugins.kubernetes import managers
from sandbox.plugins.kubernetes.client import APPLY, JSON_PATCH, MERGE_PATCH, ApiError, Client, UnknownKindError
from sandbox.plugins.kubernetes.objects import PROPAGATION, Object, annotation, metadata, name_of, namespace_of
from sandbox.plugins.process import PluginError

if TYPE_CHECKING:
    from sandbox.plugins.kubernetes.waiting import Waiter

#: A namespace or a definition that is being made by another resource may come a moment later.
CREATE_PAUSES: Final = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4)
HOW_TO_ADOPT: Final = (
    "If the object is to be this program's, import it (the resource option import_); to change fields of "
    "somebody else's object use a Patch resource; to take over whatever exists set upsert_existing_objects of "
    "the provider. A renamed resource keeps its object with an alias."
)
DRY_RUN: Final = {"dryRun": "All"}


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A cluster and how this provider writes to it."""

    client: Client
    waiter: Waiter
    force: bool = False
    upsert: bool = False

    def previewed(self, inputs: Object, manager: str, *, patch: bool = False) -> Object | None:
        """What a creation would make, or None where only the creation itself can tell."""
        if not self.client.knows(*_kind(inputs)) or patch:
            return None
        try:
            return self._create(inputs, manager, patch=False, preview=True)
        except ApiError as error:
            # A namespace that this very update makes is not there yet, and an object that it is about to delete
            # and make again still is.
            if error.namespace_missing or error.already_exists or error.forbidden:
                return None
            if error.immutable:
                other = {**metadata(inputs), "name": f"{name_of(inputs)}-{secrets.token_hex(3)}"}
                return self._create({**inputs, "metadata": other}, manager, patch=False, preview=True)
            raise

    def created(self, inputs: Object, manager: str, timeout: float, *, patch: bool = False) -> Object:
        """The object as it is when it is ready."""
        for pause in (*CREATE_PAUSES, None):
            try:
                made = self._create(inputs, manager, patch=patch, preview=False)
            except (ApiError, UnknownKindError) as error:
                if isinstance(error, ApiError) and error.already_exists:
                    raise PluginError(f"{error}. {HOW_TO_ADOPT}") from error
                if pause is None or not (isinstance(error, UnknownKindError) or error.not_found):
                    raise
                self.client.forget_kinds()
                time.sleep(pause)
            else:
                return self.waiter.ready(made, inputs, timeout)
        raise AssertionError("the last attempt returns or raises")

    def _create(self, inputs: Object, manager: str, *, patch: bool, preview: bool) -> Object:
        kind = self.client.kind(*_kind(inputs))
        if self.upsert or patch:
            return self._apply(inputs, None, manager, name=name_of(inputs), preview=preview)
        query = {"fieldManager": managers.CREATOR, **(DRY_RUN if preview else {})}
        return self.client.request("POST", kind.url(namespace_of(inputs)), body=inputs, query=query)

    def applied(
        self, inputs: Object, live: Object, manager: str, ignored: list[str], *, preview: bool, patch: bool = False
    ) -> Object:
        """Bring a live object to what is declared; what is ours and is declared no longer goes."""
        owners = None if patch else managers.handed_over(live, manager)
        if owners is not None:
            kind = self.client.kind(*_kind(live))
            url = kind.url(namespace_of(live), name_of(live))
            if preview:
                # A dry run cannot hand over first. Applied without it, a list whose elements are known by their
                # keys would hold the old ones beside the new ones; a merge shows what the update will make.
                return self.client.request("PATCH", url, body=inputs, content=MERGE_PATCH, query=DRY_RUN)
            change = [{"op": "replace", "path": "/metadata/managedFields", "value": owners}]
            live = self.client.request("PATCH", url, body=change, content=JSON_PATCH)
        declared = managers.with_ignored(inputs, live, ignored, manager)
        return self._apply(declared, live, manager, name=name_of(live), preview=preview)

    def _apply(self, inputs: Object, live: Object | None, manager: str, *, name: str, preview: bool) -> Object:
        kind = self.client.kind(*_kind(inputs))
        force = managers.is_forced(inputs, live, always=self.force, preview=preview)
        query = {
            "fieldManager": manager,
            "force": str(force).lower(),
            "fieldValidation": "Warn",
            **(DRY_RUN if preview else {}),
        }
        try:
            url = kind.url(namespace_of(inputs), name)
            return self.client.request("PATCH", url, body=inputs, content=APPLY, query=query)
        except ApiError as error:
            if not error.conflict:
                raise
            raise PluginError(
                f"{error}\nOther managers own fields that this resource (manager {manager}) declares. Take the "
                "fields out of the program, or let it win: enable_patch_force of the provider, or the annotation "
                "pulumi.com/patchForce of the object."
            ) from error

    def live(self, item: Object) -> Object | None:
        """The object as it is now, None where it or its kind is gone."""
        try:
            return self.client.get(*_kind(item), namespace_of(item), name_of(item))
        except UnknownKindError:
            return None

    def deleted(self, live: Object, inputs: Object, timeout: float) -> None:
        """Delete and wait until it is gone; what is gone already is fine."""
        try:
            kind = self.client.kind(*_kind(live))
            policy = annotation(inputs, PROPAGATION).capitalize()
            policy = policy if policy in ("Orphan", "Background") else "Foreground"
            url = kind.url(namespace_of(live), name_of(live))
            self.client.request("DELETE", url, body={"propagationPolicy": policy})
        except UnknownKindError:
            return
        except ApiError as error:
            if error.not_found:
                return
            raise
        self.waiter.gone(live, inputs, timeout)

    def relinquished(self, live: Object, manager: str) -> None:
        """Give up the fields that a Patch resource declared; the object is somebody else's and stays."""
        about = {key: metadata(live)[key] for key in ("name", "namespace") if metadata(live).get(key)}
        nothing = {"apiVersion": live["apiVersion"], "kind": live["kind"], "metadata": about}
        if self.live(nothing) is not None:
            self._apply(nothing, None, manager, name=name_of(nothing), preview=False)


def _kind(item: Object) -> tuple[str, str]:
    return str(item.get("apiVersion", "")), str(item.get("kind", ""))
