"""Danger: lost data, protection and images; widened access is in test_diff_access."""

from typing import Any

import pytest

from bulkhead.diff.danger import dangers
from bulkhead.diff.pods import Image
from bulkhead.diff.report import Report
from tests.unit.diff_events import DATABASE, DEPLOYMENT, preview, step, workload

ROLE = "postgresql:index/role:Role"
STATEFUL = [
    DATABASE,
    "postgresql:index/schema:Schema",
    "kubernetes:core/v1:PersistentVolumeClaim",
    "kubernetes:apps/v1:StatefulSet",
    "kubernetes:core/v1:Namespace",
    "vault:index/mount:Mount",
    "vault:kv/secretV2:SecretV2",
]


@pytest.mark.parametrize("kind", STATEFUL)
@pytest.mark.parametrize(
    ("operation", "word"), [("delete", "is deleted"), ("replace", "is replaced because of name")]
)
def test_what_holds_data_is_never_lost_unseen(kind: str, operation: str, word: str) -> None:
    after = {"new": {"name": "b"}, "keys": ["name"]} if operation == "replace" else {}
    found = dangers(preview(step(operation, "x", kind, old={"name": "a"}, **after)))
    assert [one.kind for one in found] == ["data"]
    assert found[0].text.startswith(word)


@pytest.mark.parametrize("kind", STATEFUL)
def test_an_update_of_what_holds_data_loses_none(kind: str) -> None:
    assert not [
        one
        for one in dangers(preview(step("update", "x", kind, old={"a": 1}, new={"a": 2})))
        if one.kind == "data"
    ]


def test_the_role_that_owns_a_database_is_stateful_and_another_is_not() -> None:
    owned = step("same", "d", DATABASE, old={"owner": "o"}, new={"owner": "o"})
    owner, login = step("delete", "o", ROLE, old={"name": "o"}), step("delete", "l", ROLE, old={"name": "l"})
    assert [one.resource.name for one in dangers(preview(owned, owner, login))] == ["o"]


def test_protection_that_is_taken_away_is_seen() -> None:
    kept = step("same", "d", DATABASE, old={"a": 1}, new={"a": 1}, protect=(True, True))
    freed = step("update", "e", DATABASE, old={"a": 1}, new={"a": 2}, protect=(True, False))
    (one,) = dangers(preview(kept, freed))
    assert (one.resource.name, one.text) == ("e", "is protected no longer")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("ghcr.io/x/api:v1", "ghcr.io/x/api:v2", "api: ghcr.io/x/api v1 → v2"),
        ("localhost:5000/api:v1", "localhost:5000/api:v2", "api: localhost:5000/api v1 → v2"),
        ("ghcr.io/x/api:v1", f"ghcr.io/x/api@sha256:{'a' * 64}", "api: ghcr.io/x/api v1 → sha256:aaaaaaaaaaaa"),
        ("ghcr.io/x/api:v1", "ghcr.io/y/api:v1", "api: ghcr.io/x/api:v1 → ghcr.io/y/api:v1"),
    ],
)
def test_an_image_is_said_with_its_versions(before: str, after: str, said: str) -> None:
    (one,) = dangers(preview(step("update", "api", old=workload(before), new=workload(after))))
    assert (one.kind, one.text) == ("image", said)


def test_an_image_of_a_cron_job_is_found_where_it_is() -> None:
    def job(image: str) -> dict[str, Any]:
        return {"spec": {"jobTemplate": {"spec": workload(image)["spec"]}}}

    kind = "kubernetes:batch/v1:CronJob"
    (one,) = dangers(preview(step("update", "b", kind, old=job("a:1"), new=job("a:2"))))
    assert one.text == "api: a 1 → 2"


def test_an_image_without_a_version_says_so() -> None:
    assert Image.of("nginx").version == "no version"


def test_lost_data_comes_before_access_and_access_before_images() -> None:
    found = Report(previews=(
        preview(
            step("update", "a", DEPLOYMENT, old=workload("a:1"), new=workload("a:2")),
            step("update", "b", ROLE, old={"login": False}, new={"login": True}),
            step("delete", "c", DATABASE, old={"name": "c"}),
        ),
    ))  # fmt: skip
    assert [danger.kind for _, danger in found.dangers] == ["data", "access", "image"]


def test_a_new_image_alone_breaks_no_gate_of_dangers() -> None:
    only = Report(previews=(preview(step("update", "a", old=workload("a:1"), new=workload("a:2"))),))
    assert not only.breaks("dangerous")
    assert only.breaks("change")
    lost = Report(previews=(preview(step("delete", "c", DATABASE, old={"name": "c"})),))
    assert lost.breaks("dangerous")
