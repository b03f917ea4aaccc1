"""Known noise: differences that are no drift, each with its reason, a link and the day it was seen.

The list is as narrow as it can be; what is not on it is drift. It has no catch-all, and nobody can add to it from
outside: a new entry is a change of this file, with a test.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from bulkhead.drift.compare import ABSENT, Delta, fields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, kw_only=True)
class Known:
    """One entry of the list.

    Args:
        name: what reports call it.
        since: the day it was seen, in ISO 8601.
        reason: why it is no drift.
        link: where that is written.
        kinds: the kinds of Kubernetes objects that it is about; none for what is not Kubernetes.
        path: what it is about in them, as a pattern of the whole path.
        manager: the field manager that must own the value, as a pattern; empty for any.
    """

    name: str
    since: str
    reason: str
    link: str
    kinds: tuple[str, ...] = ()
    path: str = ""
    manager: str = ""


KNOWN: Final = (
    Known(
        name="revision",
        since="2026-11-21",
        reason="The Deployment controller numbers a Deployment's revisions.",
        link="https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#checking-rollout-history-of-a-deployment",
        kinds=("Deployment",),
        path=r'metadata\.annotations\["deployment\.kubernetes\.io/revision"\]|metadata\.annotations',
        manager="kube-controller-manager",
    ),
    Known(
        name="template-generation",
        since="2026-11-21",
        reason="The API server counts the changes of a DaemonSet's template.",
        link="https://github.com/kubernetes/kubernetes/blob/v1.36.0/pkg/apis/apps/v1/conversion.go",
        kinds=("DaemonSet",),
        path=r'metadata\.annotations\["deprecated\.daemonset\.template\.generation"\]|metadata\.annotations',
    ),
    Known(
        name="reloader",
        since="2026-11-21",
        reason="Reloader rolls the pods whose Secret changed; only where the object asks for it.",
        link="https://github.com/stakater/Reloader/blob/master/docs/How-it-works.md",
        kinds=("Deployment", "StatefulSet", "DaemonSet"),
        path=r"spec\.template\.metadata\.annotations(\[\"reloader\.stakater\.com/last-reloaded-from\"\])?",
    ),
    Known(
        name="scaled",
        since="2026-11-21",
        reason="A HorizontalPodAutoscaler of the stack says how many replicas there are, within its bounds, and "
        "the program says nothing.",
        link="https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#migrating-deployments-and-statefulsets-to-horizontal-autoscaling",
        kinds=("Deployment", "StatefulSet"),
        path=r"spec\.replicas",
    ),
    Known(
        name="external-secrets-finalizer",
        since="2026-11-21",
        reason="External Secrets marks what it has to clean up when it is deleted.",
        link="https://external-secrets.io/latest/api/externalsecret/",
        kinds=("ExternalSecret", "SecretStore", "PushSecret"),
        path=r"metadata\.finalizers",
    ),
    Known(
        name="duration-spelling",
        since="2026-11-21",
        reason="The operator writes the object back with the same time spelled in full: `1m` becomes `1m0s`.",
        link="https://pkg.go.dev/time#Duration.String",
        kinds=("ExternalSecret",),
        path=r"spec\.refreshInterval",
    ),
    Known(
        name="empty-template",
        since="2026-11-21",
        reason="The operator writes the object back with an empty map where a template has no metadata.",
        link="https://external-secrets.io/latest/api/spec/#external-secrets.io/v1.ExternalSecretTemplate",
        kinds=("ExternalSecret",),
        path=r"spec\.target\.template\.metadata",
        manager="external-secrets",
    ),
    Known(
        name="delivered-data",
        since="2026-11-21",
        reason="An ExternalSecret of the stack has this Secret as its target: it writes the data.",
        link="https://external-secrets.io/latest/guides/ownership-deletion-policy/",
        kinds=("Secret",),
        path=r"data(\..*|\[.*\])?",
        manager="external-?secrets.*|externalsecret.*",
    ),
    Known(
        name="volume-binding",
        since="2026-11-21",
        reason="Kubernetes binds a claim to its volume and notes how.",
        link="https://kubernetes.io/docs/concepts/storage/persistent-volumes/#binding",
        kinds=("PersistentVolumeClaim",),
        path=r'metadata\.annotations(\["(pv|volume(\.beta)?)\.kubernetes\.io/.*"\])?|metadata\.finalizers'
        r"|spec\.volumeName",
        manager="kube-controller-manager|kube-scheduler|kwok.*",
    ),
    Known(
        name="provider-annotation",
        since="2026-11-21",
        reason="Pulumi's provider reads these annotations itself; what they say has no effect on the cluster.",
        link="https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/managing-resources-with-server-side-apply/",
        kinds=("*",),
        path=r'metadata\.annotations(\["pulumi\.com/.*"\])?',
    ),
    Known(
        name="leased-login",
        since="2026-11-21",
        reason="A login that Vault leased, by a role of the stack, is a member of its group until it expires.",
        link="https://developer.hashicorp.com/vault/docs/secrets/databases#dynamic-roles",
    ),
    Known(
        name="creator",
        since="2026-11-21",
        reason="Since PostgreSQL 16 who creates a role is a member of it: the administrator that the stack's "
        "provider logs in as.",
        link="https://www.postgresql.org/docs/16/runtime-config-client.html#GUC-CREATEROLE-SELF-GRANT",
    ),
    Known(
        name="ignored",
        since="2026-11-21",
        reason="The program says that it ignores changes of this input (`ignore_changes`).",
        link="https://www.pulumi.com/docs/iac/concepts/options/ignorechanges/",
    ),
)

_BY_NAME: Final = {entry.name: entry for entry in KNOWN}
_RELOADER: Final = "reloader.stakater.com"
_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def entry(name: str) -> Known:
    """The entry of a name."""
    return _BY_NAME[name]


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What an entry has to know besides the two objects.

    Args:
        scaled: the bounds that autoscalers of the stack keep, by kind, namespace and name of what they scale.
        delivered: the Secrets that ExternalSecrets of the stack write, by namespace and name.
    """

    scaled: Mapping[tuple[str, str, str], tuple[int, int]]
    delivered: frozenset[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Sight:
    """One difference of a Kubernetes object, with what is needed to judge it.

    Args:
        delta: the difference.
        declared: the object as it was declared.
        managers: who owns the live value.
        around: what else the stack has.
    """

    delta: Delta
    declared: Mapping[str, Any]
    managers: tuple[str, ...]
    around: Surroundings


def judge(sight: Sight) -> Known | None:
    """The entry that says why a difference of a Kubernetes object is no drift; None for drift."""
    kind, path = str(sight.declared.get("kind")), str(sight.delta)
    for known in KNOWN:
        if (
            known.path
            and (kind in known.kinds or "*" in known.kinds)
            and re.fullmatch(known.path, path)
            and (not known.manager or any(re.fullmatch(known.manager, one) for one in sight.managers))
            and _HOLDS.get(known.name, _always)(sight)
        ):
            return known
    return None


def _always(sight: Sight) -> bool:
    del sight
    return True


def _only_keys(pattern: str) -> Callable[[Sight], bool]:
    """Where a whole map is there that was not declared: whether all its keys are the entry's."""

    def holds(sight: Sight) -> bool:
        live, declared = sight.delta.live, sight.delta.declared
        if isinstance(live, dict) and declared is ABSENT:
            return all(re.fullmatch(pattern, str(key)) for key in cast("dict[str, Any]", live))
        return not isinstance(live, dict)

    return holds


def _reloads(sight: Sight) -> bool:
    asked = fields(_metadata(sight.declared).get("annotations"))
    wanted = any(_RELOADER in key for key in asked)
    return wanted and _only_keys(r"reloader\.stakater\.com/last-reloaded-from")(sight)


def _scaled(sight: Sight) -> bool:
    about = _metadata(sight.declared)
    spec: Mapping[str, Any] = sight.declared.get("spec") or {}
    place = (str(sight.declared.get("kind")), str(about.get("namespace", "")), str(about.get("name", "")))
    bounds = sight.around.scaled.get(place)
    live = sight.delta.live
    return (
        bounds is not None and "replicas" not in spec and isinstance(live, int) and bounds[0] <= live <= bounds[1]
    )


def _finalizers(sight: Sight) -> bool:
    live = cast("list[Any]", sight.delta.live) if isinstance(sight.delta.live, list) else []
    declared = cast("list[Any]", sight.delta.declared) if isinstance(sight.delta.declared, list) else []
    added = [one for one in live if one not in declared]
    return bool(added) and set(declared) <= set(live) and all("external-secrets.io/" in str(one) for one in added)


def _empty(sight: Sight) -> bool:
    return sight.delta.live == {} and sight.delta.declared is ABSENT


def _same_time(sight: Sight) -> bool:
    one, other = seconds(sight.delta.declared), seconds(sight.delta.live)
    return one is not None and one == other


def _delivered(sight: Sight) -> bool:
    about = _metadata(sight.declared)
    place = (str(about.get("namespace", "")), str(about.get("name", "")))
    return sight.delta.declared is ABSENT and place in sight.around.delivered


def _binding(sight: Sight) -> bool:
    if sight.delta.path[-1] == "finalizers":
        return sight.delta.live == ["kubernetes.io/pvc-protection"]
    return _only_keys(r"(pv|volume(\.beta)?)\.kubernetes\.io/.*")(sight)


_HOLDS: Final[Mapping[str, Callable[[Sight], bool]]] = {
    "revision": _only_keys(r"deployment\.kubernetes\.io/revision"),
    "template-generation": _only_keys(r"deprecated\.daemonset\.template\.generation"),
    "reloader": _reloads,
    "scaled": _scaled,
    "external-secrets-finalizer": _finalizers,
    "duration-spelling": _same_time,
    "empty-template": _empty,
    "delivered-data": _delivered,
    "volume-binding": _binding,
    "provider-annotation": _only_keys(r"pulumi\.com/.*"),
}


def seconds(text: Any) -> float | None:
    """A time as Go spells it, such as `1h0m30s`; None for what is none."""
    if not isinstance(text, str) or not re.fullmatch(r"(\d+(\.\d+)?(ms|[hms]))+", text):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+(?:\.\d+)?)(ms|[hms])", text))


def _metadata(document: Mapping[str, Any]) -> Mapping[str, Any]:
    return fields(document.get("metadata"))
