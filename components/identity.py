"""Identity: which cluster, Vault and PostgreSQL system a stack belongs to, remembered from its first apply.

An address can lead somewhere else tomorrow: a kubeconfig is changed, a name points to another host, a backup is
restored beside the original. Whatever the address, these three ids stay with what they name.
"""

from dataclasses import asdict, dataclass
from typing import Any, cast

import pulumi

from components.errors import PlatformError
from components.platform import Platform

LOGICAL_NAME = "identity"


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Three servers, by ids that none of them shares with another one.

    Args:
        kubernetes: the uid of the namespace kube-system.
        vault: Vault's cluster id.
        postgresql: the system identifier that `initdb` drew.
    """

    kubernetes: str
    vault: str
    postgresql: str


def refuse_another(remembered: object, found: Identity, platform: Platform, urn: str) -> None:
    """Refuse servers that are not those of the first apply.

    Args:
        remembered: what the stack's state has; None before the first apply.
        found: what the servers say.
        platform: for the servers' addresses.
        urn: of what remembers.

    Raises:
        PlatformError: each server that is another one, with both ids, and what to do.
    """
    if remembered is None:
        return
    known = cast("dict[str, Any]", remembered)
    write = platform.postgresql.write
    places = {
        "kubernetes": f"the cluster of context {platform.kubernetes.context!r}",
        "vault": f"Vault {platform.vault.address}",
        "postgresql": f"PostgreSQL {write.host}:{write.port}",
    }
    others = [
        f"{places[server]} is {own}, this stack was first applied to {known.get(server)}"
        for server, own in asdict(found).items()
        if known.get(server) != own
    ]
    if others:
        raise PlatformError(
            "\n".join(others) + "\nNothing has been changed. Use the servers that the stack belongs to; "
            "if it moves for good, read docs/runbooks.md, then: "
            f"pulumi up --replace '{urn}'"
        )


def remember(found: Identity, platform: Platform, parent: pulumi.Resource | None) -> pulumi.Output[bool]:
    """Remember the servers at the first apply; at every later run refuse others, before anything changes.

    The engine itself keeps a Stash: no plugin starts for it. Its output stays what it was first made with,
    whatever the input is now, until it is replaced.

    Args:
        found: what the servers say.
        platform: for the servers' addresses.
        parent: of what remembers.

    Returns:
        True, once the servers are known to be the right ones.
    """
    kept = pulumi.Stash(
        f"{parent.pulumi_resource_name}-{LOGICAL_NAME}" if parent else LOGICAL_NAME,
        input=asdict(found),
        opts=pulumi.ResourceOptions(parent=parent, ignore_changes=["input"]),
    )

    def proven(known: list[object]) -> bool:
        refuse_another(known[0], found, platform, str(known[1]))
        return True

    return pulumi.Output.all(kept.output, kept.urn).apply(proven)
