"""Public hosts, over TLS alone."""

from functools import cache

import pytest

from components import AppDeployment, Connected, Ingress, IngressArgs, InputError
from tests.making import application, build, environment
from tests.recording import Recording


def built(name: str = "dev", *, hosts: tuple[str, ...] = ("api",)) -> Recording:
    def make(connected: Connected) -> Ingress:
        of = environment(name)
        app = application(connected, of, port=3001)
        return Ingress("public", IngressArgs(environment=of, hosts=dict.fromkeys(hosts, app)), connected)

    return build(make)


@cache
def dev() -> Recording:
    return built()


@pytest.mark.parametrize(("name", "host"), [("dev", "api-dev.keybuzz.io"), ("prod", "api.keybuzz.io")])
def test_a_host_is_the_environments_and_has_a_certificate(name: str, host: str) -> None:
    made = built(name).one("Ingress", "public-api")
    assert made.inputs["spec"]["rules"][0]["host"] == host
    assert made.inputs["spec"]["tls"] == [{"hosts": [host], "secretName": "api-tls"}]
    assert made.inputs["metadata"]["annotations"]["cert-manager.io/cluster-issuer"] == "letsencrypt-prod"


def test_a_host_is_served_over_tls_alone_by_the_declared_controller() -> None:
    made = dev().one("Ingress", "public-api").inputs
    assert made["spec"]["ingressClassName"] == "traefik"
    annotations = made["metadata"]["annotations"]
    assert annotations["traefik.ingress.kubernetes.io/router.entrypoints"] == "websecure"
    assert annotations["traefik.ingress.kubernetes.io/router.tls"] == "true"


def test_every_path_of_a_host_leads_to_the_applications_service() -> None:
    (path,) = dev().one("Ingress", "public-api").inputs["spec"]["rules"][0]["http"]["paths"]
    assert path["path"] == "/"
    assert path["backend"] == {"service": {"name": "api", "port": {"name": "http"}}}


def test_the_controller_is_let_in_before_the_host_is_served() -> None:
    opened = dev().one("NetworkPolicy", "public-api-from-controller")
    assert opened.inputs["metadata"]["namespace"] == "keybuzz-api-dev"
    dev().require_after(dev().one("Ingress", "public-api"), opened, dev().one("Deployment", "api-deployment"))


def test_two_hosts_of_one_application_share_one_way_in() -> None:
    recording = built(hosts=("api", "www"))
    assert len(recording.of("Ingress")) == 3, "the component and two hosts"
    assert [made.name for made in recording.of("NetworkPolicy") if "from-controller" in made.name] == [
        "public-api-from-controller"
    ]


def test_the_urls_are_the_outputs() -> None:
    (outputs,) = [given for urn, given in built("prod").outputs.items() if "bulkhead:index:Ingress" in urn]
    assert outputs == {"urls": {"api": "https://api.keybuzz.io"}}


def test_an_application_that_serves_nothing_is_refused_before_anything_is_registered() -> None:
    def make(connected: Connected) -> None:
        worker = application(connected, environment(), "worker")
        Ingress("public", IngressArgs(environment=environment(), hosts={"jobs": worker}), connected)

    with pytest.raises(InputError, match=r"hosts\.jobs is 'worker', which has no port"):
        build(make)


def test_an_application_of_another_environment_is_refused() -> None:
    def make(connected: Connected) -> None:
        foreign: AppDeployment = application(connected, environment("prod"), port=3001)
        Ingress("public", IngressArgs(environment=environment(), hosts={"api": foreign}), connected)

    with pytest.raises(InputError, match=r"hosts\.api belongs to keybuzz/prod; use one of keybuzz/dev"):
        build(make)


def test_a_host_that_is_no_part_is_refused() -> None:
    with pytest.raises(InputError, match="part is 'api-v2'"):
        built(hosts=("api-v2",))
