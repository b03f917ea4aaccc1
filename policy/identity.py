"""Whose a name is: physical names read backwards, from how they look to the environment that they belong to.

The components make names forwards, from one value object. This reads them the other way round and knows nothing of
that code: a token that has the system's words and an environment's word in it is that environment's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policy.world import World

_TOKEN = re.compile(r"[A-Za-z0-9_-]+")
_HOST = re.compile(r"(?<![A-Za-z0-9@._-])[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+")
_FAMILIES = r"pr|prod|dev"
"""Words of which there may be any number of environments: `pr-7`, `prod-2`."""


@dataclass(frozen=True)
class Names:
    """The names that are another environment's, as one stack sees them.

    Args:
        world: the stack's.
    """

    world: World

    def foreign(self, text: str) -> Iterator[tuple[str, str]]:
        """Each name in a text that is another environment's, and that environment.

        Args:
            text: a property's value, a file, a statement, an address.
        """
        seen: set[str] = set()
        for name, environment in (*self._tokens(text), *self._paths(text), *self._hosts(text)):
            if name not in seen:
                seen.add(name)
                yield name, environment

    def of_token(self, token: str) -> str:
        """The environment that one word made of letters, digits, `-` and `_` belongs to; empty for none."""
        plain = _hyphens(token)
        exact = self._legacy.get(token)
        if exact is not None:
            return exact
        system = re.search(rf"(?<![a-z0-9]){re.escape(self.world.system)}(?![a-z0-9])", plain)
        if system is None:
            return ""
        rest = f"{plain[: system.start()]}/{plain[system.end() :]}"
        found = [match["name"] for match in self._environments.finditer(rest)]
        return next((name for name in found if name != self.world.environment), found[0] if found else "")

    def of_host(self, host: str) -> str:
        """The environment that a host below the platform's domain belongs to; empty for none."""
        platform = self.world.platform
        if platform is None or host in platform.servers or host in self.world.declared.shared:
            return ""
        if host == platform.domain:
            return "prod"
        labels = host.removesuffix(f".{platform.domain}").split(".")
        if not host.endswith(f".{platform.domain}"):
            return ""
        if len(labels) == 1:
            _, hyphen, environment = labels[0].partition("-")
            return environment if hyphen else "prod"
        return labels[0] if labels[1] == self.world.system else ""

    def of_database(self, name: str) -> str:
        """The environment that a database or role has by exception, where its name may be an ordinary word."""
        return self._exceptions.get(name, "")

    def _tokens(self, text: str) -> Iterator[tuple[str, str]]:
        if self.world.system not in _hyphens(text) and not any(name in text for name in self._legacy):
            return
        for token in _TOKEN.findall(text):
            environment = self.of_token(token)
            if environment not in {"", self.world.environment}:
                yield token, environment

    def _paths(self, text: str) -> Iterator[tuple[str, str]]:
        if f"{self.world.system}/" not in text:
            return
        for path, environment in self._path.findall(text):
            if environment != self.world.environment and self._environments.fullmatch(environment):
                yield path, environment

    def _hosts(self, text: str) -> Iterator[tuple[str, str]]:
        if self.world.platform is None or self.world.platform.domain not in text:
            return
        for host in _HOST.findall(text):
            environment = self.of_host(host.lower())
            if environment not in {"", self.world.environment}:
                yield host, environment

    @cached_property
    def _path(self) -> re.Pattern[str]:
        return re.compile(rf"(?<![A-Za-z0-9_-])({re.escape(self.world.system)}/([a-z0-9-]+))(?![A-Za-z0-9_-])")

    @cached_property
    def _environments(self) -> re.Pattern[str]:
        """An environment's word, with its number, between what is no letter and no digit."""
        words = {*self.world.others, self.world.environment}
        known = sorted(map(re.escape, words), key=len, reverse=True)
        numbered = rf"(?:{_FAMILIES})-\d+"
        return re.compile(rf"(?<![a-z0-9])(?P<name>{numbered}|{'|'.join(known)})(?![a-z0-9])")

    @cached_property
    def _exceptions(self) -> dict[str, str]:
        """Names that environments have by exception, and whose they are."""
        if self.world.platform is None:
            return {}
        return {
            name: environment
            for environment, kinds in self.world.platform.legacy.items()
            for names in kinds.values()
            for name in names.values()
        }

    @cached_property
    def _legacy(self) -> dict[str, str]:
        """Those of them that cannot be mistaken for an ordinary word."""
        plain = {self.world.system, self.world.system.replace("-", "_")}
        return {name: environment for name, environment in self._exceptions.items() if name not in plain}


def _hyphens(token: str) -> str:
    """A token with each separator as PostgreSQL's names write it turned into a hyphen."""
    return token.lower().replace("__", "-").replace("_", "-")
