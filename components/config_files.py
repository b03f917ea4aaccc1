"""Configuration as files: texts at absolute paths, in a ConfigMap that cannot change.

Another text makes another ConfigMap, so another name in the pods' description, so a roll-out; pods that still
run keep what they were started with. Pulumi makes the name up: one that followed from the content would be
taken on the way back from an update that failed, when the old ConfigMap is still there for the old pods.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from components.environment import Environment
from components.errors import InputError
from components.manifest import Object, manifest

MOST_BYTES = 1024 * 1024
"""The API server's limit of a ConfigMap, keys included."""

_PATH = re.compile(r"(/[A-Za-z0-9._-]+)+")
_SYSTEM_FOLDERS = ("/proc", "/sys", "/dev", "/var/run/secrets", "/run/secrets")
_LONGEST_PATH = 200

_SECRETS = (
    re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----"),
    re.compile(r"://[^/\s:@]*:[^/\s@${]+@"),
    re.compile(
        r"""^\W*(?:[A-Za-z0-9_.-]*[_.-])?(?:passw(?:or)?d|passphrase|secret|token|credential|api_?-?key|"""
        r"""private_?-?key|access_?-?key|encryption_?-?key)s?["']?\s*[:=]\s*["']?(?![${<%/])[^\s"',]{6,}""",
        re.IGNORECASE | re.MULTILINE,
    ),
    re.compile(
        r"\b(AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20,}|sk-[A-Za-z0-9_-]{20,}|xox[abprs]-[0-9A-Za-z-]{10,})"
    ),
    re.compile(r"\b(eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.|hv[sb]\.[A-Za-z0-9_-]{20,})"),
)
"""What secrets look like: keys, URLs with a password, `password: …`, and well-known kinds of token."""


@dataclass(frozen=True, kw_only=True)
class ConfigFiles:
    """The files of one workload.

    Args:
        texts: the text of each file, by absolute path.

    Raises:
        InputError: a path or a text cannot be used; what it says is not repeated.
    """

    texts: Mapping[str, str] = field(repr=False)

    def __post_init__(self) -> None:
        for path, text in self.texts.items():
            _refuse_path(path, self.texts)
            _refuse_text(path, text)
        size = sum(len(key) + len(text.encode()) for key, text in self.data.items())
        if size > MOST_BYTES:
            raise InputError(f"files are {size} bytes together; a ConfigMap takes {MOST_BYTES}")

    @property
    def data(self) -> dict[str, str]:
        """The ConfigMap's content."""
        return {_key(path): text for path, text in sorted(self.texts.items())}

    @property
    def digest(self) -> str:
        """A text that changes with any of them."""
        content = json.dumps(self.data, sort_keys=True).encode()
        return hashlib.sha256(content).hexdigest()[:10]

    @property
    def mounts(self) -> list[Object]:
        """Where the container sees them, each at its path, so that nothing else of its folder is hidden."""
        return [
            {"name": "files", "mountPath": path, "subPath": _key(path), "readOnly": True}
            for path in sorted(self.texts)
        ]


def render_files(environment: Environment, namespace: str, files: ConfigFiles) -> Object:
    """The ConfigMap; immutable, so that a pod that restarts cannot get another text than its neighbours."""
    rendered = manifest(environment, "v1", "ConfigMap", "", namespace=namespace, immutable=True, data=files.data)
    del rendered["metadata"]["name"]
    return rendered


def volume(config_map: pulumi.Input[str]) -> Object:
    """The pods' volume, by the name that the ConfigMap got."""
    return {"name": "files", "configMap": {"name": config_map}}


def _key(path: str) -> str:
    """What a file is called within the ConfigMap: no two paths share it."""
    return f"{hashlib.sha256(path.encode()).hexdigest()[:8]}-{path.rpartition('/')[2]}"


def _refuse_path(path: object, paths: Mapping[str, str]) -> None:
    shown = ascii(path)[:200]
    if not isinstance(path, str) or len(path) > _LONGEST_PATH or not _PATH.fullmatch(path):
        raise InputError(
            f"files has the path {shown}; use an absolute path of letters, digits, '.', '_' and '-', "
            f"at most {_LONGEST_PATH} characters"
        )
    if {".", ".."} & set(path.split("/")):
        raise InputError(f"files has the path {shown}; use one without '.' and '..'")
    if any(path == folder or path.startswith(f"{folder}/") for folder in _SYSTEM_FOLDERS):
        raise InputError(f"files has the path {shown}, which is the system's; use another folder")
    inner = next((other for other in paths if str(other).startswith(f"{path}/")), None)
    if inner:
        raise InputError(f"files has {shown} and {inner!r}; one path cannot be a file and a folder")


def _refuse_text(path: str, text: object) -> None:
    if not isinstance(text, str):
        raise InputError(f"files[{path!r}] is no text; use a plain string, known before anything runs")
    if "\0" in text:
        raise InputError(f"files[{path!r}] has a NUL byte; use text")
    for secret in _SECRETS:
        if found := secret.search(text):
            line = text.count("\n", 0, found.end()) + 1
            raise InputError(
                f"files[{path!r}] has what looks like a secret in line {line}; "
                "secrets come from Vault, never from here"
            )
