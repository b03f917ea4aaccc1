"""Changes by hand in PostgreSQL, as a superuser's psql makes them."""

from tests.e2e.matrix.hands import Change, Hands

STRANGER = "conf_stranger"
"""A role of somebody else's, made before the changes."""

RIGHTS = (
    "SELECT a.grantee = 0, COALESCE(g.rolname, ''), a.privilege_type FROM pg_database d, "
    "aclexplode(COALESCE(d.datacl, acldefault('d', d.datdba))) a LEFT JOIN pg_roles g ON g.oid = a.grantee "
    "WHERE d.datname = 'conf_dev' ORDER BY 1, 2, 3"
)
OWNER = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'conf_dev'"
SCHEMA_OWNER = "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'app'"
SCHEMA_RIGHTS = (
    "SELECT a.grantee, a.privilege_type FROM pg_namespace n, aclexplode(n.nspacl) a "
    "WHERE nspname = 'app' ORDER BY 1, 2"
)
DEFAULTS = (
    "SELECT a.grantee, a.privilege_type FROM pg_default_acl d, aclexplode(d.defaclacl) a "
    "WHERE defaclobjtype = 'r' ORDER BY 1, 2"
)
MEMBERSHIPS = "SELECT roleid::regrole::text FROM pg_auth_members WHERE member = 'conf_login'::regrole ORDER BY 1"


def attribute(column: str, role: str) -> str:
    return f"SELECT {column} FROM pg_roles WHERE rolname = '{role}'"  # noqa: S608 - names of our own


def grants(privilege: str, role: str) -> str:
    return f"SELECT has_database_privilege('{role}', 'conf_dev', '{privilege}')"


def stated(
    name: str, resource: str, statement: str, query: str, *words: str, database: str = "postgres", batch: int = 1
) -> Change:
    """A statement that the superuser executes, and a query that shows its effect."""
    return Change(
        name,
        resource,
        words,
        lambda hands: hands.sql(statement, database),
        lambda hands: hands.ask(query, database),
        batch,
    )


def opens(hands: Hands) -> bool:
    """Whether the declared password lets the login in."""
    try:
        with hands.servers.database("postgres", user="conf_login", password="pw-one-123"):
            return True
    except Exception as error:  # noqa: BLE001 - the server's answer tells a wrong password from the rest
        return "password authentication failed" not in str(error)


CHANGES = (
    stated(
        "postgres: CONNECT granted to PUBLIC",
        "pg-revoke-public",
        "GRANT CONNECT ON DATABASE conf_dev TO PUBLIC",
        RIGHTS,
        "CONNECT of public on database conf_dev: granted",
    ),
    stated(
        "postgres: CONNECT granted to a stranger",
        "pg-database",
        f"GRANT CONNECT ON DATABASE conf_dev TO {STRANGER}",
        grants("CONNECT", STRANGER),
        f"CONNECT of {STRANGER} on database conf_dev: granted",
    ),
    stated(
        "postgres: declared privilege revoked",
        "pg-grant-connect",
        "REVOKE CONNECT ON DATABASE conf_dev FROM conf_rw",
        RIGHTS,
        "CONNECT of conf_rw on database conf_dev: nothing, declared is granted",
    ),
    stated(
        "postgres: privilege added to the declared role",
        "pg-grant-connect",
        "GRANT TEMPORARY ON DATABASE conf_dev TO conf_rw",
        RIGHTS,
        "TEMPORARY of conf_rw on database conf_dev: granted",
    ),
    stated(
        "postgres: owner may log in",
        "pg-owner",
        "ALTER ROLE conf_owner LOGIN",
        attribute("rolcanlogin", "conf_owner"),
        "login: true, declared is false",
    ),
    stated(
        "postgres: group made superuser",
        "pg-group",
        "ALTER ROLE conf_rw SUPERUSER",
        attribute("rolsuper", "conf_rw"),
        "superuser: true, declared is false",
    ),
    stated(
        "postgres: connection limit lifted",
        "pg-group",
        "ALTER ROLE conf_rw CONNECTION LIMIT -1",
        attribute("rolconnlimit", "conf_rw"),
        "connectionLimit: -1, declared is 20",
    ),
    Change(
        "postgres: password changed",
        "pg-login",
        ("password", "[hidden]"),
        lambda hands: hands.sql("ALTER ROLE conf_login PASSWORD 'known-to-somebody'"),
        opens,
    ),
    stated(
        "postgres: membership added",
        "pg-login",
        "GRANT conf_owner TO conf_login",
        MEMBERSHIPS,
        "membership of conf_login in conf_owner: granted",
    ),
    stated(
        "postgres: membership revoked",
        "pg-grant-role",
        "REVOKE conf_rw FROM conf_login",
        MEMBERSHIPS,
        "membership of conf_login in conf_rw: nothing, declared is granted",
    ),
    stated(
        "postgres: database given to another owner",
        "pg-database",
        f"ALTER DATABASE conf_dev OWNER TO {STRANGER}",
        OWNER,
        f"owner: {STRANGER}, declared is conf_owner",
        batch=2,
    ),
    stated(
        "postgres: schema given to another owner",
        "pg-schema",
        f"ALTER SCHEMA app OWNER TO {STRANGER}",
        SCHEMA_OWNER,
        f"owner: {STRANGER}, declared is conf_owner",
        database="conf_dev",
        batch=2,
    ),
    stated(
        "postgres: USAGE on schema to PUBLIC",
        "pg-schema",
        "GRANT USAGE ON SCHEMA app TO PUBLIC",
        SCHEMA_RIGHTS,
        "USAGE of public on schema conf_dev.app: granted",
        database="conf_dev",
    ),
    stated(
        "postgres: extension dropped",
        "pg-extension",
        "DROP EXTENSION vector",
        "SELECT count(*) FROM pg_extension WHERE extname = 'vector'",
        "missing",
        "extension conf_dev.vector",
        database="conf_dev",
    ),
    stated(
        "postgres: default privileges cut",
        "pg-default-privileges",
        "ALTER DEFAULT PRIVILEGES FOR ROLE conf_owner IN SCHEMA app REVOKE INSERT ON TABLES FROM conf_rw",
        DEFAULTS,
        "INSERT of conf_rw on tables to come of conf_owner in app: nothing, declared is granted",
        database="conf_dev",
    ),
    stated(
        "postgres: default privileges to PUBLIC",
        "pg-owner",
        "ALTER DEFAULT PRIVILEGES FOR ROLE conf_owner IN SCHEMA app GRANT SELECT ON TABLES TO PUBLIC",
        DEFAULTS,
        "SELECT of public on tables to come of conf_owner in app: granted",
        database="conf_dev",
    ),
    stated(
        "postgres: publication dropped",
        "pg-publication",
        "DROP PUBLICATION conf_pub",
        "SELECT count(*) FROM pg_publication WHERE pubname = 'conf_pub'",
        "missing",
        "publication conf_dev.conf_pub",
        database="conf_dev",
    ),
    stated(
        "postgres: database setting changed",
        "pg-database",
        "ALTER DATABASE conf_dev SET statement_timeout = 0",
        "SELECT setconfig FROM pg_db_role_setting WHERE setdatabase = (SELECT oid FROM pg_database "
        "WHERE datname = 'conf_dev') AND setrole = 0",
        "settings.statement_timeout",
    ),
)
