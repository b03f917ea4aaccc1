"""The tools themselves: every one's version, and which pinned module or packages it comes from."""

from __future__ import annotations

from sandbox.toolbox.kinds import REPOSITORY, ModuleFiles, Program, Tool

_KUBERNETES = "-X k8s.io/component-base/version.gitVersion=v1.36.3"
_STAGES = "sigs.k8s.io/kwok"

_ALL: tuple[Tool, ...] = (
    Tool(
        name="postgresql",
        version="16.14",
        purpose="the database server, with pgvector and pg_trgm",
        programs=tuple(
            Program(name=name) for name in ("postgres", "initdb", "pg_ctl", "pg_isready", "psql", "pg_dump")
        ),
        seconds=20,
    ),
    Tool(
        name="redis",
        version="7.0",
        purpose="the cache, with the sentinels that choose its primary",
        debian=("redis-server", "redis-sentinel", "redis-tools"),
        programs=tuple(Program(name=name) for name in ("redis-server", "redis-cli", "redis-sentinel")),
        seconds=10,
    ),
    Tool(
        name="haproxy",
        version="2.6",
        purpose="the load balancer that end points stand for",
        debian=("haproxy",),
        programs=(Program(name="haproxy", version_command=("-v",)),),
        seconds=10,
    ),
    Tool(
        name="checkov",
        version="3.3.30",
        purpose="judges manifests by published policies",
        environment="checkov",
        programs=(Program(name="checkov"),),
        seconds=30,
    ),
    Tool(
        name="zizmor",
        version="1.32.0",
        purpose="judges workflows by what has been done to others",
        environment="zizmor",
        programs=(Program(name="zizmor"),),
        seconds=5,
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
    # The last release whose module path Go accepts. Later ones took no field away from Policy, VirtualServer and
    # VirtualServerRoute; what they added is absent, and the other two are v1 since.
    Tool(
        name="nginx-ingress-crds",
        version="1.12.5",
        purpose="resource definitions of NGINX's own ingress controller",
        module="crds",
        files=(
            ModuleFiles(
                module="github.com/nginxinc/kubernetes-ingress",
                pattern="deployments/common/crds/k8s.nginx.org_*.yaml",
                into="crds",
            ),
        ),
        seconds=10,
    ),
    # Its modules have the versions that Pulumi's have, so what is compiled here need not be there.
    Tool(
        name="go-example",
        version="3.259.0",
        purpose="a Pulumi program in another language, for the tests",
        source="examples/go",
        programs=(Program(name="go-example", package=".", version_command=()),),
        seconds=75,
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
        seconds=160,
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
        name="kube-score",
        version="1.20.0",
        purpose="judges manifests by what clusters have taught",
        module="kube-score",
        programs=(
            Program(
                name="kube-score",
                package="github.com/zegl/kube-score/cmd/kube-score",
                ldflags="-X main.version=1.20.0",
                version_command=("version",),
            ),
        ),
        seconds=40,
    ),
    Tool(
        name="actionlint",
        version="1.7.12",
        purpose="checks workflows: their syntax, expressions and inputs",
        module="actionlint",
        programs=(
            Program(
                name="actionlint",
                package="github.com/rhysd/actionlint/cmd/actionlint",
                ldflags="-X github.com/rhysd/actionlint.version=1.7.12",
            ),
        ),
        seconds=15,
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
    # Not 3.7: of what its go.mod puts in other modules' places the Go module proxy has neither the fork nor the
    # nested module, and what is built without them was never released.
    Tool(
        name="traefik",
        version="3.6.12",
        purpose="ingress controller, and its resource definitions",
        module="traefik",
        programs=(
            Program(
                name="traefik",
                package="github.com/traefik/traefik/v3/cmd/traefik",
                ldflags="-X github.com/traefik/traefik/v3/pkg/version.Version=3.6.12",
                version_command=("version",),
            ),
        ),
        files=(
            ModuleFiles(
                module="github.com/traefik/traefik/v3",
                pattern="docs/content/reference/dynamic-configuration/traefik.io_*.yaml",
                into="crds",
            ),
        ),
        seconds=330,
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

CATALOGUE = tuple(entry for entry in _ALL if not entry.source or (REPOSITORY / entry.source).is_dir())
"""Every tool, in the order of installation: neighbours share modules, and the longest comes last."""
