"""Violations about secrets, rights and TLS."""

from tests.planting import API, CONTAINER, RBAC, Violation, add, change, exchange, put, variable

VIOLATIONS = (
    Violation(
        "plain-secret",
        "a role's password is not marked",
        change("Role", "api-vault", secrets=frozenset()),
    ),
    Violation(
        "plain-secret", "a secret at Vault is not marked", change("SecretV2", "api-kv", secrets=frozenset())
    ),
    Violation(
        "plain-secret",
        "a connection's password is not marked",
        change("SecretBackendConnection", "api-connection", secrets=frozenset()),
    ),
    Violation(
        "plain-secret",
        "a variable is a token, though marked",
        lambda found: (
            put(*API, *CONTAINER, "env", 0, value=variable("API_TOKEN", "abc"))(found),
            change(*API, secrets=frozenset({"spec"}))(found),
        )[0],
    ),
    Violation(
        "plain-secret",
        "a file has a private key",
        put("ConfigMap", "api-migration-files", "data", "key", value="-----BEGIN RSA PRIVATE KEY-----\nx"),
        stack="dev",
    ),
    Violation(
        "plain-secret",
        "an address has a password",
        put(*API, *CONTAINER, "env", 0, value=variable("BROKER", "amqp://guest:guest@broker:5672/")),
    ),
    Violation(
        "plain-secret",
        "a provider has the content of a kubeconfig",
        put("kubernetes", "kubernetes", "kubeconfig", value="users:\n- name: a\n  user:\n    token: abc\n"),
    ),
    Violation(
        "dynamic-credential",
        "PROD's application logs in by a password",
        lambda found: (
            put("Role", "api-read-write", "login", value=True)(found),
            put("Role", "api-read-write", "password", value="x")(found),
            change("Role", "api-read-write", secrets=frozenset({"password"}))(found),
        )[0],
    ),
    Violation(
        "dynamic-credential",
        "PROD keeps a password at Vault",
        put("SecretV2", "api-kv", "dataJson", value='{"PGHOST":"10.0.0.10","PGPASSWORD":"x"}'),
    ),
    Violation(
        "dynamic-credential",
        "PROD has a static role at Vault",
        add(
            "vault:database/secretBackendStaticRole:SecretBackendStaticRole",
            {"backend": "keybuzz/prod/db_api", "name": "api", "username": "keybuzz_api_prod"},
        ),
    ),
    Violation(
        "wildcard",
        "a policy reads whatever is below a path",
        exchange(
            "Policy", "api-policy", "secret/data/keybuzz/prod/db_api", "secret/data/keybuzz/prod/*", "policy"
        ),
    ),
    Violation(
        "wildcard",
        "a policy has sudo",
        exchange("Policy", "api-policy", '"read"', '"sudo"', "policy"),
        stack="dev",
    ),
    Violation(
        "wildcard",
        "a Role may do everything",
        add(f"{RBAC}Role", {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["*"]}]}),
    ),
    Violation(
        "wildcard",
        "a RoleBinding gives the administrator's rights",
        add(f"{RBAC}RoleBinding", {"roleRef": {"kind": "ClusterRole", "name": "cluster-admin"}}),
    ),
    Violation(
        "wildcard",
        "service accounts of any namespace log in",
        put("AuthBackendRole", "api-auth-role", "boundServiceAccountNamespaces", value=["*"]),
    ),
    Violation(
        "tls",
        "Vault is asked in the clear",
        put("vault", "vault", "address", value="http://vault.keybuzz.io:8200"),
    ),
    Violation(
        "tls",
        "External Secrets asks Vault in the clear",
        put(
            "SecretStore",
            "api-secret-store",
            "spec",
            "provider",
            "vault",
            "server",
            value="http://vault.keybuzz.io:8200",
        ),
    ),
    Violation(
        "tls",
        "the administrator's session is in the clear",
        put("postgresql", "postgresql", "sslmode", value="prefer"),
    ),
    Violation(
        "tls",
        "Vault's connection does not say how",
        exchange(
            "SecretBackendConnection", "api-connection", "?sslmode=require", "", "postgresql", "connectionUrl"
        ),
    ),
    Violation(
        "tls",
        "a URL for pods allows what is in the clear",
        exchange(
            "ExternalSecret",
            "backend-external-secret",
            "sslmode=require",
            "sslmode=prefer",
            "spec",
            "target",
            "template",
            "data",
            "DATABASE_URL",
        ),
    ),
    Violation(
        "tls",
        "nobody checks a certificate",
        put("ServersTransport", "public-api", "spec", "insecureSkipVerify", value=True),
    ),
    Violation(
        "tls",
        "an Ingress has no certificate",
        add("kubernetes:networking.k8s.io/v1:Ingress", {"spec": {"rules": [{"host": "api.keybuzz.io"}]}}),
    ),
    Violation(
        "tls",
        "a VirtualServer is served in the clear as well",
        put("VirtualServer", "public-shared-host", "spec", "tls", "redirect", "enable", value=False),
        program="ansible-builder",
    ),
    Violation(
        "tls-redirect",
        "a route in the clear serves pages",
        put("IngressRoute", "public-api-http", "spec", "routes", 0, "middlewares", value=[]),
    ),
    Violation(
        "tls-redirect",
        "a route of the Gateway API serves pages in the clear",
        lambda found: (
            add(
                "kubernetes:gateway.networking.k8s.io/v1:Gateway",
                {"spec": {"listeners": [{"name": "http", "protocol": "HTTP", "port": 80}]}},
            )(found),
            add(
                "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute",
                {"spec": {"parentRefs": [{"name": "planted", "sectionName": "http"}], "rules": [{}]}},
            )(found),
        )[0],
    ),
    Violation(
        "tls-redirect",
        "the middleware sends nobody to https",
        put("Middleware", "public-api-to-https", "spec", "redirectScheme", "scheme", value="http"),
    ),
)
