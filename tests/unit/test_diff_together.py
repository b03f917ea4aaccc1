"""Together: what PROD will get that DEV has not had."""

from typing import Any

from bulkhead.diff.together import Together, normal, together
from tests.unit.diff_events import DATABASE, DEV, PROD, diagnostic, preview, step, workload


def compared(dev: list[Any], prod: list[Any]) -> Together:
    return together(preview(*dev, stack=DEV), preview(*prod, stack=PROD))


def test_an_image_that_dev_runs_is_one_that_it_has_had() -> None:
    dev = step("same", old=workload("a:2"), new=workload("a:2"), stack="dev")
    (row,) = compared([dev], [step("update", old=workload("a:1"), new=workload("a:2"))]).images
    assert (row.dev, row.prod, row.had) == (("2", "2"), ("1", "2"), True)


def test_an_image_that_dev_only_gets_now_is_one_that_it_has_not_had() -> None:
    dev = step("update", old=workload("a:1"), new=workload("a:2"), stack="dev")
    (row,) = compared([dev], [step("update", old=workload("a:1"), new=workload("a:2"))]).images
    assert (row.dev, row.had) == (("1", "2"), False)


def test_images_that_stay_are_not_listed() -> None:
    same = {"old": workload("a:1"), "new": workload("a:1")}
    assert not compared([step("same", **same, stack="dev")], [step("same", **same)]).images


def test_a_resource_that_dev_has_not_is_one_that_prod_gets_first() -> None:
    (one,) = compared([], [step("create", "new", DATABASE, new={"name": "keybuzz_prod"})]).ahead
    assert (one.resource.name, one.path, one.first) == ("new", "", None)


def test_a_resource_that_dev_has_is_no_news() -> None:
    dev = step("same", "db", DATABASE, old={"name": "a_dev"}, new={"name": "a_dev"}, stack="dev")
    assert not compared([dev], [step("create", "db", DATABASE, new={"name": "a_prod"})]).ahead


def test_a_value_that_dev_has_under_its_own_name_is_no_news() -> None:
    dev = step("same", "db", DATABASE, old={"owner": "a_dev_owner"}, new={"owner": "a_dev_owner"}, stack="dev")
    prod = step("update", "db", DATABASE, old={"owner": "postgres"}, new={"owner": "a_prod_owner"})
    assert not compared([dev], [prod]).ahead


def test_a_value_that_dev_has_not_is_shown_beside_what_it_has() -> None:
    dev = step("same", "db", DATABASE, old={"connectionLimit": 60}, new={"connectionLimit": 60}, stack="dev")
    prod = step("update", "db", DATABASE, old={"connectionLimit": 80}, new={"connectionLimit": 100})
    (one,) = compared([dev], [prod]).ahead
    assert (one.path, one.first, one.then) == ("connectionLimit", 60, 100)


def test_what_dev_gets_only_now_is_not_what_it_has_had() -> None:
    dev = step("update", "db", DATABASE, old={"connectionLimit": 60}, new={"connectionLimit": 100}, stack="dev")
    prod = step("update", "db", DATABASE, old={"connectionLimit": 80}, new={"connectionLimit": 100})
    assert len(compared([dev], [prod]).ahead) == 1


def test_what_is_deleted_in_prod_while_dev_has_it_is_said() -> None:
    dev = step("same", "db", DATABASE, old={"name": "a"}, new={"name": "a"}, stack="dev")
    (one,) = compared([dev], [step("delete", "db", DATABASE, old={"name": "a"})]).ahead
    assert one.then is None


def test_what_cannot_be_told_is_said_to_be_undecided() -> None:
    found = compared([diagnostic("error", "no server")], [step("create", "x", DATABASE, new={})])
    assert found.undecided == "dev could not be previewed"


def test_hosts_and_names_are_the_same_without_the_environment() -> None:
    assert normal("api-dev.example.com", "dev") == normal("api.example.com", "prod")
    assert normal({"a": ["secret/keybuzz/dev/api"]}, "dev") == normal({"a": ["secret/keybuzz/prod/api"]}, "prod")
    assert normal("developer", "dev") == "developer"
