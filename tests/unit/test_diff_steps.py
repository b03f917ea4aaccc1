"""Events: what a preview comes to, and that nothing of it is lost."""

from bulkhead.diff import steps
from bulkhead.state import SECRET
from tests.unit.diff_events import DATABASE, PROD, diagnostic, policy, preview, step, summary, urn


def test_each_operation_is_counted() -> None:
    found = preview(
        step("create", "a", new={}),
        step("update", "b", old={"x": 1}, new={"x": 2}),
        step("delete", "c", old={"x": 1}),
        step("same", "d", old={}, new={}),
        step("import", "e", new={}),
    )
    counts = (found.count("create"), found.count("update"), found.count("replace"), found.count("delete"))
    assert counts == (2, 1, 0, 1)
    assert found.unchanged == 1
    assert not found.failed


def test_the_three_steps_of_a_replacement_are_one() -> None:
    old, new = {"name": "a"}, {"name": "b"}
    found = preview(
        step("create-replacement", "db", DATABASE, old=old, new=new, keys=["name"]),
        step("replace", "db", DATABASE, old=old, new=new, keys=["name"]),
        step("delete-replaced", "db", DATABASE, old=old),
    )
    (one,) = found.changes
    assert one.operation == "replace"
    assert [(change.path, change.replaces) for change in one.properties] == [("name", True)]


def test_a_replacement_that_deletes_first_is_one_too() -> None:
    found = preview(
        step("delete-replaced", "db", DATABASE, old={"name": "a"}),
        step("replace", "db", DATABASE, old={"name": "a"}, new={"name": "b"}),
        step("create-replacement", "db", DATABASE, old={"name": "a"}, new={"name": "b"}),
    )
    assert [one.operation for one in found.changes] == ["replace"]


def test_a_preview_whose_steps_are_not_all_told_failed() -> None:
    found = steps.preview(PROD, [step("create", "a", new={}), summary(create=1, delete=1)])
    assert found.failed
    assert "delete" in found.failure


def test_an_error_of_the_engine_is_the_failure() -> None:
    found = preview(diagnostic("error", "\x1b[31mno such server\x1b[0m\n", urn=urn("api", DATABASE)))
    assert found.failure == "api: no such server"


def test_a_warning_is_kept_and_is_no_failure() -> None:
    found = preview(diagnostic("warning", "<{%fg 3%}>old<{%reset%}>"), diagnostic("info", "hello"))
    assert found.warnings == ("old",)
    assert not found.failed


def test_a_mandatory_policy_fails_a_stack_and_an_advice_does_not() -> None:
    refused = preview(policy("ISO-1", "shares a\nnamespace", resource=urn("api", DATABASE)))
    assert refused.failed
    assert [(one.policy, one.resource, one.text) for one in refused.violations] == [
        ("ISO-1", "api", "shares a namespace")
    ]
    assert not preview(policy("ISO-2", "no limit", level="advisory")).failed


def test_a_level_that_is_not_known_is_mandatory() -> None:
    assert preview(policy("ISO-3", "x", level="remediate")).failed


def test_secrets_in_events_are_marks() -> None:
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:x"}
    found = preview(step("update", old={"password": secret}, new={"password": "[secret]"}, detailedDiff={
        "password": {"diffKind": "update", "inputDiff": True}
    }))  # fmt: skip
    (change,) = found.changes[0].properties
    assert (change.before, change.after) == (SECRET, SECRET)


def test_what_a_terminal_obeys_is_taken_out() -> None:
    link = "\x1b]8;;https://evil\x07text\x1b]8;;\x07"
    assert steps.plain(f"a\x1b[2Jb{link}c\u202ed\r") == "abtextcd"


def test_a_stack_that_a_policy_refuses_is_not_said_to_have_failed_otherwise() -> None:
    found = preview(policy("ISO-1", "x"), diagnostic("error", "preview failed"))
    assert found.failed
    assert not found.failure
    assert preview(diagnostic("error", "preview failed")).failure == "preview failed"
