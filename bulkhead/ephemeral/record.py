"""Record: what the stack itself knows of an ephemeral environment, in its tags.

A stack without `bulkhead:expires` was not made by `bulkhead ephemeral create`, and none of these commands
changes it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from bulkhead.ephemeral import expiry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

EXPIRES, PLATFORM, SERVERS = "bulkhead:expires", "bulkhead:platform", "bulkhead:servers"


@dataclass(frozen=True, kw_only=True)
class Record:
    """One stack of the back end.

    Args:
        name: the stack's, which is the environment's.
        resources: how many are recorded in its state.
        updating: whether a command of the engine works on it, or was killed doing so.
        tags: Pulumi's stack tags.
        file: what the stack's file here says under `config`; None where there is no file.
    """

    name: str
    resources: int = 0
    updating: bool = False
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    file: Mapping[str, object] | None = None

    @property
    def marked(self) -> bool:
        """Whether `bulkhead ephemeral create` made it."""
        return EXPIRES in self.tags

    @property
    def kind(self) -> str:
        """The kind that the stack's file gives; empty without one."""
        return str((self.file or {}).get("bulkhead:kind", ""))

    @property
    def platform(self) -> str:
        """What it stands on, as the record or else the file says."""
        return self.tags.get(PLATFORM) or str((self.file or {}).get("bulkhead:platform", ""))

    @property
    def servers(self) -> dict[str, str]:
        """The three servers' own ids; empty where they are not recorded."""
        try:
            known: object = json.loads(self.tags.get(SERVERS, "{}"))
        except ValueError:
            return {}
        return cast("dict[str, str]", known) if isinstance(known, dict) else {}

    def expires(self) -> datetime:
        """When its time is over.

        Raises:
            ExpiryError: what is recorded is no time.
        """
        return expiry.read(self.tags[EXPIRES])

    def is_expired(self, now: datetime) -> bool:
        """Whether its time is over.

        Raises:
            ExpiryError: that cannot be decided.
        """
        return self.expires() <= now

    def refusal(self) -> str:
        """Why no command of ours may destroy it; empty where one may."""
        if self.name.partition("-")[0] == "prod":
            return f"stack {self.name} is production's; it is not an ephemeral environment"
        if self.kind not in ("", "ephemeral"):
            return f"stack {self.name} is of kind {self.kind}, as Pulumi.{self.name}.yaml says, and not ephemeral"
        if not self.marked:
            return (
                f"stack {self.name} was not made by `bulkhead ephemeral create`: it has no tag {EXPIRES}; "
                f"`pulumi destroy -s {self.name}` destroys any stack"
            )
        return ""


def servers_tag(identity: Mapping[str, str]) -> str:
    """The three servers' ids as a tag's value, which has at most 256 characters."""
    return json.dumps({key: identity[key] for key in sorted(identity)}, separators=(",", ":"))
