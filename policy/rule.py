"""Rules: what one is made of, and how rules judge resources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from policy.resource import Resource, UndecidedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from policy.steps import Step
    from policy.world import World

Kind = Literal["production", "development", "ephemeral"]
Level = Literal["mandatory", "advisory", "off"]
KINDS: tuple[Kind, ...] = ("production", "development", "ephemeral")

ALWAYS: Mapping[Kind, Level] = {"production": "mandatory", "development": "mandatory", "ephemeral": "mandatory"}
PRODUCTION: Mapping[Kind, Level] = {"production": "mandatory", "development": "off", "ephemeral": "off"}
PRODUCTION_ELSE_ADVICE: Mapping[Kind, Level] = {
    "production": "mandatory",
    "development": "advisory",
    "ephemeral": "off",
}


@dataclass(frozen=True)
class Fault:
    """What one rule has against one resource.

    Args:
        says: what is wrong and where, without a secret's value.
        urn: whose fault it is; empty for the resource that is being judged.
    """

    says: str
    urn: str = ""


@dataclass(frozen=True)
class Undecided:
    """What one rule cannot judge yet.

    Args:
        says: what is not known.
        urn: of which resource; empty for the one that is being judged.
    """

    says: str
    urn: str = ""


Answer = Fault | Undecided


@dataclass(frozen=True, kw_only=True, eq=False)
class Rule:
    """One rule.

    Args:
        id: its name in messages, settings and documents.
        why: what happens without it, in a sentence.
        fix: what to do about a fault.
        how: what it looks at.
        levels: what a fault means in an environment of each kind.
        resource: judges one resource by itself; a rule has one of these three.
        stack: judges all resources of a stack together.
        steps: judges what an update would do.
    """

    id: str
    why: str
    fix: str
    how: str
    levels: Mapping[Kind, Level]
    resource: Callable[[Resource, World], Iterator[Answer]] | None = None
    stack: Callable[[Sequence[Resource], World], Iterator[Answer]] | None = None
    steps: Callable[[Sequence[Step], World], Iterator[Answer]] | None = None

    @property
    def judges(self) -> str:
        """What it looks at: one `resource`, the whole `stack`, or the `steps` of an update."""
        return "resource" if self.resource else "stack" if self.stack else "steps"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A rule's answer.

    Args:
        rule: the rule.
        urn: the resource; empty for the stack as a whole.
        says: what is wrong, or what is not known.
        level: what it means here.
        undecided: whether it is no fault yet.
    """

    rule: Rule
    urn: str
    says: str
    level: Level
    undecided: bool = False


def on_resource(rule: Rule, resource: Resource, world: World) -> list[Finding]:
    """What a rule says of one resource."""
    if rule.resource is None:
        return []
    return _findings(rule, rule.resource(resource, world), world, resource.urn)


def on_stack(rule: Rule, resources: Sequence[Resource], world: World) -> list[Finding]:
    """What a rule says of all resources together."""
    return [] if rule.stack is None else _findings(rule, rule.stack(resources, world), world, "")


def on_steps(rule: Rule, steps: Sequence[Step], world: World) -> list[Finding]:
    """What a rule says of what an update would do."""
    return [] if rule.steps is None else _findings(rule, rule.steps(steps, world), world, "")


def judge(rules: Iterable[Rule], resources: Sequence[Resource], world: World) -> list[Finding]:
    """What rules say of a stack: of each resource by itself, then of all together."""
    found: list[Finding] = []
    for rule in rules:
        for resource in resources:
            found += on_resource(rule, resource, world)
        found += on_stack(rule, resources, world)
    return found


def _findings(rule: Rule, answers: Iterator[Answer], world: World, urn: str) -> list[Finding]:
    level = rule.levels[world.kind]
    if level == "off":
        return []
    found: list[Finding] = []
    for answer in _ended(answers):
        one = Finding(
            rule=rule,
            urn=answer.urn or urn,
            says=answer.says,
            level=level,
            undecided=isinstance(answer, Undecided),
        )
        if one not in found:
            found.append(one)
    return found


def _ended(answers: Iterator[Answer]) -> Iterator[Answer]:
    """The answers up to the point where the rule needs what is not known."""
    try:
        yield from answers
    except UndecidedError as error:
        yield Undecided(str(error))
