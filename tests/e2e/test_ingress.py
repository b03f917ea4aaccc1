"""Public hosts: every rendering is taken by a real API server, and one is tried through a real proxy.

The systems bear other names here, so that their namespaces are nobody else's; hosts, paths and rules are those
of KeyBuzz (K6), Ansible Builder (A) and TwinMe (T3).
"""

import copy
import gzip
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from components.ingress_capabilities import Controller
from components.ingress_description import RateLimit, SecurityHeaders, Tls
from sandbox.cluster import connect
from sandbox.json_api import ApiError
from sandbox.platform import Sandbox
from tests.e2e.proxies import LARGE, SLOW_SECONDS, Cluster, Proxy, application, traefik
from tests.e2e.servers import Servers
from tests.e2e.waiting import eventually
from tests.ingresses import CSP, EVERY_CONTROLLER, SYSTEMS, Public, objects, recorded

TWINME, NEWEST = "api.twinme.ai", "api-dev.twinme.ai"
PATIENT = "127.0.0.100"
"""The address of a client whose requests count for no test."""

SIZES = (64 * 1024, 64 * 1024 + 1)
BURST, PER_SECOND = 20, 10
MOST_REQUESTS = 300
"""A client that sends as many gets to the limit of a minute, however slow the machine is."""

PER_MINUTE = RateLimit(average=100, period="1m")
LIMITED = {"rate_limits": (PER_MINUTE, RateLimit(average=PER_SECOND, period="1s", burst=BURST))}
TRIED = {**LIMITED, "headers": SecurityHeaders(csp=CSP), "compression": True, "body": "64Ki", "timeouts": "1s"}


@pytest.fixture(scope="module")
def endpoint(sandbox: Sandbox) -> str:
    """Where the API server is."""
    return f"https://{sandbox.setting.address('kube-apiserver')}"


@pytest.fixture(scope="module")
def cluster(sandbox: Sandbox, endpoint: str) -> Iterator[Cluster]:
    """The API server, for objects of this module's own."""
    running = Cluster(connect(sandbox.layout, int(endpoint.rpartition(":")[2])))
    yield running
    running.clear()


def prepared(cluster: Cluster, public: Public, controller: Controller, **more: Any) -> list[dict[str, Any]]:
    """The objects of an Ingress, once its namespaces are there."""
    recording = recorded(public, controller, **more)
    for made in recording.of("Namespace"):
        if made.is_kubernetes and made.inputs["metadata"]["name"] not in cluster.namespaces:
            cluster.apply(made.inputs)
    return [dict(made.inputs) for made in objects(recording)]


@pytest.mark.parametrize("stage", ["dev", "prod"])
@pytest.mark.parametrize("controller", EVERY_CONTROLLER)
@pytest.mark.parametrize("system", SYSTEMS)
def test_a_rendering_is_taken_strictly_and_kept_as_it_was_written(
    cluster: Cluster, system: str, controller: Controller, stage: str
) -> None:
    public = Public(system=system, name=stage, called=f"ingress-{system}")
    for made in prepared(cluster, public, controller):
        cluster.apply(made, dry=True)
        cluster.apply(made)
        kept = cluster.read(made)
        assert kept["spec"] == made["spec"], f"{made['kind']} {made['metadata']['name']} is kept otherwise"
        for part in ("labels", "annotations"):
            assert kept["metadata"].get(part) == made["metadata"].get(part)


@pytest.mark.parametrize("controller", EVERY_CONTROLLER)
def test_a_planted_field_is_refused_by_the_server(cluster: Cluster, controller: Controller) -> None:
    public = Public(system="twinme", name="dev", called="ingress-twinme")
    refused = 0
    for made in prepared(cluster, public, controller):
        planted = copy.deepcopy(made)
        planted["spec"]["planted"] = True
        with pytest.raises(ApiError, match=r"planted"):
            cluster.apply(planted, dry=True)
        refused += 1
    assert refused >= 3


@pytest.fixture(scope="module")
def issuer(servers: Servers) -> Iterator[Callable[[str], tuple[str, str]]]:
    """Issues a host's certificate and key, as cert-manager's issuer would."""
    vault, mount = servers.vault, "ingress-issuer"
    if f"{mount}/" in vault.sys.list_mounted_secrets_engines()["data"]:
        vault.sys.disable_secrets_engine(mount)  # an earlier run was broken off
    vault.sys.enable_secrets_engine("pki", path=mount)

    def issue(host: str) -> tuple[str, str]:
        issued = vault.secrets.pki.generate_certificate("any", host, mount_point=mount)["data"]
        return str(issued["certificate"]), str(issued["private_key"])

    try:
        vault.secrets.pki.generate_root("internal", "Ingress under test", {"ttl": "24h"}, mount)
        role = {"allow_any_name": True, "key_type": "ec", "ttl": "1h"}
        vault.secrets.pki.create_or_update_role("any", role, mount)
        yield issue
    finally:
        vault.sys.disable_secrets_engine(mount)


@pytest.fixture(scope="module")
def issued() -> dict[str, str]:
    """The certificates that were issued, by host."""
    return {}


@pytest.fixture(scope="module")
def proxy(
    cluster: Cluster,
    sandbox: Sandbox,
    endpoint: str,
    issuer: Callable[[str], tuple[str, str]],
    issued: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Proxy]:
    """Traefik in front of Ansible Builder's paths, of TwinMe's host, and of one that speaks TLS 1.3 alone."""
    tried: list[tuple[Public, dict[str, Any]]] = [
        (Public(system="ansible-builder", name="prod", called="proxied-ansible-builder"), {}),
        (Public(system="twinme", name="prod", called="proxied-twinme"), TRIED),
        (
            Public(system="twinme", name="dev", called="proxied-newest"),
            {"tls": Tls(versions=("1.3",)), "allow": ("127.0.0.64/26",), "redirect": False},
        ),
    ]
    namespaces = [public.environment.namespace() for public, _ in tried]
    with ExitStack() as stack:
        ports = {part: stack.enter_context(application(part)) for part in ("api", "backend", "frontend")}
        for public, more in tried:
            home = public.environment.namespace()
            for made in prepared(cluster, public, "traefik", **more):
                cluster.apply(made)
                if made["kind"] == "Certificate":
                    (host,) = made["spec"]["dnsNames"]
                    issued[host], key = issuer(host)
                    cluster.certificate(home, made["spec"]["secretName"], issued[host], key)
                for route in made["spec"]["routes"] if made["kind"] == "IngressRoute" else ():
                    service = route["services"][0]["name"]
                    cluster.stand_in(home, service, ports[service.rpartition("-")[2]])
        folder = tmp_path_factory.mktemp("traefik")
        running = stack.enter_context(traefik(folder, cluster, endpoint, sandbox.layout.certificate, namespaces))
        for host, path in (("coupel.net", "/ansible-builder"), (TWINME, "/"), (NEWEST, "/")):
            eventually(
                lambda host=host, path=path: running.ask(host, path, client=PATIENT).status == 200,
                f"{host} is served",
                30,
            )
        yield running


@pytest.mark.parametrize(
    ("path", "service", "seen"),
    [
        ("/ansible-builder", "frontend", "/"),
        ("/ansible-builder/", "frontend", "/"),
        ("/ansible-builder/assets/app.js?v=1", "frontend", "/assets/app.js?v=1"),
        ("/ansible-builder/apis", "frontend", "/apis"),
        ("/ansible-builder/api", "backend", "/api"),
        ("/ansible-builder/api/health", "backend", "/api/health"),
        ("/ansible-builder/docs/index.html", "backend", "/docs/index.html"),
    ],
)
def test_the_longest_path_answers_and_is_rewritten(proxy: Proxy, path: str, service: str, seen: str) -> None:
    assert proxy.ask("coupel.net", path).json == {"service": service, "path": seen}


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("coupel.net", "/"),
        ("coupel.net", "/ansible-builders"),
        ("coupel.net", "/api"),
        ("unknown.example.com", "/"),
    ],
)
def test_what_nobody_declared_is_not_found(proxy: Proxy, host: str, path: str) -> None:
    assert proxy.ask(host, path).status == 404


@pytest.mark.parametrize("status", [200, 201, 404, 500, 503])
def test_an_applications_status_reaches_the_client(proxy: Proxy, status: int) -> None:
    assert proxy.ask("coupel.net", f"/ansible-builder/status/{status}").status == status


@pytest.mark.parametrize("host", ["coupel.net", TWINME, NEWEST])
def test_the_hosts_own_certificate_is_served(proxy: Proxy, issued: dict[str, str], host: str) -> None:
    assert proxy.certificate(host).split() == issued[host].split()


def test_a_host_that_nobody_declared_gets_nobodys_certificate(proxy: Proxy, issued: dict[str, str]) -> None:
    stranger = proxy.certificate("unknown.example.com").split()
    assert stranger not in [certificate.split() for certificate in issued.values()]


@pytest.mark.parametrize(("path", "status"), [("/health", 200), ("/status/500", 500)])
def test_every_answer_bears_the_headers_in_place_of_the_applications(proxy: Proxy, path: str, status: int) -> None:
    answer = proxy.ask(TWINME, path, client="127.0.0.2")
    assert answer.status == status
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    assert answer.headers["Content-Security-Policy"] == CSP


@pytest.mark.parametrize(("method", "status"), [("GET", 301), ("POST", 308)])
def test_http_is_redirected_for_good(proxy: Proxy, method: str, status: int) -> None:
    answer = proxy.ask(TWINME, "/v1/chat?of=me", plain=True, method=method)
    assert answer.status == status
    assert answer.headers["Location"] == f"https://{TWINME}/v1/chat?of=me"


def test_without_a_redirect_http_is_not_answered(proxy: Proxy) -> None:
    assert proxy.ask(NEWEST, "/", plain=True, client=PATIENT).status == 404


@pytest.mark.parametrize(
    ("host", "version", "spoken"),
    [
        (TWINME, ssl.TLSVersion.TLSv1_2, "TLSv1.2"),
        (TWINME, ssl.TLSVersion.TLSv1_3, "TLSv1.3"),
        (NEWEST, ssl.TLSVersion.TLSv1_3, "TLSv1.3"),
    ],
)
def test_a_named_tls_version_is_spoken(proxy: Proxy, host: str, version: ssl.TLSVersion, spoken: str) -> None:
    answer = proxy.ask(host, "/health", tls=version, client=PATIENT)
    assert (answer.status, answer.tls) == (200, spoken)


@pytest.mark.parametrize(("host", "version"), [(TWINME, ssl.TLSVersion.TLSv1_1), (NEWEST, ssl.TLSVersion.TLSv1_2)])
def test_another_tls_version_is_refused_by_the_proxy(proxy: Proxy, host: str, version: ssl.TLSVersion) -> None:
    with pytest.raises(ssl.SSLError, match=r"(?i)alert protocol version"):
        proxy.ask(host, "/health", tls=version, client=PATIENT)


def test_a_client_that_asks_too_often_is_told_so_and_others_are_not(proxy: Proxy) -> None:
    hasty, passed, begun = "127.0.0.3", 0, time.monotonic()
    while (answer := proxy.ask(TWINME, "/health", client=hasty)).status == 200 and passed < MOST_REQUESTS:
        passed += 1
    elapsed = time.monotonic() - begun
    assert answer.status == 429
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert BURST <= passed <= BURST + PER_SECOND * elapsed + 1
    assert proxy.ask(TWINME, "/health", client="127.0.0.4").status == 200
    time.sleep(1)
    assert proxy.ask(TWINME, "/health", client=hasty).status == 200


def test_a_body_up_to_the_limit_passes_and_a_larger_one_does_not(proxy: Proxy) -> None:
    fits, large = (proxy.ask(TWINME, "/", client="127.0.0.5", method="POST", body=b"x" * size) for size in SIZES)
    assert (fits.status, large.status) == (200, 413)


def test_a_large_answer_is_compressed_for_a_client_that_takes_it(proxy: Proxy) -> None:
    asked = {"Accept-Encoding": "gzip"}
    answer = proxy.ask(TWINME, "/large", client="127.0.0.6", headers=asked)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.body).decode() == LARGE
    assert len(answer.body) < len(LARGE) / 10
    plain = proxy.ask(TWINME, "/large", client="127.0.0.6")
    assert "Content-Encoding" not in plain.headers
    assert plain.body.decode() == LARGE


def test_an_application_that_is_silent_too_long_is_given_up(proxy: Proxy) -> None:
    begun = time.monotonic()
    assert proxy.ask(TWINME, "/slow", client="127.0.0.7").status == 504
    assert time.monotonic() - begun < SLOW_SECONDS


def test_only_the_named_networks_may_ask(proxy: Proxy) -> None:
    assert proxy.ask(NEWEST, "/health", client="127.0.0.64").status == 200
    assert proxy.ask(NEWEST, "/health", client="127.0.0.8").status == 403
