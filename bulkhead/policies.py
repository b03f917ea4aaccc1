"""`bulkhead policies`: the rules of the policy pack, and what they say of recorded state.

Exit codes: 0 nothing mandatory is broken, 1 something is, 2 wrong usage.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from bulkhead.errors import UsageError
from bulkhead.judgement import WITHHELD, findings_of, findings_of_steps, is_broken
from bulkhead.stacks import Everything, StackReference, Words, chosen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policy.rule import Finding

app = typer.Typer(no_args_is_help=True, help="The rules that every environment is held to.")

_PROGRAM = "pulumi-analyzer-bulkhead"


def folder() -> Path:
    """The pack's folder, which the official Pulumi takes as `--policy-pack`."""
    return Path(__file__).resolve().parent.parent / "policy"


def pack(environment: Mapping[str, str]) -> Path:
    """What `--policy-pack` has to name where the engine runs in this environment.

    An official Pulumi comes with the hosts of all languages, and its host for Python runs the pack's folder. The
    host that can be built from source where no download is possible is older and does not know packs: there the
    engine starts the pack's own program, which it does with any host.

    Args:
        environment: the variables that the engine will have; PATH is looked at.
    """
    import shutil  # noqa: PLC0415 - help must not wait for it

    engine = shutil.which("pulumi", path=environment.get("PATH"))
    official = engine is not None and Path(engine).resolve().with_name("pulumi-language-nodejs").exists()
    return folder() if official else folder() / _PROGRAM


@app.command(name="list")
def list_rules(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List every rule: what it is for, and what it means in production, development and ephemeral environments.

    Exit codes: 0 listed, 2 wrong usage.
    """
    from policy.rule import KINDS  # noqa: PLC0415 - help must not wait for it
    from policy.rules import RULES  # noqa: PLC0415

    if as_json:
        rows = [
            {
                "id": rule.id,
                "why": rule.why,
                "how": rule.how,
                "fix": rule.fix,
                "judges": rule.judges,
                "levels": dict(rule.levels),
            }
            for rule in RULES
        ]
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    from rich.table import Table  # noqa: PLC0415

    table = Table("rule", *KINDS, "why")
    for rule in RULES:
        table.add_row(rule.id, *(rule.levels[kind] for kind in KINDS), rule.why)
    _console().print(table)


@app.command()
def check(
    stacks: Words = None,
    everything: Everything = False,
    preview: Annotated[
        Path | None,
        typer.Option(help="Judge what a preview would do, out of a file that `pulumi preview --json` wrote."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Judge stacks as they are recorded, without running their programs.

    What stands in a state as a secret is not looked at, and reported as undecided; `pulumi preview` with the pack
    judges it. With --preview, the one stack that is named is judged by what would be deleted or replaced.

    Exit codes: 0 nothing mandatory is broken, 1 something is, 2 wrong usage.
    """
    references = chosen(stacks or (), everything=everything)
    if preview is not None and len(references) != 1:
        raise UsageError("--preview is about one stack; name it")
    found = {
        str(reference): _of_preview(reference, preview) if preview else _of_state(reference)
        for reference in references
    }
    broken = any(is_broken(one) for findings in found.values() for one in findings)
    if as_json:
        print(json.dumps({name: [_row(one) for one in findings] for name, findings in found.items()}, indent=2))
    else:
        for name, findings in found.items():
            _show(name, findings)
    if broken:
        raise typer.Exit(1)


def _of_state(reference: StackReference) -> list[Finding]:
    from bulkhead.state import read  # noqa: PLC0415 - help must not wait for it

    return findings_of(read(reference), reference)


def _of_preview(reference: StackReference, file: Path) -> list[Finding]:
    import yaml  # noqa: PLC0415 - help must not wait for it

    project: dict[str, Any] = yaml.safe_load((reference.folder / "Pulumi.yaml").read_text(encoding="utf-8"))
    try:
        document: object = json.loads(file.read_text(encoding="utf-8"))
        steps: object = cast("dict[str, object]", document)["steps"] if isinstance(document, dict) else None
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(f"{file} is no preview: {error!r}; write one with `pulumi preview --json`") from None
    if not isinstance(steps, list):
        raise UsageError(f"{file} is no preview: it has no list of steps")
    return findings_of_steps(
        cast("list[Mapping[str, Any]]", steps),
        system=str(project["name"]),
        environment=reference.name,
        place=reference.folder,
    )


def _show(name: str, findings: list[Finding]) -> None:
    from rich.table import Table  # noqa: PLC0415 - help must not wait for it

    console = _console()
    faults = [one for one in findings if not one.undecided]
    waiting = [one for one in findings if one.undecided and WITHHELD not in one.says]
    withheld = {(one.urn, one.says) for one in findings if one.undecided and WITHHELD in one.says}
    if faults or waiting:
        table = Table("rule", "level", "resource", "what", title=name, title_justify="left")
        for one in (*faults, *waiting):
            level = "undecided" if one.undecided else one.level
            table.add_row(one.rule.id, level, _called(one.urn), one.says)
        console.print(table)
        for rule in dict.fromkeys(one.rule for one in faults):
            console.print(f"{rule.id}: {rule.fix}", markup=False)
    if withheld:
        console.print(f"{name}: undecided: {len(withheld)} secrets, which are not looked at here", markup=False)
    mandatory = sum(map(is_broken, faults))
    console.print(
        f"{name}: {mandatory} mandatory faults, {len(faults) - mandatory} advice, {len(waiting)} undecided",
        markup=False,
    )


def _called(urn: str) -> str:
    """A resource as a person calls it: `Deployment api-deployment`."""
    if not urn:
        return "the whole stack"
    _, _, kinds, name = urn.split("::", 3)
    return f"{kinds.rpartition(':')[2]} {name}"


def _row(one: Finding) -> dict[str, str]:
    level = "undecided" if one.undecided else one.level
    return {"rule": one.rule.id, "level": level, "urn": one.urn, "says": one.says, "fix": one.rule.fix}


def _console() -> Any:
    from rich.console import Console  # noqa: PLC0415 - help must not wait for it

    return Console(highlight=False, width=None if sys.stdout.isatty() else 160)
