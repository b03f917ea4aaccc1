"""AppSecret: all that an application must be told in confidence, in one Kubernetes Secret, all of it from Vault.

A value is generated, or a person puts it into Vault, or it is a part of another credential: a database's URL, a
cache's. External Secrets makes one Secret of them, as a service account that may read these paths alone.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pulumi
import pulumi_random as random

from components import lease
from components.environment import Environment
from components.errors import InputError, nearest
from components.external_secret import Delivery, Readable, Source
from components.kv_secret import keep
from components.namespace import Namespace
from components.platform import Vault
from components.providers import Connected
from components.secret_delivery import deliver
from components.validation import require_label, seconds
from components.values import Credentials, Workload
from components.vault_db_secret import VaultDbSecret

Encoding = Literal["text", "hex", "base64"]

_KEY = re.compile(r"[A-Za-z]([-._A-Za-z0-9]{0,251}[A-Za-z0-9])?")
_SHORTEST, _LONGEST = 16, 1024


@dataclass(frozen=True, kw_only=True)
class Generated:
    """A value that nobody chose: drawn at the first update, the same from then on.

    Args:
        length: characters of `text`, or the random bytes behind `hex` and `base64`; at least 16.
        encoding: how it is written: letters and digits, hexadecimal, or base64.
        generation: raised by one, it draws another value.
        irreplaceable: production refuses to replace or delete it, since data is lost without it: what was
            encrypted with it cannot be read any more.

    Raises:
        InputError: it is too short to be a secret, or cannot be drawn.
    """

    length: int = 64
    encoding: Encoding = "text"
    generation: int = 0
    irreplaceable: bool = False

    def __post_init__(self) -> None:
        if type(self.length) is not int or not _SHORTEST <= self.length <= _LONGEST:
            raise InputError(
                f"length is {self.length!r} for a generated value; use {_SHORTEST} to {_LONGEST}: "
                "a shorter one can be guessed"
            )
        if self.encoding not in ("text", "hex", "base64"):
            raise InputError(f"encoding is {self.encoding!r}; use text, hex or base64")
        if type(self.generation) is not int or self.generation < 0:
            raise InputError(f"generation is {self.generation!r}; use a whole number from 0")


@dataclass(frozen=True, kw_only=True)
class Expected:
    """A value that a person puts into Vault, such as the key of somebody else's API."""


@dataclass(frozen=True)
class From:
    """A value that another credential has.

    Args:
        source: a VaultDbSecret, or a Cache.
        key: what it is called there: `DATABASE_URL`, `REDIS_URL`.
    """

    source: Readable
    key: str


Value = Generated | Expected | From


@dataclass(frozen=True, kw_only=True)
class AppSecretArgs:
    """What an AppSecret needs.

    Args:
        environment: the environment that the secret belongs to.
        namespace: where it is delivered.
        secret: the Secret's name.
        values: where each of its keys comes from; `jwt-secret` becomes the variable JWT_SECRET.
        credentials: how often External Secrets looks for changes.
        used_by: the workloads that use it; a login that is leased for it must outlast every one's roll-out.
    """

    environment: Environment
    namespace: Namespace
    secret: str
    values: Mapping[str, Value]
    credentials: Credentials
    used_by: Workload | tuple[Workload, ...] = field(default=())


class AppSecret(pulumi.ComponentResource):
    """One Secret of generated, expected and borrowed values.

    Outputs: `secret` (the Secret's name), `expected` (where a person puts values, mount included).
    """

    def __init__(
        self,
        name: str,
        args: AppSecretArgs,
        platform: Connected,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        _refuse_unusable(args)
        self.environment, self.secret = args.environment, args.secret
        self.variables: Mapping[str, str] | None = {variable_name(key): key for key in args.values}
        self.expected = tuple(key for key, value in args.values.items() if isinstance(value, Expected))
        self.credentials, self.users = _leased(args), _users(args)
        self._expected_path = args.environment.vault_path(f"app_{name}")
        self._generated_path = args.environment.vault_path(f"generated_{name}")
        delivery = Delivery(
            environment=args.environment,
            namespace=args.namespace.name,
            secret=args.secret,
            service_account=f"{name}-app-secrets",
            principal=args.environment.principal(name, "app"),
            sources=self._sources(args),
            data={key: self._template(key, value, platform.platform.vault) for key, value in args.values.items()},
            refresh=seconds(args.credentials.refresh),
        )
        super().__init__(
            "bulkhead:index:AppSecret", name, {}, pulumi.ResourceOptions.merge(platform.options, opts)
        )
        borrowed = _borrowed(args.values)
        revisions = [source.revision for source in borrowed]
        after = [source.ready for source in borrowed]
        if generated := {key: value for key, value in args.values.items() if isinstance(value, Generated)}:
            kept, revision = self._generate(name, generated, platform.platform.vault)
            after.append(kept)
            revisions.append(revision)
        self.ready = deliver(
            self,
            name,
            delivery,
            namespace=args.namespace,
            platform=platform.platform.vault,
            revision=pulumi.Output.all(*revisions).apply(lambda known: "-".join(map(str, known)) or "0"),
            after=tuple(after),
        )
        where = f"{platform.platform.vault.kv_mount}/{self._expected_path}" if self.expected else None
        self.register_outputs({"secret": args.secret, "expected": where})

    def _sources(self, args: AppSecretArgs) -> tuple[Source, ...]:
        """The places that it is made of, each once; what nothing is taken from is not read."""
        kinds = {type(value) for value in args.values.values()}
        own = [
            Source(kv_path=path, keys={})
            for kind, path in ((Generated, self._generated_path), (Expected, self._expected_path))
            if kind in kinds
        ]
        return tuple(source.prefixed() for source in (*own, *(found.source for found in _borrowed(args.values))))

    def _template(self, key: str, value: Value, platform: Vault) -> str:
        """A key's template; what is missing in Vault, or empty, is said by name and nothing is delivered."""
        if isinstance(value, From):
            return value.source.source.prefixed().template(value.key)
        path = self._expected_path if isinstance(value, Expected) else self._generated_path
        where = f'index . "{Source(kv_path=path, keys={}).prefixed().prefix}{key}"'
        missing = f"{key} is missing or empty at {platform.kv_mount}/{path}"
        return f'{{{{ with {where} }}}}{{{{ . }}}}{{{{ else }}}}{{{{ fail "{missing}" }}}}{{{{ end }}}}'

    def _generate(
        self, name: str, values: Mapping[str, Generated], platform: Vault
    ) -> tuple[pulumi.Resource, pulumi.Output[str]]:
        drawn = {key: self._draw(f"{name}-{key}", value) for key, value in values.items()}
        options = self._kept(any(value.irreplaceable for value in values.values()))
        return keep(f"{name}-generated", platform.kv_mount, self._generated_path, drawn, options)

    def _draw(self, name: str, value: Generated) -> pulumi.Output[str]:
        keepers = {"generation": str(value.generation)} if value.generation else None
        opts = self._kept(value.irreplaceable)
        if value.encoding == "text":
            drawn = random.RandomPassword(name, length=value.length, special=False, keepers=keepers, opts=opts)
            return drawn.result
        drawn = random.RandomBytes(name, length=value.length, keepers=keepers, opts=opts)
        return drawn.hex if value.encoding == "hex" else drawn.base64

    def _kept(self, irreplaceable: bool) -> pulumi.ResourceOptions:  # noqa: FBT001 - a value's own flag
        return pulumi.ResourceOptions(
            parent=self, protect=True if irreplaceable and self.environment.is_production else None
        )


def variable_name(key: str) -> str:
    """The environment variable that a key becomes: `jwt-secret` gives JWT_SECRET."""
    return re.sub(r"[-.]", "_", key).upper()


def _borrowed(values: Mapping[str, Value]) -> list[Readable]:
    """The credentials that values are taken from, each once."""
    return list({id(value.source): value.source for value in values.values() if isinstance(value, From)}.values())


def _refuse_unusable(args: AppSecretArgs) -> None:
    require_label("secret", args.secret)
    if not args.values:
        raise InputError(f"values of Secret {args.secret} is empty; name at least one key")
    variables: dict[str, str] = {}
    for key, value in args.values.items():
        _refuse_unusable_value(args.secret, key, value)
        other = variables.setdefault(variable_name(key), key)
        if other != key:
            raise InputError(f"values has {other!r} and {key!r}, which both become {variable_name(key)}; keep one")
    args.environment.refuse_foreign(
        namespace=args.namespace.environment,
        **{
            f"values.{key}": value.source.environment
            for key, value in args.values.items()
            if isinstance(value, From)
        },
    )
    for source in _borrowed(args.values):
        if isinstance(source, VaultDbSecret):
            _refuse_short_lease(args, source)


def _refuse_unusable_value(secret: str, key: object, value: object) -> None:
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise InputError(
            f"values of Secret {secret} has the key {key!r}; use letters, digits, '-', '_' and '.', "
            "beginning with a letter"
        )
    if not isinstance(value, Generated | Expected | From):
        raise InputError(f"values.{key} is a {type(value).__name__}; use Generated(), Expected() or From(…)")
    if isinstance(value, From) and value.key not in value.source.source.keys:
        known = value.source.source.keys
        raise InputError(
            f"values.{key} takes {value.key!r}, which its source does not have{nearest(str(value.key), known)}; "
            f"use one of {', '.join(known)}"
        )


def _refuse_short_lease(args: AppSecretArgs, source: VaultDbSecret) -> None:
    """A login is leased at this Secret's refresh, for the users of both."""
    more = (args.used_by,) if isinstance(args.used_by, Workload) else args.used_by
    most = max(user.most_replicas for user in (*source.users, *more))
    lease.check(_times(args, source), replicas=most, key=f"Secret {args.secret}")


def _times(args: AppSecretArgs, source: VaultDbSecret) -> Credentials:
    return source.credentials.model_copy(update={"refresh": args.credentials.refresh})


def _users(args: AppSecretArgs) -> tuple[Workload, ...] | None:
    """The workloads that borrowed logins are reckoned for; None where no login is borrowed."""
    lent = [source for source in _borrowed(args.values) if isinstance(source, VaultDbSecret)]
    more = (args.used_by,) if isinstance(args.used_by, Workload) else args.used_by
    return (*(user for source in lent for user in source.users), *more) if lent else None


def _leased(args: AppSecretArgs) -> Credentials | None:
    """The times of the shortest lease among what is borrowed, which the users' pods must not outlive."""
    leases = [
        _times(args, source)
        for source in _borrowed(args.values)
        if isinstance(source, VaultDbSecret) and source.credentials.mode == "dynamic"
    ]
    return min(leases, key=lambda times: seconds(times.ttl), default=None)
