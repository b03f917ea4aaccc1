"""What the sandbox is made of: every tool, its version, and where it lies once it is installed.

Only this module is needed to *use* the tools (`binary`, `folder`, `crd_folders`, `search_path`);
it reads no file and starts nothing. How they get there is the business of `install`.

Layout of the cache, one folder a tool and version, complete or absent::

    <cache>/tools/<tool>-<version>/bin/<program>
    <cache>/tools/<tool>-<version>/<files taken from the tool's module>
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

MODULES = Path(__file__).resolve().parent.parent / "tools"
"""Where the pinned Go modules are: one folder with go.mod and go.sum for each."""


class ToolMissing(Exception):  # noqa: N818 - read as a sentence: "ToolMissing: vault 1.21.0 ..."
    """A tool was asked for that is not installed."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """One executable of a tool, and how to tell whether a copy found on PATH is the right one."""

    name: str
    package: str = ""
    """The Go package that it is built from; empty where it is not built."""
    ldflags: str = ""
    version_command: tuple[str, ...] = ("--version",)
    """Arguments that make it print its version; empty if it can't."""
    beside: str = ""
    """The program that it is delivered with: on PATH it counts only in that one's folder."""
    pinned_by: str = ""
    """The folder under `MODULES` that pins it, where that is not the tool's own."""


@dataclass(frozen=True, kw_only=True)
class ModuleFiles:
    """Files that are taken as they are from a Go module's own folder."""

    module: str
    pattern: str
    into: str
    without: tuple[str, ...] = ()
    pinned_by: str = ""
    """The folder under `MODULES` that pins the module, where that is not the tool's own."""
    executable: bool = False


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A tool: what it is for, and what its folder in the cache holds."""

    name: str
    version: str
    purpose: str
    module: str
    """The folder under `MODULES` that pins it; empty for PostgreSQL, which comes from packages."""
    programs: tuple[Program, ...] = ()
    files: tuple[ModuleFiles, ...] = ()
    seconds: int
    """About how long it takes from nothing on two cores, downloads included."""

    @property
    def key(self) -> str:
        """The name of its folder in the cache."""
        return f"{self.name}-{self.version}"


_KUBERNETES = "-X k8s.io/component-base/version.gitVersion=v1.36.3"
_STAGES = "sigs.k8s.io/kwok"

CATALOGUE: tuple[Tool, ...] = (
    Tool(
        name="postgresql",
        version="16.14",
        purpose="the database server, with pgvector and pg_trgm",
        module="",
        programs=tuple(
            Program(name=name) for name in ("postgres", "initdb", "pg_ctl", "pg_isready", "psql", "pg_dump")
        ),
        seconds=20,
    ),
    Tool(
        name="cert-manager-crds",
        version="1.21.2",
        purpose="resource definitions of cert-manager",
        module="crds",
        files=(
            ModuleFiles(
                module="github.com/cert-manager/cert-manager",
                pattern="deploy/crds/*.yaml",
                into="crds",
            ),
        ),
        seconds=10,
    ),
    Tool(
        name="prometheus-operator-crds",
        version="0.85.0",
        purpose="resource definitions of the Prometheus operator",
        module="crds",
        files=(
            ModuleFiles(
                module="github.com/prometheus-operator/prometheus-operator",
                pattern="example/prometheus-operator-crd/*.yaml",
                into="crds",
            ),
        ),
        seconds=10,
    ),
    Tool(
        name="gateway-api-crds",
        version="1.6.3",
        purpose="resource definitions of the Gateway API",
        module="crds",
        files=(
            ModuleFiles(
                module="sigs.k8s.io/gateway-api",
                pattern="config/crd/standard/*.yaml",
                into="crds",
                without=("gateway.networking.k8s.io_vap_safeupgrades.yaml",),  # an admission policy
            ),
        ),
        seconds=10,
    ),
    Tool(
        name="pulumi",
        version="3.259.0",
        purpose="Pulumi's command line, engine and host for Python programs",
        module="pulumi",
        programs=(
            Program(
                name="pulumi",
                package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
                ldflags="-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v3.259.0",
                version_command=("version",),
            ),
            # The last module that contains the host for Python programs is older than the engine; the script
            # that the host starts must fit the engine and the Python package, so it comes from theirs.
            Program(
                name="pulumi-language-python",
                package="github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python",
                pinned_by="pulumi-language-python",
                version_command=(),
                beside="pulumi",
            ),
        ),
        files=(
            ModuleFiles(
                module="github.com/pulumi/pulumi/sdk/v3",
                pattern="python/cmd/pulumi-language-python-exec",
                into="bin",
                executable=True,
            ),
        ),
        seconds=235,
    ),
    Tool(
        name="etcd",
        version="3.6.8",
        purpose="what Kubernetes keeps its objects in",
        module="etcd",
        programs=(Program(name="etcd", package="go.etcd.io/etcd/server/v3"),),
        seconds=40,
    ),
    Tool(
        name="kubernetes",
        version="1.36.3",
        purpose="API server, controllers and scheduler",
        module="kubernetes",
        programs=tuple(
            Program(name=name, package=f"k8s.io/kubernetes/cmd/{name}", ldflags=_KUBERNETES)
            for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
        ),
        seconds=300,
    ),
    Tool(
        name="kwok",
        version="0.8.0",
        purpose="simulated nodes and pods",
        module="kwok",
        programs=(Program(name="kwok", package="sigs.k8s.io/kwok/cmd/kwok"),),
        files=(
            ModuleFiles(
                module=_STAGES,
                pattern="kustomize/stage/node/fast/*.yaml",
                into="stages/node-fast",
                without=("kustomization.yaml",),
            ),
            ModuleFiles(
                module=_STAGES,
                pattern="kustomize/stage/node/heartbeat/*.yaml",
                into="stages/node-heartbeat",
                without=("kustomization.yaml",),
            ),
            ModuleFiles(
                module=_STAGES,
                pattern="kustomize/stage/pod/fast/*.yaml",
                into="stages/pod-fast",
                without=("kustomization.yaml",),
            ),
        ),
        seconds=90,
    ),
    Tool(
        name="external-secrets",
        version="0.20.4",
        purpose="brings secrets from Vault into Kubernetes",
        module="external-secrets",
        programs=(
            Program(
                name="external-secrets",
                package="github.com/external-secrets/external-secrets",
                version_command=(),
            ),
        ),
        files=(
            ModuleFiles(
                module="github.com/external-secrets/external-secrets",
                pattern="config/crds/bases/*.yaml",
                into="crds",
                without=("kustomization.yaml",),
            ),
        ),
        seconds=300,
    ),
    Tool(
        name="vault",
        version="1.21.0",
        purpose="keeps and leases credentials",
        module="vault",
        programs=(Program(name="vault", package="github.com/hashicorp/vault"),),
        seconds=540,
    ),
)
"""Every tool, in the order of installation: neighbours share modules, and the longest comes last."""


def cache() -> Path:
    """The folder of ours that outlives a checkout; `BULKHEAD_CACHE` names another one."""
    chosen = os.environ.get("BULKHEAD_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "bulkhead"


def tools_folder() -> Path:
    """Where the tools' folders lie."""
    return cache() / "tools"


def tool(name: str) -> Tool:
    """The tool of that name."""
    for entry in CATALOGUE:
        if entry.name == name:
            return entry
    raise KeyError(f"no tool is called {name!r}; there are {', '.join(entry.name for entry in CATALOGUE)}")


def place(entry: Tool) -> Path:
    """Where a tool lies, or will lie once it is installed."""
    return tools_folder() / entry.key


def is_installed(entry: Tool) -> bool:
    """Whether a tool's folder is there, with every program that belongs in it."""
    where = place(entry)
    return where.is_dir() and all(os.access(where / "bin" / program.name, os.X_OK) for program in entry.programs)


def folder(name: str) -> Path:
    """The folder of an installed tool.

    Raises:
        ToolMissing: if it is not installed.
    """
    entry = tool(name)
    if not is_installed(entry):
        raise ToolMissing(
            f"{entry.name} {entry.version} is not in {tools_folder()}: run `make setup` "
            f"(or `bulkhead tools install {entry.name}`)"
        )
    return place(entry)


def binary(name: str) -> Path:
    """The path of an installed program, by the program's own name (`kube-apiserver`, `psql`, ...).

    Raises:
        ToolMissing: if its tool is not installed, or has no such program.
    """
    for entry in CATALOGUE:
        if any(program.name == name for program in entry.programs):
            return folder(entry.name) / "bin" / name
    raise ToolMissing(f"no tool has a program called {name!r}")


def tool_paths() -> dict[str, Path]:
    """Every program's name and path; all tools must be installed."""
    return {program.name: binary(program.name) for entry in CATALOGUE for program in entry.programs}


def search_path() -> list[Path]:
    """The folders that belong on PATH for the tools to be found by name."""
    return [place(entry) / "bin" for entry in CATALOGUE if entry.programs]


def crd_folders() -> list[Path]:
    """The folders whose YAML files define the custom resources that programs use."""
    return [
        folder(entry.name) / "crds" for entry in CATALOGUE if any(files.into == "crds" for files in entry.files)
    ]
