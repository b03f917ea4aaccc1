"""The `bulkhead` command line: puts the nouns together, and turns errors into messages and exit codes."""

from __future__ import annotations

import sys

import typer

from bulkhead import errors, sandbox, settings, structure, tools

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="One Pulumi program, any number of environments, no leak between them.",
)
app.add_typer(sandbox.app, name="sandbox")
app.add_typer(settings.app, name="settings")
app.add_typer(structure.app, name="structure")
app.add_typer(tools.app, name="tools")


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
