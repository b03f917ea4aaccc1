"""Every component has a page: what it guarantees, its inputs as the types have them, an example that runs."""

import tempfile
from functools import cache
from pathlib import Path

import pulumi
import pytest

from tests.contracts.component_docs import PAGES, classes, contents, example, inputs, written
from tests.recording import Recording
from tests.stacks import engine_environment, run_file

COMPONENTS, CONTENTS = classes(), contents()
HEADINGS = ("## What it guarantees", "## Example", "## Inputs", "## What it does not do")
IMAGES = ("api", "backend", "client", "worker", "web", "report")


def page(name: str) -> str:
    return (PAGES / f"{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(COMPONENTS))
def test_the_page_of_a_component_has_every_part(name: str) -> None:
    text = page(name)
    assert [heading for heading in HEADINGS if f"\n{heading}\n" not in text] == []


@pytest.mark.parametrize("name", sorted(CONTENTS))
def test_the_inputs_on_a_page_are_those_of_the_types(name: str) -> None:
    text = page(name)
    assert written(text, CONTENTS[name]) == text, "run: .venv/bin/python -m tests.contracts.component_docs"


@pytest.mark.parametrize("name", sorted(CONTENTS))
def test_every_input_of_a_component_is_described(name: str) -> None:
    undescribed = [line for line in CONTENTS[name].splitlines() if line.endswith("|  |")]
    assert not undescribed


@cache
def recorded_example(name: str, stack: str) -> Recording:
    """The example of a page, as one of the stacks."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "__main__.py"
        program.write_text(example(page(name)), encoding="utf-8")
        config = {
            "bulkhead:kind": "production" if stack == "prod" else "development",
            "bulkhead:platform": "keybuzz",
            "bulkhead:images": {part: f"registry.example.com/example/{part}:v1" for part in images_of(program)},
        }
        return run_file(program, stack, engine_environment(config))


@pytest.mark.parametrize("stack", ["dev", "prod"])
@pytest.mark.parametrize("name", sorted(COMPONENTS))
def test_the_example_of_a_page_runs_and_makes_the_component(name: str, stack: str) -> None:
    made = {resource.kind for resource in recorded_example(name, stack) if resource.is_component}
    assert COMPONENTS[name].__name__ in made


def images_of(program: Path) -> list[str]:
    """The images that an example may ask for: of the parts that it names."""
    text = program.read_text(encoding="utf-8")
    return [part for part in IMAGES if f'"{part}"' in text]


def test_a_component_without_a_page_is_noticed() -> None:
    assert {file.stem for file in PAGES.glob("*.md")} >= set(COMPONENTS)


def test_a_change_of_an_input_is_noticed() -> None:
    name, component = next(iter(COMPONENTS.items()))
    assert issubclass(component, pulumi.ComponentResource)
    tables = inputs(component)
    assert written(page(name), tables.replace("required", "optional")) != page(name)
