"""The structure of KeyBuzz's databases: the files in the repository are what the command copies of both stacks."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.engine import CHECKOUT, Project
from tests.e2e.servers import Servers


@pytest.mark.parametrize("stack", ["dev", "prod"])
@pytest.mark.parametrize("database", ["api", "backend"])
def test_a_copy_of_the_structure_is_the_file_in_the_repository(
    applied: Project, stack: str, database: str, tmp_path: Path
) -> None:
    output = tmp_path / "structure.sql"
    words = ("structure", "dump", "--stack", stack, "--database", database, "--output", str(output))
    subprocess.run(
        (sys.executable, "-m", "bulkhead.cli", *words),
        cwd=applied.folder,
        env=dict(applied.environment),
        check=True,
        capture_output=True,
        timeout=120,
    )
    assert output.read_bytes() == (CHECKOUT / "database" / database / "structure.sql").read_bytes()


@pytest.mark.parametrize(("name", "rows"), [("keybuzz", 1), ("keybuzz_prod", 0)])
def test_only_development_has_the_seeds(applied: Project, servers: Servers, name: str, rows: int) -> None:
    with servers.database(name) as session:
        assert session.execute("SELECT count(*) FROM public.tenants").fetchone() == (rows,)
