"""One path of Vault that a resource declares, or lies nearest to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bulkhead.drift.finding import Finding
from bulkhead.drift.report import Difference, Drift
from bulkhead.drift.vault_server import as_kept

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bulkhead.drift.declared import Declared
    from bulkhead.drift.vault_audit import Audit
    from bulkhead.drift.vault_server import Vault


@dataclass(frozen=True)
class Path:
    """A path, with what is needed to report about it.

    Args:
        one: the resource.
        vault: the server.
        audit: who changed what.
        path: the path.
    """

    one: Declared
    vault: Vault
    audit: Audit
    path: str

    def finding(
        self,
        differing: tuple[Difference, ...],
        repair: Callable[[], None] | None,
        *,
        before: Mapping[str, Any] | None = None,
        remedy: str = "written as it was declared",
    ) -> Finding:
        """A drift of this path: what differs, or that it is gone where nothing is said to."""
        resource = self.one.resource
        drift = Drift(
            urn=resource.urn,
            name=resource.name,
            type=resource.type,
            object=f"Vault {self.path}",
            kind="changed" if differing else "missing",
            differences=differing,
            cause=self.audit.cause(self.path),
            remedy=remedy if repair else "",
        )
        return Finding(drift=drift, repair=repair, before=None if before is None else as_kept(before))
