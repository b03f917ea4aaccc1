"""The rules, all of them: what each is for, what to do about it, and what it means in which environment."""

from __future__ import annotations

from policy import addresses, belonging, pods, secrecy, stateful, times, transport
from policy.rule import ALWAYS, PRODUCTION, PRODUCTION_ELSE_ADVICE, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        id="database-node",
        why="A node's address goes on working after a failover, on the wrong side of it: writes fail for days, "
        "or are lost.",
        fix="Name the write end point, or the read one. What watches the nodes themselves is declared under "
        "`monitoring` in policies.yaml.",
        how="Every key and every text of every resource is searched for the addresses under `postgresql.nodes` "
        "of the platform file, a Secret's base64 included.",
        levels=ALWAYS,
        resource=addresses.database_node,
    ),
    Rule(
        id="database-end-point",
        why="An address that nobody declared is a database that nobody meant: a connection moved to another host "
        "stops a system, or opens another one's data.",
        fix="Take host and port from the platform file's `postgresql.write` or `postgresql.read`.",
        how="The PostgreSQL provider and Vault's connections must name the write end point; `PGHOST`, URLs of "
        "PostgreSQL and policies that open its port may name the read one as well.",
        levels=ALWAYS,
        resource=addresses.database_end_point,
    ),
    Rule(
        id="platform-known",
        why="Without a platform file nobody knows the nodes, the end points and the domain, so three rules would "
        "pass whatever they are shown.",
        fix="Name the platform: `bulkhead:platform` in the stack file, or `platform: FILE` in policies.yaml.",
        how="Reported as undecided, once a stack, where neither the stack file nor policies.yaml leads to a "
        "platform file that can be read.",
        levels=ALWAYS,
        stack=addresses.platform_is_known,
    ),
    Rule(
        id="foreign-identity",
        why="One name of another environment is one door in the wall between them.",
        fix="Derive the name from this stack's own Environment. A host that belongs to no environment is declared "
        "under `shared` in policies.yaml.",
        how="Namespaces, databases, roles, Vault paths and policies, hosts, buckets, labels: each text is taken "
        "apart, and a word with this system's name and another environment's in it is that environment's. "
        "Environments are those with a stack file, those that policies.yaml adds, dev, prod, and whatever "
        "looks like pr-7 or prod-2. Names by exception are read from the platform file.",
        levels=ALWAYS,
        resource=belonging.foreign_identity,
    ),
    Rule(
        id="owner-labels",
        why="Server-side apply merges two stacks that name one object; only its labels tell whose it was.",
        fix="Give the object, and the pods it makes, the labels `bulkhead.dev/system`, `bulkhead.dev/environment` "
        "and `app.kubernetes.io/managed-by: pulumi`.",
        how="Every object on the cluster and every pod template; Patch resources are about somebody else's "
        "object.",
        levels=ALWAYS,
        resource=belonging.owner_labels,
    ),
    Rule(
        id="forced-patch",
        why="Force takes fields away from whoever owns the object, without a word to them.",
        fix="Give Patch resources a provider without `enablePatchForce`, and leave `pulumi.com/patchForce` out.",
        how="Patch resources whose provider has `enablePatchForce` or that are annotated; the annotation on "
        "objects without this stack's labels.",
        levels=ALWAYS,
        resource=belonging.forced_patch,
    ),
    Rule(
        id="explicit-provider",
        why="A default provider takes whatever cluster, Vault or server a shell happens to point at.",
        fix='Pass one of the stack\'s own providers, and set `pulumi:disable-default-providers` to `["*"]`.',
        how="Every resource that a provider manages.",
        levels=ALWAYS,
        resource=belonging.explicit_provider,
    ),
    Rule(
        id="unreachable-kept",
        why="With `deleteUnreachable`, an API server that does not answer empties the state of what still runs.",
        fix="Leave `deleteUnreachable` out of the Kubernetes provider.",
        how="Kubernetes providers.",
        levels=ALWAYS,
        resource=belonging.unreachable_kept,
    ),
    Rule(
        id="plain-secret",
        why="What is not marked stands in the state, in previews and in logs; what is in a Deployment or a "
        "ConfigMap, everybody reads who may look at it.",
        fix="Mark it with `pulumi.Output.secret`; on the cluster, keep it in a Secret and refer to that.",
        how="Properties that are secret by their type or name must be marked; variables named like one, private "
        "keys, tokens and URLs with a password may stand in no object but a Secret, marked or not.",
        levels=ALWAYS,
        resource=secrecy.plain_secret,
    ),
    Rule(
        id="dynamic-credential",
        why="A password that stays is copied sooner or later, and nobody can tell by whom it is used.",
        fix="Set `bulkhead:credentials.mode: dynamic`: Vault leases each login, and ends it.",
        how="Roles that log in (Vault's own and declared legacy logins excepted), static roles at Vault, and "
        "passwords of databases in KV secrets.",
        levels=PRODUCTION,
        resource=secrecy.dynamic_credential,
    ),
    Rule(
        id="wildcard",
        why="A right to everything is a right to the next thing as well, which nobody has thought of.",
        fix="Name each path, verb, resource, role and service account.",
        how="Vault policies (`*`, `+`, sudo), Roles and ClusterRoles, bindings to cluster-admin, admin or edit, "
        "allowed roles and bound service accounts.",
        levels=ALWAYS,
        resource=secrecy.wildcard,
    ),
    Rule(
        id="tls",
        why="A credential that crosses a network in the clear belongs to whoever listens.",
        fix="Use https, `sslmode` require, verify-ca or verify-full, and a certificate for each public host.",
        how="Vault's addresses, `sslmode` wherever it is said or left out of a URL, certificates of Ingress and "
        "VirtualServer, settings that skip the check of a certificate. The sandbox's own servers have no "
        "TLS and are let through.",
        levels=PRODUCTION_ELSE_ADVICE,
        resource=transport.tls,
    ),
    Rule(
        id="tls-redirect",
        why="A host that serves its pages without TLS as well is read and changed on the way.",
        fix="Let the route without TLS do nothing but send to https.",
        how="IngressRoutes without `tls` and HTTPRoutes on a listener without TLS.",
        levels=PRODUCTION_ELSE_ADVICE,
        stack=transport.tls_redirect,
    ),
    Rule(
        id="image-pinned",
        why="Behind a tag that moves, the pod that restarts tonight runs what nobody has tried.",
        fix="Use a digest, or a tag that names one version.",
        how="Every container. A tag without a digit, a bare major version and the usual moving words are no "
        "version.",
        levels={"production": "mandatory", "development": "advisory", "ephemeral": "advisory"},
        resource=pods.image_pinned,
    ),
    Rule(
        id="pod-restricted",
        why="A pod that may more than the restricted standard is a way to its machine, and so to every other pod.",
        fix="Run as no root, without privileges and capabilities, with the runtime's seccomp profile; let the "
        "namespace enforce it.",
        how="Every pod template against the restricted pod-security standard, and the label by which a "
        "namespace enforces it.",
        levels=ALWAYS,
        resource=pods.pod_restricted,
    ),
    Rule(
        id="default-deny",
        why="In a namespace that is not closed, each link that nobody declared is open.",
        fix="Give it a NetworkPolicy with an empty podSelector, both policyTypes and no rule.",
        how="Every namespace that the stack makes or puts an object into.",
        levels=ALWAYS,
        stack=pods.default_deny,
    ),
    Rule(
        id="stateful-protected",
        why="Without protection one removed line deletes a database.",
        fix="Give it `protect=True`; databases, their owners, volumes and keys of encryption need it.",
        how="Databases, their owner roles, StatefulSets with volumes, volumes and their claims, RandomBytes "
        "(keys of encryption), mounts of KV and transit.",
        levels=PRODUCTION,
        resource=stateful.stateful_protected,
    ),
    Rule(
        id="stateful-kept",
        why="A replacement is a deletion as well: what is there afterwards is empty.",
        fix="Change it in place or move its data first; if it is meant, declare it under `allowances` in "
        "policies.yaml, with a reason and a day until which it holds.",
        how="The steps of a preview. CrossGuard is shown no deletions, so our commands judge them, `bulkhead "
        "policies check --preview` does, and a plain `pulumi up` is stopped by the protection that "
        "`stateful-protected` demands.",
        levels=PRODUCTION,
        steps=stateful.stateful_kept,
    ),
    Rule(
        id="declarations",
        why="An exception that nobody gave a reason, or that never ends, is a hole.",
        fix="Give each entry of policies.yaml what docs/policies.md says, and take out what has ended.",
        how="policies.yaml: unknown keys, missing reasons, allowances that have ended or would last longer than "
        "31 days.",
        levels=ALWAYS,
        stack=stateful.declarations,
    ),
    Rule(
        id="lease-time",
        why="A login that ends while a pod still uses it is an outage at each roll-out.",
        fix="ttl ≥ refresh + pods × time until ready + time to stop; refresh ≤ ttl ÷ 2; maxTtl ≥ ttl; Vault's "
        "token lives as long as its lease.",
        how="Each chain of ExternalSecret, generator, Vault role, token and the workloads that use the Secret. "
        "Time until ready is the start-up probe's, or a minute.",
        levels=PRODUCTION_ELSE_ADVICE,
        stack=times.lease_time,
    ),
    Rule(
        id="roll-out",
        why="Replicas, scaler and disruption budget that contradict each other stop the next roll-out, or the "
        "next machine's maintenance.",
        fix="minAvailable below the number of pods, replicas left to the scaler, minReplicas ≤ maxReplicas, "
        "something that may move.",
        how="Deployments, StatefulSets, HorizontalPodAutoscalers and PodDisruptionBudgets of one stack, against "
        "each other.",
        levels=PRODUCTION_ELSE_ADVICE,
        stack=times.roll_out,
    ),
)


def rule(name: str) -> Rule:
    """The rule of this id."""
    return next(one for one in RULES if one.id == name)
