"""What the renderers of all controllers have in common: pieces in an order, certificates, names."""

from dataclasses import dataclass
from typing import Any

from components.ingress_description import Description, Host
from components.manifest import Object, manifest

HTTP = "http"
"""The name of the port that every Service of an AppDeployment has."""

HTTP_PORT = 80
"""Its number."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One object, and what must be there before it.

    Args:
        object: the manifest; its name is the resource's logical name as well.
        after: other pieces.
        serves: namespace and name of the Services that it leads to.
    """

    object: Object
    after: tuple["Piece", ...] = ()
    serves: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """The object's name."""
        return str(self.object["metadata"]["name"])

    @property
    def key(self) -> str:
        """What tells it from every other piece: names are the same across kinds."""
        return f"{self.object['kind']}/{self.name}"

    @property
    def namespace(self) -> str:
        """The object's namespace."""
        return str(self.object["metadata"]["namespace"])


def object_name(description: Description, host: Host, *words: str) -> str:
    """The name of an object of one host: `public-api-headers`."""
    return "-".join((description.name, host.key, *words))


def secret_name(description: Description, host: Host) -> str:
    """The Secret that a host's certificate is in."""
    return object_name(description, host, "tls")


def render(description: Description, api_version: str, kind: str, name: str, namespace: str, spec: Any) -> Object:
    """An object with the environment's owner labels."""
    return manifest(description.environment, api_version, kind, name, namespace=namespace, spec=spec)


def render_certificate(description: Description, host: Host, issuer: str, namespace: str) -> Piece:
    """The certificate that cert-manager gets for a host.

    Nothing waits for it to be ready: the issuer asks for the host by http, so the host must be served and its
    DNS record be there first, which for a new environment is later than its first update.
    """
    spec = {
        "secretName": secret_name(description, host),
        "dnsNames": [host.name],
        "issuerRef": {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": issuer},
        "privateKey": {"algorithm": "ECDSA", "rotationPolicy": "Always", "size": 256},
    }
    name = object_name(description, host)
    return Piece(object=render(description, "cert-manager.io/v1", "Certificate", name, namespace, spec))


def services_of(host: Host, namespace: str | None = None) -> tuple[tuple[str, str], ...]:
    """The Services behind a host, or those of them in one namespace, each once."""
    chosen = (path for path in host.paths if namespace in (None, path.namespace))
    return tuple(dict.fromkeys((path.namespace, path.service) for path in chosen))
