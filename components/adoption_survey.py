"""Survey: the facts about a database that was there before, from which its adoption is planned.

The plan itself is made in `adoption_plan`, and carried out in `adoption_transaction`.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, LiteralString, cast

from components.adoption_plan import ALTERED, Facts, Plan, Role, Schema, Thing, plan, refuse_impossible
from components.database_session import open_database, said_by
from components.environment import Environment
from components.errors import PlatformError
from components.platform import Platform

SURVEY: LiteralString = """
SELECT CASE WHEN %(databases)s::text[] = '{}' THEN NULL ELSE json_build_object(
  'administrator', current_user,
  'databases', (SELECT json_object_agg(datname, json_build_object(
      'owner', pg_get_userbyid(datdba),
      'things', (SELECT count(*) FROM pg_shdepend s JOIN pg_roles r ON r.oid = s.refobjid
                  WHERE s.dbid = d.oid AND s.deptype = 'o' AND s.refclassid = 'pg_authid'::regclass
                    AND s.classid NOT IN ('pg_extension'::regclass, 'pg_default_acl'::regclass)
                    AND r.rolname = ANY (%(roles)s))))
    FROM pg_database d WHERE datname = ANY (%(databases)s)),
  'roles', (SELECT json_object_agg(rolname, json_build_object(
      'login', rolcanlogin, 'superuser', rolsuper, 'inherits', rolinherit,
      'usable', (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
             OR (SELECT bool_and(pg_has_role(current_user, r.oid, kind)) FROM unnest(
                 CASE WHEN current_setting('server_version_num')::int < 160000 THEN ARRAY['USAGE']
                      ELSE ARRAY['USAGE', 'SET'] END) kind)
             OR pg_has_role(current_user, r.oid, 'USAGE WITH ADMIN OPTION')
             OR current_setting('server_version_num')::int < 160000 AND NOT rolsuper
                AND (SELECT rolcreaterole FROM pg_roles WHERE rolname = current_user)))
    FROM pg_roles r WHERE rolname = ANY (%(roles)s)
       OR oid IN (SELECT datdba FROM pg_database WHERE datname = ANY (%(databases)s)))
) END
"""
"""What the server says of databases and roles by name, as JSON; nothing where none is asked for."""

_INSIDE: LiteralString = """
WITH mine AS (
  SELECT s.classid, s.objid, i.type AS kind, i.identity, coalesce(i.schema, '') AS schema,
         EXISTS (SELECT FROM pg_depend e WHERE e.classid = s.classid AND e.objid = s.objid AND e.deptype = 'e')
           AS member,
         EXISTS (SELECT FROM pg_depend c JOIN pg_class q ON q.oid = c.objid AND q.relkind = 'S'
                  WHERE s.classid = 'pg_class'::regclass AND c.classid = s.classid AND c.objid = s.objid
                    AND c.refclassid = 'pg_class'::regclass AND c.deptype IN ('a', 'i')) AS serial
    FROM pg_shdepend s
    JOIN pg_database d ON d.oid = s.dbid AND d.datname = current_database()
    JOIN pg_roles r ON r.oid = s.refobjid AND r.rolname = %(login)s
   CROSS JOIN LATERAL pg_identify_object(s.classid, s.objid, 0) i
   WHERE s.refclassid = 'pg_authid'::regclass AND s.deptype = 'o' AND i.identity IS NOT NULL
     AND coalesce(i.schema, '') !~ '^pg_(toast_)?temp_'
)
SELECT json_build_object(
  'mine', (SELECT json_agg(json_build_object(
      'kind', kind, 'identity', identity, 'schema', schema, 'member', member, 'serial', serial)
      ORDER BY classid, objid) FROM mine),
  'schemas', (SELECT json_agg(json_build_object('name', quote_ident(nspname), 'owner', pg_get_userbyid(nspowner),
      'open_to_all', EXISTS (SELECT FROM aclexplode(nspacl) WHERE grantee = 0 AND privilege_type = 'CREATE')))
    FROM pg_namespace WHERE nspname = 'public' OR quote_ident(nspname) IN (SELECT schema FROM mine)),
  'guests', (SELECT json_agg(DISTINCT r.rolname)
    FROM pg_shdepend s
    JOIN pg_database d ON d.datname = current_database() AND d.oid = s.dbid
    JOIN pg_roles r ON r.oid = s.refobjid
   WHERE s.refclassid = 'pg_authid'::regclass AND s.deptype = 'a' AND NOT r.rolsuper
     AND r.rolname <> ALL (%(ours)s) AND r.rolname !~ '^pg_'
     AND NOT EXISTS (SELECT FROM aclexplode(d.datacl) a WHERE a.grantee = r.oid AND a.privilege_type = 'CONNECT'))
)
"""


def survey_of(environment: Environment) -> dict[str, list[str]]:
    """What to ask the server about, for `SURVEY`."""
    legacy = environment.legacy
    names = [environment.database(part) for part in legacy.databases]
    groups = [role for one in names for role in (one.owner, one.read_write, one.read_only)]
    return {"databases": [one.database for one in names], "roles": [*groups, *legacy.logins.values()]}


def plans(platform: Platform, environment: Environment, survey: Mapping[str, Any] | None) -> dict[str, Plan]:
    """How each database that was there before is adopted, by part; those that are not there are left out.

    Raises:
        PlatformError: one cannot be adopted.
    """
    found: dict[str, Plan] = {}
    if not survey:
        return found
    known = cast("dict[str, dict[str, Any]]", survey["roles"] or {})
    databases = cast("dict[str, dict[str, Any]]", survey["databases"] or {})
    roles = {name: Role(name=name, **about) for name, about in known.items()}
    for part in environment.legacy.databases:
        names = environment.database(part)
        about = databases.get(names.database)
        login = roles.get(environment.legacy.logins.get(part, ""))
        if about is None or (login is None and about["owner"] == names.owner):
            continue
        groups = frozenset({names.owner, names.read_write, names.read_only} & roles.keys())
        facts = Facts(
            names=names,
            owner=roles[about["owner"]],
            login=login,
            administrator=survey["administrator"],
            roles=groups,
        )
        key = f"legacy.{environment.name}.logins.{part}"
        if about["owner"] != names.owner or about["things"]:
            refuse_impossible(facts, key)
            facts = _look_inside(platform, facts)
            refuse_impossible(facts, key)
        found[part] = plan(facts)
    return found


def _look_inside(platform: Platform, facts: Facts) -> Facts:
    psycopg: Any = import_module("psycopg")
    names, login = facts.names, facts.login.name if facts.login else ""
    ours = [names.owner, names.read_write, names.read_only, login, facts.owner.name, facts.administrator]
    try:
        with open_database(platform, names.database) as connection:
            row = connection.execute(_INSIDE, {"login": login, "ours": ours}).fetchone()
    except psycopg.Error as error:
        raise PlatformError(f"database {names.database} cannot be looked at: {said_by(error)}") from None
    inside: dict[str, list[Any]] = row[0] if row else {}
    things, left, sequences = list[Thing](), list[Thing](), list[str]()
    for one in inside["mine"] or []:
        thing = Thing(kind=one["kind"], identity=one["identity"], schema=one["schema"])
        if one["serial"]:
            sequences.append(thing.identity)
        elif not one["member"]:
            (things if thing.kind in ALTERED else left).append(thing)
    return Facts(
        names=names,
        owner=facts.owner,
        login=facts.login,
        administrator=facts.administrator,
        roles=facts.roles,
        things=tuple(things),
        sequences=tuple(sequences),
        schemas=tuple(Schema(**one) for one in inside["schemas"] or []),
        guests=tuple(inside["guests"] or []),
        left=tuple(left),
    )
