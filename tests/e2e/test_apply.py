"""DEV and PROD come up, and nothing changes after that."""

import pytest

from tests.e2e.engine import Project

STACKS = ("dev", "prod")


@pytest.mark.parametrize("stack", STACKS)
def test_a_second_preview_shows_no_change(applied: Project, stack: str) -> None:
    """What was applied is what is declared."""
    assert applied.changes(stack) == []


@pytest.mark.parametrize("stack", STACKS)
def test_a_preview_after_a_refresh_shows_no_change(applied: Project, stack: str) -> None:
    """What the servers hold is what is declared, in the servers' own spelling."""
    assert applied.changes(stack, "--refresh") == []


@pytest.mark.parametrize("stack", STACKS)
def test_a_second_up_changes_nothing(applied: Project, stack: str) -> None:
    """`pulumi up` on an applied stack is a no-op."""
    applied.up(stack, "--expect-no-changes")
