"""Type tokens: a change of one replaces every resource of its kind, databases among them."""

import ast
import importlib
import inspect
import pkgutil

import pulumi
import pytest

import components
from tests.contracts.component_docs import classes
from tests.contracts.test_component_docs import recorded_example

PAGE_OF = {component.__name__: page for page, component in classes().items()}

TOKENS = {
    "AppDeployment": "bulkhead:index:AppDeployment",
    "AppSecret": "bulkhead:index:AppSecret",
    "Cache": "bulkhead:index:Cache",
    "EnvironmentDatabase": "bulkhead:index:EnvironmentDatabase",
    "Ingress": "bulkhead:index:Ingress",
    "Namespace": "bulkhead:index:Namespace",
    "Publication": "bulkhead:index:Publication",
    "ScheduledJob": "bulkhead:index:ScheduledJob",
    "SchemaMigration": "bulkhead:index:SchemaMigration",
    "System": "bulkhead:index:System",
    "VaultDbSecret": "bulkhead:index:VaultDbSecret",
}

VALUES = {
    "Connected",
    "Environment",
    "Expected",
    "External",
    "From",
    "Generated",
    "InitContainer",
    "InputError",
    "Metrics",
    "Permission",
    "Platform",
    "Probes",
    "RateLimit",
    "ReleaseJob",
    "RoleSettings",
    "Route",
    "SecurityHeaders",
    "Settings",
    "Tls",
    "connect",
}
"""What programs import besides components and their arguments."""


def component_classes() -> dict[str, type[pulumi.ComponentResource]]:
    """Every component that a module of the library defines."""
    return {
        name: value
        for module in pkgutil.iter_modules(components.__path__, "components.")
        for name, value in inspect.getmembers(importlib.import_module(module.name), inspect.isclass)
        if issubclass(value, pulumi.ComponentResource) and value.__module__.startswith("components.")
    }


def test_every_component_has_its_token_in_this_table() -> None:
    assert sorted(component_classes()) == sorted(TOKENS)


@pytest.mark.parametrize("name", TOKENS)
def test_a_component_registers_with_its_token_and_no_other(name: str) -> None:
    tree = ast.parse(inspect.getsource(component_classes()[name]))
    texts = {
        node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert {text for text in texts if text.startswith("bulkhead:")} == {TOKENS[name]}


@pytest.mark.parametrize("name", TOKENS)
def test_a_component_says_what_it_gives_back(name: str) -> None:
    made = recorded_example(PAGE_OF[name], "prod").outputs
    given = [outputs for urn, outputs in made.items() if f"{TOKENS[name]}::" in urn]
    assert given
    for outputs in given:
        assert outputs
        described = inspect.getdoc(component_classes()[name]) or ""
        assert not [key for key in outputs if f"`{key}`" not in described], (
            "an output that the class does not name"
        )


def test_every_exported_name_can_be_imported_and_is_described() -> None:
    assert components.__all__ == sorted(components.__all__)
    for name in components.__all__:
        assert inspect.getdoc(getattr(components, name)), name


def test_the_exported_names_are_the_reviewed_ones() -> None:
    arguments = {f"{name}Args" for name in TOKENS}
    assert set(components.__all__) == {*TOKENS, *arguments, *VALUES}
