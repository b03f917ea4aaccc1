"""Kubernetes objects as data: names, annotations, and the form in which two of them can be compared."""

from __future__ import annotations

import base64
import binascii
import copy
from typing import Any, Final, TypeAlias, cast

from sandbox.plugins.kubernetes.quantities import canonical_quantities
from sandbox.plugins.process import PluginError, Unknown, has_unknown

Object: TypeAlias = dict[str, Any]

AUTONAMED: Final = "pulumi.com/autonamed"
SKIP_AWAIT: Final = "pulumi.com/skipAwait"
WAIT_FOR: Final = "pulumi.com/waitFor"
TIMEOUT_SECONDS: Final = "pulumi.com/timeoutSeconds"
REPLACE_UNREADY: Final = "pulumi.com/replaceUnready"
PATCH_FORCE: Final = "pulumi.com/patchForce"
FIELD_MANAGER: Final = "pulumi.com/patchFieldManager"
PROPAGATION: Final = "pulumi.com/deletionPropagationPolicy"

#: What the API server alone writes into an object's metadata.
READ_ONLY_METADATA: Final = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "uid",
)
#: Keys with a dash are written with an underscore in Pulumi's programs and state.
DASHED: Final = {
    f"x_kubernetes_{name}": f"x-kubernetes-{name.replace('_', '-')}"
    for name in (
        "embedded_resource",
        "int_or_string",
        "list_map_keys",
        "list_type",
        "map_type",
        "preserve_unknown_fields",
        "validations",
    )
}
UNDERSCORED: Final = {dashed: underscored for underscored, dashed in DASHED.items()}
#: Kubernetes' own groups that look like somebody's; gateway.networking.k8s.io and the like are definitions.
BUILTIN_GROUPS: Final = frozenset(
    {"admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "authentication.k8s.io"}
    | {"authorization.k8s.io", "certificates.k8s.io", "coordination.k8s.io", "discovery.k8s.io", "events.k8s.io"}
    | {"flowcontrol.apiserver.k8s.io", "networking.k8s.io", "node.k8s.io", "rbac.authorization.k8s.io"}
    | {"resource.k8s.io", "scheduling.k8s.io", "storage.k8s.io", "storagemigration.k8s.io"}
)
#: Built-in fields that the API server leaves out when they are empty, zero or false.
OMITTED_WHEN_ZERO: Final = frozenset(
    {"hostIPC", "hostNetwork", "hostPID", "minReadySeconds", "paused", "publishNotReadyAddresses"}
    | {"readOnly", "stdin", "stdinOnce", "subPath", "tty", "value", "initialDelaySeconds", "serviceName"}
)
#: Built-in lists that are kept although they are empty.
KEPT_WHEN_EMPTY: Final = frozenset({"rules", "verbs", "containers", "preferredDuringSchedulingIgnoredDuring"})
#: Built-in fields that hold free keys; such a field is left out when it is empty, others ({}) say something.
FREE_MAPS: Final = frozenset(
    {"annotations", "binaryData", "data", "hard", "labels", "limits", "matchLabels", "nodeSelector"}
    | {"parameters", "requests", "stringData"}
)


def group_version_kind(token: str) -> tuple[str, str]:
    """The apiVersion and kind that a resource's type names; a component's type stands before it, behind a `$`."""
    token = token.rsplit("$", 1)[-1]
    try:
        _, module, kind = token.split(":")
        group, version = module.split("/")
    except ValueError:
        raise PluginError(f"{token} is not a Kubernetes kind; charts and YAML need the official plugin.") from None
    return (version if group == "core" else f"{group}/{version}"), kind


def is_builtin(api_version: str) -> bool:
    """Whether Kubernetes itself defines this group (only then are its types known here)."""
    group = api_version.rpartition("/")[0]
    return "." not in group or group in BUILTIN_GROUPS


def metadata(item: Object) -> Object:
    """An object's metadata, empty where it has none or where it is not known yet."""
    found = item.get("metadata")
    return cast("Object", found) if isinstance(found, dict) else {}


def annotation(item: Object, key: str) -> str:
    """An annotation, empty where there is none or where it is not known yet."""
    found = metadata(item).get("annotations")
    value = cast("Object", found).get(key) if isinstance(found, dict) else None
    return value if isinstance(value, str) else ""


def is_true(item: Object, key: str) -> bool:
    """Whether an annotation says "true"."""
    return annotation(item, key) == "true"


def annotate(item: Object, key: str, value: str) -> None:
    """Set an annotation, unless annotations as a whole are not known yet."""
    about = item.setdefault("metadata", {})
    if about is Unknown:
        return
    annotations = about.setdefault("annotations", {})
    if annotations is not Unknown:
        annotations[key] = value


def name_of(item: Object) -> str:
    """An object's name, empty where it has none yet."""
    found = metadata(item).get("name")
    return found if isinstance(found, str) else ""


def namespace_of(item: Object) -> str:
    """An object's namespace, empty where it has none."""
    found = metadata(item).get("namespace")
    return found if isinstance(found, str) else ""


def is_named(item: Object) -> bool:
    """Whether a name was given, known or not."""
    return bool(metadata(item).get("name")) or item.get("metadata") is Unknown


def identity(item: Object) -> str:
    """A resource's id: namespace/name, or the name alone."""
    namespace = namespace_of(item)
    return f"{namespace}/{name_of(item)}" if namespace else name_of(item)


def parse_identity(resource_id: str) -> tuple[str, str]:
    """The namespace (empty for cluster-wide kinds) and name of an id."""
    namespace, _, name = resource_id.rpartition("/")
    return namespace, name


def dashed(value: Any) -> Any:
    """Keys as the API server writes them."""
    return _renamed(value, DASHED)


def underscored(value: Any) -> Any:
    """Keys as Pulumi's state writes them."""
    return _renamed(value, UNDERSCORED)


def _renamed(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        fields = cast("Object", value)
        return {names.get(key, key): _renamed(item, names) for key, item in fields.items()}
    if isinstance(value, list):
        return [_renamed(item, names) for item in cast("list[Any]", value)]
    return value


def normalized(item: Object) -> Object:
    """The form that the API server would give to what is declared, as far as that is known beforehand."""
    result = copy.deepcopy(item)
    api_version = str(result.get("apiVersion", ""))
    if not has_unknown(result) and is_builtin(api_version):
        if (api_version, result.get("kind")) == ("v1", "Secret"):
            _encode_secret(result)
        if result.get("kind") == "CustomResourceDefinition":
            result.pop("status", None)  # a schema is data of its author's own: nothing else may be touched
        else:
            result = cast("Object", canonical_quantities(_without_zeros(result)))
    about = metadata(result)
    for key in READ_ONLY_METADATA:
        about.pop(key, None)
    return result


def _encode_secret(secret: Object) -> None:
    """Write a Secret's stringData as data, as the API server does."""
    data = dict(cast("Object", secret.get("data") or {}))
    for key, value in data.items():
        if isinstance(value, str):
            try:
                data[key] = base64.b64encode(base64.b64decode(value, validate=False)).decode()
            except binascii.Error:
                continue  # the API server says what is wrong with it
    for key, value in cast("Object", secret.pop("stringData", None) or {}).items():
        data[key] = base64.b64encode(str(value).encode()).decode()
    if data:
        secret["data"] = data


def _without_zeros(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_zeros(item) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    fields = cast("Object", value)
    return {
        key: item if key in FREE_MAPS else _without_zeros(item)
        for key, item in fields.items()
        if not _left_out(key, item)
    }


def _left_out(key: str, value: Any) -> bool:
    if value is None:
        return True
    if isinstance(value, list):
        return not value and key not in KEPT_WHEN_EMPTY
    if isinstance(value, dict):
        return not value and key in FREE_MAPS
    return not value and key in OMITTED_WHEN_ZERO


def pruned(live: Object, declared: Object) -> Object:
    """What a live object has of the fields that were declared: the rest is the cluster's own business."""
    return {key: _pruned_value(value, declared[key]) for key, value in live.items() if key in declared}


def _pruned_value(live: Any, declared: object) -> Any:
    if isinstance(live, dict) and isinstance(declared, dict):
        return pruned(cast("Object", live), cast("Object", declared))
    if isinstance(live, list) and isinstance(declared, list):
        lives, wanted = cast("list[Any]", live), cast("list[Any]", declared)
        # Lists are compared by position, as the official plugin does: what stands behind is not looked at.
        return [_pruned_value(one, other) for one, other in zip(lives, wanted, strict=False)]
    return copy.deepcopy(cast("Any", live))
