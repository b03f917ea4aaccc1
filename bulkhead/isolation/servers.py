"""Servers: which ones each stack stands on, which of them are the same, and what of them is declared as shared."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bulkhead.errors import CommandError
from bulkhead.isolation.identities import FAMILIES, Family, Identity
from bulkhead.isolation.plain import mapping

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulkhead.stacks import StackReference
    from bulkhead.state import State


class PlatformUnknown(CommandError):  # noqa: N818 - read as a sentence
    """A stack has no platform file, so what its environments may share is not declared."""


@dataclass(frozen=True)
class Server:
    """One server, as a stack's state knows it.

    Args:
        id: what the server calls itself; empty where the state does not say.
        address: where the stack's provider reaches it.
    """

    id: str
    address: str

    def may_be(self, other: Server) -> bool:
        """Whether both are, or cannot be told not to be, one server."""
        if self.id and other.id:
            return self.id == other.id
        if not self.id and not other.id:
            return self.address == other.address
        return True


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What environments may share, as the platform file declares it.

    Args:
        identities: namespaces, mounts and kinds of the whole cluster.
        words: what a person reads: each end point and what it is.
    """

    identities: frozenset[Identity] = field(default_factory=frozenset[Identity])
    words: tuple[str, ...] = ()


BUILT_IN = frozenset(
    {
        Identity("kubernetes", "Namespace", "", "kube-system"),
        Identity("vault", "policy", "", "default"),
        Identity("vault", "path", "", "auth/token/lookup-self"),
        Identity("vault", "path", "", "auth/token/renew-self"),
        Identity("vault", "path", "", "auth/token/revoke-self"),
        Identity("postgresql", "role", "", "public"),
        Identity("postgresql", "role", "", "PUBLIC"),
    }
)
"""What every cluster, Vault and PostgreSQL has for all who use it."""


def servers_of(state: State) -> dict[Family, Server]:
    """The servers that a stack's state says it stands on."""
    ids, providers = state.identity, state.providers
    found: dict[Family, Server] = {"hosts": Server("dns", "dns")}
    for family in FAMILIES:
        if family == "hosts":
            continue
        inputs: Mapping[str, Any] = providers[family].inputs if family in providers else {}
        found[family] = Server(ids.get(family, ""), _address(family, inputs))
    return found


def _address(family: Family, inputs: Mapping[str, Any]) -> str:
    if family == "kubernetes":
        return str(inputs.get("context") or inputs.get("kubeconfig") or "")
    if family == "vault":
        return str(inputs.get("address") or "")
    return f"{inputs.get('host') or ''}:{inputs.get('port') or 5432}"


def same(states: Sequence[State]) -> list[dict[Family, int]]:
    """For each stack, a number for each of its servers: stacks on one server have the same number.

    Two servers are two only where both are known by their own ids, or both by their addresses alone. One of which
    the id is known may be any of which it is not.
    """
    known = [servers_of(state) for state in states]
    numbers: list[dict[Family, int]] = [{} for _ in states]
    for family in FAMILIES:
        groups: list[list[int]] = []
        for index, servers in enumerate(known):
            ours = servers[family]
            joined = [group for group in groups if any(ours.may_be(known[one][family]) for one in group)]
            groups = [group for group in groups if group not in joined]
            groups.append([index, *(one for group in joined for one in group)])
        for number, group in enumerate(groups):
            for index in group:
                numbers[index][family] = number
    return numbers


def declared(stack: StackReference, root: Path = Path()) -> Declared:
    """What the platform file of a stack declares as shared.

    Args:
        stack: whose platform.
        root: the current folder.

    Raises:
        PlatformUnknown: the stack file names no platform, or the file is not there.
    """
    return shared_by(platform_of(stack, root))


def platform_of(stack: StackReference, root: Path = Path()) -> Any:
    """The platform file that a stack's own file names, or the sandbox's in its place.

    Raises:
        PlatformUnknown: there is none.
    """
    import yaml  # noqa: PLC0415 - help must not wait for it

    from components.errors import InputError  # noqa: PLC0415
    from components.platform import load_platform  # noqa: PLC0415

    file = root / stack.folder / f"Pulumi.{stack.name}.yaml"
    try:
        config = mapping(mapping(yaml.safe_load(file.read_text(encoding="utf-8"))).get("config"))
    except (OSError, yaml.YAMLError) as error:
        raise PlatformUnknown(f"{file} cannot be read: {error}") from None
    name = config.get("bulkhead:platform")
    if not isinstance(name, str):
        raise PlatformUnknown(f"{file} names no platform; bulkhead:platform says what its environments may share")
    try:
        return load_platform(name, root / stack.folder / "platforms")
    except InputError as error:
        raise PlatformUnknown(str(error)) from None


def shared_by(platform: Any) -> Declared:
    """What a platform's environments may share."""
    cluster, vault, database = platform.kubernetes, platform.vault, platform.postgresql
    namespaces = (cluster.ingress_namespace, cluster.monitoring_namespace)
    identities = {
        *(Identity("kubernetes", "Namespace", "", name) for name in namespaces),
        Identity("vault", "path", "", vault.kv_mount),
        Identity("vault", "path", "", f"auth/{vault.kubernetes_auth}"),
    }
    words = (
        f"API server of context {cluster.context}",
        f"Vault {vault.address}, its mounts {vault.kv_mount} and auth/{vault.kubernetes_auth}",
        f"PostgreSQL write end point {database.write.host}:{database.write.port}",
        f"ingress class {cluster.ingress_class} in namespace {cluster.ingress_namespace}",
        f"issuer {cluster.cluster_issuer}",
        f"monitoring namespace {cluster.monitoring_namespace}",
    )
    return Declared(identities=frozenset(identities), words=words)
