"""What a cache is refused for before anything is registered, and what it takes of its namespace's quota."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, cast, get_args

from components.errors import InputError, nearest
from components.quantities import cpu, memory
from components.quota import Claim
from components.redis_commands import INDISPENSABLE, KNOWN
from components.redis_configuration import Append, Eviction
from components.validation import checked, quantity
from components.values import Image

if TYPE_CHECKING:
    from components.cache import CacheArgs
    from components.manifest import Object

LEAST_MEMORY: Final = "32Mi"
STORAGE_FACTOR: Final = 3
"""Times its memory that a volume holds at least: a snapshot, the append-only file, and one being written anew."""

LONGEST_SAVE: Final = 86_400
_DOMAIN: Final = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"


def refuse_unusable(args: CacheArgs) -> None:
    """Refuse what no Redis can run with, and what would lose data unasked.

    Raises:
        InputError: the key, the value, and what is allowed.
    """
    args.environment.refuse_foreign(namespace=args.namespace.environment)
    _refuse_sizes(args)
    _refuse_unknown("eviction", args.eviction, get_args(Eviction))
    if args.append is not None:
        _refuse_unknown("append", args.append, get_args(Append))
    _refuse_saves(args.save)
    if args.values.replicas > 1 and not args.save and args.append is None:
        raise InputError(
            "append is None without save for 3 replicas; use one of them: "
            "a primary that came back empty would empty its replicas"
        )
    _refuse_commands(args.disabled)
    for key, image in (("image", args.image), ("proxy_image", args.proxy_image)):
        checked(Image, image, key)
    _refuse_domain(args.cluster_domain)


def _refuse_domain(domain: object) -> None:
    if not isinstance(domain, str) or not re.fullmatch(_DOMAIN, domain):
        raise InputError(f"cluster_domain is {domain!r}; use a DNS domain such as cluster.local")


def _refuse_sizes(args: CacheArgs) -> None:
    replicas: object = args.values.replicas
    if replicas not in (1, 3):
        raise InputError(
            f"replicas is {replicas!r}; use 1, or 3: two Sentinels could not outvote the one that is cut off"
        )
    held, kept = quantity(args.values.memory), quantity(args.values.storage)
    if held < quantity(LEAST_MEMORY):
        raise InputError(f"memory is {args.values.memory!r}; use at least {LEAST_MEMORY}")
    if (args.save or args.append) and kept < STORAGE_FACTOR * held:
        raise InputError(
            f"storage is {args.values.storage!r} for memory {args.values.memory!r}; use at least "
            f"{memory(STORAGE_FACTOR * held)}: a snapshot, the append-only file, and one being written anew"
        )


def _refuse_unknown(key: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InputError(f"{key} is {value!r}; use one of {', '.join(known)}{nearest(str(value), known)}")


def _refuse_saves(saves: object) -> None:
    allowed = "use pairs of seconds and changes such as (900, 1), each from 1, seconds up to a day"
    if not isinstance(saves, tuple):
        raise InputError(f"save is {saves!r}; {allowed}")
    for index, pair in enumerate(cast("tuple[object, ...]", saves)):
        if not _is_save(pair):
            raise InputError(f"save[{index}] is {pair!r}; {allowed}")


def _is_save(pair: object) -> bool:
    match pair:
        case (int(after), int(changes)):
            plain = type(after) is int and type(changes) is int
            return plain and 1 <= after <= LONGEST_SAVE and changes >= 1
        case _:
            return False


def _refuse_commands(disabled: object) -> None:
    if not isinstance(disabled, tuple):
        raise InputError(f"disabled is {disabled!r}; use a tuple of commands, () for none")
    for index, command in enumerate(cast("tuple[object, ...]", disabled)):
        where = f"disabled[{index}] is {command!r}"
        if not isinstance(command, str) or command.lower() not in KNOWN:
            near = nearest(str(command).lower(), KNOWN).upper().replace("; DID YOU MEAN", "; did you mean")
            raise InputError(f"{where}; use a command of Redis such as FLUSHALL or CLIENT|KILL{near}")
        if command.lower() in INDISPENSABLE:
            raise InputError(f"{where}; every client needs it, and so do the checks after a deployment")


def claim_of(what: str, workload: Object) -> Claim:
    """What the pods of a rendered workload may take at most; a roll-out of a Deployment has one more."""
    spec = workload["spec"]
    more = spec["strategy"]["rollingUpdate"]["maxSurge"] if workload["kind"] == "Deployment" else 0
    limits = [container["resources"]["limits"] for container in spec["template"]["spec"]["containers"]]
    return Claim(
        what=what,
        pods=spec["replicas"] + more,
        cpu=cpu(sum(quantity(limit["cpu"]) for limit in limits)),
        memory=memory(sum(quantity(limit["memory"]) for limit in limits)),
        reason="and one at a roll-out" if more else "",
    )
