"""Environment: an identity, and every physical name that is derived from it.

Nothing else in the product makes a name, so a program that holds one `Environment` cannot name a thing of
another one. Names are injective: two different (system, environment, part) give two different names within
one name space. How: a part ("api") has no hyphen; an environment is a word, or a word and a number
("dev", "pr-7"), so hyphenated names read unambiguously from their end; PostgreSQL names separate parts by
one underscore and write a hyphen as two.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from components.errors import InputError

Kind = Literal["production", "development", "ephemeral"]
KINDS: tuple[Kind, ...] = ("production", "development", "ephemeral")

LONGEST_NAME = 63
"""Bytes: the limit of a Kubernetes label and of a PostgreSQL identifier (NAMEDATALEN - 1)."""

_SYSTEM = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_ENVIRONMENT = re.compile(r"[a-z][a-z0-9]*(-[0-9]+)?")
_PART = re.compile(r"[a-z][a-z0-9]*")
_POSTGRESQL = re.compile(r"[a-z_][a-z0-9_]*")


@dataclass(frozen=True, kw_only=True)
class DatabaseNames:
    """What one database and its roles are called on the PostgreSQL server."""

    database: str
    owner: str
    read_write: str
    read_only: str


@dataclass(frozen=True, kw_only=True)
class LegacyNames:
    """Names that were there before the product and do not follow its rule, by part: `{"api": "keybuzz"}`.

    Args:
        databases: what databases are called.
        logins: what owned everything in them and logged in as itself.
    """

    databases: Mapping[str, str] = field(default_factory=dict[str, str])
    logins: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, kw_only=True)
class Environment:
    """One isolated instance of a system.

    Args:
        system: the product, such as `keybuzz`; lower-case letters, digits and single hyphens.
        name: `dev`, `prod`, `pr-7`: a word, or a word, a hyphen and a number.
        kind: what is at stake; only `prod` and `prod-<number>` are of kind `production`.
        domain: the DNS domain under which this environment's hosts stand.
        legacy: the declared exceptions to the rule by which names are made.
        seeds: whether its databases begin with the rows of the program's seeds; production's never do.

    Raises:
        InputError: a word cannot be used, or name and kind contradict each other.
    """

    system: str
    name: str
    kind: Kind
    domain: str
    legacy: LegacyNames = field(default_factory=LegacyNames)
    seeds: bool = True

    def __post_init__(self) -> None:
        _require(_SYSTEM, "system", self.system, "lower-case letters, digits and single hyphens")
        _require(_ENVIRONMENT, "environment", self.name, "a lower-case word, or one with a number: dev, pr-7")
        if self.kind not in KINDS:
            raise InputError(f"kind is {self.kind!r}; use one of {', '.join(KINDS)}")
        if self._is_called_production != (self.kind == "production"):
            raise InputError(
                f"kind is {self.kind!r} for environment {self.name!r}; "
                "kind production and the names prod and prod-<number> belong together"
            )
        for what, names in (("database", self.legacy.databases), ("login", self.legacy.logins)):
            for part, name in names.items():
                _require(_POSTGRESQL, f"legacy {what} of {part}", name, "lower-case letters, digits and _")
                _fits(_not_reserved(name), f"legacy {what}")

    @property
    def _is_called_production(self) -> bool:
        return self.name.split("-")[0] == "prod"

    @property
    def is_production(self) -> bool:
        """Whether this environment serves customers."""
        return self.kind == "production"

    @property
    def takes_seeds(self) -> bool:
        """Whether rows to begin with may enter its databases."""
        return self.seeds and not self.is_production

    @property
    def stage(self) -> str:
        """What applications call it, who know two stages alone: `production` or `development`."""
        return "production" if self.is_production else "development"

    @property
    def labels(self) -> dict[str, str]:
        """The owner labels that every Kubernetes object of this environment carries."""
        return {
            "app.kubernetes.io/managed-by": "pulumi",
            "app.kubernetes.io/part-of": self.system,
            "bulkhead.dev/system": self.system,
            "bulkhead.dev/environment": self.name,
        }

    def refuse_foreign(self, **things: "Environment") -> None:
        """Refuse a thing that belongs to another environment: each by what it is called where it was given.

        Raises:
            InputError: whose it is; a link between environments would be the breach that they are there to stop.
        """
        for what, other in things.items():
            if other != self:
                raise InputError(
                    f"{what} belongs to {other.system}/{other.name}; use one of {self.system}/{self.name}"
                )

    def part(self, name: str) -> str:
        """The name of a part, which every name of it is derived from.

        Raises:
            InputError: it could not be told from other words in a derived name.
        """
        _require_part(name)
        return name

    def namespace(self, part: str | None = None) -> str:
        """The namespace of one part (`keybuzz-api-dev`), or the one that all parts share (`twinme-prod`)."""
        return self._hyphenated(part)

    def principal(self, part: str, purpose: str = "") -> str:
        """What Vault calls one part of this environment: its policy and its Kubernetes auth role.

        With a purpose, what serves that purpose alone: `keybuzz-api_migration-dev`; no part has an underscore.
        """
        if not purpose:
            return self._hyphenated(part)
        _require_part(part)
        _require_part(purpose)
        return _fits(f"{self.system}-{part}_{purpose}-{self.name}", "name")

    def vault_path(self, name: str) -> str:
        """Where a secret stands below a mount: `keybuzz/prod/db_api`."""
        _require(re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*"), "secret name", name, "letters, digits, single _")
        return f"{self.system}/{self.name}/{name}"

    def host(self, part: str | None = None) -> str:
        """The public host of one part: `api.keybuzz.io` in prod, `api-dev.keybuzz.io` elsewhere.

        Without a part, the host that all parts share by their paths: `coupel.net` in prod, elsewhere
        `dev.ansible-builder.coupel.net`, which no host of a part looks like.
        """
        if part is None:
            labels = [] if self.name == "prod" else [self.name, self.system]
        else:
            _require_part(part)
            labels = [part if self.name == "prod" else f"{part}-{self.name}"]
        for label in labels:
            _fits(label, "host label")
        return _fits(".".join([*labels, self.domain]), "host", longest=253)

    def url(self, part: str | None = None) -> str:
        """The public address of one part, without a trailing slash."""
        return f"https://{self.host(part)}"

    def database(self, part: str, *, bears_system_name: bool = False) -> DatabaseNames:
        """The names of one database and its roles.

        Args:
            part: the part that the database belongs to, such as `api`.
            bears_system_name: the database is called after the system alone (`keybuzz_prod`).
        """
        _require_part(part)
        derived = self._underscored() if bears_system_name else self._underscored(part)
        return DatabaseNames(
            database=self.legacy.databases.get(part, derived),
            read_write=self._underscored(part),
            owner=self._underscored(part, "owner"),
            read_only=self._underscored(part, "readonly"),
        )

    def login(self, part: str, purpose: str = "", *, second: bool = False) -> str:
        """What one part logs in as where its credential is static; `second` is what it takes turns with."""
        return self._role_of(part, purpose, "login2" if second else "login")

    def vault_administrator(self, part: str, purpose: str = "") -> str:
        """What Vault logs in as to lease logins to one part."""
        return self._role_of(part, purpose, "vault")

    def _role_of(self, part: str, purpose: str, kind: str) -> str:
        _require_part(part)
        if not purpose:
            return self._underscored(part, kind)
        _require_part(purpose)
        return self._underscored(part, purpose, kind)

    def _hyphenated(self, part: str | None) -> str:
        if part is not None:
            _require_part(part)
        return _fits("-".join(word for word in (self.system, part, self.name) if word), "name")

    def _underscored(self, *parts: str) -> str:
        words = (self.system, *parts, self.name)
        return _fits(_not_reserved("_".join(word.replace("-", "__") for word in words)), "PostgreSQL name")


def _require(pattern: re.Pattern[str], what: str, value: object, allowed: str) -> None:
    if not isinstance(value, str):
        raise InputError(f"{what} is {value!r}; use a plain string, known before anything runs")
    if not pattern.fullmatch(value):
        raise InputError(f"{what} is {value!r}; use {allowed}")


def _require_part(part: object) -> None:
    _require(_PART, "part", part, "lower-case letters and digits, beginning with a letter")


def _fits(name: str, what: str, longest: int = LONGEST_NAME) -> str:
    if len(name.encode()) > longest:
        raise InputError(f"{what} {name!r} has {len(name.encode())} bytes; at most {longest} are allowed")
    return name


def _not_reserved(name: str) -> str:
    if name == "postgres" or name.startswith(("pg_", "template")):
        raise InputError(f"PostgreSQL name {name!r} is reserved; use one that is not postgres, template* or pg_*")
    return name
