"""Drift of Kubernetes: each declared object as the API server itself would fill it in, beside the one it has.

What was declared is sent as a PUT that changes nothing (`dryRun=All`), with the live object's version, so the
server's own defaults and allocated fields are on both sides: whatever differs was changed by somebody, additions
included.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from bulkhead.drift import managers, noise
from bulkhead.drift.cluster import APPLY, Cluster, Place
from bulkhead.drift.compare import ABSENT, Delta, differences, fields, put, spelled
from bulkhead.drift.finding import Finding, Findings, RepairError
from bulkhead.drift.objects import body, called, comparable, foreign, overlaid, shown, without_free_values
from bulkhead.drift.report import Cause, Difference, Drift, Noise

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bulkhead.drift.declared import Declaration, Declared
    from bulkhead.drift.objects import Object

AT_ONCE: Final = 8
"""Objects that are asked for side by side; the API server's own default is 400 requests in flight."""

_REPLACEABLE: Final = frozenset({"ClusterRoleBinding", "ConfigMap", "RoleBinding", "Secret"})
"""Kinds that nothing is lost of when they are deleted and made again, where a field of theirs never changes."""

_OF_CLUSTER: Final = frozenset({"kube-controller-manager", "kube-apiserver", "kube-scheduler", managers.OWN})


def compare(declaration: Declaration, cluster: Cluster) -> Findings:
    """All declared objects of a stack, in the order in which they were made."""
    chosen = [one for one in declaration.resources if one.resource.package == "kubernetes"]
    around = surroundings(declaration)
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        each = list(pool.map(partial(_compare, cluster, around), chosen))
    found = Findings()
    for one in each:
        found.add(one)
    return found


def surroundings(declaration: Declaration) -> noise.Surroundings:
    """What of a stack the list of known noise has to know."""
    scaled: dict[tuple[str, str, str], tuple[int, int]] = {}
    delivered: set[tuple[str, str]] = set()
    for one in declaration.resources:
        inputs = one.shown
        about, spec = fields(inputs.get("metadata")), fields(inputs.get("spec"))
        namespace = str(about.get("namespace", ""))
        if inputs.get("kind") == "HorizontalPodAutoscaler":
            target = fields(spec.get("scaleTargetRef"))
            place = (str(target.get("kind")), namespace, str(target.get("name")))
            scaled[place] = (int(spec.get("minReplicas") or 1), int(spec.get("maxReplicas") or 1))
        elif inputs.get("kind") == "ExternalSecret":
            target = fields(spec.get("target"))
            delivered.add((namespace, str(target.get("name") or about.get("name"))))
    return noise.Surroundings(scaled=scaled, delivered=frozenset(delivered))


@dataclass
class _Object:
    """One declared object beside the live one."""

    one: Declared
    cluster: Cluster
    place: Place
    declared: Object

    def drift(
        self, live: Mapping[str, Any], deltas: list[Delta], repair: Callable[[], None] | None, remedy: str
    ) -> Finding:
        resource = self.one.resource
        return Finding(
            drift=Drift(
                urn=resource.urn,
                name=resource.name,
                type=resource.type,
                object=called(self.declared),
                differences=tuple(shown(delta, self.one.shown) for delta in deltas),
                cause=managers.cause(live, [delta.path for delta in deltas]),
                remedy=remedy,
            ),
            repair=repair,
            before=without_free_values(live),
        )

    def missing(self) -> Finding:
        """An object that is gone."""
        resource = self.one.resource
        return Finding(
            drift=Drift(
                urn=resource.urn,
                name=resource.name,
                type=resource.type,
                object=called(self.declared),
                kind="missing",
                cause=Cause(source="a deletion leaves no trace on the API server; its audit log would have it"),
                remedy="made again as it was declared",
            ),
            repair=self._create,
        )

    def _create(self) -> None:
        manager = self.one.manager or managers.OWN
        self.cluster.change("POST", f"{self.place.collection}?fieldManager={manager}", self.declared)

    def filled_in(self, live: Object) -> tuple[Object | None, str]:
        """The declared object as the server would store it, and nothing; or None, and why it would not."""
        wanted = self.declared
        wanted["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"]
        status, said = self.cluster.api.send(
            "PUT", f"{self.place.path}?dryRun=All&fieldManager={managers.OWN}", wanted
        )
        if status == HTTPStatus.OK:
            return said, ""
        return None, f"{status}: {said.get('message', '')}"

    def write(self, wanted: Object, *, in_full: bool) -> None:
        """Put the object right: what was declared is the provider's again, what was not declared is gone."""
        if in_full and self.one.manager:
            own = {**self.declared, "metadata": {**self.declared["metadata"]}}
            own["metadata"].pop("resourceVersion", None)
            query = f"fieldManager={self.one.manager}&force=true"
            # Refused where a field never changes; then the PUT says so as well.
            self.cluster.api.send("PATCH", f"{self.place.path}?{query}", own, kind=APPLY)
        now = self.cluster.api.get(self.place.path)
        if now is None:
            raise RepairError("it is gone by now")
        document = {**wanted, "metadata": {**wanted["metadata"]}}
        document["metadata"].pop("managedFields", None)
        document["metadata"]["resourceVersion"] = now["metadata"]["resourceVersion"]
        self.cluster.change("PUT", f"{self.place.path}?fieldManager={managers.OWN}", document)

    def replace(self, live: Object) -> None:
        """Delete the object and make it again."""
        options = {"preconditions": {"uid": live["metadata"]["uid"]}}
        self.cluster.change("DELETE", self.place.path, options)
        self.declared["metadata"].pop("resourceVersion", None)
        self._create()


def _compare(cluster: Cluster, around: noise.Surroundings, one: Declared) -> Findings:
    found = Findings(compared=1)
    declared = body(one.inputs.value)
    if one.type.endswith("Patch") or "metadata" not in declared or "kind" not in declared:
        found.compared = 0
        found.cannot_decide(one, f"no comparison for {one.type}")
        return found
    place = cluster.place(declared)
    if place is None:
        found.cannot_decide(one, f"the cluster serves no {declared['apiVersion']} {declared['kind']}")
        return found
    this = _Object(one, cluster, place, declared)
    live = cluster.api.get(place.path)
    if live is None:
        found.drifts.append(this.missing())
        return found
    wanted, refused = this.filled_in(live)
    if refused.startswith("409"):  # somebody wrote in between
        live = cluster.api.get(place.path) or live
        wanted, refused = this.filled_in(live)
    if wanted is not None:
        _judge(this, live, wanted, list(differences(comparable(wanted), comparable(live))), around, found)
    elif refused.startswith("422"):
        _judge_fixed(this, live, around, found)
    else:
        found.cannot_decide(one, f"the API server refuses a trial of what was declared: {refused}")
    return found


def _judge_fixed(this: _Object, live: Object, around: noise.Surroundings, found: Findings) -> None:
    """An object with fields that never change: what was declared of it, and what others wrote into it."""
    trimmed = comparable(live)
    declared = comparable(this.declared)
    wanted = overlaid(trimmed, declared)
    deltas = list(differences(wanted, trimmed))
    ours = frozenset(
        {this.one.manager}
        | _OF_CLUSTER
        | {writer.manager for writer in managers.writers(live, ()) if writer.is_ours}
    )
    for path in dict.fromkeys(foreign(live, declared, ours)):
        value = next((delta for delta in deltas if delta.path == path), None)
        if value is None:
            deltas.append(Delta(path, ABSENT, _value(live, path)))
            wanted = put(wanted, path, ABSENT)
    _judge(this, live, wanted, deltas, around, found, in_full=False)


def _value(document: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        document = document[step]
    return document


def _judge(
    this: _Object,
    live: Object,
    wanted: Object,
    deltas: list[Delta],
    around: noise.Surroundings,
    found: Findings,
    *,
    in_full: bool = True,
) -> None:
    """Tell drift from known noise; a repair leaves the noise as it is."""
    real: list[Delta] = []
    for delta in deltas:
        sight = noise.Sight(
            delta=delta,
            declared=this.declared,
            managers=tuple(writer.manager for writer in managers.writers(live, delta.path)),
            around=around,
        )
        known = noise.judge(sight)
        ignored = any(_is_below(spelled(delta.path), path) for path in this.one.ignored)
        if known is None and not ignored:
            real.append(delta)
            continue
        wanted = put(wanted, delta.path, delta.live)
        entry = "ignored" if known is None else known.name
        found.noise.append(
            Noise(name=this.one.name, object=called(this.declared), path=spelled(delta.path), known=entry)
        )
    if live["metadata"].get("deletionTimestamp"):
        finding = this.drift(live, [], None, "")
        ends = Difference(path="metadata.deletionTimestamp", live=str(live["metadata"]["deletionTimestamp"]))
        found.drifts.append(_with(finding, ends))
    elif real:
        found.drifts.append(this.drift(live, real, *_remedy(this, live, wanted, in_full=in_full)))


def _is_below(path: str, above: str) -> bool:
    return path == above or path.startswith((f"{above}.", f"{above}["))


def _with(finding: Finding, difference: Difference) -> Finding:
    return Finding(drift=replace(finding.drift, differences=(difference,)), before=finding.before)


def _remedy(
    this: _Object, live: Object, wanted: Object, *, in_full: bool
) -> tuple[Callable[[], None] | None, str]:
    """How an object is put right, and that in words; a trial says which way the server accepts."""
    if in_full:
        return lambda: this.write(wanted, in_full=True), "written as it was declared"
    document = {**wanted, "metadata": {**wanted["metadata"]}}
    document["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"]
    status, _ = this.cluster.api.send("PUT", f"{this.place.path}?dryRun=All&fieldManager={managers.OWN}", document)
    if status == HTTPStatus.OK:
        return lambda: this.write(wanted, in_full=False), "its declared fields written"
    if this.declared["kind"] in _REPLACEABLE:
        return lambda: this.replace(live), "deleted and made again as it was declared"
    return None, ""
