"""Changes by hand on Kubernetes, as `kubectl edit`, `kubectl delete` and `kubectl create` make them."""

import base64
from typing import Any

from kubernetes import client

from tests.e2e.matrix.hands import BY_HAND, Change, Hands

CORE, APPS = "/api/v1/namespaces/conf-dev", "/apis/apps/v1/namespaces/conf-dev"
NETWORKING = "/apis/networking.k8s.io/v1/namespaces/conf-dev"
RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces/conf-dev"
DEPLOYMENT, INGRESS = f"{APPS}/deployments/api", f"{NETWORKING}/ingresses/pub"
CONTAINERS = ("spec", "template", "spec", "containers")


def follow(thing: Any, *way: Any) -> Any:
    for step in way:
        thing = thing.get(step) if isinstance(thing, dict) else thing[step]
    return thing


def edited(name: str, resource: str, address: str, way: tuple[Any, ...], value: Any, *words: str) -> Change:
    """A field of an object, changed as `kubectl edit` does; a way through a list takes the whole list along."""

    def act(hands: Hands) -> None:
        live = hands.get(address)
        numbers = [place for place, step in enumerate(way) if isinstance(step, int)]
        upto = numbers[0] if numbers else len(way)
        put: Any = value
        if numbers:
            put = follow(live, *way[:upto])
            last = follow(put, *way[upto:-1])
            last[way[-1]] = value
        for step in reversed(way[:upto]):
            put = {step: put}
        hands.edit(address, put)

    return Change(name, resource, words, act, lambda hands: follow(hands.get(address), *way))


def appended(name: str, resource: str, address: str, way: tuple[Any, ...], value: Any, *words: str) -> Change:
    """An element added to a list of an object."""

    def act(hands: Hands) -> None:
        listed = follow(hands.get(address), *way)
        numbers = [place for place, step in enumerate(way) if isinstance(step, int)]
        if not numbers:
            put: Any = [*(listed or []), value]
            for step in reversed(way):
                put = {step: put}
        else:
            upto = numbers[0]
            whole = follow(hands.get(address), *way[:upto])
            last = follow(whole, *way[upto:-1])
            last[way[-1]] = [*(last.get(way[-1]) or []), value]
            put = whole
            for step in reversed(way[:upto]):
                put = {step: put}
        hands.edit(address, put)

    return Change(name, resource, words, act, lambda hands: follow(hands.get(address), *way))


def deleted(name: str, resource: str, collection: str, called: str, *words: str, batch: int = 1) -> Change:
    """An object deleted."""

    def act(hands: Hands) -> None:
        api = hands.servers.kubernetes
        headers = {"Accept": "application/json"}
        path = f"{collection}/{called}"
        api.update_params_for_auth(headers, [], ["BearerToken"], path, "", None)
        api.call_api("DELETE", api.configuration.host + path, headers, None)

    return Change(name, resource, words, act, lambda hands: hands.is_there(collection, called), batch)


def open_everything(hands: Hands) -> None:
    """A second network policy, which lets everything in."""
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "open"},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]},
    }
    api = client.NetworkingV1Api(hands.servers.kubernetes)
    api.create_namespaced_network_policy("conf-dev", policy, field_manager=BY_HAND)


def network_policies(hands: Hands) -> list[str]:
    return sorted(one["metadata"]["name"] for one in hands.get(f"{NETWORKING}/networkpolicies")["items"])


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


MOUNTED = True
A_RULE = {
    "host": "admin.example.org",
    "http": {
        "paths": [
            {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "api", "port": {"number": 80}}}}
        ]
    },
}

CHANGES = (
    edited(
        "deployment: image changed",
        "deployment",
        DEPLOYMENT,
        (*CONTAINERS, 0, "image"),
        "ghcr.io/x/api:evil",
        "spec.template.spec.containers[api].image",
        "ghcr.io/x/api:evil",
    ),
    edited("deployment: scaled by hand", "deployment", DEPLOYMENT, ("spec", "replicas"), 3, "spec.replicas: 3"),
    edited(
        "deployment: declared variable changed",
        "deployment",
        DEPLOYMENT,
        (*CONTAINERS, 0, "env", 0, "value"),
        "9",
        "containers[api].env[A].value",
    ),
    appended(
        "deployment: variable added",
        "deployment",
        DEPLOYMENT,
        (*CONTAINERS, 0, "env"),
        {"name": "B", "value": "2"},
        "containers[api].env[B]",
    ),
    appended(
        "deployment: container added",
        "deployment",
        DEPLOYMENT,
        CONTAINERS,
        {"name": "shell", "image": "busybox"},
        "spec.template.spec.containers[shell]",
        "busybox",
    ),
    deleted(
        "deployment: deleted",
        "deployment",
        f"{APPS}/deployments",
        "api",
        "missing",
        "Deployment conf-dev/api",
        batch=2,
    ),
    edited(
        "namespace: declared label changed",
        "namespace",
        "/api/v1/namespaces/conf-dev",
        ("metadata", "labels", "a"),
        "z",
        "metadata.labels.a",
    ),
    edited(
        "namespace: label added",
        "namespace",
        "/api/v1/namespaces/conf-dev",
        ("metadata", "labels", "more"),
        "yes",
        "metadata.labels.more",
    ),
    edited(
        "service: port changed",
        "service",
        f"{CORE}/services/api",
        ("spec", "ports", 0, "port"),
        8081,
        "spec.ports[http].port",
        "8081",
    ),
    edited(
        "service: made a NodePort", "service", f"{CORE}/services/api", ("spec", "type"), "NodePort", "NodePort"
    ),
    edited(
        "ingress: host changed",
        "ingress",
        INGRESS,
        ("spec", "rules", 0, "host"),
        "evil.example.org",
        "spec.rules[0].host",
        "evil.example.org",
    ),
    appended(
        "ingress: rule added", "ingress", INGRESS, ("spec", "rules"), A_RULE, "spec.rules[1]", "admin.example.org"
    ),
    deleted(
        "network policy: deleted",
        "network-policy",
        f"{NETWORKING}/networkpolicies",
        "deny",
        "missing",
        "NetworkPolicy conf-dev/deny",
        batch=2,
    ),
    edited(
        "network policy: opened (ingress rule added)",
        "network-policy",
        f"{NETWORKING}/networkpolicies/deny",
        ("spec", "ingress"),
        [{}],
        "spec.ingress",
    ),
    Change(
        "network policy: a second, opening one added",
        "namespace",
        ("added", "NetworkPolicy conf-dev/open"),
        open_everything,
        network_policies,
    ),
    edited(
        "rbac role: verb added",
        "role",
        f"{RBAC}/roles/r",
        ("rules", 0, "verbs"),
        ["get", "delete"],
        "rules[0].verbs",
        "delete",
    ),
    appended(
        "rbac binding: subject added",
        "role-binding",
        f"{RBAC}/rolebindings/rb",
        ("subjects",),
        {"kind": "ServiceAccount", "name": "default", "namespace": "conf-dev"},
        "subjects[default]",
    ),
    edited(
        "secret: value changed",
        "secret",
        f"{CORE}/secrets/sec",
        ("data", "password"),
        encoded("stolen"),
        "data.password",
        "[hidden]",
    ),
    edited("secret: key added", "secret", f"{CORE}/secrets/sec", ("data", "more"), encoded("m0re"), "data.more"),
    edited("config map: key added", "config-map", f"{CORE}/configmaps/cm", ("data", "b"), "2", "data.b"),
    edited(
        "hpa: maximum changed",
        "hpa",
        "/apis/autoscaling/v2/namespaces/conf-dev/horizontalpodautoscalers/api",
        ("spec", "maxReplicas"),
        40,
        "spec.maxReplicas: 40",
    ),
    deleted("pdb: deleted", "pdb", "/apis/policy/v1/namespaces/conf-dev/poddisruptionbudgets", "api", "missing"),
    edited(
        "quota: raised",
        "resource-quota",
        f"{CORE}/resourcequotas/q",
        ("spec", "hard", "pods"),
        "900",
        "spec.hard.pods: 900",
    ),
    edited(
        "service account: token mounted",
        "service-account",
        f"{CORE}/serviceaccounts/api",
        ("automountServiceAccountToken",),
        MOUNTED,
        "automountServiceAccountToken: true",
    ),
    edited(
        "external secret: target renamed",
        "external-secret",
        "/apis/external-secrets.io/v1/namespaces/conf-dev/externalsecrets/db",
        ("spec", "target", "name"),
        "elsewhere",
        "spec.target.name: elsewhere",
    ),
    edited(
        "secret store: server changed",
        "secret-store",
        "/apis/external-secrets.io/v1/namespaces/conf-dev/secretstores/vault",
        ("spec", "provider", "vault", "server"),
        "http://127.0.0.9:8200",
        "spec.provider.vault.server",
    ),
)
