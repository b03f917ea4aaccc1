"""Reachability at Vault: which paths of one environment the policies give service accounts of another.

Of all rules that match a path, Vault takes the one with the highest priority, joined over all policies of a token;
https://developer.hashicorp.com/vault/docs/concepts/policies#priority-matching has the order that is used here.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bulkhead.isolation.mentions import selector
from bulkhead.isolation.plain import listed, mapping
from bulkhead.isolation.territory import Edge, Territory

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_LEGACY = {"read": ("read", "list"), "write": ("create", "read", "update", "delete", "list"), "deny": ("deny",)}
_UNDECIDED = "?"

Rules = dict[str, frozenset[str]]
"""What may be done, by the path's pattern."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """What Vault says of who may log in for what.

    Args:
        auth_roles: all roles of all Kubernetes auth methods, by path: `auth/kubernetes/role/a`.
        policies: the text of each policy that they name; None of one that is not there.
        namespaces: the labels of each namespace, for roles that choose by them.
    """

    auth_roles: Mapping[str, Mapping[str, Any]]
    policies: Mapping[str, str | None]
    namespaces: Mapping[str, Mapping[str, str]]


def edges(access: Access, mine: Territory, theirs: Territory) -> Iterator[Edge]:
    """The ways through Vault from one environment to another one."""
    for path, role in access.auth_roles.items():
        who = list(_logins(role, access, mine))
        if not who:
            continue
        account = ", ".join(who)
        if path in theirs.auth_roles:
            yield Edge("vault", mine.name, theirs.name, account, path, f"{path} lets it log in")
        policies = policies_of(role)
        if "root" in policies:
            yield Edge("vault", mine.name, theirs.name, account, "everything at Vault", f"{path} has policy root")
            continue
        rules = joined([rules_of(access.policies.get(name) or "") for name in policies])
        for wanted in theirs.vault:
            pattern, may = decide(rules, wanted)
            if may:
                doing = "/".join(sorted(may - {_UNDECIDED})) or "what cannot be told"
                names = ", ".join(
                    name for name in policies if pattern in rules_of(access.policies.get(name) or "")
                )
                why = f'{path} gives policy {names}, whose path "{pattern}" matches'
                what = f"{wanted} ({doing})"
                yield Edge("vault", mine.name, theirs.name, account, what, why, decided=_UNDECIDED not in may)


def policies_of(role: Mapping[str, Any]) -> list[str]:
    """The policies of a token that an auth role gives."""
    found = [str(name) for name in listed(role.get("token_policies")) or listed(role.get("policies"))]
    return (
        found
        if role.get("token_no_default_policy")
        else [*found, *(["default"] if "default" not in found else [])]
    )


def _logins(role: Mapping[str, Any], access: Access, mine: Territory) -> Iterator[str]:
    """The service accounts of an environment that a role lets log in."""
    names = [str(name) for name in listed(role.get("bound_service_account_names"))]
    places = [str(name) for name in listed(role.get("bound_service_account_namespaces"))]
    chosen = role.get("bound_service_account_namespace_selector")
    if chosen:
        found = selector(json.loads(str(chosen)))
        places += [
            name
            for name, labels in access.namespaces.items()
            if found.matches({"kubernetes.io/metadata.name": name, **labels})
        ]
    for namespace in sorted(mine.namespaces):
        if not any(_is(namespace, place) for place in places):
            continue
        if any("*" in name for name in names):
            yield f"every service account of {namespace}"
        else:
            yield from (f"service account {namespace}/{name}" for name in names)


def _is(name: str, pattern: str) -> bool:
    return name == pattern or (
        "*" in pattern and bool(re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), name))
    )


def rules_of(policy: str) -> Rules:
    """The rules of one policy, in HCL or JSON; what cannot be read may be anything."""
    if policy.lstrip().startswith("{"):
        paths = mapping(mapping(json.loads(policy)).get("path"))
        return {
            str(path): frozenset(map(str, listed(mapping(rule).get("capabilities"))))
            for path, rule in paths.items()
        }
    text = re.sub(r"(?m)(^|\s)(#|//).*$|/\*[\s\S]*?\*/", " ", policy)
    found: Rules = {}
    for match in re.finditer(r"\bpath\s+\"([^\"]+)\"\s*\{", text):
        body = _body(text, match.end())
        capabilities = re.search(r"capabilities\s*=\s*\[([^\]]*)\]", body)
        short = re.search(r"policy\s*=\s*\"(\w+)\"", body)
        if capabilities:
            may = frozenset(re.findall(r"\"(\w+)\"", capabilities[1]))
        elif short:
            may = frozenset(_LEGACY.get(short[1], (_UNDECIDED,)))
        else:
            may = frozenset({_UNDECIDED})
        found[match[1]] = found.get(match[1], frozenset()) | may
    return found


def _body(text: str, start: int) -> str:
    depth, end = 1, start
    while depth and end < len(text):
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        end += 1
    return text[start:end]


def joined(policies: Sequence[Rules]) -> Rules:
    """The rules of a token with several policies."""
    found: Rules = {}
    for rules in policies:
        for pattern, may in rules.items():
            found[pattern] = found.get(pattern, frozenset()) | may
    return found


def decide(rules: Rules, path: str) -> tuple[str, frozenset[str]]:
    """The rule that Vault goes by for a path, and what it allows; nothing where none matches or it denies."""
    matching = [pattern for pattern in rules if _matches(pattern, path)]
    if not matching:
        return "", frozenset()
    pattern = max(matching, key=_priority)
    may = rules[pattern]
    if "{{" in pattern:
        return pattern, may | {_UNDECIDED}
    return pattern, frozenset() if "deny" in may else may


def _matches(pattern: str, path: str) -> bool:
    if "{{" in pattern:  # it depends on who asks: decided by Vault alone
        pattern = re.sub(r"\{\{.*?\}\}", "+", pattern)
    glob = pattern.endswith("*")
    parts = re.split(r"(\+)", pattern[:-1] if glob else pattern)
    expression = "".join("[^/]+" if part == "+" else re.escape(part) for part in parts)
    return bool(re.fullmatch(expression + (".*" if glob else ""), path))


def _priority(pattern: str) -> tuple[int, bool, int, int, str]:
    wild = [
        place for place in (pattern.find("+"), len(pattern) - 1 if pattern.endswith("*") else -1) if place >= 0
    ]
    first = min(wild) if wild else len(pattern) + 1_000_000
    return first, not pattern.endswith("*"), -pattern.count("+"), len(pattern), pattern
