"""Violations about whose things are and how they are reached."""

from tests.planting import API, CLIENT, CONTAINER, Violation, add, change, drop, exchange, put, variable

VIOLATIONS = (
    Violation(
        "database-node",
        "a variable has a node's address",
        put(*CLIENT, *CONTAINER, "env", 0, value=variable("QUEUE", "10.0.0.121:5432")),
    ),
    Violation(
        "database-node",
        "a file says a node's address",
        put("ConfigMap", "api-migration-files", "data", "notes.txt", value="host=10.0.0.120 user=x"),
    ),
    Violation(
        "database-node",
        "a link opens the way to a node, for another port",
        put(
            "NetworkPolicy",
            "client-egress",
            "spec",
            "egress",
            0,
            value={"to": [{"ipBlock": {"cidr": "10.0.0.122/32"}}], "ports": [{"port": 9100}]},
        ),
        stack="dev",
    ),
    Violation(
        "database-node",
        "a Secret has a node's address in base64",
        add("kubernetes:core/v1:Secret", {"data": {"x": "aG9zdD0xMC4wLjAuMTIw"}}, secrets=frozenset({"data"})),
    ),
    Violation(
        "database-end-point",
        "the provider is led to another server",
        put("postgresql", "postgresql", "host", value="10.9.9.9"),
    ),
    Violation(
        "database-end-point",
        "Vault's connection is led to another server",
        exchange(
            "SecretBackendConnection", "api-connection", "10.0.0.10:", "10.9.9.9:", "postgresql", "connectionUrl"
        ),
    ),
    Violation(
        "database-end-point",
        "the host that is delivered is another one",
        exchange("SecretV2", "api-kv", "10.0.0.10", "db.example.com", "dataJson"),
        stack="dev",
    ),
    Violation(
        "database-end-point",
        "a link opens PostgreSQL's port to a whole network",
        put(
            "NetworkPolicy",
            "client-egress",
            "spec",
            "egress",
            0,
            value={"to": [{"ipBlock": {"cidr": "10.0.0.0/24"}}], "ports": [{"port": 5432}]},
        ),
    ),
    Violation(
        "foreign-identity",
        "PROD's pods are told DEV's service",
        put(*CLIENT, *CONTAINER, "env", 0, value=variable("API", "http://api.keybuzz-api-dev.svc:3001")),
    ),
    Violation(
        "foreign-identity",
        "PROD's connection opens the database that DEV has by exception, under the system's bare name",
        exchange(
            "SecretBackendConnection",
            "api-connection",
            "/keybuzz_prod?",
            "/keybuzz?",
            "postgresql",
            "connectionUrl",
        ),
    ),
    Violation(
        "foreign-identity",
        "PROD grants to the other database that DEV has by exception",
        put("Grant", "backend-public-database", "database", value="keybuzz_backend"),
    ),
    Violation(
        "foreign-identity",
        "DEV's policy at Vault reads PROD's path",
        exchange("Policy", "api-policy", "keybuzz/dev/db_api", "keybuzz/prod/db_api", "policy"),
        stack="dev",
    ),
    Violation(
        "foreign-identity",
        "DEV's client is told PROD's host",
        put(*CLIENT, *CONTAINER, "env", 0, value=variable("NEXT_PUBLIC_API_URL", "https://api.keybuzz.io")),
        stack="dev",
    ),
    Violation(
        "foreign-identity",
        "DEV's certificate is for a pull request's host",
        put("Certificate", "public-api", "spec", "dnsNames", 0, value="api-pr-7.keybuzz.io"),
        stack="dev",
    ),
    Violation(
        "foreign-identity",
        "DEV lets PROD's namespaces in",
        put(
            "NetworkPolicy",
            "client-to-api",
            "spec",
            "ingress",
            0,
            "from",
            0,
            value={"namespaceSelector": {"matchLabels": {"bulkhead.dev/environment": "prod"}}},
        ),
        stack="dev",
    ),
    Violation(
        "foreign-identity",
        "PROD's role is a member of DEV's",
        put("GrantRole", "api-vault-membership", "grantRole", value="keybuzz_api_dev"),
    ),
    Violation(
        "foreign-identity",
        "PROD writes into a bucket of DEV's",
        put(*API, *CONTAINER, "env", 0, value=variable("BUCKET", "s3://keybuzz-dev-backups/x")),
    ),
    Violation(
        "foreign-identity",
        "the shared host of PROD is asked by DEV",
        put(
            "Deployment",
            "frontend-deployment",
            *CONTAINER,
            "env",
            value=[variable("URL", "https://coupel.net/ansible-builder")],
        ),
        program="ansible-builder",
        stack="dev",
    ),
    Violation(
        "owner-labels",
        "a Service does not say whose it is",
        drop("Service", "client-service", "metadata", "labels", "bulkhead.dev/system"),
    ),
    Violation(
        "owner-labels",
        "pods do not say whose they are",
        drop(*CLIENT, "spec", "template", "metadata", "labels", "bulkhead.dev/environment"),
        stack="dev",
    ),
    Violation(
        "forced-patch",
        "somebody else's object is patched by a provider with force",
        add(
            "kubernetes:apps/v1:DeploymentPatch",
            {"metadata": {"name": "coredns", "namespace": "kube-system"}},
            provider_props={"enablePatchForce": "true"},
        ),
    ),
    Violation(
        "forced-patch",
        "somebody else's object is patched with the annotation for force",
        add(
            "kubernetes:core/v1:ConfigMapPatch",
            {"metadata": {"name": "coredns", "annotations": {"pulumi.com/patchForce": "true"}}},
        ),
    ),
    Violation(
        "explicit-provider",
        "an object has the default provider",
        change("Service", "client-service", provider="default_4_34_2"),
    ),
    Violation("explicit-provider", "a database has no provider", change("Database", "api-database", provider="")),
    Violation(
        "unreachable-kept",
        "an unreachable cluster empties the state",
        put("kubernetes", "kubernetes", "deleteUnreachable", value="true"),
    ),
)
