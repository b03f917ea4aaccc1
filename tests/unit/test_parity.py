"""`bulkhead parity`: a program that knows its environment's name is caught, one that knows its values is not."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from bulkhead import cli
from bulkhead.parity import command, running, values
from bulkhead.parity.graph import Difference, Graph, Names, Renaming, Secret, differences
from bulkhead.parity.judging import Parity, Unexplained, alike, judge, stranger
from bulkhead.stacks import StackReference
from tests.stacks import ROOT

PLAIN = """
import pulumi
import components as bulkhead

settings = bulkhead.Settings.load(apps=("api",))
env = settings.environment
platform = bulkhead.connect(settings)
here = bulkhead.Namespace("api", bulkhead.NamespaceArgs(environment=env, part="api"), platform)
more = {}
# planted
api = bulkhead.AppDeployment(
    "api",
    bulkhead.AppDeploymentArgs(
        environment=env, namespace=here, workload=settings.workload("api"), port=8080,
        variables={"OWN": env.url("api"), **more},
    ),
    platform,
)
pulumi.export("url", env.url("api"))
"""

SPARE = 'bulkhead.Namespace("spare", bulkhead.NamespaceArgs(environment=env), platform)'


def project(
    folder: Path, planted: str = "", dev: dict[str, object] | None = None, prod: dict[str, object] | None = None
) -> Path:
    """A project of one application, with something planted into its program."""
    folder.mkdir(exist_ok=True)
    shutil.copytree(ROOT / "examples" / "minimal" / "platforms", folder / "platforms", dirs_exist_ok=True)
    (folder / "__main__.py").write_text(PLAIN.replace("# planted", planted), encoding="utf-8")
    (folder / "Pulumi.yaml").write_text("name: even\nruntime: {name: python}\n", encoding="utf-8")
    for name, kind, more in (("dev", "development", dev), ("prod", "production", prod)):
        given: dict[str, object] = {"kind": kind, "platform": "minimal", "images": {"api": "example.com/api:v1"}}
        config = {f"bulkhead:{key}": value for key, value in {**given, **(more or {})}.items()}
        (folder / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump({"config": config}), encoding="utf-8")
    return folder


def compared(folder: Path) -> Parity:
    one, other = (values.read(StackReference(Path(), name), folder) for name in ("dev", "prod"))
    return judge(one, other, running.run)


def test_a_program_that_knows_values_alone_is_in_parity_and_each_difference_has_its_key(tmp_path: Path) -> None:
    found = compared(
        project(tmp_path, dev={"apps": {"api": {"replicas": 2}}}, prod={"images": {"api": "example.com/api:v2"}})
    )
    assert [str(one) for one in found.unexplained] == []
    said = {(one.difference.called, one.difference.where): one.keys for one in found.explained}
    image = "spec.template.spec.containers[0].image"
    assert said["Deployment api-deployment", image] == ("images.api",)
    budgets = {keys for (called, _), keys in said.items() if "PodDisruptionBudget" in called}
    assert budgets == {("apps.api.replicas",)}


@pytest.mark.parametrize(
    ("planted", "said"),
    [
        (
            f'if env.name == "prod":\n    {SPARE}',
            ("prod: Namespace spare is declared", "under another name, with the same values, not declared"),
        ),
        (
            'if env.name == "dev":\n    more["DEBUG"] = "on"',
            ("dev: Deployment api-deployment spec.template.spec.containers[0].env", "under another name"),
        ),
        (
            'if pulumi.get_stack() == "prod":\n    more["LEVEL"] = "3"',
            ("prod: Deployment api-deployment spec.template.spec.containers[0].env[0]",),
        ),
        (
            'more["LEVEL"] = {"dev": "1", "prod": "3"}[env.name]',
            ("dev: the program cannot be run under another name, x907: KeyError: 'x907' (__main__.py:",),
        ),
        (
            'more["LEVEL"] = {"dev": "1"}.get(env.name, "3")',
            ("dev: Deployment api-deployment spec.template.spec.containers[0].env[0].value is 1",),
        ),
        (
            'more["SUM"] = __import__("hashlib").sha256(b"a" if env.name == "dev" else b"b").hexdigest()',
            ("dev: Deployment api-deployment spec.template.spec.containers[0].env",),
        ),
        (
            'pulumi.export("more", "yes") if env.name == "prod" else None',
            ("prod: stack more is yes; under another name, with the same values, not declared",),
        ),
    ],
    ids=[
        "a resource",
        "a property",
        "the stack's name",
        "a table",
        "a table with a rest",
        "a digest",
        "an export",
    ],
)
def test_a_branch_on_the_environments_name_is_caught_with_resource_and_property(
    tmp_path: Path, planted: str, said: tuple[str, ...]
) -> None:
    found = compared(project(tmp_path, planted))
    text = "\n".join(map(str, found.unexplained))
    for words in said:
        assert words in text


def test_names_in_texts_digests_and_lists_are_no_difference(tmp_path: Path) -> None:
    derived = "env.namespace('api'), env.vault_path('db'), env.database('api').owner, env.name"
    taken = "__import__('hashlib').sha256(env.namespace('api').encode()).hexdigest()[:12]"
    planted = f"more['NAMES'] = ','.join([{derived}])\nmore['SUM'] = {taken}"
    found = compared(project(tmp_path, planted))
    assert [str(one) for one in found.unexplained] == []
    places = {
        one.difference.where for one in found.explained if one.difference.called == "Deployment api-deployment"
    }
    assert not {where for where in places if where.endswith(".value")}, "names are no difference"


def test_a_value_that_names_a_host_of_its_own_environment_is_no_difference(tmp_path: Path) -> None:
    dev = {"apps": {"api": {"variables": {"BACK": "https://api-dev.example.com/back"}}}}
    prod = {"apps": {"api": {"variables": {"BACK": "https://api.example.com/back"}}}}
    found = compared(project(tmp_path, dev=dev, prod=prod))
    assert [str(one) for one in found.unexplained] == []
    assert not [one for one in found.explained if "variables" in str(one.keys)]


def test_what_follows_from_the_kind_is_told_as_the_kinds(tmp_path: Path) -> None:
    found = compared(project(tmp_path, 'if env.is_production:\n    more["LEVEL"] = "3"'))
    assert found.unexplained == ()
    assert ("kind",) in {one.keys for one in found.explained if "env" in one.difference.where}


def test_keys_that_are_refused_one_by_one_are_told_together(tmp_path: Path) -> None:
    prod = {"apps": {"api": {"replicas": {"min": 2, "max": 4}}}}
    found = compared(project(tmp_path, dev={"apps": {"api": {"replicas": 1}}}, prod=prod))
    assert found.unexplained == ()
    autoscaler = next(one for one in found.explained if "HorizontalPodAutoscaler" in one.difference.called)
    assert autoscaler.keys == ("apps.api.replicas",)


def test_a_program_that_asks_a_provider_is_undecided_and_not_in_parity(tmp_path: Path) -> None:
    planted = 'pulumi.runtime.invoke("kubernetes:yaml:decode", {})'
    found = compared(project(tmp_path, planted))
    assert found.unexplained
    assert "undecided" in str(found.unexplained[0])
    assert "kubernetes:yaml:decode" in str(found.unexplained[0])


def test_a_stack_file_that_is_refused_is_undecided_in_the_librarys_own_words(tmp_path: Path) -> None:
    found = compared(project(tmp_path, dev={"apps": {"api": {"replicas": 0}}}))
    assert str(found.unexplained[0]) == (
        "dev: undecided: the program cannot be run: bulkhead:apps.api.replicas is 0; use at least 1"
    )


def test_another_name_is_of_the_same_kind() -> None:
    assert [stranger(name, "907") for name in ("dev", "prod", "prod-2", "pr-7")] == [
        "x907",
        "prod-907",
        "prod-907",
        "x-907",
    ]


def test_questions_with_one_answer_somewhere_have_one_word() -> None:
    words = alike([{"database": "a", "role": "b"}, {"database": "c", "role": "c"}, {"host": "d"}])
    assert words == {"database": "⟨database⟩", "role": "⟨database⟩", "host": "⟨host⟩"}


def test_a_secret_is_compared_and_never_shown() -> None:
    one, other = (
        Graph({("a::b", ""): "declared", ("a::b", "p"): Secret(text)}) for text in ("hunter2", "hunter3")
    )
    (found,) = differences(one, other)
    assert "hunter" not in f"{found!r} {found.shown(found.one)} {Unexplained(stack='dev', difference=found)}"


def test_true_and_one_are_not_the_same_value() -> None:
    one, other = (Graph({("a::b", ""): "declared", ("a::b", "p"): value}) for value in (True, 1))
    assert differences(one, other) == [Difference(resource="a::b", where="p", one=True, other=1)]


def test_a_digest_of_a_name_is_renamed_by_taking_it_anew() -> None:
    import hashlib  # noqa: PLC0415 - beside what it is about

    digests = {hashlib.sha256(text).hexdigest(): text for text in (b"x907-api", b"constant")}
    names = Names(environment="x907", derived={"namespace": "x907-api"}, digests=digests)
    rename = Renaming(names, "907", {"namespace": "dev-api"}, "dev")
    first, second = digests
    assert rename(f"a-{first[:10]}") == f"a-{hashlib.sha256(b'dev-api').hexdigest()[:10]}"
    assert rename(second) == second


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("dev",), "Missing argument"),
        (("dev", "dev"), "name two stacks of one program"),
        (("dev", "prd"), "there is no stack 'prd'"),
    ],
)
def test_wrong_usage_ends_with_2(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    says: str,
) -> None:
    monkeypatch.chdir(project(tmp_path))
    monkeypatch.setattr("sys.argv", ["bulkhead", "parity", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert says in capsys.readouterr().err


def test_another_language_is_refused_in_words(tmp_path: Path) -> None:
    folder = project(tmp_path)
    (folder / "Pulumi.yaml").write_text("name: even\nruntime: go\n", encoding="utf-8")
    with pytest.raises(values.ProgramError, match="the runtime is 'go'; parity runs a program in Python"):
        values.read(StackReference(Path(), "dev"), folder)


def test_the_command_ends_with_1_and_says_what_is_unexplained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project(tmp_path, 'if env.name == "prod":\n    more["LEVEL"] = "3"'))
    done = CliRunner().invoke(cli.app, ["parity", "dev", "prod", "--json"])
    assert done.exit_code == command.UNEXPLAINED
    said = json.loads(done.stdout)
    assert said["parity"] is False
    assert {one["stack"] for one in said["unexplained"]} == {"prod"}
    done = CliRunner().invoke(cli.app, ["parity", "dev", "prod"])
    assert "unexplained:" in done.stdout
    assert "Deployment api-deployment" in done.stdout


def test_the_place_of_a_value_is_changed_alone() -> None:
    one, other = {"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}, "d": {"e": 4}}
    assert list(values.differing(one, other)) == [("a", "c"), ("d", "e")]
    assert values.with_value(one, ("d", "e"), other) == {"a": {"b": 1, "c": 2}, "d": {"e": 4}}
    assert values.with_value(other, ("d", "e"), one) == {"a": {"b": 1, "c": 3}}
