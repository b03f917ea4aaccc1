"""Component pages: the inputs of every component, written from its types into docs/components/.

After a change of an Args class: `.venv/bin/python -m tests.contracts.component_docs`.
"""

import dataclasses
import importlib
import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, is_typeddict

import pulumi
from pulumi.provider.experimental.analyzer import Analyzer

import components
from components.links import External
from components.permissions import Permission
from components.pod import InitContainer
from components.probes import Probes
from components.release_job import ReleaseJob
from components.service_monitor import Metrics
from components.validation import Model
from components.values import Workload

PAGES = Path(__file__).resolve().parents[2] / "docs" / "components"
_HEAD = ("| input | type | default | what it is |", "| --- | --- | --- | --- |")
BEGIN, END = "<!-- inputs -->", "<!-- end of inputs -->"

PARTS = ("workload", (Workload, External, InitContainer, Metrics, Permission, Probes, ReleaseJob))
"""A page of its own, and what stands there once instead of on every component's page."""


def classes() -> dict[str, type[pulumi.ComponentResource]]:
    """Every component that the library exports, by its page's name."""
    found = (getattr(components, name) for name in components.__all__)
    return {
        one.__module__.rpartition(".")[2].replace("_", "-"): one
        for one in found
        if inspect.isclass(one) and issubclass(one, pulumi.ComponentResource)
    }


def inputs(component: type[pulumi.ComponentResource]) -> str:
    """The tables of a component's Args, and of every type of ours that they are made of."""
    module = importlib.import_module(component.__module__)
    arguments = getattr(module, f"{component.__name__}Args")
    if is_typeddict(arguments):
        return "\n\n".join((_table_of_data(component, arguments), *map(_table_of_model, _models(module))))
    page, elsewhere = PARTS
    whole = list(_with_parts(arguments))
    tables = [_table(one) for one in whole if one not in elsewhere]
    if linked := ", ".join(f"`{one.__name__}`" for one in whole if one in elsewhere):
        tables.append(f"What these are made of: {linked}: [the parts of a workload]({page}.md).")
    return "\n\n".join(tables)


def parts() -> str:
    """The tables of the parts' own page."""
    return "\n\n".join(_table(one) for one in PARTS[1])


def contents() -> dict[str, str]:
    """What is written into each page, by its name."""
    return {**{page: inputs(component) for page, component in classes().items()}, PARTS[0]: parts()}


def written(text: str, tables: str) -> str:
    """A page with these tables."""
    before, mark, after = text.partition(BEGIN)
    if not mark:
        raise ValueError(f"the page has no line {BEGIN}")
    rest = after.partition(END)[2] or after
    return f"{before}{BEGIN}\n{tables}\n{END}{rest}"


def example(text: str) -> str:
    """The program of a page."""
    found = re.search(r"^## Example$.*?^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    if not found:
        raise ValueError("the page has no ```python block under ## Example")
    return found.group(1)


def _with_parts(first: type) -> Iterator[type]:
    """A dataclass, then the dataclasses that its modules have for its fields, each once."""
    seen: list[type] = []
    todo = [first]
    while todo:
        one = todo.pop(0)
        if one in seen:
            continue
        seen.append(one)
        words = {word for item in dataclasses.fields(one) for word in re.findall(r"[A-Z]\w+", str(item.type))}
        todo += [part for word in sorted(words) if (part := _part(one, word)) is not None]
    return iter(seen)


def _part(owner: type, word: str) -> type | None:
    modules = (inspect.getmodule(one) for one in owner.__mro__)
    found = next((there for module in modules if (there := getattr(module, word, None)) is not None), None)
    is_ours = inspect.isclass(found) and dataclasses.is_dataclass(found) and word != "Environment"
    return found if is_ours and found.__module__.startswith("components.") else None


def _table(arguments: type) -> str:
    """What must be given, then what may be."""
    described = {name: text for one in reversed(arguments.__mro__) for name, text in _descriptions(one).items()}
    rows = [f"**{arguments.__name__}**", "", *_HEAD]
    for item in sorted(dataclasses.fields(arguments), key=lambda item: _default(item) != "required"):
        kind = _type(item.type).replace("|", "\\|")
        rows.append(f"| `{item.name}` | `{kind}` | {_default(item)} | {described.get(item.name, '')} |")
    return "\n".join(rows)


def _models(module: Any) -> list[type[Model]]:
    """What a module itself describes plain data by; not the whole, whose fields are the inputs."""
    own = [one for one in vars(module).values() if inspect.isclass(one) and one.__module__ == module.__name__]
    models = [one for one in own if Model in one.__bases__]
    return [one for one in models if not one.__subclasses__()]


def _table_of_data(component: type[pulumi.ComponentResource], arguments: type) -> str:
    """The inputs of a component of plain data, as other languages are told them."""
    found = Analyzer("bulkhead").analyze([component])["component_definitions"][component.__name__]
    rows = [
        (name, found.inputs_mapping[name], "optional" if one.optional else "required", one.description or "")
        for name, one in found.inputs.items()
    ]
    kinds = arguments.__annotations__
    return _rows(arguments, [(name, _type(kinds[own]), is_needed, text) for name, own, is_needed, text in rows])


def _type_of_data(schema: dict[str, Any]) -> str:
    """What a value is in JSON: `string`, `array`, the name of a description."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    choices = [_type_of_data(one) for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    return " | ".join(choices) or str(schema["type"])


def _table_of_model(model: type[Model]) -> str:
    properties = model.model_json_schema()["properties"]
    rows = [
        (
            field.alias or name,
            _type_of_data(properties[field.alias or name]),
            "required" if field.is_required() else f"`{json.dumps(field.get_default(call_default_factory=True))}`",
            field.description or "",
        )
        for name, field in model.model_fields.items()
    ]
    return _rows(model, rows)


def _rows(owner: type, rows: list[tuple[str, str, str, str]]) -> str:
    lines = [
        f"| `{name}` | `{kind}` | {default} | {text} |"
        for name, kind, default, text in ([cell.replace("|", "\\|") for cell in row] for row in rows)
    ]
    return "\n".join((f"**{owner.__name__}**", "", *_HEAD, *lines))


def _type(annotation: Any) -> str:
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return re.sub(r"\b(?:[a-z_]+\.)+(?=[A-Za-z])", "", text).strip("'\"")


def _default(item: dataclasses.Field[Any]) -> str:
    if item.default is not dataclasses.MISSING:
        return f"`{item.default!r}`".replace("|", "\\|")
    if item.default_factory is not dataclasses.MISSING:
        made = item.default_factory()
        return f"`{made!r}`" if not dataclasses.is_dataclass(made) else f"`{type(made).__name__}()`"
    return "required"


def _descriptions(arguments: type) -> dict[str, str]:
    """What the docstring's `Args:` says of each field, or what stands below the field."""
    text = inspect.cleandoc(arguments.__doc__ or "")
    _, _, listed = text.partition("Args:\n")
    found: dict[str, str] = {}
    name = ""
    for line in listed.splitlines():
        if not line.startswith("    "):
            break
        if head := re.match(r"    (\w+): (.*)", line):
            name = head.group(1)
            found[name] = head.group(2)
        elif name:
            found[name] += " " + line.strip()
    return {key: value.replace("|", "\\|") for key, value in found.items()}


if __name__ == "__main__":
    for page, tables in contents().items():
        file = PAGES / f"{page}.md"
        file.write_text(written(file.read_text(encoding="utf-8"), tables), encoding="utf-8")
