"""Publication: which tables' changes a database offers to subscribers, such as a search index or a warehouse.

It comes after what makes its tables. The tables are listed: a publication of all tables, those to come included,
is a superuser's alone, and the administrator that programs act as is none.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

import pulumi
import pulumi_postgresql as postgresql

from components.environment import Environment
from components.environment_database import SCHEMA, EnvironmentDatabase
from components.errors import InputError
from components.providers import Connected
from components.workload import Finished

Operation = Literal["insert", "update", "delete", "truncate"]
OPERATIONS: tuple[Operation, ...] = get_args(Operation)
"""In the order in which the server says them."""

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")


@dataclass(frozen=True, kw_only=True)
class PublicationArgs:
    """What a Publication needs.

    Args:
        environment: the environment that the publication belongs to.
        database: whose tables it publishes.
        publication: what subscribers call it; a database's own name, the same in every environment.
        tables: the tables, `messages` or `schema.table`; of a partitioned one the whole, under its own name.
        operations: which changes are published; all of them unless fewer are named.
        after: what makes the tables.
    """

    environment: Environment
    database: EnvironmentDatabase
    publication: str
    tables: tuple[str, ...]
    operations: tuple[Operation, ...] = OPERATIONS
    after: tuple[Finished, ...] = ()


class Publication(pulumi.ComponentResource):
    """A publication of listed tables, owned by the database's owner.

    Outputs: `publication`, `database`.
    """

    def __init__(
        self,
        name: str,
        args: PublicationArgs,
        platform: Connected,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        args.environment.refuse_foreign(database=args.database.environment)
        for number, maker in enumerate(args.after):
            args.environment.refuse_foreign(**{f"after[{number}]": maker.environment})
        if not _NAME.fullmatch(str(args.publication)):
            raise InputError(f"publication is {args.publication!r}; use lower-case letters, digits and _")
        tables, operations = qualified(args.tables), in_order(args.operations)
        self.environment, self.publication = args.environment, args.publication
        super().__init__(
            "bulkhead:index:Publication",
            name,
            {},
            pulumi.ResourceOptions.merge(platform.options, opts),
        )
        made = postgresql.Publication(
            f"{name}-publication",
            name=args.publication,
            database=args.database.database.name,
            owner=args.database.owner.name,
            tables=tables,
            publish_params=operations,
            # Otherwise the server lists partitions instead of the table, each new one of which would be a drift.
            publish_via_partition_root_param=True,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[args.database.ready, *(maker.done for maker in args.after)],
                deleted_with=args.database.database,
            ),
        )
        self.register_outputs({"publication": made.name, "database": made.database})


def qualified(tables: Iterable[str]) -> list[str]:
    """Tables with their schema, as the server says them.

    Raises:
        InputError: there is none, one twice, or one that is not a plain name.
    """
    if isinstance(tables, str) or not tables:
        raise InputError(f'tables is {tables!r}; list them, such as ("messages",): all tables take a superuser')
    found: list[str] = []
    for table in tables:
        words = str(table).split(".")
        if len(words) > 2 or not all(_NAME.fullmatch(word) for word in words):  # noqa: PLR2004 - schema and table
            raise InputError(f'tables has {table!r}; use "table" or "schema.table" in lower case')
        found.append(table if len(words) > 1 else f"{SCHEMA}.{table}")
    if twice := [table for table in found if found.count(table) > 1]:
        raise InputError(f"tables has {twice[0]!r} twice; name each table once")
    return sorted(found)


def in_order(operations: Iterable[str]) -> list[str]:
    """Operations in the server's order, so that a preview finds no difference.

    Raises:
        InputError: there is none, or one that no table knows.
    """
    given = [operations] if isinstance(operations, str) else list(operations)
    if not given or not set(given) <= set(OPERATIONS):
        raise InputError(f"operations is {operations!r}; use one or more of {', '.join(OPERATIONS)}")
    return [operation for operation in OPERATIONS if operation in given]
