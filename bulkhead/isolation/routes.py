"""Routes: the public hosts and paths that an object on the cluster serves, whatever the controller."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from bulkhead.isolation.plain import listed, mapping

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_HOST_RULE = re.compile(r"Host\(([^)]*)\)")
_PATH_RULE = re.compile(r"Path(?:Prefix)?\(([^)]*)\)")
_QUOTED = re.compile(r"[`\"']([^`\"']+)[`\"']")

Route = tuple[str, str, str]
"""A host, a path (empty for all of them), and the property that says so."""


def routes(kind: str, spec: Mapping[str, Any]) -> Iterator[Route]:
    """The public hosts and paths that an object serves.

    Args:
        kind: its kind, without the API group.
        spec: its specification.
    """
    render = {
        "Ingress": _ingress,
        "IngressRoute": _traefik,
        "HTTPRoute": _gateway,
        "GRPCRoute": _gateway,
        "TLSRoute": _gateway,
        "VirtualServer": _nginx,
        "TransportServer": _nginx,
    }.get(kind)
    if render:
        yield from render(spec)


def _ingress(spec: Mapping[str, Any]) -> Iterator[Route]:
    for rule in map(mapping, listed(spec.get("rules"))):
        for path in map(mapping, listed(mapping(rule.get("http")).get("paths")) or [{}]):
            yield str(rule.get("host") or "*"), str(path.get("path") or ""), "spec.rules"


def _traefik(spec: Mapping[str, Any]) -> Iterator[Route]:
    for route in map(mapping, listed(spec.get("routes"))):
        match = str(route.get("match") or "")
        paths = [path for found in _PATH_RULE.findall(match) for path in _QUOTED.findall(found)]
        for hosts in _HOST_RULE.findall(match):
            for host in _QUOTED.findall(hosts):
                yield from ((host, path, "spec.routes") for path in paths or [""])


def _gateway(spec: Mapping[str, Any]) -> Iterator[Route]:
    rules = map(mapping, listed(spec.get("rules")))
    matches = (mapping(match) for rule in rules for match in listed(rule.get("matches")))
    paths = [str(path["value"]) for match in matches if (path := mapping(match.get("path"))).get("value")]
    for host in listed(spec.get("hostnames")):
        yield from ((str(host), path, "spec.hostnames") for path in paths or [""])


def _nginx(spec: Mapping[str, Any]) -> Iterator[Route]:
    if spec.get("host"):
        paths = [str(mapping(route).get("path") or "") for route in listed(spec.get("routes"))]
        yield from ((str(spec["host"]), path, "spec.host") for path in paths or [""])
