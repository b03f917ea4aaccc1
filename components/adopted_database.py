"""Adopted: how resources of a database that was there before are declared, and when its plan is carried out."""

import asyncio
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import pulumi
import pulumi_postgresql as postgresql

from components import adoption_transaction
from components.adoption_plan import Plan
from components.platform import Platform
from components.values import Database

_TURN = threading.Lock()
"""One plan at a time: two databases may have had the same login, whose memberships both change."""

_OF_A_LOGIN = [
    "assumeRole",
    "bypassRowLevelSecurity",
    "connectionLimit",
    "createDatabase",
    "createRole",
    "encryptedPassword",
    "idleInTransactionSessionTimeout",
    "inherit",
    "login",
    "password",
    "replication",
    "roles",
    "searchPaths",
    "statementTimeout",
    "superuser",
    "validUntil",
]
"""What a login that was there before has of its own: it goes on as it is."""


class Adoption:
    """One database: as it was made by us from the beginning, or as it was there before.

    Args:
        platform: the servers.
        plan: how it is adopted; None where there is nothing to adopt.
        proven: known once the servers are the right ones.
    """

    def __init__(self, platform: Platform, plan: Plan | None, proven: pulumi.Output[bool]) -> None:
        self._platform, self._proven = platform, proven
        self.plan = plan

    @cached_property
    def _done(self) -> pulumi.Output[bool]:
        """Carry the plan out, once; a preview only says what it is."""
        plan = self.plan
        if plan is None or not plan.is_needed:
            return self._proven
        for words in plan.words:
            pulumi.log.info(words)
        if pulumi.runtime.is_dry_run():
            return self._proven
        return self._proven.apply(lambda _: asyncio.to_thread(self._carry_out, plan))

    def _carry_out(self, plan: Plan) -> bool:
        with _TURN:
            adoption_transaction.carry_out(self._platform, plan)
        return True

    def named(self, name: str) -> pulumi.Input[str]:
        """A physical name, known once the plan is carried out."""
        return name if self.plan is None else self._done.apply(lambda _: name)

    def role(self, name: str) -> pulumi.ResourceOptions:
        """Options of a role of the database: one that is there is imported, and so is one that the plan makes.

        What the stack's state has already is not imported again, so an update that broke off goes on.
        """
        if self.plan is None:
            return pulumi.ResourceOptions()
        made_by_plan = self.plan.is_needed and not pulumi.runtime.is_dry_run()
        return pulumi.ResourceOptions(import_=name if made_by_plan or name in self.plan.facts.roles else None)

    def database(self, values: Database) -> pulumi.ResourceOptions:
        """Options of the database itself, which keeps its connection limit unless the stack file gives one."""
        if self.plan is None:
            return pulumi.ResourceOptions()
        kept = [] if "connection_limit" in values.model_fields_set else ["connectionLimit"]
        if self.plan.is_needed and pulumi.runtime.is_dry_run():
            kept.append("owner")  # an `up` imports it after it has changed hands
        return pulumi.ResourceOptions(import_=self.plan.facts.names.database, ignore_changes=kept)


@dataclass(frozen=True, kw_only=True)
class Adoptions:
    """All databases of an environment that were there before.

    Args:
        platform: the servers.
        plans: how each is adopted, by part.
        proven: known once the servers are the right ones.
        options: of the logins that owned them, which belong to no component.
    """

    platform: Platform
    plans: Mapping[str, Plan]
    proven: pulumi.Output[bool]
    options: pulumi.ResourceOptions
    _logins: dict[str, postgresql.Role] = field(default_factory=dict[str, postgresql.Role])

    def of(self, part: str) -> Adoption:
        """How the database of one part is declared."""
        return Adoption(self.platform, self.plans.get(part), self.proven)

    def keep_login(self, part: str, owner: postgresql.Role, opts: pulumi.ResourceOptions) -> None:
        """Declare the login that owned a database, and that it may go on: as a member of the owner.

        The login is imported and never dropped: it may own other databases. Its membership ends with the
        declaration.
        """
        plan = self.plans.get(part)
        if plan is None or plan.facts.login is None:
            return
        login = plan.facts.login
        if login.name not in self._logins:
            own = pulumi.ResourceOptions(import_=login.name, retain_on_delete=True, ignore_changes=_OF_A_LOGIN)
            self._logins[login.name] = postgresql.Role(
                f"legacy-{login.name}",
                name=login.name,
                login=login.login,
                opts=pulumi.ResourceOptions.merge(self.options, own),
            )
        postgresql.GrantRole(
            f"{part}-legacy-membership", role=self._logins[login.name].name, grant_role=owner.name, opts=opts
        )
