"""What Kubernetes of the sandbox is given before it starts."""

import base64
import json
import re
import stat
from pathlib import Path

import pytest

from sandbox import cluster
from sandbox.errors import SandboxError
from sandbox.layout import Layout

DEFINITION = """apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  annotations:
    controller-gen.kubebuilder.io/version: v0.19.0
  name: {name}
spec:
  names:
    kind: Thing
"""
POLICY = """apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: no-definition
"""


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(home=tmp_path / "home", runtime=tmp_path / "run")
    layout.prepare()
    return layout


def test_the_key_is_a_p256_key_of_a_number_in_range() -> None:
    pem = cluster.elliptic_key()
    assert pem.startswith("-----BEGIN EC PRIVATE KEY-----\n")
    der = base64.b64decode("".join(pem.splitlines()[1:-1]))
    assert der[1] == len(der) - 2, "the outer length covers the rest"
    number, curve = int.from_bytes(der[7:39]), der[39:]
    assert 0 < number < 2**256
    assert curve.hex() == "a00a06082a8648ce3d030107"


def test_keys_differ() -> None:
    assert cluster.elliptic_key() != cluster.elliptic_key()


def test_credentials_are_made_once_and_are_private(layout: Layout) -> None:
    cluster.prepare_api_server(layout)
    files = [layout.secrets / "tokens.csv", layout.secrets / "service-accounts.key"]
    before = [path.read_text() for path in files]
    cluster.prepare_api_server(layout)
    assert [path.read_text() for path in files] == before
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)


def test_kubeconfig_names_the_context_and_holds_the_authority(layout: Layout) -> None:
    cluster.prepare_api_server(layout)
    layout.certificate.write_text("CERTIFICATE")
    cluster.write_kubeconfig(layout, 20_443)
    written = json.loads(layout.kubeconfig.read_text())
    assert written["current-context"] == "sandbox"
    assert written["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:20443"
    authority = written["clusters"][0]["cluster"]["certificate-authority-data"]
    assert base64.b64decode(authority) == b"CERTIFICATE"
    assert stat.S_IMODE(layout.kubeconfig.stat().st_mode) == 0o600


def test_definitions_are_found_in_files_of_several_documents(tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text(
        "# licence\n---\n" + DEFINITION.format(name="things.example.org") + "---\n" + POLICY
    )
    (tmp_path / "one.yaml").write_text(DEFINITION.format(name="others.example.org"))
    assert sorted(name for name, _ in cluster.definitions(tmp_path)) == [
        "others.example.org",
        "things.example.org",
    ]


def test_a_definition_without_a_name_is_an_answer(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(re.sub("  name: .*\n", "", DEFINITION))
    with pytest.raises(SandboxError, match=r"bad\.yaml holds a custom resource definition without a name"):
        list(cluster.definitions(tmp_path))


def test_the_fingerprint_changes_with_the_files(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("a")
    before = cluster.fingerprint([tmp_path])
    assert cluster.fingerprint([tmp_path]) == before
    (tmp_path / "one.yaml").write_text("ab")
    assert cluster.fingerprint([tmp_path]) != before


def test_kwok_brings_pods_to_life_and_completes_none(layout: Layout, tmp_path: Path) -> None:
    for folder, name in (
        ("node-fast", "node-initialize"),
        ("pod-fast", "pod-ready"),
        ("pod-fast", "pod-complete"),
    ):
        stage = tmp_path / "stages" / folder / f"{name}.yaml"
        stage.parent.mkdir(parents=True, exist_ok=True)
        stage.write_text(f"kind: Stage # {name}\n")
    cluster.write_stages(layout, tmp_path / "stages")
    written = (layout.secrets / "kwok.yaml").read_text()
    assert [name for name in ("node-initialize", "pod-ready", "pod-complete") if name in written] == [
        "node-initialize",
        "pod-ready",
    ]
