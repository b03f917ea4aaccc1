"""What the renderers of all controllers share."""

from components.ingress_objects import object_name, render_certificate, secret_name, services_of
from tests.pieces import described


def test_names_are_made_of_the_ingress_and_the_host() -> None:
    asked = described()
    (host,) = asked.hosts
    assert object_name(asked, host) == "public-api"
    assert object_name(asked, host, "rate-limit", "0") == "public-api-rate-limit-0"
    assert secret_name(asked, host) == "public-api-tls"


def test_a_certificate_is_the_hosts_and_has_a_key_of_its_own_each_time() -> None:
    asked = described()
    piece = render_certificate(asked, asked.hosts[0], "letsencrypt-prod", "twinme-dev")
    assert (piece.key, piece.namespace) == ("Certificate/public-api", "twinme-dev")
    assert piece.object["metadata"]["labels"]["bulkhead.dev/environment"] == "dev"
    assert piece.object["spec"] == {
        "secretName": "public-api-tls",
        "dnsNames": ["api-dev.twinme.ai"],
        "issuerRef": {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": "letsencrypt-prod"},
        "privateKey": {"algorithm": "ECDSA", "rotationPolicy": "Always", "size": 256},
    }


def test_nothing_waits_for_a_certificate_to_be_ready() -> None:
    asked = described()
    piece = render_certificate(asked, asked.hosts[0], "letsencrypt-prod", "twinme-dev")
    assert "annotations" not in piece.object["metadata"]


def test_services_are_listed_once_and_by_namespace() -> None:
    (host,) = described(("/", None), ("/a", None), ("/b", None), namespaces=("one", "two")).hosts
    assert set(services_of(host)) == {("one", "api"), ("two", "api"), ("twinme-dev", "api")}
    assert services_of(host, "two") == (("two", "api"),)
    (same,) = described(("/", None), ("/a", None)).hosts
    assert services_of(same) == (("twinme-dev", "api"),)
