"""Who wrote a field of a Kubernetes object, and when."""

from typing import Any

from bulkhead.drift.compare import Item
from bulkhead.drift.managers import OWN, cause, writers

OURS, THEIRS = "pulumi-kubernetes-a1b2c3", "kubectl-edit"


def entry(manager: str, when: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {"manager": manager, "operation": "Update", "time": when, "fieldsV1": fields}


CONTAINER = {'k:{"name":"api"}': {".": {}, "f:image": {}, "f:name": {}}}
OBJECT = {
    "metadata": {
        "managedFields": [
            entry(
                OURS,
                "2026-01-01T00:00:00Z",
                {"f:spec": {"f:replicas": {}, "f:template": {"f:spec": {"f:containers": CONTAINER}}}},
            ),
            entry(
                THEIRS,
                "2026-02-02T00:00:00Z",
                {
                    "f:spec": {
                        "f:template": {"f:spec": {"f:containers": {'k:{"name":"api"}': {"f:image": {}}}}},
                        "f:selector": {},
                    }
                },
            ),
            entry("kube-controller-manager", "2026-03-03T00:00:00Z", {"f:status": {"f:replicas": {}}}),
        ]
    }
}
CONTAINERS = ("spec", "template", "spec", "containers")


def test_the_owners_of_a_field_are_found_through_names() -> None:
    path = (*CONTAINERS, Item("api"), "image")
    assert [one.manager for one in writers(OBJECT, path)] == [OURS, THEIRS]
    assert [one.manager for one in writers(OBJECT, (*CONTAINERS, Item("api"), "name"))] == [OURS]
    assert writers(OBJECT, (*CONTAINERS, Item("other"))) == []


def test_a_part_of_an_atomic_value_belongs_to_who_owns_the_whole() -> None:
    assert [one.manager for one in writers(OBJECT, ("spec", "selector", "matchLabels"))] == [THEIRS]


def test_the_cause_is_the_latest_owner_who_is_not_the_provider() -> None:
    found = cause(OBJECT, [(*CONTAINERS, Item("api"), "image")])
    assert (found.who, found.when, found.source) == (THEIRS, "2026-02-02T00:00:00Z", "field manager")


def test_of_a_field_that_is_gone_the_last_other_writer_is_named_as_such() -> None:
    found = cause(OBJECT, [("spec", "template", "metadata")])
    assert found.who == THEIRS
    assert "last change by others" in found.source


def test_where_the_provider_alone_wrote_the_cause_is_unknown() -> None:
    alone = {"metadata": {"managedFields": OBJECT["metadata"]["managedFields"][:1]}}
    assert str(cause(alone, [("spec", "replicas")])).startswith("unknown: ")
    repaired = {"metadata": {"managedFields": [entry(OWN, "2026-01-01T00:00:00Z", {"f:spec": {}})]}}
    assert cause(repaired, [("spec",)]).who == ""


def test_an_object_without_managed_fields_has_no_known_cause() -> None:
    assert cause({"metadata": {}}, [("spec",)]).who == ""
