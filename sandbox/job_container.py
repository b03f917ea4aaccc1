"""A container of a Job's pod as a process: its command, its variables, and its volumes as folders.

There is no container: what stands at a mount path in the pod stands in a private folder here, and the path is
rewritten in the command, the arguments and the plain variables. That works for root and for an ordinary user
alike, which namespaces of one's own do not everywhere. So a mounted file must name its neighbours relatively.
"""

from __future__ import annotations

import base64
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Data: TypeAlias = dict[str, bytes]
Object: TypeAlias = dict[str, Any]

MESSAGE_BYTES = 2048
MESSAGE_LINES = 80
"""How much of a failed container's output becomes its message, as a kubelet does it."""

_MESSAGE_PATH = "/dev/termination-log"
_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
_REFERENCE = re.compile(r"\$(\$|\((?P<name>[A-Za-z_.-][A-Za-z0-9_.-]*)\))")


class CannotRun(SandboxError):  # noqa: N818 - an answer
    """The container asks for something that the sandbox does not do, or is wrong in itself."""


class Missing(SandboxError):  # noqa: N818 - an answer
    """A Secret or a ConfigMap, or a key of one, is not there yet; a kubelet would wait as well."""


@dataclass(frozen=True)
class Surroundings:
    """Where a pod's containers run.

    Args:
        pod: the pod.
        folder: private to this pod.
        programs: the folder of PostgreSQL's programs.
        fetch: the data of a Secret or ConfigMap of the pod's namespace, by kind and name; None without one.
        token: a token of the pod's service account, as a volume's source describes it.
        marks: variables that every process of the sandbox has.
    """

    pod: Object
    folder: Path
    programs: Path
    fetch: Callable[[str, str], Data | None]
    token: Callable[[Object], str]
    marks: Mapping[str, str]


@dataclass(frozen=True)
class Command:
    """What is run."""

    words: list[str]
    variables: dict[str, str]
    folder: Path
    message: Path
    """The file that the container may leave a message in."""
    places: Mapping[str, Path]
    """The folder that stands for each mount path."""

    def told(self, output: bytes) -> str:
        """The end of an output as a kubelet would have it, with the paths that a container sees."""
        text = tail(output)
        for path, folder in self.places.items():
            text = text.replace(str(folder), path)
        return text


def is_run(container: Object) -> bool:
    """Whether a container is run: its image's last word is `postgres`, whatever registry it is from."""
    name = str(container.get("image", "")).partition("@")[0]
    repository, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        repository = name
    return repository.rpartition("/")[2] == "postgres"


def prepare(container: Object, around: Surroundings) -> Command:
    """The command of a container, its files in place.

    Raises:
        Missing: what it refers to is not there yet.
        CannotRun: it asks for what the sandbox does not do.
    """
    place = around.folder / str(container["name"])
    place.mkdir(mode=0o700, exist_ok=True)
    message = place / "termination-log"
    places = _mount(container, around)
    places[str(container.get("terminationMessagePath") or _MESSAGE_PATH)] = message
    words = [*container.get("command", ()), *container.get("args", ())]
    if not words:
        raise CannotRun("it has neither a command nor arguments, and the image's own would start a server")
    variables = _variables(container, around, places)
    working = container.get("workingDir")
    return Command(
        words=[_expanded(relocated(str(word), places), variables) for word in words],
        variables={
            "PATH": f"{around.programs}{os.pathsep}{_SYSTEM_PATH}",
            "HOME": str(place),
            "LANG": "C.UTF-8",
            **around.marks,
            **variables,
        },
        folder=Path(relocated(str(working), places)) if working else place,
        message=message,
        places=places,
    )


def relocated(text: str, places: Mapping[str, Path]) -> str:
    """A text with every mount path in it replaced by the folder that stands for it here."""
    longest_first = "|".join(re.escape(path) for path in sorted(places, key=len, reverse=True))
    if not longest_first:
        return text
    return re.sub(rf"(?<![\w./-])({longest_first})(?![\w.-])", lambda found: str(places[found[1]]), text)


def tail(output: bytes) -> str:
    """The end of an output, as much of it as becomes a message."""
    lines = output[-MESSAGE_BYTES:].decode(errors="replace").splitlines()
    return "\n".join(lines[-MESSAGE_LINES:])


def _mount(container: Object, around: Surroundings) -> dict[str, Path]:
    volumes = {str(one["name"]): one for one in around.pod["spec"].get("volumes") or ()}
    places: dict[str, Path] = {}
    for mount in container.get("volumeMounts") or ():
        volume = volumes.get(str(mount["name"]))
        if volume is None:
            raise CannotRun(f"it mounts {mount['name']!r}, which is no volume of the pod")
        folder = _folder(volume, around)
        places[str(mount["mountPath"]).rstrip("/")] = folder / str(mount.get("subPath") or "")
    return places


def _folder(volume: Object, around: Surroundings) -> Path:
    """A volume as a folder; all of a pod's containers share it."""
    folder = around.folder / "volumes" / str(volume["name"])
    if folder.exists():
        return folder
    if "emptyDir" in volume:
        files: Data = {}
    elif "projected" in volume:
        sources: list[Object] = volume["projected"].get("sources") or []
        files = {name: data for source in sources for name, data in _files(source, around).items()}
    else:
        files = _files(volume, around)
    folder.mkdir(mode=0o700, parents=True)
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(data)
    return folder


def _files(source: Object, around: Surroundings) -> Data:
    if "configMap" in source:
        kind, about = "configmaps", source["configMap"]
    elif "secret" in source:
        kind, about = "secrets", source["secret"]
    elif "serviceAccountToken" in source:
        about = source["serviceAccountToken"]
        return {str(about["path"]): around.token(about).encode()}
    elif "downwardAPI" in source:
        items: list[Object] = source["downwardAPI"].get("items") or []
        return {str(item["path"]): _field(item["fieldRef"], around).encode() for item in items}
    else:
        kinds = ", ".join(sorted(set(source) - {"name"}))
        raise CannotRun(f"a volume is of {kinds}, which the sandbox does not know")
    data = _data(kind, about, around, name=str(about.get("secretName") or about.get("name")))
    chosen: list[Object] | None = about.get("items")
    if not chosen:
        return data
    return {str(item["path"]): data[str(item["key"])] for item in chosen if str(item["key"]) in data}


def _field(reference: Object, around: Surroundings) -> str:
    path = str(reference["fieldPath"])
    if path not in {"metadata.name", "metadata.namespace", "metadata.uid"}:
        raise CannotRun(f"it asks for the pod's {path}, which the sandbox does not know")
    return str(around.pod["metadata"][path.partition(".")[2]])


def _data(kind: str, reference: Object, around: Surroundings, *, name: str) -> Data:
    found = around.fetch(kind, name)
    if found is None and not reference.get("optional"):
        raise Missing(f"there is no {name} among the {kind} yet")
    return found or {}


def _variables(container: Object, around: Surroundings, places: Mapping[str, Path]) -> dict[str, str]:
    variables: dict[str, str] = {}
    for source in container.get("envFrom") or ():
        kind, key = ("secrets", "secretRef") if "secretRef" in source else ("configmaps", "configMapRef")
        data = _data(kind, source[key], around, name=str(source[key]["name"]))
        prefix = str(source.get("prefix") or "")
        variables |= {prefix + name: value.decode() for name, value in data.items()}
    for entry in container.get("env") or ():
        value = _value(entry, around, places, variables)
        if value is not None:
            variables[str(entry["name"])] = value
    return variables


def _value(
    entry: Object, around: Surroundings, places: Mapping[str, Path], variables: Mapping[str, str]
) -> str | None:
    origin: Object | None = entry.get("valueFrom")
    if not origin:
        return _expanded(relocated(str(entry.get("value") or ""), places), variables)
    if "fieldRef" in origin:
        return _field(origin["fieldRef"], around)
    for kind, key in (("secrets", "secretKeyRef"), ("configmaps", "configMapKeyRef")):
        if reference := origin.get(key):
            data = _data(kind, reference, around, name=str(reference["name"]))
            value = data.get(str(reference["key"]))
            if value is None and not reference.get("optional"):
                raise Missing(f"{reference['name']} has no key {reference['key']} yet")
            return None if value is None else value.decode()
    raise CannotRun(
        f"the variable {entry['name']} comes from {', '.join(origin)}, which the sandbox does not know"
    )


def _expanded(text: str, variables: Mapping[str, str]) -> str:
    """A text with `$(NAME)` replaced, as Kubernetes does it: an unknown name stays, `$$` is one `$`."""

    def replace(match: re.Match[str]) -> str:
        if match[1] == "$":
            return "$"
        return variables.get(match["name"], match[0])

    return _REFERENCE.sub(replace, text)


def decoded(kind: str, item: Object) -> Data:
    """The data of a Secret or a ConfigMap."""
    data: dict[str, str] = item.get("data") or {}
    if kind == "secrets":
        return {key: base64.b64decode(value) for key, value in data.items()}
    binary: dict[str, str] = item.get("binaryData") or {}
    plain = {key: value.encode() for key, value in data.items()}
    return plain | {key: base64.b64decode(value) for key, value in binary.items()}
