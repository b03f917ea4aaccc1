"""Times and numbers that have to fit each other: leases and roll-outs, replicas and disruptions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from policy.pods import pod_spec
from policy.resource import Place, Resource, UndecidedError
from policy.rule import Answer, Fault, Undecided

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from policy.world import World

READY, STOP = 60.0, 30.0
"""Seconds: what a pod without a start-up probe may take until it is ready; Kubernetes' own time to stop."""

_REFRESH = 3600.0
"""Seconds: how often External Secrets reads anew where nothing else is said."""

_WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def seconds(text: str) -> float | None:
    """A duration as Go writes it, `1h0m0s`; None where it is none."""
    if not re.fullmatch(r"(\d+(\.\d+)?(h|ms|m|s))+", text):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+(?:\.\d+)?)(h|ms|m|s)", text))


@dataclass(frozen=True)
class _Stack:
    """A stack's objects, found by what refers to them."""

    resources: Sequence[Resource]

    def named(self, kind: str, namespace: str, name: str) -> Resource | None:
        return next(
            (
                one
                for one in self.resources
                if one.is_object
                and one.kind == kind
                and (one.metadata.at("namespace").text, one.metadata.at("name").text) == (namespace, name)
            ),
            None,
        )

    def of(self, kind: str) -> list[Resource]:
        return [one for one in self.resources if one.kind == kind]

    def pods(self, workload: Resource) -> float:
        """How many pods a workload may have at most."""
        name, home = workload.metadata.at("name").text, workload.metadata.at("namespace").text
        for scaler in self.of("HorizontalPodAutoscaler"):
            target = scaler.place.at("spec", "scaleTargetRef")
            mine = target.at("kind").text == workload.kind and target.at("name").text == name
            if mine and scaler.metadata.at("namespace").text == home:
                return scaler.place.at("spec", "maxReplicas").number or 1
        replicas = workload.place.at("spec", "replicas").number
        return 1 if replicas is None else replicas


def lease_time(resources: Sequence[Resource], _: World) -> Iterator[Answer]:
    """No login ends while a pod still uses it."""
    stack = _Stack(resources)
    yield from _each(resources, "SecretBackendRole", lambda one: _lease(one, stack))
    yield from _each(resources, "ExternalSecret", lambda one: _delivery(one, stack))


def roll_out(resources: Sequence[Resource], _: World) -> Iterator[Answer]:
    """Pods can be replaced one after the other, and machines emptied, without an interruption."""
    stack = _Stack(resources)
    for kind in sorted(_WORKLOADS):
        yield from _each(resources, kind, _strategy)
    yield from _each(resources, "HorizontalPodAutoscaler", lambda one: _scaler(one, stack))
    yield from _each(resources, "PodDisruptionBudget", lambda one: _budget(one, stack))


def _each(
    resources: Sequence[Resource], kind: str, judge: Callable[[Resource], Iterator[Answer]]
) -> Iterator[Answer]:
    for one in resources:
        if one.kind != kind:
            continue
        try:
            for answer in judge(one):
                yield type(answer)(f"{one.name}: {answer.says}", answer.urn or one.urn)
        except UndecidedError as error:
            yield Undecided(f"{one.name}: {error}", one.urn)


def _lease(role: Resource, stack: _Stack) -> Iterator[Answer]:
    ttl, longest = role.place.at("defaultTtl").number or 0, role.place.at("maxTtl").number or 0
    if ttl <= 0:
        yield Fault("defaultTtl is missing: leases would last Vault's own 768 hours")
    if longest < ttl:
        yield Fault(f"maxTtl is {longest:.0f} s, less than defaultTtl's {ttl:.0f} s")
    for mount in stack.of("Mount"):
        cap = mount.place.at("maxLeaseTtlSeconds").number
        if mount.place.at("path").text == role.place.at("backend").text and cap and cap < ttl:
            yield Fault(f"its mount ends leases after {cap:.0f} s, before defaultTtl's {ttl:.0f} s")


def _delivery(external: Resource, stack: _Stack) -> Iterator[Answer]:
    """One ExternalSecret: each lease that it brings, against all that uses it."""
    home = external.metadata.at("namespace").text
    for source in external.place.each("spec", "dataFrom"):
        reference = source.at("sourceRef", "generatorRef")
        generator = stack.named("VaultDynamicSecret", home, reference.at("name").text)
        if generator is None:
            continue
        lease = _leased(generator, stack)
        if lease is None:
            continue
        ttl = lease.place.at("defaultTtl").number or 0
        yield from _token(generator, ttl, stack)
        yield from _refreshed(external, ttl, home, stack)


def _leased(generator: Resource, stack: _Stack) -> Resource | None:
    """The Vault role that a generator asks for logins."""
    path = generator.place.at("spec", "path").text
    for role in stack.of("SecretBackendRole"):
        if path == f"{role.place.at('backend').text}/creds/{role.place.at('name').text}":
            return role
    return None


def _token(generator: Resource, ttl: float, stack: _Stack) -> Iterator[Answer]:
    """A lease ends with the token that made it."""
    role = generator.place.at("spec", "provider", "auth", "kubernetes", "role").text
    for one in stack.of("AuthBackendRole"):
        life = one.place.at("tokenTtl").number
        if one.place.at("roleName").text == role and life is not None and life < ttl:
            yield Fault(f"tokenTtl is {life:.0f} s, and the lease of {ttl:.0f} s ends with its token", one.urn)


def _refreshed(external: Resource, ttl: float, home: str, stack: _Stack) -> Iterator[Answer]:
    once = external.place.at("spec", "refreshPolicy").text in {"OnChange", "CreatedOnce"}
    refresh = 0 if once else seconds(external.place.at("spec", "refreshInterval").text) or _REFRESH
    if refresh > ttl / 2:
        yield Fault(f"spec.refreshInterval is {refresh:.0f} s, more than half of the lease's {ttl:.0f} s")
    secret = external.place.at("spec", "target", "name").text
    for one in stack.resources:
        spec = pod_spec(one)
        if spec is None or one.metadata.at("namespace").text != home or not _uses(spec, secret):
            continue
        needed, sum_ = _needed(one, spec, refresh, stack)
        if ttl < needed:
            yield Fault(f"defaultTtl is {ttl:.0f} s; {one.name} needs {needed:.0f} s: {sum_}")


def _needed(workload: Resource, spec: Place, refresh: float, stack: _Stack) -> tuple[float, str]:
    """How long a lease must last for a workload, and the sum in words."""
    stop = 2 * (spec.at("terminationGracePeriodSeconds").number or STOP)
    if workload.kind not in _WORKLOADS:
        deadline = workload.place.at("spec", "activeDeadlineSeconds").number
        if deadline is None:
            deadline = workload.place.at("spec", "jobTemplate", "spec", "activeDeadlineSeconds").number or 0
        return deadline + stop, f"a job of {deadline:.0f} s + {stop:.0f} s to stop"
    pods, ready = stack.pods(workload), max((_ready(one) for one in spec.each("containers")), default=READY)
    words = f"refresh {refresh:.0f} s + {pods:.0f} pods × {ready:.0f} s until ready + {stop:.0f} s to stop"
    return refresh + pods * ready + stop, words


def _ready(container: Place) -> float:
    probe = container.at("startupProbe")
    if not probe.entries:
        return READY
    each, times = probe.at("periodSeconds").number or 10, probe.at("failureThreshold").number or 3
    return (probe.at("initialDelaySeconds").number or 0) + each * times


def _uses(spec: Place, secret: str) -> bool:
    for key in ("initContainers", "containers"):
        for container in spec.each(key):
            if any(one.at("secretRef", "name").text == secret for one in container.each("envFrom")):
                return True
            if any(one.at("valueFrom", "secretKeyRef", "name").text == secret for one in container.each("env")):
                return True
    return any(one.at("secret", "secretName").text == secret for one in spec.each("volumes"))


def _strategy(workload: Resource) -> Iterator[Answer]:
    rolling = workload.place.at("spec", "strategy", "rollingUpdate")
    surge, missing = rolling.at("maxSurge"), rolling.at("maxUnavailable")
    if surge.text in {"0", "0%"} and missing.text in {"0", "0%"}:
        yield Fault("spec.strategy.rollingUpdate: maxSurge and maxUnavailable are both 0: nothing could move")
    spec = workload.place.at("spec", "template", "spec")
    grace = spec.at("terminationGracePeriodSeconds").number or STOP
    for container in spec.each("containers"):
        wait = container.at("lifecycle", "preStop", "sleep", "seconds").number or 0
        if wait >= grace:
            yield Fault(f"{container.path}.lifecycle.preStop sleeps {wait:.0f} s of {grace:.0f} s to stop")


def _scaler(scaler: Resource, stack: _Stack) -> Iterator[Answer]:
    spec = scaler.place.at("spec")
    least, most = spec.at("minReplicas").number or 1, spec.at("maxReplicas").number or 0
    if least > most:
        yield Fault(f"spec.minReplicas is {least:.0f}, more than maxReplicas' {most:.0f}")
    target = spec.at("scaleTargetRef")
    home = scaler.metadata.at("namespace").text
    workload = stack.named(target.at("kind").text, home, target.at("name").text)
    if workload is not None and workload.place.at("spec", "replicas").value is not None:
        yield Fault("its workload says spec.replicas as well: each update would undo the scaling")


def _budget(budget: Resource, stack: _Stack) -> Iterator[Answer]:
    spec, home = budget.place.at("spec"), budget.metadata.at("namespace").text
    if spec.at("maxUnavailable").text in {"0", "0%"}:
        yield Fault("spec.maxUnavailable is 0: no machine with such a pod can be emptied")
    least = spec.at("minAvailable")
    wanted = spec.at("selector", "matchLabels").entries
    if least.text == "100%":
        yield Fault("spec.minAvailable is 100%: no machine with such a pod can be emptied")
    for kind in sorted(_WORKLOADS) if least.number else ():
        for workload in stack.of(kind):
            labels = workload.place.at("spec", "template", "metadata", "labels").entries
            mine = workload.metadata.at("namespace").text == home and wanted.items() <= labels.items()
            if mine and wanted and (least.number or 0) >= stack.pods(workload):
                yield Fault(f"spec.minAvailable is {least.text}, and {workload.name} has no more pods than that")
