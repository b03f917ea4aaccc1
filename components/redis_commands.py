"""Redis' commands: which there are, so that a misspelt one is refused, and which an application has no need of."""

from typing import Final

_NAMES: Final = """
acl append asking auth bgrewriteaof bgsave bitcount bitfield bitfield_ro bitop bitpos blmove blmpop blpop
brpop brpoplpush bzmpop bzpopmax bzpopmin client cluster command config copy dbsize debug decr decrby del
discard dump echo eval eval_ro evalsha evalsha_ro exec exists expire expireat expiretime failover fcall
fcall_ro flushall flushdb function geoadd geodist geohash geopos georadius georadius_ro georadiusbymember
georadiusbymember_ro geosearch geosearchstore get getbit getdel getex getrange getset hdel hello hexists hget
hgetall hincrby hincrbyfloat hkeys hlen hmget hmset hrandfield hscan hset hsetnx hstrlen hvals incr incrby
incrbyfloat info keys lastsave latency lcs lindex linsert llen lmove lmpop lolwut lpop lpos lpush lpushx
lrange lrem lset ltrim memory mget migrate module monitor move mset msetnx multi object persist pexpire
pexpireat pexpiretime pfadd pfcount pfdebug pfmerge pfselftest ping psetex psubscribe psync pttl publish
pubsub punsubscribe quit randomkey readonly readwrite rename renamenx replconf replicaof reset restore
restore-asking role rpop rpoplpush rpush rpushx sadd save scan scard script sdiff sdiffstore select set
setbit setex setnx setrange shutdown sinter sintercard sinterstore sismember slaveof slowlog smembers
smismember smove sort sort_ro spop spublish srandmember srem sscan ssubscribe strlen subscribe substr sunion
sunionstore sunsubscribe swapdb sync time touch ttl type unlink unsubscribe unwatch wait watch xack xadd
xautoclaim xclaim xdel xgroup xinfo xlen xpending xrange xread xreadgroup xrevrange xsetid xtrim zadd zcard
zcount zdiff zdiffstore zincrby zinter zintercard zinterstore zlexcount zmpop zmscore zpopmax zpopmin
zrandmember zrange zrangebylex zrangebyscore zrangestore zrank zrem zremrangebylex zremrangebyrank
zremrangebyscore zrevrange zrevrangebylex zrevrangebyscore zrevrank zscan zscore zunion zunionstore
client|kill client|no-evict client|pause client|unpause function|delete function|flush function|kill
function|load function|restore memory|purge script|debug script|flush script|kill
"""

KNOWN: Final = frozenset(_NAMES.split())
"""All commands of Redis 7.0 and later, and those parts of commands that can be disabled alone."""

DANGEROUS: Final = (
    *("FLUSHALL", "FLUSHDB", "SWAPDB"),  # empties or swaps what everybody has
    *(
        "CONFIG",
        "DEBUG",
        "SHUTDOWN",
        "MODULE",
        "ACL",
        "FAILOVER",
        "REPLICAOF",
        "SLAVEOF",
        "CLUSTER",
    ),  # runs the server
    *("KEYS", "MONITOR", "SAVE", "BGSAVE", "BGREWRITEAOF"),  # stops or burdens everybody
    *("PSYNC", "SYNC", "REPLCONF", "MIGRATE"),  # carries all data away
    *("CLIENT|KILL", "CLIENT|PAUSE", "CLIENT|UNPAUSE", "CLIENT|NO-EVICT"),  # disturbs other clients
    *("PFDEBUG", "PFSELFTEST", "RESTORE-ASKING"),  # for Redis' own developers
)
"""What applications may not do unless a program decides otherwise."""

INDISPENSABLE: Final = frozenset({"auth", "hello", "ping", "quit", "reset"})
"""What every client needs to log in, to see whether the server is there, and to go."""
