"""What every pod of ours is."""

from components.pod_standard import HOST, ZONE, apart, container_security, pod_security, spread


def test_a_container_can_do_nothing_to_its_node() -> None:
    assert pod_security()["runAsNonRoot"] is True
    assert pod_security()["runAsUser"] > 10000
    assert pod_security()["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container_security() == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_pods_are_spread_and_start_all_the_same_where_they_cannot_be() -> None:
    labels = {"a": "b"}
    assert spread(labels)["topologyKey"] == ZONE
    assert spread(labels, HOST)["topologyKey"] == HOST
    assert spread(labels)["whenUnsatisfiable"] == "ScheduleAnyway"
    assert list(apart(labels)["podAntiAffinity"]) == ["preferredDuringSchedulingIgnoredDuringExecution"]
