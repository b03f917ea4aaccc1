"""Pod: what runs, whatever makes it: a Deployment, a CronJob or a Job. Always restricted, always with limits."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from components.config_files import ConfigFiles, volume
from components.environment import Environment
from components.errors import InputError
from components.external_secret import Delivered
from components.manifest import Object
from components.network import selector
from components.pod_standard import HOST, ZONE, apart, container_security, pod_security, spread
from components.probes import Probes, render_probes
from components.quantities import cpu, memory
from components.quota import DEFAULT
from components.validation import DNS_LABEL, quantity
from components.values import Resources

DRAIN_SECONDS = 5
"""Seconds before SIGTERM in which load balancers learn that the pod goes."""

STOP_SECONDS = 30
"""Seconds that a pod has until SIGKILL, Kubernetes' default, written so that it can be relied on."""

SCRATCH = "512Mi"
"""What /tmp takes, the one folder that a process can write to."""


@dataclass(frozen=True, kw_only=True)
class InitContainer:
    """What runs to its end before the application starts, in each of its pods.

    Args:
        name: what it is called; a DNS label.
        command: the program and its arguments.
        image: the image; None for the application's own.

    Raises:
        InputError: the name is no DNS label, or there is no command.
    """

    name: str
    command: tuple[str, ...]
    image: str | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(DNS_LABEL, self.name):
            raise InputError(f"initial has the name {self.name!r}; use a DNS label: letters, digits and hyphens")
        refuse_command(f"initial[{self.name!r}].command", self.command, may_be_empty=False)


@dataclass(frozen=True, kw_only=True)
class Pod:
    """One pod of a workload.

    Args:
        environment: whose it is.
        app: what it is known by in its namespace: its label, and its container's name.
        account: the service account.
        image: what runs.
        resources: requests and limits; a gap takes the namespace's default.
        command: the program and its arguments; empty for the image's own.
        variables: environment variables in the clear.
        secrets: what delivers the others.
        files: files to read.
        config_map: the name of the ConfigMap that has them.
        port: the HTTP port; None for a worker.
        metrics_port: the port of its metrics, where it is another one.
        probes: the paths to ask.
        initial: what runs before it.
        stop_seconds: from the order to stop until SIGKILL.
        token: whether it may talk to the API server.
        ends: whether it runs to its end, as a job does, and is not started again by the kubelet.
    """

    environment: Environment
    app: str
    account: str
    image: str
    resources: Resources
    command: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    secrets: tuple[Delivered, ...] = ()
    files: ConfigFiles | None = None
    config_map: pulumi.Input[str] = ""
    port: int | None = None
    metrics_port: int | None = None
    probes: Probes | None = None
    initial: tuple[InitContainer, ...] = ()
    stop_seconds: int = STOP_SECONDS
    token: bool = False
    ends: bool = False


def refuse_command(what: str, command: object, *, may_be_empty: bool = True) -> None:
    """Refuse what is no command: a text would be taken for its letters.

    Raises:
        InputError: what to give instead.
    """
    is_command = isinstance(command, tuple) and all(isinstance(word, str) for word in command)  # pyright: ignore[reportUnknownVariableType]
    if not is_command or not (command or may_be_empty):
        raise InputError(f"{what} is {command!r}; use a tuple of texts, the program first")


def refuse_clashes(variables: Mapping[str, str], secrets: tuple[Delivered, ...]) -> None:
    """Refuse a variable that is given twice, or a Secret that is.

    Raises:
        InputError: the name, and who gives it.
    """
    givers = dict.fromkeys(variables, "variables")
    seen: set[str] = set()
    for delivered in secrets:
        if delivered.secret in seen:
            raise InputError(f"secrets has {delivered.secret!r} twice; name each once")
        seen.add(delivered.secret)
        for name in delivered.variables or {}:
            if name in givers:
                raise InputError(
                    f"variable {name!r} is given by {givers[name]} and by Secret {delivered.secret!r}; use one"
                )
            givers[name] = f"Secret {delivered.secret!r}"


def full_resources(resources: Resources) -> dict[str, dict[str, str]]:
    """Requests and limits without a gap, in the API server's spelling.

    Raises:
        InputError: a default that fills a gap contradicts what is given.
    """
    filled: dict[str, dict[str, str]] = {}
    for group, amount in (("requests", resources.requests), ("limits", resources.limits)):
        given = {"cpu": amount.cpu, "memory": amount.memory}
        filled[group] = {**DEFAULT[group], **{kind: value for kind, value in given.items() if value}}
    for kind in ("cpu", "memory"):
        if quantity(filled["limits"][kind]) < quantity(filled["requests"][kind]):
            raise InputError(
                f"resources.limits.{kind} is {filled['limits'][kind]!r}, below requests.{kind} "
                f"{filled['requests'][kind]!r}; give both"
            )
    return {
        group: {**amounts, "cpu": cpu(amounts["cpu"]), "memory": memory(amounts["memory"])}
        for group, amounts in filled.items()
    }


def render_template(pod: Pod) -> Object:
    """The pod template: its labels, and its specification."""
    return {"metadata": {"labels": {**pod.environment.labels, **selector(pod.app)}}, "spec": render_pod(pod)}


def render_pod(pod: Pod) -> Object:
    """The pod's specification."""
    volumes: list[Object] = [{"name": "tmp", "emptyDir": {"sizeLimit": SCRATCH}}]
    spec: Object = {
        "serviceAccountName": pod.account,
        "automountServiceAccountToken": pod.token,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": pod.stop_seconds,
        "securityContext": pod_security(),
        "containers": [_application(pod)],
        "volumes": [*volumes, volume(pod.config_map)] if pod.files else volumes,
    }
    if pod.initial:
        spec["initContainers"] = [
            _container(pod, one.name, one.image or pod.image, one.command) for one in pod.initial
        ]
    if pod.ends:
        spec["restartPolicy"] = "Never"
    else:
        spec["topologySpreadConstraints"] = [spread(selector(pod.app), key) for key in (HOST, ZONE)]
        spec["affinity"] = apart(selector(pod.app))
    return spec


def _application(pod: Pod) -> Object:
    container = _container(pod, pod.app, pod.image, pod.command)
    if pod.port:
        container["lifecycle"] = {"preStop": {"sleep": {"seconds": DRAIN_SECONDS}}}
    listens = {"http": pod.port, "metrics": pod.metrics_port}
    if ports := [{"name": name, "containerPort": port} for name, port in listens.items() if port]:
        container["ports"] = ports
    return {**container, **(render_probes(pod.probes) if pod.probes else {})}


def _container(pod: Pod, name: str, image: str, command: tuple[str, ...]) -> Object:
    container: Object = {
        "name": name,
        "image": image,
        "imagePullPolicy": "Always",  # asks whether this namespace may have the image, on every node anew
        "resources": full_resources(pod.resources),
        "securityContext": container_security(),
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the container's own
            *(pod.files.mounts if pod.files else []),
        ],
    }
    if command:
        container["command"] = list(command)
    if variables := _variables(pod):
        container["env"] = variables
    whole = [delivered.secret for delivered in pod.secrets if delivered.variables is None]
    if whole:
        container["envFrom"] = [{"secretRef": {"name": name}} for name in whole]
    return container


def _variables(pod: Pod) -> list[Object]:
    """Environment variables by name: those in the clear, and those that are a key of a Secret."""
    values: dict[str, Object] = {name: {"name": name, "value": value} for name, value in pod.variables.items()}
    for delivered in pod.secrets:
        for name, key in (delivered.variables or {}).items():
            reference = {"secretKeyRef": {"name": delivered.secret, "key": key}}
            values[name] = {"name": name, "valueFrom": reference}
    return [values[name] for name in sorted(values)]
