"""TLS: what leaves a machine cannot be read on its way."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policy.resource import Place, Resource, UndecidedError
from policy.rule import Answer, Fault, Undecided

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policy.world import World

_OPEN = frozenset({"disable", "allow", "prefer"})
_DATABASE = re.compile(r"postgres(?:ql)?://(?:\{\{.*?\}\}|[^\s\"'])*")
_HOST = re.compile(r"//(?:[^@/]*@)?(?P<host>[^:/?]+)")
_MODE = re.compile(r"[?&]sslmode=([a-z-]+)")


def tls(resource: Resource, world: World) -> Iterator[Answer]:
    """Vault, PostgreSQL and public hosts are spoken to by TLS."""
    for place in _addresses(resource):
        if place.text.startswith("http://") and not _own(place.text, world):
            yield Fault(f"{place.path} is {place.text!r}; use https")
    if resource.type == "pulumi:providers:postgresql":
        yield from _mode(resource.place.at("sslmode"), resource.place.at("host").text, world)
    for place in resource.leaves:
        if isinstance(place.value, str):
            yield from _urls(place, world)
    yield from _variables(resource, world)
    yield from _unchecked(resource)
    if resource.is_object and resource.kind == "Ingress":
        yield from _ingress(resource)
    elif resource.is_object and resource.kind == "VirtualServer":
        yield from _virtual_server(resource)


def tls_redirect(resources: Sequence[Resource], _: World) -> Iterator[Answer]:
    """What a public host answers without TLS is where it is answered with it."""
    redirects: set[tuple[str, str]] = set()
    plain: set[tuple[str, str, str]] = set()
    for one in _objects(resources, "Middleware"):
        if one.place.at("spec", "redirectScheme", "scheme").text == "https":
            redirects.add((one.metadata.at("namespace").text, one.metadata.at("name").text))
    for one in _objects(resources, "Gateway"):
        name = one.metadata.at("namespace").text, one.metadata.at("name").text
        listeners = one.place.each("spec", "listeners")
        plain |= {(*name, each.at("name").text) for each in listeners if each.at("protocol").text == "HTTP"}
    for one in resources:
        try:
            if one.is_object and one.kind == "IngressRoute":
                yield from _route(one, redirects)
            elif one.is_object and one.kind == "HTTPRoute":
                yield from _http_route(one, plain)
        except UndecidedError as error:
            yield Undecided(str(error), one.urn)


def _addresses(resource: Resource) -> Iterator[Place]:
    """Where a resource says an address of Vault."""
    if resource.type == "pulumi:providers:vault":
        yield resource.place.at("address")
    elif resource.kind in {"SecretStore", "ClusterSecretStore"}:
        yield resource.place.at("spec", "provider", "vault", "server")
    elif resource.kind == "VaultDynamicSecret":
        yield resource.place.at("spec", "provider", "server")


def _own(address: str, world: World) -> bool:
    """Whether it is a server of the sandbox, which is for trying and has no TLS."""
    host = address.rpartition("://")[2].partition("/")[0].partition(":")[0]
    return world.platform is not None and world.platform.plain and host in world.platform.servers


def _mode(place: Place, host: str, world: World) -> Iterator[Answer]:
    if place.text in _OPEN and not _own(host, world):
        yield Fault(f"{place.path} is {place.text!r}; use require, verify-ca or verify-full")


def _urls(place: Place, world: World) -> Iterator[Answer]:
    for match in _DATABASE.finditer(place.text):
        mode = _MODE.search(match[0])
        if (mode is None or mode[1] in _OPEN) and not (
            _own(_host(match[0]), world) or _templated(match[0], world)
        ):
            yield Fault(f"{place.path} reaches PostgreSQL without sslmode=require, verify-ca or verify-full")


def _host(url: str) -> str:
    found = _HOST.search(url)
    return found["host"] if found else ""


def _templated(url: str, world: World) -> bool:
    """Whether an address is filled in on the sandbox's own cluster, where it is one of the sandbox's servers."""
    return "{{" in url and world.platform is not None and world.platform.plain


def _variables(resource: Resource, world: World) -> Iterator[Answer]:
    from policy.pods import containers  # noqa: PLC0415 - it has nothing else to do with pods

    for container in containers(resource):
        for variable in container.each("env"):
            if variable.at("name").text == "PGSSLMODE" and not (world.platform and world.platform.plain):
                yield from _mode(variable.at("value"), "", world)


def _unchecked(resource: Resource) -> Iterator[Answer]:
    for place in resource.leaves:
        key = place.path.rpartition(".")[2]
        if (
            key in {"insecureSkipVerify", "skipTlsVerify", "insecureSkipTlsVerify"}
            and str(place.value).lower() == "true"
        ):
            yield Fault(f"{place.path} is true: nobody checks whose certificate it is")


def _ingress(resource: Resource) -> Iterator[Answer]:
    served = {host.text for one in resource.place.each("spec", "tls") for host in one.each("hosts")}
    for rule in resource.place.each("spec", "rules"):
        host = rule.at("host")
        if host.text not in served:
            yield Fault(f"{host.path} {host.text!r} has no certificate in spec.tls")


def _virtual_server(resource: Resource) -> Iterator[Answer]:
    secret = resource.place.at("spec", "tls", "secret")
    if not secret.text:
        yield Fault("spec.tls.secret is missing")
    elif resource.place.at("spec", "tls", "redirect", "enable").value is not True:
        yield Fault("spec.tls.redirect.enable is not true: the host is served without TLS as well")


def _objects(resources: Sequence[Resource], kind: str) -> Iterator[Resource]:
    return (one for one in resources if one.is_object and one.kind == kind)


def _route(one: Resource, redirects: set[tuple[str, str]]) -> Iterator[Answer]:
    if one.place.at("spec").entries.get("tls") is not None:
        return
    home = one.metadata.at("namespace").text
    for route in one.place.each("spec", "routes"):
        used = {(each.at("namespace").text or home, each.at("name").text) for each in route.each("middlewares")}
        if not used & redirects:
            yield Fault(f"{route.path} is served without TLS and sends nobody to https", one.urn)


def _http_route(one: Resource, plain: set[tuple[str, str, str]]) -> Iterator[Answer]:
    home = one.metadata.at("namespace").text
    parents = {
        (each.at("namespace").text or home, each.at("name").text, each.at("sectionName").text)
        for each in one.place.each("spec", "parentRefs")
    }
    whole = {(namespace, name, "") for namespace, name, _ in plain}
    if not parents & (plain | whole):
        return
    for rule in one.place.each("spec", "rules"):
        schemes = {each.at("requestRedirect", "scheme").text for each in rule.each("filters")}
        if "https" not in schemes:
            yield Fault(f"{rule.path} is served without TLS and sends nobody to https", one.urn)
