"""What other stacks declare: it is theirs, whoever else it touches, and never taken away as nobody's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bulkhead import state
from bulkhead.drift import declared
from bulkhead.drift.compare import fields
from bulkhead.errors import CommandError
from bulkhead.stacks import stacks_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bulkhead.drift.declared import Declaration
    from bulkhead.stacks import StackReference


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """Declarations of all stacks that are known, by what the servers call them.

    Args:
        objects: Kubernetes objects, by kind, namespace and name.
        paths: paths of Vault.
        memberships: of PostgreSQL, by role and member.
    """

    objects: frozenset[tuple[str, str, str]] = frozenset()
    paths: frozenset[str] = frozenset()
    memberships: frozenset[tuple[str, str]] = frozenset()


NOTHING = Elsewhere()


def siblings(stacks: Iterable[StackReference]) -> list[StackReference]:
    """The stacks of the same programs that are not among those given."""
    given = list(stacks)
    folders = dict.fromkeys(stack.folder for stack in given)
    return [one for folder in folders for one in stacks_of(folder) if one not in given]


def read(stack: StackReference) -> Declaration | None:
    """What a sibling declares, its secrets left encrypted; None where it has no state to be read."""
    try:
        exported = state.export(["--stack", stack.name], stack.folder)
    except CommandError:
        return None  # a stack's file may be there before the stack is
    return declared.parse(json.loads(exported), stack.name)


def of(declarations: Iterable[Declaration]) -> Elsewhere:
    """What stacks declare together."""
    from bulkhead.drift.postgresql_wanted import Wanted  # noqa: PLC0415 - with psycopg, which help need not load
    from bulkhead.drift.vault_forms import FORMS  # noqa: PLC0415

    all_of_them = list(declarations)
    resources = [one for declaration in all_of_them for one in declaration.resources]
    return Elsewhere(
        objects=frozenset(_objects(one.shown for one in resources if one.resource.package == "kubernetes")),
        paths=frozenset(FORMS[one.type].path(one.shown) for one in resources if one.type in FORMS),
        memberships=frozenset(pair for one in all_of_them for pair in Wanted(one).memberships),
    )


def _objects(declared_objects: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    for inputs in declared_objects:
        about = fields(inputs.get("metadata"))
        yield str(inputs.get("kind")), str(about.get("namespace") or ""), str(about.get("name"))
