"""The plugin's answers to the engine: check, diff, create, read, update and delete of any Kubernetes kind."""

from __future__ import annotations

import hashlib
import os
import secrets
from typing import TYPE_CHECKING, Final, cast

from pulumi.provider.experimental import provider as sdk

from sandbox.plugins.kubernetes import managers
from sandbox.plugins.kubernetes.client import Client, UnknownKindError
from sandbox.plugins.kubernetes.cluster import Cluster
from sandbox.plugins.kubernetes.conditions import wait_for
from sandbox.plugins.kubernetes.confidential import marked
from sandbox.plugins.kubernetes.difference import differences, replaces, text, without
from sandbox.plugins.kubernetes.immutable import METADATA, Mutability, immutable_fields
from sandbox.plugins.kubernetes.kubeconfig import connection
from sandbox.plugins.kubernetes.objects import (
    AUTONAMED,
    READ_ONLY_METADATA,
    REPLACE_UNREADY,
    SKIP_AWAIT,
    WAIT_FOR,
    Object,
    annotate,
    annotation,
    dashed,
    group_version_kind,
    identity,
    is_named,
    is_true,
    metadata,
    name_of,
    normalized,
    parse_identity,
    pruned,
    underscored,
)
from sandbox.plugins.kubernetes.readiness import READINESS, SHOWN_BY_REFRESH, FailedError
from sandbox.plugins.kubernetes.waiting import NotReadyError, Waiter
from sandbox.plugins.process import (
    InitFailedError,
    PluginError,
    Properties,
    has_unknown,
    plain_map,
    plugin_version,
    property_map,
    refuse_unless_sandbox,
    serve,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pulumi.provider.experimental.property_value import PropertyValue

PACKAGE: Final = "kubernetes"
#: What a live object has beside its inputs; nothing of it belongs into the inputs of an import.
NOT_INPUTS: Final = ("status",)
REVISION: Final = "deployment.kubernetes.io/revision"
LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"


class KubernetesProvider(sdk.Provider):
    """One configured provider: one cluster as one user."""

    def __init__(self) -> None:
        self._cluster: Cluster | None = None
        self._mutability = Mutability()
        self._namespace = ""

    async def configure(self, request: sdk.ConfigureRequest) -> sdk.ConfigureResponse:
        """Choose the cluster; it is asked only when the first resource needs it."""
        settings = plain_map(request.args)

        def switch(name: str, variable: str) -> bool:
            value = settings.get(name)
            return str(os.environ.get(variable, "") if value is None else value).lower() == "true"

        chosen = connection(settings.get("kubeconfig"), settings.get("context"), settings.get("cluster"))
        refuse_unless_sandbox(PACKAGE, chosen.server)
        client = Client(chosen)
        self._cluster = Cluster(
            client=client,
            waiter=Waiter(client),
            force=switch("enablePatchForce", "PULUMI_K8S_ENABLE_PATCH_FORCE"),
            upsert=switch("upsertExistingObjects", "PULUMI_K8S_UPSERT_EXISTING_OBJECTS"),
        )
        self._mutability = Mutability(
            config_map=switch("enableConfigMapMutable", "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE"),
            secret=switch("enableSecretMutable", "PULUMI_K8S_ENABLE_SECRET_MUTABLE"),
        )
        self._namespace = str(settings.get("namespace") or "")
        return sdk.ConfigureResponse(accept_secrets=True, supports_preview=True)

    @property
    def cluster(self) -> Cluster:
        """The cluster that this provider was configured for."""
        if self._cluster is None:
            raise PluginError("The Kubernetes provider is not configured.")
        return self._cluster

    async def cancel(self) -> None:
        """End all waiting."""
        if self._cluster is not None:
            self._cluster.waiter.cancel()

    async def check(self, request: sdk.CheckRequest) -> sdk.CheckResponse:
        """Complete the inputs: a name where none is given, the provider's namespace, canonical forms."""
        api_version, kind = group_version_kind(request.type)
        old, new = _object(request.old_inputs), normalized(_object(request.new_inputs))
        new.setdefault("apiVersion", api_version)
        new.setdefault("kind", kind)
        if _is_patch(request.type, new) and not is_named(new):
            raise PluginError("A Patch resource needs metadata.name: it changes an object that exists.")
        if not is_named(new):
            if not old:
                seed = request.random_seed or secrets.token_bytes(16)
                new.setdefault("metadata", {})["name"] = f"{request.name}-{_suffix(seed)}"
                annotate(new, AUTONAMED, "true")
            elif is_true(old, AUTONAMED):
                new.setdefault("metadata", {})["name"] = name_of(old)
                annotate(new, AUTONAMED, "true")
        if wanted := annotation(new, WAIT_FOR):
            wait_for(wanted)  # a misspelt condition must not come to light when the object is there already
        if self._namespace and not metadata(new).get("namespace") and self._namespaced(new):
            new.setdefault("metadata", {})["namespace"] = self._namespace
        return sdk.CheckResponse(inputs=property_map(marked(underscored(new), request.new_inputs)))

    async def diff(self, request: sdk.DiffRequest) -> sdk.DiffResponse:
        """Compare what is declared with what is live, as far as that was declared before."""
        state = _object(request.old_state)
        new = normalized(_object(request.new_inputs))
        old = normalized(cast("Object", state.pop("__inputs", {})))
        live = pruned(state, old)
        # A program may take up the name that was generated for it.
        if name_of(new):
            live.setdefault("metadata", {})["name"] = name_of(state)
        for one in (live, new):
            about = metadata(one)
            if self._namespaced(new):
                about["namespace"] = about.get("namespace") or "default"
            else:
                about.pop("namespace", None)
        immutable = METADATA if _is_patch(request.type, new) else immutable_fields(new, self._mutability)
        found = without(differences(live, new, immutable), request.ignore_changes)
        replacing = replaces(found)
        if self._is_stuck(new, state):
            replacing.append(f'metadata.annotations["{REPLACE_UNREADY}"]')
        same_place = identity(new) == identity(state)
        return sdk.DiffResponse(
            changes=bool(found or replacing),
            replaces=replacing,
            # Two objects cannot have one name: the old one must go first, unless the new one's name is generated.
            delete_before_replace=bool(replacing) and same_place and not is_true(new, AUTONAMED),
            detailed_diff={text(path): one for path, one in found.items()},
        )

    async def create(self, request: sdk.CreateRequest) -> sdk.CreateResponse:
        """Create, or let the API server say what a creation would make."""
        inputs = _object(request.properties)
        manager = managers.manager_name(inputs, {})
        patch = _is_patch(request.type, inputs)
        if request.preview:
            made = None if has_unknown(inputs) else self.cluster.previewed(inputs, manager, patch=patch)
            if made is None:
                return sdk.CreateResponse(properties=request.properties)
            made.pop("status", None)
            return sdk.CreateResponse(properties=_state(inputs, made, request.properties, manager))
        try:
            live = self.cluster.created(inputs, manager, request.timeout, patch=patch)
        except NotReadyError as error:
            state = _state(inputs, error.live, request.properties, manager)
            raise InitFailedError(identity(error.live), state, error.reasons) from error
        if inputs.get("kind") == "CustomResourceDefinition":
            self.cluster.client.forget_kinds()
        return sdk.CreateResponse(
            resource_id=identity(live), properties=_state(inputs, live, request.properties, manager)
        )

    async def update(self, request: sdk.UpdateRequest) -> sdk.UpdateResponse:
        """Apply, or let the API server say what that would make."""
        state = _object(request.olds)
        inputs = normalized(_object(request.news))
        manager = managers.manager_name(inputs, state)
        if request.preview and (
            has_unknown(inputs) or not self.cluster.client.knows(str(inputs["apiVersion"]), str(inputs["kind"]))
        ):
            return sdk.UpdateResponse(properties=request.news)
        before = self.cluster.live(state)
        if before is None:
            raise PluginError(f"{inputs['kind']} {identity(state)} is gone. `pulumi refresh` takes note of that.")
        try:
            after = self.cluster.applied(
                inputs,
                before,
                manager,
                list(request.ignore_changes),
                preview=request.preview,
                patch=_is_patch(request.type, inputs),
            )
            if not request.preview:
                after = self.cluster.waiter.ready(after, inputs, request.timeout)
        except NotReadyError as error:
            raise InitFailedError(
                identity(error.live), _state(inputs, error.live, request.news, manager), error.reasons
            ) from error
        return sdk.UpdateResponse(properties=_state(inputs, after, request.news, manager))

    async def read(self, request: sdk.ReadRequest) -> sdk.ReadResponse:
        """The live object for a refresh, or for an import with inputs made from it."""
        state = _object(request.properties)
        inputs = normalized(_object(request.inputs))
        imported = not inputs.get("kind") and not state.get("kind")
        namespace, name = parse_identity(request.resource_id)
        api_version, kind = group_version_kind(request.type)
        wanted: Object = {
            "apiVersion": inputs.get("apiVersion") or state.get("apiVersion") or api_version,
            "kind": inputs.get("kind") or state.get("kind") or kind,
            "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
        }
        live = self.cluster.live(wanted)
        if live is None:
            return sdk.ReadResponse()
        declared = _importable(live) if imported else pruned(live, inputs)
        manager = managers.manager_name(inputs, state)
        outputs = _state(declared, live, request.inputs, manager)
        shown = property_map(marked(underscored(declared), request.inputs))
        reasons = [] if imported or is_true(inputs, SKIP_AWAIT) else self._troubles(live)
        if reasons:
            raise InitFailedError(request.resource_id, outputs, reasons, shown)
        return sdk.ReadResponse(resource_id=request.resource_id, properties=outputs, inputs=shown)

    async def delete(self, request: sdk.DeleteRequest) -> None:
        """Delete and wait until the object is gone."""
        state = _object(request.properties)
        inputs = cast("Object", state.pop("__inputs", {}))
        manager = managers.manager_name(inputs, state)
        if _is_patch(request.type, inputs or state):
            self.cluster.relinquished(state, manager)
        else:
            self.cluster.deleted(state, inputs, request.timeout)

    def _namespaced(self, item: Object) -> bool:
        """Whether the kind lives in namespaces; a kind that is not defined yet probably does."""
        try:
            return self.cluster.client.kind(str(item["apiVersion"]), str(item["kind"])).namespaced
        except UnknownKindError:
            return True

    def _is_stuck(self, new: Object, state: Object) -> bool:
        """Whether a Job that is to be made anew unless it is complete is not."""
        if new.get("kind") != "Job" or not is_true(new, REPLACE_UNREADY):
            return False
        live = self.cluster.live(state)
        return live is not None and bool(self._troubles(live))

    def _troubles(self, live: Object) -> list[str]:
        """Why an object does not work now; the next update will wait for it."""
        readiness = READINESS.get((str(live.get("apiVersion")), str(live.get("kind"))))
        if readiness is None or live.get("kind") not in SHOWN_BY_REFRESH:
            return []
        try:
            return readiness(self.cluster.client, live)
        except FailedError as error:
            return [str(error)]


def _object(properties: Mapping[str, PropertyValue]) -> Object:
    """Properties as the API server knows them."""
    return cast("Object", dashed(plain_map(properties)))


def _state(inputs: Object, live: Object, source: Mapping[str, PropertyValue], manager: str) -> Properties:
    """A resource's outputs: the live object, and for the next comparison what was declared."""
    outputs = marked(cast("Object", underscored(live)), source)
    outputs["__inputs"] = marked(cast("Object", underscored(inputs)), source)
    outputs["__initialApiVersion"] = inputs.get("apiVersion", "")
    outputs["__fieldManager"] = manager
    return property_map(outputs)


def _importable(live: Object) -> Object:
    """Inputs that would make this object."""
    inputs = {key: value for key, value in live.items() if key not in NOT_INPUTS}
    about = {key: value for key, value in metadata(live).items() if key not in READ_ONLY_METADATA}
    annotations = dict(cast("Object", about.get("annotations") or {}))
    for key in (REVISION, LAST_APPLIED):
        annotations.pop(key, None)
    if annotations:
        about["annotations"] = annotations
    else:
        about.pop("annotations", None)
    inputs["metadata"] = about
    return inputs


def _is_patch(token: str, item: Object) -> bool:
    """Whether the resource changes fields of an object that is somebody else's: DeploymentPatch and the like."""
    kind = str(item.get("kind", ""))
    return token.endswith("Patch") and not kind.endswith("Patch")


def _suffix(seed: bytes) -> str:
    return hashlib.blake2b(seed, digest_size=4).hexdigest()


def main() -> None:
    """Serve the engine that started this process."""
    serve(PACKAGE, plugin_version(PACKAGE), KubernetesProvider())
