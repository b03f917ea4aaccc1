"""The `bulkhead` command line: puts the nouns together, and turns errors into messages and exit codes."""

from __future__ import annotations

import sys

import typer

from bulkhead import errors, policies, sandbox, settings, structure, tools
from bulkhead.comment import comment
from bulkhead.diff.command import diff
from bulkhead.drift.command import drift
from bulkhead.ephemeral import command as ephemeral
from bulkhead.guard.command import guard
from bulkhead.isolation import command as isolation
from bulkhead.parity.command import parity

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="One Pulumi program, any number of environments, no leak between them.",
)
app.add_typer(ephemeral.app, name="ephemeral")
app.add_typer(isolation.app, name="isolation")
app.add_typer(policies.app, name="policies")
app.add_typer(sandbox.app, name="sandbox")
app.add_typer(settings.app, name="settings")
app.add_typer(structure.app, name="structure")
app.add_typer(tools.app, name="tools")
app.command()(comment)
app.command()(diff)
app.command()(guard)
app.command()(parity)
app.command()(drift)


@app.command()
def demo() -> None:
    """Apply KeyBuzz DEV and PROD on the sandbox and show what there is.

    Exit codes: 0 all is as it should be, 1 something is not, 4 a tool is not installed.
    """
    from bulkhead.demo import run  # noqa: PLC0415

    if not run():
        raise typer.Exit(1)


def main() -> None:
    """Run the command that the arguments name; the process ends with its exit code."""
    try:
        app()
    except Exception as error:
        explained = errors.explain(error)
        if explained is None:
            raise
        message, code = explained
        print(f"bulkhead: {message}", file=sys.stderr)
        sys.exit(code)


if __name__ == "__main__":
    main()
