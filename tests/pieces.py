"""Pieces: a description of one public host for a renderer, and what it makes of it."""

from components.ingress_capabilities import Controller
from components.ingress_description import Description, Host, Path, Rules
from components.ingress_objects import Piece
from components.manifest import Object
from components.platform import Kubernetes
from tests.making import environment
from tests.stacks import platform

ANSIBLE_BUILDER = (
    ("/ansible-builder", "/"),
    ("/ansible-builder/api", "/api"),
    ("/ansible-builder/docs", "/docs"),
)
HOME = "twinme-dev"


def described(
    *paths: tuple[str, str | None], rules: Rules | None = None, namespaces: tuple[str, ...] = ()
) -> Description:
    """One host with these paths and what they become, each in the namespace of its place."""
    places = paths or (("/", None),)
    homes = (*namespaces, *[HOME] * len(places))
    found = [
        Path(path=at, rewrite=rewrite, service="api", namespace=home)
        for (at, rewrite), home in zip(places, homes, strict=False)
    ]
    found.sort(key=lambda path: len(path.base), reverse=True)
    host = Host(key="api", name="api-dev.twinme.ai", home=homes[0], paths=tuple(found))
    of = environment("dev", system="twinme", domain="twinme.ai")
    return Description(name="public", environment=of, hosts=(host,), rules=rules or Rules())


def cluster(controller: Controller) -> Kubernetes:
    """A cluster with this controller, which has a class of the same name."""
    return platform().kubernetes.model_copy(update={"controller": controller, "ingress_class": controller})


def one(pieces: list[Piece], kind: str, name: str) -> Object:
    """The only object of this kind and name."""
    (found,) = [piece.object for piece in pieces if piece.key == f"{kind}/{name}"]
    return found
