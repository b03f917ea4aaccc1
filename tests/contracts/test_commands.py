"""What the documentation says to run exists."""

import re
import subprocess
from pathlib import Path

import pytest
import typer

from bulkhead.cli import app
from components import InputError, Settings
from tests.recording import within_stack
from tests.stacks import ROOT, configuration, engine_environment, forget_surroundings

DOCUMENTS = [path for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")) if path.is_file()]

_CODE = re.compile(r"^```(?:sh|bash|shell|console|text)?\n(.*?)^```|`([^`\n]+)`", re.DOTALL | re.MULTILINE)
_COMMAND = re.compile(
    r"(?:^|[\s(&;$])(make|bulkhead|pulumi|kubectl|vault|psql)((?:[ ]+[a-z][a-z-]*)+)", re.MULTILINE
)


def commands(document: Path, program: str) -> set[tuple[str, ...]]:
    """The words after the name of a program, wherever the document has code."""
    code = (block or span for block, span in _CODE.findall(document.read_text(encoding="utf-8")))
    return {
        tuple(words.split())
        for text in code
        for name, words in _COMMAND.findall(re.sub(r"#.*", "", text))
        if name == program
    }


def exists(words: tuple[str, ...]) -> bool:
    """Whether `bulkhead <words>` is a command; further words are its arguments."""
    group = typer.main.get_group(app)
    command = group.commands.get(words[0])
    if command is None:
        return False
    inner = getattr(command, "commands", None)
    takes_words = hasattr(command, "default")  # a group whose first word may be an argument of its default command
    return inner is None or len(words) == 1 or words[1] in inner or takes_words


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_that_a_document_names_exists(document: Path) -> None:
    targets = make_targets()
    assert not [words for words in commands(document, "make") if words[0] not in targets]
    assert not [words for words in commands(document, "bulkhead") if not exists(words)]


def test_the_readme_begins_with_the_two_commands() -> None:
    found = commands(ROOT / "README.md", "make")
    assert {("demo",), ("test",)} <= {words[:1] for words in found}


def test_a_command_that_does_not_exist_would_be_found(tmp_path: Path) -> None:
    document = tmp_path / "README.md"
    document.write_text("Run `make dmeo`, then:\n\n```sh\nbulkhead sandbox upp\nbulkhead settings schema\n```\n")
    assert commands(document, "make") == {("dmeo",)}
    assert {words for words in commands(document, "bulkhead") if not exists(words)} == {("sandbox", "upp")}


def test_make_help_names_every_target() -> None:
    shown = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, timeout=20, check=True
    ).stdout
    targets = make_targets()
    assert targets
    assert targets == {line.split()[1] for line in shown.splitlines()}


def load_settings() -> Settings:
    apps, databases = ("api", "backend", "client", "worker"), ("api", "backend")
    return Settings.load(apps=apps, databases=databases, folder=ROOT / "platforms")


_SHOWN_ERROR = re.compile(r"^error: bulkhead:([A-Za-z.]+) is (.+?); .*$", re.MULTILINE)


def test_the_errors_that_the_readme_shows_are_what_a_person_gets(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_surroundings(monkeypatch)
    shown = list(_SHOWN_ERROR.finditer((ROOT / "README.md").read_text(encoding="utf-8")))
    assert shown, "the README shows no error of a mistake in a stack file"
    for error in shown:
        path, value = error.groups()
        config = configuration("dev")
        first, *above, last = f"bulkhead:{path}".split(".")
        inner = config.setdefault(first, {})
        for key in above:
            inner = inner.setdefault(key, {})
        inner[last] = value.strip("'") if value.startswith("'") else int(value)
        for key, text in engine_environment(config).items():
            monkeypatch.setenv(key, text)
        with pytest.raises(InputError) as refused:
            within_stack(load_settings)
        assert f"error: {refused.value}" == error.group(0)
