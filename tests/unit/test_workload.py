"""What an AppDeployment and a ScheduledJob refuse alike, and have around them alike."""

from dataclasses import dataclass
from typing import Any

import pulumi
import pytest

from components import Connected, Environment, InputError
from components.app_deployment import AppDeploymentArgs
from components.permissions import Permission
from components.values import Credentials, Workload
from components.workload import (
    config_files,
    leases,
    make_pod,
    make_surroundings,
    refuse_contradictions,
    refuse_slow_stop,
)
from tests.making import IMAGE, application, build, credential, environment, namespace
from tests.stacks import platform


@dataclass
class Finished:
    """Something that is done before pods start."""

    environment: Environment
    done: pulumi.Resource


def arguments(connected: Connected, **more: Any) -> AppDeploymentArgs:
    given = {"environment": environment(), "workload": Workload(image=IMAGE), **more}
    given["namespace"] = given.get("namespace") or namespace(connected, environment())
    return AppDeploymentArgs(**given)


def test_an_account_has_rights_only_where_some_are_declared() -> None:
    def make(connected: Connected, permissions: tuple[Permission, ...]) -> None:
        args = arguments(connected, permissions=permissions)
        parent = pulumi.ComponentResource("test:index:Parent", "parent")
        make_surroundings(parent, "api", "api", args, platform())

    without = build(lambda connected: make(connected, ()))
    assert not [*without.of("Role"), *without.of("RoleBinding")]
    one = (Permission(resources=("pods",), verbs=("get",)),)
    given = build(lambda connected: make(connected, one))
    assert given.one("Role", "api-role").inputs["rules"] == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
    ]
    given.require_after(given.one("RoleBinding", "api-binding"), given.one("Role", "api-role"))


def test_what_must_be_done_first_is_waited_for() -> None:
    waited: list[pulumi.Resource] = []

    def make(connected: Connected) -> None:
        done = pulumi.ComponentResource("test:index:Done", "done")
        args = arguments(connected, after=(Finished(environment(), done),))
        refuse_contradictions("api", args, platform())
        parent = pulumi.ComponentResource("test:index:Parent", "parent")
        ready = make_surroundings(parent, "api", "api", args, platform()).ready
        assert done in ready
        assert set(args.namespace.baseline) <= set(ready)
        waited.extend(ready)

    build(make)
    assert waited


def test_what_another_environment_has_done_is_refused() -> None:
    def make(connected: Connected) -> None:
        done = pulumi.ComponentResource("test:index:Done", "done")
        refuse_contradictions(
            "api", arguments(connected, after=(Finished(environment("prod"), done),)), platform()
        )

    with pytest.raises(InputError, match=r"after\[0\] belongs to keybuzz/prod"):
        build(make)


def test_a_stack_adds_variables_to_those_that_the_program_derives() -> None:
    def make(connected: Connected) -> None:
        args = arguments(connected, variables={"A": "1"}, workload=Workload(image=IMAGE, variables={"B": "2"}))
        refuse_contradictions("api", args, platform())
        assert make_pod("api", args, "").variables == {"A": "1", "B": "2"}
        assert config_files(args) is None

    build(make)


@pytest.mark.parametrize("value", ["https://api.keybuzz.io", "https://api-dev.keybuzz.io"])
def test_a_stack_file_gives_no_variable_that_the_program_derives(value: str) -> None:
    """Not even with the same value, which would stay behind when the program's changes."""
    derived, given = {"NEXT_PUBLIC_API_URL": "https://api-dev.keybuzz.io"}, {"NEXT_PUBLIC_API_URL": value}
    workload = Workload(image=IMAGE, variables=given)
    with pytest.raises(
        InputError, match=r"bulkhead:apps\.client\.variables\.NEXT_PUBLIC_API_URL is given"
    ) as said:
        build(
            lambda connected: application(connected, environment(), "client", variables=derived, workload=workload)
        )
    assert value not in str(said.value)


@pytest.mark.parametrize(("stop", "fits"), [(30, True), (1200, True), (1321, False)])
def test_pods_that_may_outlive_their_leased_credential_are_refused(stop: int, *, fits: bool) -> None:
    def make(connected: Connected) -> None:
        home, how = namespace(connected, environment()), Credentials(mode="dynamic")
        login = credential(connected, environment(), namespace=home, credentials=how)
        args = arguments(connected, namespace=home, secrets=(login,))
        assert leases(args.secrets) == [("keybuzz-api-postgres", how)]
        refuse_slow_stop(args, stop)

    if fits:
        build(make)
    else:
        with pytest.raises(InputError, match=r"stop_seconds is 1321, so credentials\.ttl '1h' .* at least 3602s"):
            build(make)


def test_a_static_credential_waits_for_every_pod() -> None:
    def make(connected: Connected) -> None:
        login = credential(connected, environment(), namespace=namespace(connected, environment()))
        assert leases((login,)) == []

    build(make)
