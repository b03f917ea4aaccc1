"""Judgement: what the policy pack's rules say of a recorded state, and of what a preview would do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from bulkhead.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from bulkhead.stacks import StackReference
    from bulkhead.state import State
    from policy.resource import Resource
    from policy.rule import Finding

WITHHELD = "a secret, and not looked at here"
"""Why a recorded secret is undecided."""


class PolicyError(CommandError):
    """What would be done breaks a rule; nothing was done."""


def is_broken(one: Finding) -> bool:
    """Whether a finding stops an update."""
    return one.level == "mandatory" and not one.undecided


def findings_of(state: State, reference: StackReference) -> list[Finding]:
    """What all rules say of a recorded state."""
    from policy.files import world  # noqa: PLC0415 - help must not wait for them
    from policy.rule import judge, on_resource  # noqa: PLC0415
    from policy.rules import RULES, rule  # noqa: PLC0415

    here = world(state.project, state.stack, reference.folder)
    found = judge(RULES, resources_of(state), here)
    for one in resources_of(state, outputs=True):
        found += [answer for answer in on_resource(rule("plain-secret"), one, here) if not answer.undecided]
    return list(dict.fromkeys(found))


def refuse(steps: Iterable[Mapping[str, Any]], *, system: str, environment: str, place: Path) -> None:
    """Refuse what a preview would do where that breaks a mandatory rule.

    Args:
        steps: as `pulumi preview --json` lists them.
        system: the project's name.
        environment: the stack's name.
        place: the program's folder.

    Raises:
        PolicyError: which rules are broken by what.
    """
    found = findings_of_steps(steps, system=system, environment=environment, place=place)
    broken = [one for one in found if is_broken(one)]
    if broken:
        lines = "\n".join(f"  {one.rule.id}: {one.says}" for one in broken)
        raise PolicyError(f"stack {environment} is left as it is:\n{lines}\n{broken[0].rule.fix}")


def findings_of_steps(
    steps: Iterable[Mapping[str, Any]], *, system: str, environment: str, place: Path
) -> list[Finding]:
    """What the rules about steps, and about what excuses them, say of a preview's steps."""
    from policy.files import world  # noqa: PLC0415 - help must not wait for them
    from policy.rule import on_stack, on_steps  # noqa: PLC0415
    from policy.rules import RULES, rule  # noqa: PLC0415
    from policy.steps import step  # noqa: PLC0415

    here = world(system, environment, place)
    taken = [step(entry) for entry in steps]
    found = on_stack(rule("declarations"), [], here)
    for one in RULES:
        found += on_steps(one, taken, here)
    return found


def resources_of(state: State, *, outputs: bool = False) -> list[Resource]:
    """A recorded state's resources as rules see them.

    Args:
        state: the state; its secrets are marks.
        outputs: give them with what the providers answered, instead of what the program declared.
    """
    from policy.resource import Resource  # noqa: PLC0415 - help must not wait for it

    inputs = {one.urn: one.inputs for one in state.resources}
    found: list[Resource] = []
    for one in state.resources:
        secrets: set[str] = set()
        props = _without_marks(dict(one.outputs if outputs else one.inputs), "", secrets)
        found.append(
            Resource(
                urn=one.urn,
                type=one.type,
                name=one.name,
                props=cast("dict[str, Any]", props),
                secrets=frozenset(secrets),
                protect=one.protect,
                provider=one.provider.rpartition("::")[2],
                provider_props=inputs.get(one.provider, {}),
            )
        )
    return found


def _without_marks(value: object, path: str, secrets: set[str]) -> object:
    from bulkhead.state import SECRET  # noqa: PLC0415 - help must not wait for them
    from policy.resource import Unknown  # noqa: PLC0415

    if value == SECRET:
        secrets.add(path)
        return Unknown(WITHHELD)
    if isinstance(value, list):
        listed = cast("Sequence[object]", value)
        return [_without_marks(one, f"{path}[{index}]", secrets) for index, one in enumerate(listed)]
    if isinstance(value, dict):
        mapping = cast("dict[str, object]", value)
        return {
            key: _without_marks(one, f"{path}.{key}" if path else key, secrets) for key, one in mapping.items()
        }
    return value
