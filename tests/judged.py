"""Recorded programs as the policy pack's rules see them."""

import copy
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from policy.files import world
from policy.resource import Resource, Unknown
from policy.rule import Finding, judge
from policy.rules import RULES
from policy.world import World
from tests.recording import UNKNOWN, Recording, Registration
from tests.stacks import ROOT, run_program

TODAY = date(2030, 1, 15)
PROGRAMS = {
    "keybuzz": ROOT,
    "twinme": ROOT / "examples/twinme",
    "ansible-builder": ROOT / "examples/ansible-builder",
}
STACKS = ("dev", "prod")


def resources(recording: Recording) -> list[Resource]:
    """What a program registered, as plain data for rules."""
    made = {one.urn: one for one in recording}
    return [_resource(one, made) for one in recording]


def _resource(one: Registration, made: dict[str, Registration]) -> Resource:
    provider = made.get(one.provider)
    return Resource(
        urn=one.urn,
        type=one.type,
        name=one.name,
        props=_plain(one.inputs),
        secrets=one.secrets,
        protect=bool(one.options.get("protect")),
        provider=one.provider.rpartition("::")[2],
        provider_props=_plain(provider.inputs) if provider else {},
    )


def _plain(value: Any) -> Any:
    if value is UNKNOWN:
        return Unknown()
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value


@cache
def _recorded(program: str, stack: str) -> tuple[Resource, ...]:
    return tuple(resources(run_program(stack, folder=PROGRAMS[program])))


def recorded(program: str, stack: str) -> list[Resource]:
    """A program's resources, which a test may change."""
    return [copy.deepcopy(one) for one in _recorded(program, stack)]


def around(program: str, stack: str, folder: Path | None = None) -> World:
    """The world around one of its stacks, as its files say."""
    return world(program, stack, folder or PROGRAMS[program], variables={}, today=TODAY)


def judged(found: list[Resource], here: World) -> list[Finding]:
    """What all rules say."""
    return judge(RULES, found, here)
