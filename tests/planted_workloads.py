"""Violations about pods, what keeps data, and times."""

from tests.planting import API, CLIENT, CONTAINER, POD, Violation, change, drop, put, remove

VIOLATIONS = (
    Violation(
        "image-pinned",
        "an image is the latest",
        put(*CLIENT, *CONTAINER, "image", value="ghcr.io/keybuzzio/keybuzz-client:latest"),
    ),
    Violation(
        "image-pinned",
        "an image has no tag",
        put(*CLIENT, *CONTAINER, "image", value="localhost:5000/keybuzz-client"),
        stack="dev",
    ),
    Violation(
        "image-pinned",
        "an image's tag is a whole series",
        put("Job", "api-migration", *CONTAINER, "image", value="docker.io/library/postgres:16"),
    ),
    Violation(
        "pod-restricted",
        "a container is privileged",
        put(*API, *CONTAINER, "securityContext", "privileged", value=True),
    ),
    Violation(
        "pod-restricted",
        "pods run as root",
        put(*API, *POD, "securityContext", "runAsNonRoot", value=False),
        stack="dev",
    ),
    Violation(
        "pod-restricted",
        "a container adds a capability",
        put(*API, *CONTAINER, "securityContext", "capabilities", "add", value=["NET_ADMIN"]),
    ),
    Violation(
        "pod-restricted",
        "pods have a folder of their machine",
        put(*API, *POD, "volumes", 0, value={"name": "tmp", "hostPath": {"path": "/"}}),
    ),
    Violation("pod-restricted", "pods see their machine's network", put(*API, *POD, "hostNetwork", value=True)),
    Violation(
        "pod-restricted",
        "a namespace lets any pod be",
        put(
            "Namespace",
            "api-namespace",
            "metadata",
            "labels",
            "pod-security.kubernetes.io/enforce",
            value="baseline",
        ),
        stack="dev",
    ),
    Violation("default-deny", "a namespace is not closed", remove("NetworkPolicy", "client-default-deny")),
    Violation(
        "default-deny",
        "what closes a namespace opens it",
        put("NetworkPolicy", "client-default-deny", "spec", "ingress", value=[{}]),
        stack="dev",
    ),
    Violation(
        "default-deny",
        "a namespace is closed one way",
        put("NetworkPolicy", "client-default-deny", "spec", "policyTypes", value=["Ingress"]),
    ),
    Violation(
        "stateful-protected", "a database is not protected", change("Database", "api-database", protect=False)
    ),
    Violation("stateful-protected", "an owner is not protected", change("Role", "api-owner", protect=False)),
    Violation(
        "stateful-protected",
        "volumes are not protected",
        change("StatefulSet", "cache-servers", protect=False),
        program="twinme",
    ),
    Violation(
        "stateful-protected",
        "a key of encryption is not protected",
        change("RandomBytes", "app-encryption-key", protect=False),
        program="twinme",
    ),
    Violation(
        "lease-time",
        "a lease ends during a roll-out",
        put("SecretBackendRole", "api-lease", "defaultTtl", value=1200),
    ),
    Violation("lease-time", "leases last for ever", drop("SecretBackendRole", "api-lease", "defaultTtl")),
    Violation(
        "lease-time",
        "a lease may not last as long as it lasts",
        put("SecretBackendRole", "api-lease", "maxTtl", value=60),
    ),
    Violation("lease-time", "a mount ends leases", put("Mount", "api-engine", "maxLeaseTtlSeconds", value=600)),
    Violation(
        "lease-time",
        "a lease ends with Vault's token",
        put("AuthBackendRole", "api-auth-role", "tokenTtl", value=600),
    ),
    Violation(
        "lease-time",
        "a lease is refreshed too late",
        put("ExternalSecret", "api-external-secret", "spec", "refreshInterval", value="40m"),
    ),
    Violation(
        "lease-time",
        "a lease ends before the last of many pods is replaced",
        put("HorizontalPodAutoscaler", "api-scaler", "spec", "maxReplicas", value=100),
    ),
    Violation(
        "lease-time",
        "a lease ends before a job does",
        put("Job", "api-migration", "spec", "activeDeadlineSeconds", value=3600),
    ),
    Violation(
        "roll-out",
        "no machine can be emptied",
        put("PodDisruptionBudget", "client-disruption", "spec", "maxUnavailable", value=0),
    ),
    Violation(
        "roll-out",
        "all pods must always be there",
        lambda found: (
            drop("PodDisruptionBudget", "client-disruption", "spec", "maxUnavailable")(found),
            put("PodDisruptionBudget", "client-disruption", "spec", "minAvailable", value=2)(found),
        )[0],
    ),
    Violation("roll-out", "each update undoes the scaling", put(*API, "spec", "replicas", value=2)),
    Violation(
        "roll-out",
        "the least is more than the most",
        put("HorizontalPodAutoscaler", "api-scaler", "spec", "minReplicas", value=7),
    ),
    Violation(
        "roll-out",
        "nothing may move",
        put(*CLIENT, "spec", "strategy", "rollingUpdate", value={"maxSurge": 0, "maxUnavailable": 0}),
    ),
)
