"""Registration: the rules as policies of CrossGuard, and its arguments as plain data.

pulumi-policy differs in four things from what the rules need, and each is settled here, on purpose:

- It reads a resource anew for every policy, and unwraps its secrets before any sees them. Here policies get what
  the engine sent, which is read once, with its secrets marked: the pack takes less than half the time.
- A policy that touches what is not known yet ends there. Here an unknown value is data, rules go on around it, and
  what they could not judge is reported by the advisory policies `undecided` and `undecided-stack`.
- A policy of a whole stack sees what the servers answered, with all that they filled in. Here it sees what was
  declared, as it was when each resource was judged by itself.
- A policy has one level, and a rule has one for each kind of environment. A rule that is advice somewhere is two
  policies, `tls` and `tls-advice`; each leaves the environments of the other alone.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any, cast

import pulumi_policy
from google.protobuf import json_format
from pulumi_policy import deserialize, proxy

from policy.files import world
from policy.resource import Resource, Unknown
from policy.rule import Finding, Kind, Level, Rule, on_resource, on_stack
from policy.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from google.protobuf import struct_pb2

    from policy.world import World

    Report = Callable[[str, str | None], None]

_SENTINELS = frozenset(value for name, value in vars(proxy).items() if name.startswith("UNKNOWN_"))
_LEVELS: Mapping[Level, pulumi_policy.EnforcementLevel] = {
    "mandatory": pulumi_policy.EnforcementLevel.MANDATORY,
    "advisory": pulumi_policy.EnforcementLevel.ADVISORY,
}
UNDECIDED, UNDECIDED_STACK = "undecided", "undecided-stack"
_NAMES = (*(name for rule in RULES for name in (rule.id, f"{rule.id}-advice")), UNDECIDED, UNDECIDED_STACK)
_WHOLE = "the whole stack"


@dataclass(frozen=True, eq=False)
class _Sent:
    """Properties as the engine sent them, unread."""

    properties: struct_pb2.Struct

    def read(self) -> dict[str, Any]:
        """As they are on the wire: secrets and assets are mappings with a signature."""
        return json_format.MessageToDict(self.properties)

    copy = read
    """What pulumi-policy does with a policy's own configuration, which it reads in the same way."""


class _Unread:
    """Stands in pulumi-policy for `google.protobuf.json_format`, of which it uses one function."""

    @staticmethod
    def MessageToDict(properties: struct_pb2.Struct) -> _Sent:  # noqa: N802 - theirs
        return _Sent(properties)


def leave_unread() -> None:
    """Let pulumi-policy hand over what the engine sent, unread.

    Raises:
        RuntimeError: this version of it reads properties in another way.
    """
    module: Any = pulumi_policy.policy
    if (module.json_format, module.deserialize_properties) != (json_format, deserialize.deserialize_properties):
        raise RuntimeError("pulumi_policy.policy reads properties in a way that the pack does not know")
    module.json_format = _Unread
    module.deserialize_properties = _as_sent


def _as_sent(sent: _Sent, _: bool = False) -> _Sent:  # noqa: FBT001, FBT002 - theirs
    return sent


def policies() -> list[pulumi_policy.Policy]:
    """One policy or two for each rule that CrossGuard can judge, and the two that tell what is undecided."""
    found: list[pulumi_policy.Policy] = []
    for rule in RULES:
        for level in sorted(set(rule.levels.values()) - {"off"}, reverse=True):
            name = rule.id if level == "mandatory" else f"{rule.id}-advice"
            made: dict[str, Any] = {
                "description": f"{rule.why} {rule.fix}",
                "enforcement_level": _LEVELS[level],
                "remediation_steps": rule.fix,
            }
            if rule.resource:
                judge = partial(_resource, name, rule, level)
                found.append(pulumi_policy.ResourceValidationPolicy(name, validate=judge, **made))
            elif rule.stack:
                judge = partial(_stack, name, rule, level)
                found.append(pulumi_policy.StackValidationPolicy(name, validate=judge, **made))
    advice: dict[str, Any] = {
        "description": "What is not known before the update is judged during it.",
        "enforcement_level": pulumi_policy.EnforcementLevel.ADVISORY,
    }
    return [
        *found,
        pulumi_policy.ResourceValidationPolicy(UNDECIDED, validate=_undecided_resource, **advice),
        pulumi_policy.StackValidationPolicy(UNDECIDED_STACK, validate=_undecided_stack, **advice),
    ]


class _Turn(threading.local):
    """What the rules say of what one thread is asked about.

    pulumi-policy asks each policy by itself, one after the other on one thread. All rules answer at the first
    question; each policy takes its answer away, so that the next request finds none of this one's.
    """

    def __init__(self) -> None:
        self.about = ""
        self.kind: Kind = "production"
        self.answers: dict[str, list[Finding]] = {}

    def take(self, policy: str, about: str, judged: Callable[[], tuple[Kind, list[Finding]]]) -> list[Finding]:
        if about != self.about or policy not in self.answers:
            self.about = about
            self.kind, found = judged()
            self.answers = {name: [] for name in _NAMES}
            for one in found:
                for name in (
                    (UNDECIDED, UNDECIDED_STACK) if one.undecided else (one.rule.id, f"{one.rule.id}-advice")
                ):
                    self.answers[name].append(one)
        return self.answers.pop(policy)


def _resource(
    name: str, rule: Rule, level: Level, args: pulumi_policy.ResourceValidationArgs, report: Report
) -> None:
    _say(name, rule, level, args, report, _TURN.take(name, args.urn, lambda: _of_resource(args)))


def _stack(name: str, rule: Rule, level: Level, args: pulumi_policy.StackValidationArgs, report: Report) -> None:
    _say(name, rule, level, args, report, _TURN.take(name, _WHOLE, lambda: _of_stack(args)))


def _say(name: str, rule: Rule, level: Level, args: Any, report: Report, findings: list[Finding]) -> None:
    if rule.levels[_TURN.kind] != level:
        args.not_applicable(f"{name} is not {level} where the kind is {_TURN.kind}")
    for finding in findings:
        report(finding.says, finding.urn or None)


def _undecided_resource(args: pulumi_policy.ResourceValidationArgs, report: Report) -> None:
    for text in together(_TURN.take(UNDECIDED, args.urn, lambda: _of_resource(args))):
        report(text, None)


def _undecided_stack(args: pulumi_policy.StackValidationArgs, report: Report) -> None:
    for text in together(_TURN.take(UNDECIDED_STACK, _WHOLE, lambda: _of_stack(args))):
        report(text, None)


def _of_resource(args: pulumi_policy.ResourceValidationArgs) -> tuple[Kind, list[Finding]]:
    resource = _DECLARED[args.urn] = resource_of(args)
    here = _world_of(resource.urn)
    return here.kind, [one for rule in RULES for one in on_resource(rule, resource, here)]


def _of_stack(args: pulumi_policy.StackValidationArgs) -> tuple[Kind, list[Finding]]:
    resources = [_DECLARED.get(one.urn) or resource_of(one) for one in args.resources]
    if not resources:
        return "production", []
    here = _world_of(resources[0].urn)
    return here.kind, [one for rule in RULES for one in on_stack(rule, resources, here)]


def together(findings: Iterable[Finding]) -> Iterator[str]:
    """What is undecided, each unknown once, with the rules that wait for it."""
    waiting: dict[str, list[str]] = {}
    for finding in findings:
        if finding.undecided:
            waiting.setdefault(finding.says, []).append(finding.rule.id)
    for says, rules in waiting.items():
        yield f"undecided: {says}; not judged yet: {', '.join(dict.fromkeys(rules))}"


_TURN = _Turn()
_DECLARED: dict[str, Resource] = {}
"""What has been judged by itself, by URN."""


@cache
def _world(system: str, environment: str) -> World:
    return world(system, environment)


def _world_of(urn: str) -> World:
    environment, system = urn.removeprefix("urn:pulumi:").split("::")[:2]
    return _world(system, environment)


def resource_of(given: Any) -> Resource:
    """A resource as pulumi-policy gives it, as plain data."""
    secrets: set[str] = set()
    props = plain(given.props.read(), "", secrets)
    provider = given.provider
    return Resource(
        urn=given.urn,
        type=given.resource_type,
        name=given.name,
        props=cast("dict[str, Any]", props),
        secrets=frozenset(secrets),
        protect=bool(given.opts.protect),
        provider=provider.name if provider else "",
        provider_props=cast("dict[str, Any]", plain(provider.props.read(), "", set())) if provider else {},
    )


def plain(value: object, path: str, secrets: set[str]) -> object:
    """A property as plain data.

    Args:
        value: as it is on the wire: secrets and assets are mappings with a signature.
        path: where it is.
        secrets: where secrets are; added to.
    """
    if isinstance(value, str):
        return Unknown() if value in _SENTINELS else value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        listed = cast("list[object]", value)
        return [plain(one, f"{path}[{index}]", secrets) for index, one in enumerate(listed)]
    if not isinstance(value, dict):
        return value
    mapping = cast("dict[str, object]", value)
    if mapping.get(deserialize.SPECIAL_SIG_KEY) == deserialize.SPECIAL_SECRET_SIG:
        secrets.add(path)
        return plain(mapping["value"], path, secrets)
    return {key: plain(inner, f"{path}.{key}" if path else key, secrets) for key, inner in mapping.items()}
