"""Values: what an environment may have of its own, part by part, as stack files give it.

The structure of a system is code and the same for every stack; these are the sizes, images and times.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from components.validation import Cpu, Duration, Memory, Model, quantity, seconds

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_REPOSITORY = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*(:[0-9]+)?(/[a-z0-9]+((\.|_{1,2}|-+)[a-z0-9]+)*)+")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_MOVING_TAGS = frozenset({"latest", "main", "master", "stable", "edge", "nightly", "dev", "prod"})
_SECRET_NAME = re.compile(r"PASSW|SECRET|TOKEN|CREDENTIAL|API_?KEY|PRIVATE_?KEY|ENCRYPTION_?KEY|DATABASE_?URL|DSN")
_LONGEST_VARIABLE = 4096
_URL_WITH_PASSWORD = re.compile(r"://[^/\s:@]*:[^/\s@]+@")


def _image(value: str) -> str:
    """A reference that names one image for ever: by digest, or by a tag that does not move by its nature."""
    name, _, digest = value.partition("@")
    repository, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        repository, tag = name, ""
    if not _REPOSITORY.fullmatch(repository):
        raise ValueError("use registry/repository:tag or registry/repository@sha256:<64 hex digits>")
    if digest and not _DIGEST.fullmatch(digest):
        raise ValueError("its digest must be sha256: and 64 hex digits")
    if tag and not _TAG.fullmatch(tag):
        raise ValueError("its tag must be letters, digits, '_', '.' and '-', at most 128")
    if not digest and not tag:
        raise ValueError("it needs a tag or a digest")
    if not digest and tag in _MOVING_TAGS:
        raise ValueError(f"the tag {tag!r} moves; use a version's tag or a digest")
    return value


def _variables(value: dict[str, str]) -> dict[str, str]:
    for name, text in value.items():
        if not re.fullmatch(r"[A-Z_][A-Z0-9_]*", name):
            raise ValueError(f"the variable {name[:80]!r} must be capitals, digits and _")
        public = name.startswith("NEXT_PUBLIC_")
        if (_SECRET_NAME.search(name) and not public) or _URL_WITH_PASSWORD.search(text):
            raise ValueError(
                f"the variable {name!r} looks like a secret; secrets come from Vault, never from here"
            )
        if not text.isprintable() or len(text) > _LONGEST_VARIABLE:
            raise ValueError(f"the variable {name!r} must be one printable line of at most {_LONGEST_VARIABLE}")
    return value


Image = Annotated[str, AfterValidator(_image)]
Variables = Annotated[dict[str, str], AfterValidator(_variables)]
Count = Annotated[int, Field(ge=1, le=100)]
Percent = Annotated[int, Field(ge=1, le=100)]

MOST_TIMES = 10
"""How many times its least number of pods a workload may grow to; more is a runaway, not a peak."""


Connections = Annotated[int, Field(ge=1, le=10000)]


class Replicas(Model):
    """How many pods: from `min` to `max`, as load wants it."""

    min: Count = Field(description="the least number of pods, 1 to 100")
    max: Count = Field(description="the largest number of pods, 1 to 100, at most ten times `min`")
    cpu: Percent = Field(default=70, description="percent of the requested processor time to keep below")
    memory: Percent = Field(default=80, description="percent of the requested memory to keep below")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.max <= self.min:
            raise ValueError(f"max {self.max} must be above min {self.min}; for a fixed number write it plainly")
        if self.max > MOST_TIMES * self.min:
            raise ValueError(f"max {self.max} is over {MOST_TIMES} times min {self.min}; raise min as well")
        return self


def _count_or_range(value: object) -> str:
    return "[range]" if isinstance(value, (Mapping, Replicas)) else "[count]"


CountOrRange = Annotated[
    Annotated[Count, Tag("[count]")] | Annotated[Replicas, Tag("[range]")], Discriminator(_count_or_range)
]
"""Told apart by its form, so that a fault in one form is not reported as one of the other."""


class Amount(Model):
    """Processor time and memory."""

    cpu: Cpu | None = Field(default=None, description="cores, such as 500m")
    memory: Memory | None = Field(default=None, description="bytes, such as 256Mi")


class Resources(Model):
    """What a pod is given and what it may take."""

    requests: Amount = Field(
        default=Amount(cpu="100m", memory="128Mi"), description="what the scheduler sets aside"
    )
    limits: Amount = Field(Amount(cpu="500m", memory="512Mi"), description="what a container may take at most")

    @model_validator(mode="after")
    def _limit_covers_request(self) -> Self:
        for kind in ("cpu", "memory"):
            request, limit = getattr(self.requests, kind), getattr(self.limits, kind)
            if request and limit and quantity(limit) < quantity(request):
                raise ValueError(f"limits.{kind} {limit!r} is below requests.{kind} {request!r}")
        return self


class App(Model):
    """What one workload has of its own in this environment."""

    replicas: CountOrRange = Field(default=1, description="the number of pods, 1 to 100, or min and max")
    resources: Resources = Field(
        default_factory=lambda: Resources.model_validate({}), description="requests and limits"
    )
    variables: Variables = Field(
        default_factory=dict, description="environment variables, none of them secret", repr=False
    )
    pool: Connections = Field(
        default=10, description="database connections that one pod opens at most, in each of its pools"
    )


@dataclass(frozen=True, kw_only=True)
class Workload:
    """What runs: an image and its values in this environment.

    Args:
        image: by digest, or by a tag that does not move.
        replicas: a number of pods, or a range.
        resources: requests and limits.
        variables: environment variables, none of them secret.
        pool: database connections that one pod opens at most, in each of its pools.
    """

    image: str
    replicas: int | Replicas = 1
    resources: Resources = field(default_factory=lambda: Resources.model_validate({}))
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    pool: int = 10

    @property
    def most_replicas(self) -> int:
        """The largest number of pods."""
        return self.replicas.max if isinstance(self.replicas, Replicas) else self.replicas

    @property
    def most_connections(self) -> int:
        """The connections that all its pods open at most; a roll-out has one pod more than `most_replicas`."""
        return (self.most_replicas + 1) * self.pool


class Database(Model):
    """What one database has of its own in this environment."""

    connection_limit: Connections = Field(default=50, description="connections at most")
    protect: bool | None = Field(
        default=None, description="whether it refuses to be destroyed; by default production's does"
    )


class Credentials(Model):
    """How workloads get their database credentials, and for how long."""

    mode: Literal["static", "dynamic"] = Field(description="a generated password, or one leased from Vault")
    ttl: Duration = Field(default="1h", description="how long a leased credential is valid")
    max_ttl: Duration = Field(default="24h", description="how long a lease can be renewed to")
    refresh: Duration = Field(default="15m", description="how often External Secrets reads or leases anew")
    rotation: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        default=0, description="raised by one, it rotates static credentials: a new password for the other login"
    )

    @model_validator(mode="after")
    def _last_long_enough(self) -> Self:
        ttl, longest, refresh = seconds(self.ttl), seconds(self.max_ttl), seconds(self.refresh)
        if self.mode == "dynamic" and refresh * 2 > ttl:
            raise ValueError(f"refresh {self.refresh!r} must be at most half of ttl {self.ttl!r}")
        if longest < ttl:
            raise ValueError(f"maxTtl {self.max_ttl!r} is below ttl {self.ttl!r}")
        return self


class CacheValues(Model):
    """What one cache has of its own in this environment."""

    memory: Memory = Field(default="256Mi", description="what the data may take; the pod gets more")
    storage: Memory = Field(default="1Gi", description="the volume that data is saved to")
    replicas: Literal[1, 3] = Field(default=1, description="1, or 3 with a failover by Sentinel")


class Quota(Model):
    """What all pods of one namespace may take together."""

    cpu: Cpu = Field(default="20", description="cores, of all limits together")
    memory: Memory = Field(default="40Gi", description="bytes, of all limits together")
    pods: Annotated[int, Field(ge=1, le=1000)] = Field(default=100, description="how many pods")
