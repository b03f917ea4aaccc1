"""What a public host serves, and how: one description in neutral words, which every controller's renderer reads.

Pure: no Pulumi, no server. What is wrong is refused here, before anything is registered; what only one
controller cannot do is refused in `components.ingress_capabilities`.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

from components.environment import Environment
from components.errors import InputError
from components.validation import Duration, Matching, Memory, seconds

TLS_VERSIONS = ("1.2", "1.3")
"""What browsers of the last ten years speak, and no known attack breaks; older versions are refused."""

SHARED_HOST = "shared-host"
"""What the host that all parts share is called in names of objects; no part has a hyphen."""

MOST_PATHS = 16
"""Paths of one host: the Gateway API takes no more in one route, and a description should fit every controller."""

LONGEST_TIMEOUT = 24 * 3600
MOST_REQUESTS = 1_000_000

_TIME, _BYTES = (cast("Matching", get_args(cast("Any", kind))[1]).pattern for kind in (Duration, Memory))
_LONGEST_HEADER = 4096
_YEAR = 365 * 24 * 3600
_SEGMENT = r"(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+"
_PATH = re.compile(rf"/|(/{_SEGMENT})+")
_HEADER_NAME = re.compile(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*")
_HEADER_VALUE = re.compile(r"[!-~]([ -~]*[!-~])?")
_OWN_HEADERS = {
    "x-frame-options": "frame",
    "x-content-type-options": "nosniff",
    "strict-transport-security": "hsts",
    "content-security-policy": "csp",
}
_NOT_FOR_US = frozenset(
    {
        "connection",
        "content-encoding",
        "content-length",
        "host",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
    }
)


@dataclass(frozen=True, kw_only=True)
class Tls:
    """How clients connect; there is no host without TLS.

    Args:
        versions: the protocol versions that are spoken, from "1.2" on; None leaves it to the controller's own
            configuration, which has to be said where a controller cannot be told (the Gateway API).
    """

    versions: tuple[str, ...] | None = TLS_VERSIONS

    def __post_init__(self) -> None:
        if self.versions is None:
            return
        if not self.versions or any(version not in TLS_VERSIONS for version in self.versions):
            raise InputError(f"tls.versions is {self.versions!r}; use some of {', '.join(TLS_VERSIONS)}")
        if len(set(self.versions)) != len(self.versions):
            raise InputError(f"tls.versions is {self.versions!r}; name each version once")


@dataclass(frozen=True, kw_only=True)
class RateLimit:
    """How often one client, that is one address, may ask; the rest is answered by 429.

    Args:
        average: requests in each period, in the long run.
        period: what the average is counted over.
        burst: requests that may come at once; by default a whole period's.
    """

    average: int
    period: str = "1s"
    burst: int | None = None

    def __post_init__(self) -> None:
        _require_count("rate_limits: average", self.average)
        _require_time("rate_limits: period", self.period, 3600)
        if self.burst is not None:
            _require_count("rate_limits: burst", self.burst)

    @property
    def at_once(self) -> int:
        """Requests that may come at once."""
        return self.average if self.burst is None else self.burst


@dataclass(frozen=True, kw_only=True)
class SecurityHeaders:
    """The headers of every answer; what an application says of the same name is replaced.

    Args:
        frame: X-Frame-Options; None for none.
        nosniff: whether browsers must keep to the declared content type.
        hsts: how long browsers use https alone (Strict-Transport-Security); None for none.
        hsts_subdomains: whether that holds below the host as well; by default it does below a part's own
            host, and not below the host that all parts share, which may be a whole domain with others' hosts.
        hsts_preload: whether the host may be put into the browsers' own lists.
        csp: Content-Security-Policy.
        more: other headers, by name.
    """

    frame: Literal["DENY", "SAMEORIGIN"] | None = "DENY"
    nosniff: bool = True
    hsts: str | None = "365d"
    hsts_subdomains: bool | None = None
    hsts_preload: bool = False
    csp: str | None = None
    more: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        if self.frame not in ("DENY", "SAMEORIGIN", None):
            raise InputError(f"headers.frame is {self.frame!r}; use DENY, SAMEORIGIN or None")
        if self.hsts is not None:
            _require_time("headers.hsts", self.hsts, 10 * _YEAR)
        elif self.hsts_subdomains or self.hsts_preload:
            raise InputError("headers.hsts is None, and hsts_subdomains or hsts_preload is set; give hsts a time")
        if self.hsts_preload and (not self.hsts_subdomains or seconds(self.hsts or "0s") < _YEAR):
            raise InputError("headers.hsts_preload needs hsts_subdomains=True and an hsts of at least 365d")
        for name, value in (*self.more.items(), *([("Content-Security-Policy", self.csp)] if self.csp else ())):
            _require_header(name, value)
        if own := [name for name in self.more if name.lower() in _OWN_HEADERS]:
            raise InputError(f"headers.more has {own[0]!r}; use headers.{_OWN_HEADERS[own[0].lower()]}")
        if len({name.lower() for name in self.more}) != len(self.more):
            raise InputError(f"headers.more names one header twice: {', '.join(sorted(self.more, key=str.lower))}")

    def of(self, host: "Host") -> dict[str, str]:
        """All headers of a host's answers, by name."""
        subdomains = self.hsts_subdomains if self.hsts_subdomains is not None else host.key != SHARED_HOST
        found: dict[str, str] = {}
        if self.frame:
            found["X-Frame-Options"] = self.frame
        if self.nosniff:
            found["X-Content-Type-Options"] = "nosniff"
        if self.hsts:
            words = [f"max-age={seconds(self.hsts)}"]
            words += ["includeSubDomains"] if subdomains else []
            words += ["preload"] if self.hsts_preload else []
            found["Strict-Transport-Security"] = "; ".join(words)
        if self.csp:
            found["Content-Security-Policy"] = self.csp
        return {**found, **self.more}


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How all hosts of one Ingress are served.

    Args:
        tls: the protocol versions that are spoken.
        redirect: whether http is answered by 301 to https; without, http is not answered at all.
        rate_limits: how often one client may ask; all of them hold.
        headers: what every answer says to browsers.
        compression: whether answers are compressed with gzip.
        body: the largest request body, such as "20Mi"; None for the controller's own limit.
        timeouts: how long an application may be silent before the client gets 504; None for the controller's.
        allow: the only networks that may ask; none named: everybody.

    Raises:
        InputError: one of them cannot be used.
    """

    tls: Tls = field(default_factory=Tls)
    redirect: bool = True
    rate_limits: tuple[RateLimit, ...] = ()
    headers: SecurityHeaders = field(default_factory=SecurityHeaders)
    compression: bool = False
    body: str | None = None
    timeouts: str | None = "60s"
    allow: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _require_kind("tls", self.tls, Tls, "Tls(...), because hosts are served over TLS alone")
        for what in ("redirect", "compression"):
            _require_kind(what, getattr(self, what), bool, "True or False")
        if self.timeouts is not None:
            _require_time("timeouts", self.timeouts, LONGEST_TIMEOUT)
        if self.body is not None and not _matches(_BYTES, self.body):
            raise InputError(f'body is {self.body!r}; use bytes such as "512Ki" or "20Mi", or None for no limit')
        for network in self.allow:
            try:
                ipaddress.ip_network(network)
            except ValueError:
                raise InputError(f"allow has {network!r}; use networks such as 203.0.113.0/24") from None


@dataclass(frozen=True, kw_only=True)
class Path:
    """Everything at or below one path of a host, and the Service that answers it."""

    path: str
    rewrite: str | None
    service: str
    namespace: str

    def __post_init__(self) -> None:
        for what, value in (("path", self.path), ("rewrite", "/" if self.rewrite is None else self.rewrite)):
            if not _matches(_PATH, value):
                raise InputError(
                    f"{what} is {value!r}; use / or words such as /docs/v1: letters, digits, '_', '~', '-' "
                    "and '.', none of them . or .., without a slash at the end"
                )

    @property
    def base(self) -> str:
        """The path as what comes below it is appended to; empty for the root."""
        return self.path.rstrip("/")

    @property
    def target(self) -> str:
        """What `base` becomes."""
        return self.base if self.rewrite is None else self.rewrite.rstrip("/")


@dataclass(frozen=True, kw_only=True)
class Host:
    """One public host: what it is called in names, its DNS name, and its paths, the longest first.

    `home` is the namespace of what there is once for the host, such as its certificate.
    """

    key: str
    name: str
    home: str
    paths: tuple[Path, ...]

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Where its Services are, each namespace once."""
        return tuple(dict.fromkeys(path.namespace for path in self.paths))


@dataclass(frozen=True, kw_only=True)
class Description:
    """The public hosts of one Ingress, for a renderer."""

    name: str
    environment: Environment
    hosts: tuple[Host, ...]
    rules: Rules


def hosts_of(environment: Environment, paths: Mapping[tuple[str | None, str], Path]) -> tuple[Host, ...]:
    """The hosts of these paths, which are by part (None: the shared host) and path.

    Raises:
        InputError: there are none, or more of one host than every controller takes.
    """
    if not paths:
        raise InputError("routes is empty; use at least one Route(to=..., host=...)")
    found: list[Host] = []
    for part in dict.fromkeys(part for part, _ in paths):
        mine = [path for (of, _), path in paths.items() if of == part]
        name = environment.host(part)
        if len(mine) > MOST_PATHS:
            raise InputError(f"routes has {len(mine)} paths of {name}; at most {MOST_PATHS} are allowed")
        longest_first = sorted(mine, key=lambda path: (-len(path.base), path.path))
        found.append(Host(key=part or SHARED_HOST, name=name, home=mine[0].namespace, paths=tuple(longest_first)))
    return tuple(found)


def _require_kind(what: str, value: object, kind: type, allowed: str) -> None:
    if not isinstance(value, kind):
        raise InputError(f"{what} is {value!r}; use {allowed}")


def _matches(pattern: re.Pattern[str] | str, value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(pattern, value) is not None


def _require_count(what: str, value: object) -> None:
    if type(value) is not int or not 1 <= value <= MOST_REQUESTS:
        raise InputError(f"{what} is {value!r}; use a whole number, 1 to {MOST_REQUESTS}")


def _require_time(what: str, value: object, longest: int) -> None:
    if not isinstance(value, str) or not _matches(_TIME, value) or seconds(value) > longest:
        raise InputError(f'{what} is {value!r}; use a time such as "60s", "1m" or "365d", at most {longest} s')


def _require_header(name: str, value: object) -> None:
    if not _matches(_HEADER_NAME, name) or name.lower() in _NOT_FOR_US:
        raise InputError(
            f"headers has {name!r}; use letters, digits and hyphens, none of {', '.join(sorted(_NOT_FOR_US))}"
        )
    if not isinstance(value, str) or not _matches(_HEADER_VALUE, value) or len(value) > _LONGEST_HEADER:
        raise InputError(f"headers: the value of {name} must be one line of ASCII, at most {_LONGEST_HEADER} long")
