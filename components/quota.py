"""Quota: what all pods of one namespace may take together, and who has asked for how much.

Every workload says at preview what it takes at most. What is over the quota is an input error there, and not
a roll-out that stands still because the API server refuses its last pod.
"""

from dataclasses import dataclass, field
from typing import Literal

from components.environment import Environment
from components.errors import InputError
from components.manifest import Object, manifest
from components.quantities import count, cpu, memory
from components.validation import quantity
from components.values import Quota

EPHEMERAL = {"requests": "128Mi", "limits": "1Gi"}
"""What a container may write: its logs, and its scratch folder."""

DEFAULT = {
    "requests": {"cpu": "100m", "memory": "128Mi", "ephemeral-storage": EPHEMERAL["requests"]},
    "limits": {"cpu": "500m", "memory": "512Mi", "ephemeral-storage": EPHEMERAL["limits"]},
}
"""What a container gets that says nothing: the defaults of a stack's own values."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What one workload takes at most.

    Args:
        what: the workload's name on the cluster.
        pods: how many, at most.
        cpu: the limit of one pod.
        memory: the limit of one pod.
        reason: how the number of pods comes about; empty where it is plain.
    """

    what: str
    pods: int
    cpu: str
    memory: str
    reason: str = ""


@dataclass
class Tally:
    """The quota of one namespace, and those who have asked for a part of it.

    Args:
        namespace: what it is called, for the errors.
        quota: what there is.
    """

    namespace: str
    quota: Quota
    claims: list[Claim] = field(default_factory=list[Claim])

    def claim(self, wanted: Claim) -> None:
        """Give a workload its part.

        Raises:
            InputError: its name is taken, or there is not so much left; every workload, the sum, the quota.
        """
        if wanted.what in (claim.what for claim in self.claims):
            raise InputError(
                f"{wanted.what!r} runs in namespace {self.namespace!r} already; give each workload its own name"
            )
        claims = [*self.claims, wanted]
        self._refuse_over("pods", claims)
        self._refuse_over("cpu", claims)
        self._refuse_over("memory", claims)
        self.claims.append(wanted)

    def _refuse_over(self, key: Literal["pods", "cpu", "memory"], claims: list[Claim]) -> None:
        allowed = getattr(self.quota, key)
        if key == "pods":
            needed, spelt = sum(claim.pods for claim in claims), str
            parts = [str(claim.pods) for claim in claims]
        else:
            needed = round(sum(claim.pods * quantity(getattr(claim, key)) for claim in claims), 3)
            spelt = cpu if key == "cpu" else memory
            parts = [f"{claim.pods} × {getattr(claim, key)}" for claim in claims]
        if needed > (allowed if key == "pods" else quantity(allowed)):
            reasons = [f" ({claim.reason})" if claim.reason else "" for claim in claims]
            each = [f"{c.what} {part}{reason}" for c, part, reason in zip(claims, parts, reasons, strict=True)]
            raise InputError(
                f"quota.{key} is {allowed!r} for namespace {self.namespace!r}, and its workloads may take "
                f"{spelt(needed)}: {'; '.join(each)}. Raise the quota, or lower limits or replicas"
            )


def render_quota(environment: Environment, namespace: str, quota: Quota) -> Object:
    """The ResourceQuota: the limits of all pods together, and their number."""
    hard = {"limits.cpu": cpu(quota.cpu), "limits.memory": memory(quota.memory), "pods": count(quota.pods)}
    return manifest(environment, "v1", "ResourceQuota", "quota", namespace=namespace, spec={"hard": hard})


def render_limits(environment: Environment, namespace: str, quota: Quota) -> Object:
    """The LimitRange: what a container gets that says nothing; none is larger than the whole quota."""
    most = {"cpu": cpu(quota.cpu), "memory": memory(quota.memory)}
    limits = {
        "type": "Container",
        "default": _at_most(DEFAULT["limits"], most),
        "defaultRequest": _at_most(DEFAULT["requests"], most),
        "max": most,
    }
    return manifest(environment, "v1", "LimitRange", "limits", namespace=namespace, spec={"limits": [limits]})


def _at_most(wanted: dict[str, str], most: dict[str, str]) -> dict[str, str]:
    return {
        kind: most[kind] if kind in most and quantity(most[kind]) < quantity(amount) else amount
        for kind, amount in wanted.items()
    }
