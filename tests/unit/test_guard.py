"""`bulkhead guard`: node addresses in every way to write them, names of other environments, exceptions, SARIF."""

import base64
import gzip
import json
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from bulkhead.cli import app
from bulkhead.guard import files, finding, sarif, territory
from bulkhead.guard.addresses import Nodes
from bulkhead.guard.finding import Finding
from bulkhead.guard.live import _leaves
from tests.stacks import ROOT

NODES = Nodes(frozenset({"10.0.0.120", "10.0.0.121", "10.0.0.122", "pg-1.internal", "fd00::78"}))


def in_base64(text: str | bytes) -> str:
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


HELM = in_base64(in_base64(gzip.compress(b"host: 10.0.0.121\n" * 40)))
"""A Helm release as its Secret has it."""
WRAPPED = "\n  ".join(
    ["key:", *(in_base64("x" * 90 + " host=10.0.0.120 " + "y" * 90)[n : n + 76] for n in range(0, 264, 76))]
)

WRITTEN = {
    "bare": "10.0.0.120",
    "with a port": "host 10.0.0.120:5432,",
    "in a URL": "postgresql://user:word@10.0.0.120:5432/keybuzz",
    "in a DSN": "host=10.0.0.120 port=5432",
    "at a sentence's end": "It is 10.0.0.120.",
    "its own network": "10.0.0.120/32",
    "a network that has it": "10.0.0.112/28",
    "the neighbourhood": "10.0.0.0/24",
    "a range": "10.0.0.119-123",
    "a range of whole addresses": "10.0.0.100 - 10.0.0.200",
    "an inventory's range": "10.0.0.[119:121]",
    "a shell's list": "10.0.0.{118,120}",
    "with dashes": "ip-10-0-0-120.example.com",
    "padded": "010.000.000.120",
    "a decimal number": "167772280",
    "a hexadecimal number": "0x0A000078",
    "percent-encoded": "http://10%2E0%2E0%2E120/",
    "mapped into IPv6": "[::ffff:10.0.0.120]:5432",
    "mapped, in hexadecimal": "::ffff:a00:78",
    "its reverse name": "120.0.0.10.in-addr.arpa",
    "a DNS name": "postgresql://PG-1.internal:5432/x",
    "IPv6": "[fd00:0:0::78]:5432",
    "base64": f"PGHOST: {in_base64('10.0.0.120')}",
    "base64 of a URL": in_base64("postgresql://a:b@10.0.0.120/x"),
    "base64 for URLs": base64.urlsafe_b64encode("ÿþ?>host=10.0.0.120".encode()).decode(),
    "base64 of base64": in_base64(in_base64("host=10.0.0.120")),
    "base64 over several lines": WRAPPED,
    "a Helm release": HELM,
}

CLEAN = (
    "10.0.0.10",
    "10.0.0.12",
    "110.0.0.120",
    "10.0.0.1200",
    "10.0.0.120.1",
    "v10.0.0.10/32",
    "10.0.0.0/26",
    "10.0.0.0/8",
    "10.0.0.1-9",
    "16777228",
    "my-pg-1.internal.example",
    in_base64("host=10.0.0.10"),
    "sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b",
)


@pytest.mark.parametrize("how", WRITTEN)
def test_a_node_is_found_however_it_is_written(how: str) -> None:
    assert list(NODES.seen(WRITTEN[how]))


@pytest.mark.parametrize("text", CLEAN)
def test_what_only_looks_like_a_node_is_not_found(text: str) -> None:
    assert list(NODES.seen(text)) == []


def system(**more: Any) -> territory.System:
    given = {
        "name": "keybuzz",
        "domain": "keybuzz.io",
        "environments": frozenset({"dev", "prod", "pr-7"}),
        "parts": frozenset({"api", "client"}),
        "legacy": {"dev": frozenset({"keybuzz", "keybuzz_backend"})},
    }
    return territory.System(**{**given, **more})


KNOWN = territory.Territory(NODES, (system(),))


@pytest.mark.parametrize(
    ("path", "environment"),
    [
        ("Pulumi.prod.yaml", "prod"),
        (".env.prod", "prod"),
        ("prod.env", "prod"),
        ("k8s/prod/api.yaml", "prod"),
        ("overlays/pr-7/kustomization.yaml", "pr-7"),
        ("values-dev.yaml", "dev"),
        ("charts/values.dev.yaml", "dev"),
        ("docs/production.md", ""),
        ("src/developer/a.py", ""),
        ("Pulumi.yaml", ""),
    ],
)
def test_whose_a_file_is_stands_in_its_path(path: str, environment: str) -> None:
    assert KNOWN.environment_of(path) == environment


@pytest.mark.parametrize(
    ("environment", "text", "names"),
    [
        ("prod", "namespace: keybuzz-api-dev", ["keybuzz-api-dev"]),
        ("prod", "path: secret/data/keybuzz/dev/db_api", ["keybuzz/dev"]),
        ("prod", "PGDATABASE=keybuzz", ["keybuzz"]),
        ("prod", "postgresql://a@10.0.0.10/keybuzz", ["keybuzz"]),
        ("prod", "database: keybuzz_backend", ["keybuzz_backend"]),
        ("prod", "https://api-dev.keybuzz.io/x", ["api-dev.keybuzz.io"]),
        ("prod", "keybuzz_api_pr__7", ["keybuzz_api_pr__7"]),
        ("dev", "role keybuzz_api_owner_prod", ["keybuzz_api_owner_prod"]),
        ("dev", "https://api.keybuzz.io", ["api.keybuzz.io"]),
        ("dev", "keybuzz-prod", ["keybuzz-prod"]),
        ("prod", "namespace: keybuzz-api-prod, keybuzz-client:prod-2026-02-01, letsencrypt-prod", []),
        ("prod", "system: keybuzz, image: ghcr.io/keybuzzio/keybuzz-api:v1", []),
        ("dev", "vault.keybuzz.io, me@keybuzz.io, keybuzz-production", []),
    ],
)
def test_names_of_other_environments_are_found_in_what_is_for_one(
    environment: str, text: str, names: list[str]
) -> None:
    assert [name for _, name, _ in KNOWN.foreign(environment).seen(text)] == names


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small repository with two environments and a platform."""
    (tmp_path / "platforms").mkdir()
    nodes = {"name": "p", "domain": "keybuzz.io", "postgresql": {"nodes": ["10.0.0.120"]}}
    (tmp_path / "platforms" / "p.yaml").write_text(yaml.safe_dump(nodes))
    allow = {"path": "platforms/*", "rule": "node-address", "reason": "named to be refused"}
    (tmp_path / finding.EXCEPTIONS_FILE).write_text(yaml.safe_dump({"allow": [allow]}))
    (tmp_path / "Pulumi.yaml").write_text("name: keybuzz\nruntime: python\n")
    for name in ("dev", "prod"):
        config = {"bulkhead:platform": "p", "bulkhead:images": {"api": "example.com/api:v1"}}
        (tmp_path / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump({"config": config}))
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["guard", *words])
    return done.exit_code, done.stdout


def test_a_clean_repository_ends_with_0_and_a_planted_node_with_1_and_its_place(folder: Path) -> None:
    assert run()[0] == 0
    (folder / "k8s").mkdir()
    (folder / "k8s" / "job.yaml").write_text("kind: Job\nenv:\n  - value: 10.0.0.120:5432\n")
    status, said = run()
    assert status == 1
    assert "k8s/job.yaml:3:12: node-address: names the database node 10.0.0.120" in said


def test_a_foreign_identity_in_a_file_of_one_environment_is_found(folder: Path) -> None:
    (folder / ".env.prod").write_text("VAULT=secret/data/keybuzz/dev/db_api\n")
    status, said = run("--json")
    (found,) = json.loads(said)["findings"]
    assert (status, found["rule"], found["path"], found["line"]) == (1, "foreign-identity", ".env.prod", 1)


def test_what_git_ignores_is_passed_by_and_what_is_named_is_not(folder: Path) -> None:
    (folder / ".gitignore").write_text("secret.env\n")
    (folder / "secret.env").write_text("PGHOST=10.0.0.120\n")
    assert run()[0] == 0
    assert run("secret.env")[0] == 1


def test_a_marker_with_a_reason_lets_its_line_through(folder: Path) -> None:
    (folder / "a.py").write_text(f"X = '10.0.0.120'  # {finding.MARKER} node-address the old exporter\n")
    status, said = run("--json")
    assert status == 0
    assert {one["reason"] for one in json.loads(said)["allowed"]} == {"the old exporter", "named to be refused"}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (f"X = '10.0.0.120'  # {finding.MARKER} node-address", "gives no reason"),
        (f"X = 1  # {finding.MARKER} node-address it was there once", "lets nothing through"),
        (f"X = '10.0.0.120'  # {finding.MARKER} foreign-identity wrong rule", "lets nothing through"),
    ],
)
def test_a_marker_without_reason_or_use_is_a_finding(folder: Path, line: str, says: str) -> None:
    (folder / "a.py").write_text(f"{line}\n")
    status, said = run()
    assert status == 1
    assert says in said


def test_an_exception_that_lets_nothing_through_fails_where_everything_was_looked_at(folder: Path) -> None:
    file = folder / finding.EXCEPTIONS_FILE
    more = {"path": "gone/*", "rule": "node-address", "reason": "it was there once"}
    said = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump({"allow": [*said["allow"], more]}))
    status, text = run()
    assert status == 1
    assert "unused-exception" in text
    assert "gone/*" in text
    assert run("Pulumi.dev.yaml")[0] == 0, "a hook that is given one file can't tell"


def test_monitoring_may_name_nodes_where_it_is_declared_with_a_reason(folder: Path) -> None:
    (folder / "monitoring").mkdir()
    (folder / "monitoring" / "targets.yaml").write_text("- targets: [10.0.0.120:9187]\n- ns: keybuzz-api-dev\n")
    assert run()[0] == 1
    file = folder / finding.EXCEPTIONS_FILE
    said = yaml.safe_load(file.read_text())
    file.write_text(
        yaml.safe_dump({**said, "monitoring": [{"path": "monitoring/*", "reason": "each node is scraped"}]})
    )
    assert run()[0] == 0


@pytest.mark.parametrize(
    "content",
    [
        "allow: [{path: a, rule: node-address}]",
        "allow: [{path: a, rule: all, reason: b}]",
        "except: []",
        "- a",
        "{",
    ],
)
def test_exceptions_that_cannot_be_used_are_wrong_usage(folder: Path, content: str) -> None:
    (folder / finding.EXCEPTIONS_FILE).write_text(content)
    with pytest.raises(finding.ExceptionsError):
        finding.declared(folder / finding.EXCEPTIONS_FILE)


def test_without_a_platform_that_names_nodes_there_is_no_answer(folder: Path) -> None:
    (folder / "platforms" / "p.yaml").unlink()
    with pytest.raises(territory.TerritoryError, match="no node is named to be looked for"):
        territory.read([folder])


def test_binary_and_large_files_are_skipped_with_a_word(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LARGEST", 100)
    (folder / "a.bin").write_bytes(b"\0\1 10.0.0.120")
    (folder / "b.txt").write_text("10.0.0.120\n" * 20)
    said = json.loads(run("--json", "a.bin", "b.txt")[1])
    assert {one["path"] for one in said["skipped"]} == {"a.bin", "b.txt"}


def test_a_file_in_utf_16_is_read(folder: Path) -> None:
    (folder / "a.ini").write_text("host=10.0.0.120\n", encoding="utf-16")
    assert run("a.ini")[0] == 1


def test_the_log_gets_a_line_a_run(folder: Path, tmp_path: Path) -> None:
    log = tmp_path.parent / "guard.log"
    run("--log", str(log))
    (folder / "a.env").write_text("10.0.0.120\n")
    run("--log", str(log))
    first, second = log.read_text().splitlines()
    assert "guard result=clean findings=0 allowed=1 nodes=1" in first
    assert "guard result=found findings=1" in second


def test_a_password_beside_a_node_is_never_repeated(folder: Path) -> None:
    (folder / "a.env").write_text("URL=postgresql://app:hunter2@10.0.0.120/x\n")
    status, said = run("--json", "--sarif", "out.sarif")
    assert status == 1
    assert "hunter2" not in said + (folder / "out.sarif").read_text()


def require_sarif(log: dict[str, Any]) -> None:
    """What SARIF 2.1.0's schema requires of what is written, and GitHub's code scanning besides."""
    assert set(log) == {"$schema", "version", "runs"}
    assert log["version"] == "2.1.0"
    (one,) = log["runs"]
    assert set(one) == {"tool", "invocations", "results", "columnKind"}
    assert one["columnKind"] in {"utf16CodeUnits", "unicodeCodePoints"}
    driver = one["tool"]["driver"]
    assert driver["name"]
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(ids) == len(set(ids))
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"]
        assert rule["defaultConfiguration"]["level"] in {"none", "note", "warning", "error"}
    assert all(isinstance(one["executionSuccessful"], bool) for one in one["invocations"])
    for result in one["results"]:
        assert ids[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in {"none", "note", "warning", "error"}
        assert result["message"]["text"]
        (location,) = result["locations"]
        place = location["physicalLocation"]
        assert place["artifactLocation"]["uri"]
        assert not place["artifactLocation"]["uri"].startswith("/")
        if "region" in place:
            assert place["region"]["startLine"] >= 1
            assert place["region"]["startColumn"] >= 1
        assert all(isinstance(text, str) for text in result["partialFingerprints"].values())
        for suppressed in result.get("suppressions", ()):
            assert suppressed["kind"] in {"inSource", "external"}


def test_sarif_has_rules_places_fingerprints_and_what_is_allowed_as_suppressed(folder: Path) -> None:
    (folder / "a b.env").write_text("10.0.0.120\n10.0.0.120\n")
    run("--sarif", "out.sarif")
    log = json.loads((folder / "out.sarif").read_text())
    require_sarif(log)
    results = log["runs"][0]["results"]
    assert [one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in results] == [
        "a%20b.env",
        "a%20b.env",
        "platforms/p.yaml",
    ]
    prints = [one["partialFingerprints"][sarif.FINGERPRINT] for one in results]
    assert len(set(prints)) == 3
    assert results[2]["suppressions"][0]["justification"] == "named to be refused"


def test_a_fingerprint_stays_when_lines_above_come_and_go(folder: Path) -> None:
    file = folder / "a.env"
    prints: list[str] = []
    for above in ("", "# more\n\n"):
        file.write_text(f"{above}PGHOST=10.0.0.120\n")
        prints.append(json.loads(run("--json", "a.env")[1])["findings"][0]["fingerprint"])
    assert prints[0] == prints[1]


def test_a_live_objects_place_in_sarif_is_its_stacks_file() -> None:
    one = Finding(rule="node-address", path="live/dev/kubernetes/a/ConfigMap/b/data.c", what="10.0.0.120")
    log = sarif.document([one], [("big.bin", "binary")])
    require_sarif(log)
    (location,) = log["runs"][0]["results"][0]["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "Pulumi.dev.yaml"
    assert location["logicalLocations"][0]["fullyQualifiedName"] == one.path
    assert log["runs"][0]["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"].endswith("binary")


def test_every_text_of_a_live_object_is_looked_at_keys_among_them() -> None:
    item = {"metadata": {"managedFields": ["x"], "annotations": {"a": "b"}}, "spec": {"ports": [5432]}}
    assert ("spec.ports[0]", "5432") in list(_leaves(item))
    assert ("metadata.annotations.a", "b") in list(_leaves(item))
    assert not [place for place, _ in _leaves(item) if "managedFields" in place]


def test_this_repository_is_clean_and_each_of_its_exceptions_has_a_reason() -> None:
    allowances = finding.declared(ROOT / finding.EXCEPTIONS_FILE)
    assert all(len(one.reason) > 20 for one in allowances)
    looked = files.look([ROOT], ROOT, territory.read([ROOT]))
    found = finding.judged(looked.found, allowances, files=True, live=False)
    assert [f"{one.place}: {one.says}" for one in found if not one.allowed] == []
    assert [one for one in found if one.allowed], "the platforms' own nodes are seen"


def test_the_hook_runs_on_the_files_that_pre_commit_names(folder: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert (hook["language"], hook.get("pass_filenames", True)) == ("python", True)
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    command, *words = hook["entry"].split()
    assert scripts[command] == "bulkhead.cli:main"
    (folder / "bad.yaml").write_text("host: 10.0.0.120\n")
    (folder / "good.yaml").write_text("host: 10.0.0.10\n")
    entry = [str(ROOT / ".venv" / "bin" / command), *words]
    for names, status in ((["good.yaml", "Pulumi.dev.yaml"], 0), (["good.yaml", "bad.yaml"], 1)):
        done = subprocess.run([*entry, *names], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == status, done.stderr
