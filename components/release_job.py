"""ReleaseJob: what a new version does once before its pods start, such as a migration that is in its image."""

import hashlib
import json
from dataclasses import dataclass, replace

from components.errors import InputError
from components.manifest import Object, manifest
from components.network import selector
from components.pod import Pod, refuse_command, render_template
from components.validation import parse_seconds

MOST_RETRIES = 10


@dataclass(frozen=True, kw_only=True)
class ReleaseJob:
    """A command that runs to its end before the new version's pods start.

    Args:
        command: the program and its arguments, in the application's own image.
        deadline: how long it may take, retries included, such as `10m`.
        retries: how often it is tried again.

    Raises:
        InputError: one of them cannot be used.
    """

    command: tuple[str, ...]
    deadline: str = "10m"
    retries: int = 2

    def __post_init__(self) -> None:
        refuse_command("release.command", self.command, may_be_empty=False)
        parse_seconds("release.deadline", self.deadline)
        if type(self.retries) is not int or not 0 <= self.retries <= MOST_RETRIES:
            raise InputError(f"release.retries is {self.retries!r}; use 0 to {MOST_RETRIES}")


def release_pod(pod: Pod, release: ReleaseJob) -> Pod:
    """The job's pod: the application's, but that it serves nothing, so that no Service and no budget counts it."""
    return replace(
        pod,
        app=f"{pod.app}-release",
        command=release.command,
        port=None,
        metrics_port=None,
        probes=None,
        initial=(),
        token=False,
        ends=True,
    )


def render_release(namespace: str, pod: Pod, release: ReleaseJob) -> Object:
    """The Job, named after all that it does: another image makes another Job, the same one runs once."""
    spec: Object = {
        "backoffLimit": release.retries,
        "activeDeadlineSeconds": parse_seconds("release.deadline", release.deadline),
        "template": render_template(pod),
    }
    known = render_template(replace(pod, config_map=pod.files.digest if pod.files else ""))
    digest = hashlib.sha256(json.dumps({**spec, "template": known}, sort_keys=True).encode()).hexdigest()[:10]
    return manifest(
        pod.environment,
        "batch/v1",
        "Job",
        f"{pod.app}-{digest}",
        namespace=namespace,
        labels=selector(pod.app),
        annotations={
            "pulumi.com/replaceUnready": "true",  # one that failed runs again at the next `up`
            "pulumi.com/timeoutSeconds": str(spec["activeDeadlineSeconds"] + 60),
        },
        spec=spec,
    )
