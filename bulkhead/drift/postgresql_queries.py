"""The questions that drift asks PostgreSQL's catalogue."""

from __future__ import annotations

from typing import Final, LiteralString

from psycopg import sql

ROLES: Final[LiteralString] = """
SELECT rolname, rolsuper, rolcreatedb, rolcreaterole, rolinherit, rolcanlogin, rolbypassrls, rolreplication,
       rolconnlimit, COALESCE(rolvaliduntil::text, 'infinity') FROM pg_roles
"""
MEMBERSHIPS: Final[LiteralString] = """
SELECT r.rolname, u.rolname, COALESCE(g.rolname, ''), m.admin_option,
       COALESCE((to_jsonb(m) ->> 'inherit_option')::bool, u.rolinherit),
       COALESCE((to_jsonb(m) ->> 'set_option')::bool, true),
       COALESCE(u.rolvaliduntil < 'infinity', false)
  FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles u ON u.oid = m.member
  LEFT JOIN pg_roles g ON g.oid = m.grantor
"""
SETTINGS: Final[LiteralString] = """
SELECT COALESCE(d.datname, ''), COALESCE(r.rolname, ''), s.setconfig
  FROM pg_db_role_setting s LEFT JOIN pg_database d ON d.oid = s.setdatabase
  LEFT JOIN pg_roles r ON r.oid = s.setrole
"""
_EXPLODED: Final = sql.SQL("""
a.grantee, COALESCE(g.rolname, 'role ' || a.grantee), a.privilege_type, a.is_grantable, COALESCE(b.rolname, '')
""")
_JOINED: Final = sql.SQL("""
LEFT JOIN pg_roles g ON g.oid = a.grantee LEFT JOIN pg_roles b ON b.oid = a.grantor
""")
DATABASES: Final[LiteralString] = """
SELECT datname, pg_get_userbyid(datdba), datconnlimit, datallowconn, datistemplate FROM pg_database
 WHERE datname = ANY(%s)
"""
DATABASE_RIGHTS: Final = sql.SQL("""
SELECT d.datname, false, {exploded} FROM pg_database d,
       aclexplode(COALESCE(d.datacl, acldefault('d', d.datdba))) a {joined} WHERE d.datname = ANY(%s)
UNION ALL
SELECT d.datname, true, {exploded} FROM pg_database d, aclexplode(acldefault('d', d.datdba)) a {joined}
 WHERE d.datname = ANY(%s)
""").format(exploded=_EXPLODED, joined=_JOINED)
SCHEMAS: Final[LiteralString] = "SELECT nspname, pg_get_userbyid(nspowner) FROM pg_namespace"
SCHEMA_RIGHTS: Final = sql.SQL("""
SELECT n.nspname, false, {exploded} FROM pg_namespace n,
       aclexplode(COALESCE(n.nspacl, acldefault('n', n.nspowner))) a {joined}
UNION ALL
SELECT n.nspname, true, {exploded} FROM pg_namespace n, aclexplode(acldefault('n', n.nspowner)) a {joined}
""").format(exploded=_EXPLODED, joined=_JOINED)
DEFAULTS: Final = sql.SQL("""
SELECT pg_get_userbyid(d.defaclrole), COALESCE(n.nspname, ''), d.defaclobjtype::text, {exploded}
  FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
  LEFT JOIN LATERAL aclexplode(d.defaclacl) a ON true {joined}
""").format(exploded=_EXPLODED, joined=_JOINED)
BUILTIN: Final = sql.SQL("""
SELECT o.rolname, k.kind, {exploded} FROM pg_roles o, unnest(ARRAY['r', 's', 'f', 'T', 'n']) k(kind),
       aclexplode(acldefault(k.kind::"char", o.oid)) a {joined}
 WHERE o.rolname = ANY(%s) OR o.oid IN (SELECT defaclrole FROM pg_default_acl)
""").format(exploded=_EXPLODED, joined=_JOINED)
EXTENSIONS: Final[LiteralString] = """
SELECT extname, extversion, n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
"""
PUBLICATIONS: Final[LiteralString] = """
SELECT pubname, pg_get_userbyid(pubowner), puballtables, pubinsert, pubupdate, pubdelete, pubtruncate, pubviaroot,
       ARRAY(SELECT n.nspname || '.' || c.relname FROM pg_publication_rel r JOIN pg_class c ON c.oid = r.prrelid
             JOIN pg_namespace n ON n.oid = c.relnamespace WHERE r.prpubid = p.oid ORDER BY 1)
  FROM pg_publication p
"""
OBJECTS: Final = sql.SQL("""
WITH things AS (
  SELECT CASE WHEN c.relkind = 'S' THEN 'sequence' ELSE 'table' END AS kind, c.relnamespace AS nsp,
         quote_ident(c.relname) AS name, c.relowner AS owner, c.relacl AS acl, 'pg_class'::regclass AS cat, c.oid
    FROM pg_class c WHERE c.relacl IS NOT NULL
  UNION ALL
  SELECT 'column', c.relnamespace, quote_ident(c.relname) || '(' || quote_ident(t.attname) || ')', c.relowner,
         t.attacl, 'pg_class'::regclass, c.oid
    FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid WHERE t.attacl IS NOT NULL
  UNION ALL
  SELECT CASE WHEN p.prokind = 'p' THEN 'procedure' ELSE 'function' END, p.pronamespace,
         quote_ident(p.proname) || '(' || pg_get_function_identity_arguments(p.oid) || ')', p.proowner, p.proacl,
         'pg_proc'::regclass, p.oid
    FROM pg_proc p WHERE p.proacl IS NOT NULL
  UNION ALL
  SELECT 'type', t.typnamespace, quote_ident(t.typname), t.typowner, t.typacl, 'pg_type'::regclass, t.oid
    FROM pg_type t WHERE t.typacl IS NOT NULL
  UNION ALL
  SELECT 'schema', n.oid, '', n.nspowner, n.nspacl, 'pg_namespace'::regclass, n.oid
    FROM pg_namespace n WHERE n.nspacl IS NOT NULL
)
SELECT t.kind, n.nspname, t.name, pg_get_userbyid(t.owner), {exploded}
  FROM things t JOIN pg_namespace n ON n.oid = t.nsp, aclexplode(t.acl) a {joined}
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND a.grantee <> t.owner
   AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = t.cat AND e.objid = t.oid AND e.deptype = 'e')
 ORDER BY 1, 2, 3
""").format(exploded=_EXPLODED, joined=_JOINED)
