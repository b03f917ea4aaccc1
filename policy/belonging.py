"""Whose things are: nothing of another environment, an owner on every object, force on nobody else's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policy.addresses import unknown_leaves
from policy.resource import Place, Resource
from policy.rule import Answer, Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policy.identity import Names
    from policy.world import World

SYSTEM, ENVIRONMENT = "bulkhead.dev/system", "bulkhead.dev/environment"
_OF_A_DATABASE = {
    "postgresql:index/database:Database": ("name",),
    "vault:database/secretBackendConnection:SecretBackendConnection": ("name",),
    "vault:database/secretBackendRole:SecretBackendRole": ("dbName",),
}
_DATABASE = re.compile(
    r"""postgres(?:ql)?://[^/\s]+/(?P<url>[A-Za-z0-9_]+)|"PGDATABASE"\s*:\s*"(?P<json>[^"]+)"|dbname=(?P<words>\w+)"""
)


def foreign_identity(resource: Resource, world: World) -> Iterator[Answer]:
    """No property has a name of another environment."""
    names = world.names
    for place in resource.leaves:
        if not isinstance(place.value, str):
            continue
        hidden = resource.is_secret(place.path)
        for name, environment in names.foreign(place.value):
            shown = "something" if hidden else repr(name)
            yield Fault(f"{place.path} names {shown}, which is {environment}'s")
        for match in _DATABASE.finditer(place.value):
            name = match["url"] or match["json"] or match["words"]
            yield from _database(Place(place.path, name), names, world, hidden=hidden)
    for place in _databases(resource):
        yield from _database(place, names, world)
    yield from _labels(resource.place, world)
    yield from unknown_leaves(resource)


def owner_labels(resource: Resource, world: World) -> Iterator[Answer]:
    """Every object, and every pod that one makes, says whose it is."""
    if not resource.is_object or resource.kind.endswith("Patch"):
        return
    wanted = {SYSTEM: world.system, ENVIRONMENT: world.environment, "app.kubernetes.io/managed-by": "pulumi"}
    template = resource.place.at("spec").entries.get("template")
    pods = isinstance(template, dict) and "spec" in template
    for place in (resource.metadata, *([resource.place.at("spec", "template", "metadata")] if pods else [])):
        labels = place.at("labels")
        for key, value in wanted.items():
            found = Place(f"{labels.path}[{key}]", labels.entries.get(key)).known()
            if found.value != value:
                yield Fault(f"{found.path} is {found.value!r}; use {value!r}")


def forced_patch(resource: Resource, world: World) -> Iterator[Answer]:
    """Force is for the stack's own objects."""
    if not resource.is_object:
        return
    asked = resource.metadata.at("annotations").entries.get("pulumi.com/patchForce")
    forced = str(resource.provider_props.get("enablePatchForce", "")).lower() == "true"
    labels = resource.metadata.at("labels").entries
    own = (labels.get(SYSTEM), labels.get(ENVIRONMENT)) == (world.system, world.environment)
    if resource.kind.endswith("Patch") and (forced or str(asked).lower() == "true"):
        yield Fault("it patches an object that is not the stack's, with force; give it a provider without force")
    elif str(asked).lower() == "true" and not own:
        yield Fault("metadata.annotations[pulumi.com/patchForce] forces an object without this stack's labels")


def explicit_provider(resource: Resource, _: World) -> Iterator[Answer]:
    """Nothing is managed by a provider that was made of a shell's surroundings."""
    if resource.is_custom and (not resource.provider or re.fullmatch(r"default(_.*)?", resource.provider)):
        yield Fault(f"its provider is {resource.provider or 'none'!r}; give it one of the stack's own")


def unreachable_kept(resource: Resource, _: World) -> Iterator[Answer]:
    """An API server that does not answer is no reason to forget what runs on it."""
    if resource.type == "pulumi:providers:kubernetes":
        asked = resource.place.at("deleteUnreachable")
        if asked.text.lower() == "true":
            yield Fault(f"{asked.path} is true; leave it out")


def _database(place: Place, names: Names, world: World, *, hidden: bool = False) -> Iterator[Answer]:
    owner = names.of_database(place.text)
    if owner not in {"", world.environment}:
        shown = "a database" if hidden else f"the database {place.text!r}"
        yield Fault(f"{place.path} names {shown}, which is {owner}'s by exception")


def _databases(resource: Resource) -> Iterator[Place]:
    """The properties that hold nothing but a database's name."""
    keys = _OF_A_DATABASE.get(resource.type, ())
    if resource.package == "postgresql":
        keys = (*keys, "database")
    yield from (Place(key, resource.props[key]) for key in keys if isinstance(resource.props.get(key), str))


def _labels(place: Place, world: World) -> Iterator[Answer]:
    """Labels and selectors that name an environment, wherever they stand."""
    for key, mine in ((ENVIRONMENT, world.environment), (SYSTEM, world.system)):
        value = place.entries.get(key)
        if isinstance(value, str) and value != mine:
            yield Fault(f"{place.path}[{key}] is {value!r}, not this stack's {mine!r}")
    for one in place.inside:
        yield from _labels(one, world)
