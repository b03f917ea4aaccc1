"""The few lines of shell that run inside a cache's containers.

They are shell because the official image has nothing else, and scripts because what they decide must be decided
at every start of a *container*: an init container runs once a pod, so a Redis that crashes and comes back in its
pod would still take itself for the primary after another one has been chosen.
"""

from typing import Final

from components.redis_configuration import (
    CONFIGURATION,
    CREDENTIALS,
    DATA,
    DOWN_MILLISECONDS,
    FAILOVER_MILLISECONDS,
    OWN,
    PORT,
    PRIMARY,
    QUORUM,
    SENTINEL_PORT,
    Redis,
)

LOCAL: Final = "127.0.0.1"
STATE: Final = f"{DATA}/sentinel.conf"
PATIENCE: Final = 10
"""Seconds that a starting Redis waits for a second Sentinel's answer, and for what they make of its absence."""
MISSED_MILLISECONDS: Final = DOWN_MILLISECONDS // 2
"""A primary that was silent for longer may be replaced before it answers: a Sentinel asks each second, and what
it has begun goes on although the primary is back, so two would take writes until it has told the old one."""

LIVE: Final = f"""\
# Whether the server of port $1 answers at all; refusing without a password is an answer, and so is "loading".
case "$(timeout 4 redis-cli -h {LOCAL} -p "${{1:-{PORT}}}" PING 2>&1)" in
PONG* | NOAUTH* | LOADING* | BUSY* | MASTERDOWN*) exit 0 ;;
esac
exit 1
"""

READY: Final = f"""\
# Whether Redis has its data: loaded, and as a replica, in step with its primary.
REDISCLI_AUTH="$(cat {CREDENTIALS}/probe)"
export REDISCLI_AUTH
found="$(timeout 4 redis-cli -h {LOCAL} -p {PORT} --user probe INFO 2>/dev/null)"
case "$found" in *loading:0*) ;; *) exit 1 ;; esac
case "$found" in *role:master* | *master_link_status:up*) exit 0 ;; esac
exit 1
"""

_FOLLOWS: Final = f"""\
# Whether Redis answers, and does not follow somebody who is not primary any more: a Sentinel that had not yet
# heard of a replica does not tell it of a new primary. Started again, it asks.
sh {CONFIGURATION}/live.sh {PORT} || exit 1
REDISCLI_AUTH="$(cat {CREDENTIALS}/probe)"
export REDISCLI_AUTH
found="$(timeout 4 redis-cli -h {LOCAL} -p {PORT} --user probe INFO replication 2>/dev/null)"
case "$found" in *master_link_status:down*) ;; *) exit 0 ;; esac
. {CONFIGURATION}/ask.sh
ask
case "$found" in *"master_host:$primary"*) exit 0 ;; esac
[ "$answers" -lt {QUORUM} ]
"""

USERS: Final = f"""\
# Have Redis read its users anew whenever the file changes: a password is rotated without a restart.
trap 'exit 0' TERM
seen=
while :; do
  now="$(cksum <{CREDENTIALS}/users.acl)"
  if [ "$now" != "$seen" ]; then
    REDISCLI_AUTH="$(cat {CREDENTIALS}/internal)"
    export REDISCLI_AUTH
    said="$(timeout 4 redis-cli -h {LOCAL} -p {PORT} --user keeper ACL LOAD 2>&1)"
    echo "users.acl: $said"
    if [ "$said" = OK ]; then seen="$now"; fi
  fi
  sleep 2 &
  wait $!
done
"""

_SENTINEL: Final = f"""\
# Sentinel's configuration: what is declared, and what it has learnt: who is primary, and since which vote.
. {CONFIGURATION}/ask.sh
if [ ! -s {STATE} ]; then
  ask
  echo "sentinel monitor {PRIMARY} ${{primary:-$FIRST}} {PORT} {QUORUM}" >{STATE}
fi
umask 077
{{
  cat {CONFIGURATION}/sentinel.conf
  echo "sentinel announce-ip $SELF"
  echo "requirepass $REDISCLI_AUTH"
  echo "sentinel auth-pass {PRIMARY} $REDISCLI_AUTH"
  grep -E '^sentinel (myid|monitor|config-epoch|leader-epoch|current-epoch|known-replica|known-sentinel) ' {STATE}
}} >{STATE}.new
mv {STATE}.new {STATE}
exec redis-sentinel {STATE}
"""

_START: Final = f"""\
# Ask the Sentinels who is primary before anything else, so that no second primary starts. As long as they
# replace this one, or miss it for so long that they are about to, wait for what they decide; where nobody can
# take over, it goes on as primary.
. {CONFIGURATION}/ask.sh
waited=0
decided() {{
  [ "$answers" -gt 0 ] || return 1
  patience={PATIENCE}
  case "$flags" in *failover*) patience={FAILOVER_MILLISECONDS // 1000} ;; esac
  if [ "$waited" -ge "$patience" ]; then return 0; fi
  [ "$answers" -ge {QUORUM} ] || return 1
  if [ "$primary" != "$SELF" ]; then return 0; fi
  case "$flags" in *_down* | *failover*) return 1 ;; esac
  [ "$missed" -lt {MISSED_MILLISECONDS} ]
}}
ask
until decided; do
  sleep 1
  waited=$((waited + 1))
  ask
done
umask 077
{{
  echo "include {CONFIGURATION}/redis.conf"
  echo "include {CREDENTIALS}/auth.conf"
  echo "replica-announce-ip $SELF"
  if [ "$primary" != "$SELF" ]; then echo "replicaof $primary {PORT}"; fi
}} >{OWN}/redis.conf
echo "primary is $primary, by $answers of the Sentinels"
exec redis-server {OWN}/redis.conf
"""

_STOP: Final = f"""\
# Before a primary stops, hand its role over: hold writes back, have another one chosen, wait until it is.
# What was held back is never acknowledged: it ends with this server.
. {CONFIGURATION}/ask.sh
keeper() {{ timeout 4 redis-cli -h {LOCAL} -p {PORT} --user keeper "$@" 2>/dev/null; }}
case "$(keeper ROLE)" in master*) ;; *) exit 0 ;; esac
keeper CLIENT PAUSE 10000 WRITE
for host in $HOSTS; do
  case "$(timeout 4 redis-cli -h "$host" -p {SENTINEL_PORT} SENTINEL FAILOVER {PRIMARY} 2>/dev/null)" in
  OK*) break ;;
  esac
done
waited=0
while [ "$waited" -lt 15 ]; do
  ask
  if [ "$primary" != "$SELF" ]; then break; fi
  sleep 1
  waited=$((waited + 1))
done
"""

_LAST: Final = f"""\
# A Sentinel stops after the Redis of its pod, which may still have its role to hand over.
waited=0
while [ "$waited" -lt 25 ] && sh {CONFIGURATION}/live.sh {PORT}; do
  sleep 1
  waited=$((waited + 1))
done
"""


def _ask(redis: Redis) -> str:
    hosts = [redis.host_of(pod) for pod in redis.pods]
    return f"""\
# ask: who is primary by the Sentinel with the newest vote ($primary), what state all of them see it in ($flags),
# for how many milliseconds one of them has missed it ($missed), and how many answered ($answers).
FIRST={hosts[0]}
HOSTS="{" ".join(hosts)}"
REDISCLI_AUTH="$(cat {CREDENTIALS}/internal)"
export REDISCLI_AUTH
field() {{ echo "$said" | sed -n "/^$1\\$/{{n;p;}}"; }}
ask() {{
  newest=-1 primary= flags= missed=0 answers=0
  for host in $HOSTS; do
    said="$(timeout 3 redis-cli -h "$host" -p {SENTINEL_PORT} SENTINEL MASTER {PRIMARY} 2>/dev/null)" || continue
    named="$(field ip)" vote="$(field config-epoch)" silent="$(field last-ok-ping-reply)"
    if [ -z "$named" ] || [ -z "$vote" ] || [ -z "$silent" ]; then continue; fi
    answers=$((answers + 1))
    flags="$flags $(field flags)"
    if [ "$silent" -gt "$missed" ]; then missed="$silent"; fi
    if [ "$vote" -gt "$newest" ]; then newest="$vote" primary="$named"; fi
  done
}}
"""


def render_scripts(redis: Redis) -> dict[str, str]:
    """All scripts of a cache, by file name."""
    scripts = {"live.sh": LIVE, "ready.sh": READY, "users.sh": USERS}
    if redis.is_replicated:
        scripts |= {"ask.sh": _ask(redis), "start.sh": _START, "stop.sh": _STOP, "follows.sh": _FOLLOWS}
        scripts |= {"sentinel.sh": _SENTINEL, "last.sh": _LAST}
    return scripts
