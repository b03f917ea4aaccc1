"""Connections: a database's budget of them, and who has asked for how many.

Every user of a database says at preview what it may open at most. What is over the limit is an input error
there, and not the "too many connections" that the last pods of a roll-out would get.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from components.errors import InputError
from components.values import Workload

ADMINISTRATION = 4
"""What Pulumi's provider opens at most, so that a full database can still be changed."""

VAULT = 2
"""What one of Vault's engines opens at most, to lease logins and to end them."""

MIGRATION = 2
"""What a migration opens at most: its own session, and one that copies or looks on."""


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """What one user of a database may open.

    Args:
        what: the user, for the error: `Secret keybuzz-api-postgres`.
        connections: how many, at most.
        reason: how the number comes about, such as `7 pods with a pool of 10 each`; empty where it is given.
    """

    what: str
    connections: int
    reason: str = ""

    def __str__(self) -> str:
        because = f" = {self.reason}" if self.reason else ""
        return f"{self.what} {self.connections}{because}"


@dataclass
class Budget:
    """The connections of one database, and those who have them.

    Args:
        database: what the database is called, for the error.
        limit: the connections that it takes in all.
    """

    database: str
    limit: int
    reserved: list[Reservation] = field(default_factory=list[Reservation])

    def reserve(self, wanted: Reservation) -> None:
        """Give a user its connections.

        Raises:
            InputError: there are not so many left; every user, the sum, and the limit.
        """
        refuse_too_many(self.database, self.limit, [*self.reserved, wanted])
        self.reserved.append(wanted)


def refuse_too_many(database: str, limit: int, reserved: list[Reservation]) -> None:
    """Refuse users who may open more connections together than the database takes.

    Raises:
        InputError: every user, the sum, and the limit.
    """
    needed = sum(one.connections for one in reserved)
    if needed > limit:
        raise InputError(
            f"connectionLimit is {limit} for database {database!r}, and its users may open {needed}: "
            f"{'; '.join(map(str, reserved))}. Use at least {needed}, a smaller pool, or fewer replicas"
        )


def over_capacity(limits: Mapping[str, int], capacity: int) -> str | None:
    """What a preview says where all databases of a stack may take more connections than the server has.

    It is no error: a limit is a bound, which all databases need not reach at once; and the server may have other
    stacks' databases as well, which no stack can see.

    Args:
        limits: the connection limit of each database of the stack.
        capacity: how many connections the server has for all.
    """
    together = sum(limits.values())
    if together <= capacity:
        return None
    listed = "; ".join(f"{database} {limit}" for database, limit in limits.items())
    return (
        f"the databases of this stack may take {together} connections together, and the server has {capacity} "
        f"for all: {listed}. Lower a connectionLimit, or raise the server's max_connections"
    )


def of_workload(what: str, workload: Workload) -> Reservation:
    """What the pods of a workload may open, one more than its replicas at a roll-out.

    Args:
        what: what the error calls them.
        workload: replicas and pool.
    """
    reason = f"({workload.most_replicas} replicas + 1 at a roll-out) × pool {workload.pool}"
    return Reservation(what=what, connections=workload.most_connections, reason=reason)
