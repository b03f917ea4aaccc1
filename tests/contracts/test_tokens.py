"""Type tokens: a change of one replaces every resource of its kind, databases among them."""

import ast
import importlib
import inspect
import pkgutil

import pulumi
import pytest

import components
from tests.stacks import keybuzz

TOKENS = {
    "AppDeployment": "bulkhead:index:AppDeployment",
    "EnvironmentDatabase": "bulkhead:index:EnvironmentDatabase",
    "Ingress": "bulkhead:index:Ingress",
    "Namespace": "bulkhead:index:Namespace",
    "VaultDbSecret": "bulkhead:index:VaultDbSecret",
}


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


def test_keybuzz_uses_every_component_by_its_token() -> None:
    assert {made.type for made in keybuzz("prod") if made.is_component} == set(TOKENS.values())


@pytest.mark.parametrize("name", TOKENS)
def test_a_component_says_what_it_gives_back(name: str) -> None:
    given = [outputs for urn, outputs in keybuzz("prod").outputs.items() if f"{TOKENS[name]}::" in urn]
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
    rest = {"Connected", "Environment", "InputError", "Platform", "Probes", "Settings", "connect"}
    assert set(components.__all__) == {*TOKENS, *arguments, *rest}
