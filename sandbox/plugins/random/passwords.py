"""Passwords: random:index/randomPassword:RandomPassword."""

from __future__ import annotations

import string
from secrets import SystemRandom
from typing import ClassVar, Final

from sandbox.plugins.bridged.schema import Property, ResourceType, Schema, Values
from sandbox.plugins.process import PluginError
from sandbox.plugins.random.bcrypt import bcrypt_hash
from sandbox.plugins.random.characters import SPECIAL, Kind, RuleError, Rules, draw
from sandbox.plugins.values import has_unknown

_ID: Final = "none"
_MINIMUMS: Final = ("minLower", "minNumeric", "minSpecial", "minUpper")
_KINDS: Final = ("lower", "upper", "numeric", "special")


class RandomPassword(ResourceType[SystemRandom]):
    """A password that is drawn once and lives in the state alone; every change of its rules draws another."""

    token: ClassVar[str] = "random:index/randomPassword:RandomPassword"  # noqa: S105 - a type token
    properties: ClassVar[Schema] = {
        "bcryptHash": Property(type="str", output=True, secret=True),
        "keepers": Property(type="map", force_new=True),
        "length": Property(type="int", required=True, force_new=True),
        "lower": Property(type="bool", force_new=True),
        "minLower": Property(type="int", default=0, force_new=True),
        "minNumeric": Property(type="int", default=0, force_new=True),
        "minSpecial": Property(type="int", default=0, force_new=True),
        "minUpper": Property(type="int", default=0, force_new=True),
        "number": Property(type="bool", force_new=True),
        "numeric": Property(type="bool", force_new=True),
        "overrideSpecial": Property(type="str", force_new=True),
        "result": Property(type="str", output=True, secret=True),
        "special": Property(type="bool", force_new=True),
        "upper": Property(type="bool", force_new=True),
    }

    def plan(self, old: Values | None, planned: Values) -> Values:
        """All kinds of characters are in unless the program leaves one out; `number` is `numeric`'s old name."""
        plan = dict(planned)
        numeric = plan["numeric"] if plan["numeric"] is not None else plan["number"]
        plan["numeric"] = plan["number"] = numeric
        for kind in (*_KINDS, "number"):
            plan[kind] = True if plan[kind] is None else plan[kind]
        if old is not None and not plan["overrideSpecial"] and not old.get("overrideSpecial"):
            plan["overrideSpecial"] = old.get("overrideSpecial")
        return plan

    def problems(self, inputs: Values) -> list[tuple[str, str]]:
        """What is wrong with rules, as far as they are known."""
        if has_unknown(inputs):
            return []
        number, numeric = inputs.get("number"), inputs.get("numeric")
        if None not in (number, numeric) and number != numeric:
            return [("number", "number and numeric differ; number is the old name of numeric, use numeric alone")]
        problem = rules_of(self.plan(None, {**dict.fromkeys(self.properties), **inputs})).problem()
        return [("length", problem)] if problem else []

    def create(self, server: SystemRandom, inputs: Values) -> tuple[str, Values]:
        """Draws the password."""
        try:
            password = draw(rules_of(inputs), server)
        except RuleError as error:
            raise PluginError(str(error)) from None
        return _ID, {"bcryptHash": bcrypt_hash(password), "result": password}

    def read(self, server: SystemRandom, resource_id: str, state: Values) -> Values | None:
        """What the state says; an import brings the password itself in place of an id."""
        del server
        if state:
            return {}
        return {
            **dict.fromkeys((*_KINDS, "number"), True),
            **dict.fromkeys(_MINIMUMS, 0),
            "bcryptHash": bcrypt_hash(resource_id),
            "id": _ID,
            "length": len(resource_id.encode()),
            "result": resource_id,
        }

    def update(self, server: SystemRandom, resource_id: str, old: Values, new: Values) -> Values:
        """Nothing to do: what matters is replaced."""
        del server, resource_id, old, new
        return {}

    def delete(self, server: SystemRandom, resource_id: str, state: Values) -> None:
        """A password ends with the state that had it."""


def rules_of(inputs: Values) -> Rules:
    """The rules that planned inputs describe."""
    kinds = {
        "Lower": string.ascii_lowercase,
        "Upper": string.ascii_uppercase,
        "Numeric": string.digits,
        "Special": inputs.get("overrideSpecial") or SPECIAL,
    }
    return Rules(
        length=int(inputs.get("length") or 0),
        kinds=tuple(
            Kind(
                characters=str(characters),
                allowed=bool(inputs[name.lower()]),
                at_least=int(inputs.get(f"min{name}") or 0),
            )
            for name, characters in kinds.items()
        ),
    )
