"""What a killed engine leaves half written in a back end of files."""

from pathlib import Path

import pytest

from bulkhead.ephemeral.torn import mend


@pytest.fixture
def stacks(tmp_path: Path) -> Path:
    """Two stacks: the side file of one was never written."""
    folder = tmp_path / ".pulumi" / "stacks" / "shop"
    folder.mkdir(parents=True)
    for name in ("pr-1", "pr-2"):
        (folder / f"{name}.json").write_text("{}")
        (folder / f"{name}.json.attrs").write_text("{}")
    (folder / "pr-2.json.attrs").write_text("")
    (folder / "pr-2.json").write_text("")
    return folder


def test_an_empty_side_file_is_taken_away_and_nothing_else(stacks: Path, tmp_path: Path) -> None:
    assert mend(tmp_path.as_uri(), "shop") == [stacks / "pr-2.json.attrs"]
    assert sorted(file.name for file in stacks.iterdir()) == ["pr-1.json", "pr-1.json.attrs", "pr-2.json"]


def test_a_back_end_in_the_home_folder_is_found(
    stacks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert mend("file://~", "shop") == [stacks / "pr-2.json.attrs"]


@pytest.mark.parametrize("url", ["", "s3://bucket/state", "https://api.example.com"])
def test_a_back_end_that_is_not_of_files_is_left_alone(stacks: Path, url: str) -> None:
    assert mend(url, "shop") == []
    assert (stacks / "pr-2.json.attrs").exists()


def test_another_systems_stacks_are_left_alone(stacks: Path, tmp_path: Path) -> None:
    assert mend(tmp_path.as_uri(), "other") == []
    assert (stacks / "pr-2.json.attrs").exists()
