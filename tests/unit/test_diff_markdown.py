"""Markdown: foreign words do nothing, the comment fits, and the dangerous comes first."""

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.diff import markdown
from bulkhead.diff.model import Preview
from bulkhead.diff.report import Report
from bulkhead.diff.text import block, inline, length
from bulkhead.diff.together import together
from tests.unit.diff_events import DATABASE, DEV, PROD, diagnostic, policy, preview, step, urn, workload

EVIL = (
    "</code></details>\n# Approved @everyone | [x](https://evil.example) <img src=x onerror=alert(1)> `x` \x1b[31m"
)


def rendered(*previews: Preview, longest: int | None = markdown.LONGEST, **more: Any) -> str:
    return markdown.render(Report(previews=previews, **more), "keybuzz", longest)


def large() -> Preview:
    """A preview of some 200,000 characters."""
    events = [step("update", f"d{number}", old={"a": "x" * 300}, new={"a": "y" * 300}) for number in range(300)]
    lost = [step("delete", f"db{number}", DATABASE, old={"name": f"db{number}"}) for number in range(400)]
    return preview(*events, *lost)


def test_a_comment_begins_with_its_mark() -> None:
    assert rendered(preview(step("create", new={}))).startswith("<!-- bulkhead-diff:keybuzz -->\n")


def test_every_stack_has_its_row() -> None:
    dev = preview(step("create", new={}, stack="dev"), stack=DEV)
    prod = preview(step("delete", old={}), step("same", "b", old={}, new={}))
    text = rendered(dev, prod)
    assert "| <code>dev</code> | 1 |  |  |  | 0 | kept |" in text
    assert "| <code>prod</code> |  |  |  | **1** | 1 | kept |" in text


def test_a_table_is_whole_lines_of_as_many_cells() -> None:
    text = rendered(
        preview(diagnostic("error", EVIL)), preview(step("update", EVIL, old={EVIL: 1}, new={EVIL: 2}))
    )
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in rows} == {9}


def test_the_dangerous_comes_before_the_details_and_data_before_access() -> None:
    text = rendered(
        preview(
            step("update", "a", old=workload("a:1"), new=workload("a:2")),
            step("update", "b", "postgresql:index/role:Role", old={"login": False}, new={"login": True}),
            step("delete", "c", DATABASE, old={"name": "c"}),
        )
    )
    order = ["### Data would be lost", "### Access would be widened", "### Images", "<details>"]
    places = [text.index(part) for part in order]
    assert places == sorted(places)


def test_a_changed_secret_is_said_to_change_and_stays_hidden() -> None:
    old, new = {"password": "[secret]"}, {"password": "[secret]"}
    detail = {"password": {"diffKind": "update", "inputDiff": True}}
    text = rendered(preview(step("update", old=old, new=new, detailedDiff=detail)))
    assert "! password: [secret], what it is made of differs" in text


def test_policies_are_shown_with_their_names_and_their_stack() -> None:
    text = rendered(
        preview(policy("ISO-1", "shares", resource=urn("api", DATABASE)), policy("A-1", "x", level="advisory"))
    )
    assert "- **refused**, <code>prod</code> <code>api</code>: <code>ISO-1</code> <code>shares</code>" in text
    assert "- advised, <code>prod</code>: <code>A-1</code> <code>x</code>" in text
    assert "**1 broken**, 1 advised" in text


def outside_of_code(text: str) -> str:
    """A comment without what a forge shows as code."""
    text = re.sub(r"(?ms)^(`{3,})[a-z]*\n.*?^\1$", "", text)
    return re.sub(r"<code>[^<]*</code>", "", text)


@pytest.mark.parametrize("place", ["name", "key", "value", "policy", "failure", "warning", "image", "stack"])
def test_foreign_words_do_nothing_wherever_they_stand(place: str) -> None:
    planted = {
        "name": lambda: preview(step("update", EVIL, old={"a": 1}, new={"a": 2})),
        "key": lambda: preview(step("update", old={EVIL: 1}, new={EVIL: 2})),
        "value": lambda: preview(step("update", old={"a": "b"}, new={"a": f"```\n{EVIL}\n````"})),
        "policy": lambda: preview(policy(EVIL, EVIL, resource=urn(EVIL, DATABASE))),
        "failure": lambda: preview(diagnostic("error", EVIL)),
        "warning": lambda: preview(diagnostic("warning", EVIL)),
        "image": lambda: preview(step("update", old=workload("a:1"), new=workload(f"a:{EVIL}"))),
        "stack": lambda: replace(preview(step("create", new={})), stack=replace(PROD, name=EVIL)),
    }
    text = rendered(planted[place]())
    assert "\x1b" not in text
    left = outside_of_code(text)
    for token in ("@everyone", "evil.example", "<img", "# Approved"):
        assert token not in left
    assert left.count("<details>") == left.count("</details>")


@given(st.text())
def test_an_inline_word_has_no_syntax_left(text: str) -> None:
    inside = str(inline(text)).removeprefix("<code>").removesuffix("</code>")
    assert not re.search(r"[<>`|*_\[\]@\"'\n\r\\~$!]", re.sub(r"&#\d+;", "", inside))


@given(st.lists(st.text(), max_size=5))
def test_a_block_ends_where_it_ends(lines: list[str]) -> None:
    first, *_, last = str(block(lines)).split("\n")
    fence = first.removesuffix("diff")
    assert last == fence
    assert not [line for line in str(block(lines)).split("\n")[1:-1] if line.strip().startswith(fence)]


def test_a_comment_fits_and_says_what_is_left_out() -> None:
    text = rendered(large(), details_url="https://forge.example/run/1")
    assert length(text) <= markdown.LONGEST
    assert 'changes do not fit here.** <a href="https://forge.example/run/1">The full report</a>' in text
    assert text.count("<details>") == text.count("</details>") == 1
    assert "- and " in text


def test_the_whole_report_leaves_nothing_out() -> None:
    text = rendered(large(), longest=None)
    assert length(text) > markdown.LONGEST
    assert "do not fit" not in text
    assert all(f"<code>d{number}</code>" in text for number in range(300))


@pytest.mark.parametrize("longest", [900, 3_000, 20_000])
def test_it_fits_into_less_as_well(longest: int) -> None:
    assert length(rendered(large(), large(), longest=longest)) <= longest


def test_a_thousand_failures_fit() -> None:
    failed = preview(diagnostic("error", "x" * 500_000))
    assert length(rendered(*[failed] * 30)) <= markdown.LONGEST


def test_dev_and_prod_stand_side_by_side() -> None:
    dev = preview(step("same", old=workload("a:1"), new=workload("a:1"), stack="dev"), stack=DEV)
    prod = preview(step("update", old=workload("a:1"), new=workload("a:2")), step("create", "q", DATABASE, new={}))
    text = rendered(dev, prod, pairs=(together(dev, prod),))
    versions = " | ".join(f"<code>{version}</code>" for version in ("1", "1", "1", "2"))
    row = f"| <code>api</code> | {versions} | **<code>dev</code> has not run it** |"
    assert row in text
    assert "- <code>Database</code> <code>q</code>: <code>dev</code> has none" in text


def test_drift_is_said_apart_from_what_is_meant() -> None:
    text = rendered(preview(step("create", new={})), drift={PROD: ("Deployment api: replicas 2 → 5",)})
    assert "### Drift\n\nNot of this change" in text
    assert "replicas 2" in text


def test_many_lines_are_compared_line_by_line() -> None:
    before, after = "a\nb\nc\n", "a\nB\nc\n"
    text = rendered(preview(step("update", old={"policy": before}, new={"policy": after})))
    assert "\n-b\n+B\n" in text


def test_nothing_to_do_is_said_in_a_line() -> None:
    assert "## Nothing would change in 1 stack\n" in rendered(preview(step("same", old={}, new={})))
    assert "## No stack is affected\n" in rendered(passed_by=(DEV,))
    assert "Not previewed, since no changed file reaches them: <code>dev</code>." in rendered(passed_by=(DEV,))


def test_a_failure_is_never_called_nothing() -> None:
    text = rendered(preview(diagnostic("error", "no such server")))
    assert "## 1 of 1 stack could not be previewed" in text
    assert "no such server" in text
