"""Creating: an environment of its own, made from another stack's file and never from another one's data."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bulkhead import state
from bulkhead.ephemeral import expiry, resuming, stack_file
from bulkhead.ephemeral.lock import held
from bulkhead.ephemeral.record import EXPIRES, PLATFORM, SERVERS, servers_tag
from bulkhead.errors import CommandError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from bulkhead.ephemeral.back_end import BackEnd
    from bulkhead.ephemeral.record import Record
    from bulkhead.state import State


class NameRefused(UsageError):  # noqa: N818 - read as a sentence
    """An ephemeral environment cannot be called that."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to be created.

    Args:
        source: the stack whose file it is made from.
        expires: when its time is over.
        seeds: whether its databases begin with the program's seeds; else they are empty.
        force: take away a lock that is not known to be stale.
    """

    source: str
    expires: datetime
    seeds: bool = True
    force: bool = False


@dataclass(frozen=True, kw_only=True)
class Created:
    """An environment that is there.

    Args:
        name: its name.
        expires: when its time is over, as it is recorded.
        resources: how many it has.
        outputs: what its program puts out, such as `urls`; secrets are marks.
        seconds: what it took.
    """

    name: str
    expires: str
    resources: int
    seconds: float
    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])


def refuse_names(names: Iterable[str]) -> None:
    """Refuse what no ephemeral environment may be called.

    Raises:
        NameRefused: the name, and what is allowed.
    """
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 - help must not wait for it

    from components.validation import EnvironmentName  # noqa: PLC0415

    form: TypeAdapter[str] = TypeAdapter(EnvironmentName)
    for name in names:
        try:
            form.validate_python(name, strict=True)
        except ValidationError:
            raise NameRefused(f"{name!r}: use a lower-case word, or one with a number: pr-7") from None
        if name.partition("-")[0] == "prod":
            raise NameRefused(f"{name!r} is a name of production; use another word: pr-7")


def configuration(back_end: BackEnd, wanted: Wanted) -> dict[str, Any]:
    """What a new environment's file says under `config`.

    Raises:
        SourceError: the stack that it is made from has no file, or cannot be a model.
    """
    source = stack_file.read(back_end.folder, wanted.source)
    if source is None:
        there = back_end.folder / f"Pulumi.{wanted.source}.yaml"
        raise stack_file.SourceError(f"--from {wanted.source}: {there} does not exist")
    return stack_file.derived(source, wanted.source, seeds=wanted.seeds)


def refuse_taken(record: Record) -> None:
    """Refuse a stack that is there and was not made by this command, unless nothing has come of it yet.

    Args:
        record: the stack, or only a file that would be its.

    Raises:
        NameRefused: whose it is.
    """
    unused = not record.marked and not record.resources and record.kind in ("", "ephemeral")
    if not unused and (refusal := record.refusal()):
        raise NameRefused(f"{record.name!r} is taken: {refusal}")


def later(record: Record | None, until: datetime) -> datetime:
    """When an environment's time is over once it is created anew: it never ends sooner than it did."""
    if record is None or not record.marked:
        return until
    try:
        return max(until, record.expires())
    except expiry.ExpiryError:
        return until


def create(
    back_end: BackEnd,
    name: str,
    record: Record | None,
    config: Mapping[str, Any],
    wanted: Wanted,
    note: Callable[[str], None] = lambda _: None,
) -> Created:
    """Create an environment, or go on where an earlier command was interrupted.

    Its time begins anew, unless it was extended for longer. A stack's file that is there already is used as it
    is. The expiry is recorded before the first resource is
    made, so that what was interrupted is collected as well.

    Args:
        back_end: the program's stacks.
        name: the environment's.
        record: its stack, which `refuse_taken` has let pass; None where there is none.
        config: what its file is to say where it has none.
        wanted: what is to be created.
        note: told what is being done.

    Raises:
        CommandError: what is wrong, and how to go on.
    """
    began = time.monotonic()
    if record is None:
        back_end.init(name)
    own = stack_file.read(back_end.folder, name)
    if own is None:
        stack_file.write(back_end.folder, name, wanted.source, EXPIRES, config)
    back_end.tag(name, PLATFORM, str((own or config)["bulkhead:platform"]))
    expires = expiry.spelt(later(record, wanted.expires))
    back_end.tag(name, EXPIRES, expires)
    try:
        known = _applied(back_end, name, wanted, note, is_new=record is None)
    except CommandError as error:
        raise CommandError(
            f"{error}\n{name} is not complete. Run the same command again to go on, "
            f"or `bulkhead ephemeral destroy {name}` to remove what there is"
        ) from None
    return Created(
        name=name,
        expires=expires,
        resources=len(known.resources),
        outputs=next((one.outputs for one in known.of_type("pulumi:pulumi:Stack")), dict[str, Any]()),
        seconds=time.monotonic() - began,
    )


def _applied(back_end: BackEnd, name: str, wanted: Wanted, note: Callable[[str], None], *, is_new: bool) -> State:
    engine = back_end.engine(name)

    def work() -> None:
        before = {} if is_new else back_end.exported(name)
        if things := resuming.half_made(back_end, name, before):
            live, _ = resuming.standing(back_end, name, before)
            resuming.clear(live, things, back_end.system, name, note)
        engine.up(lambda count: note(f"{count} resources applied"))
        if state.parse(before, name).pending:
            engine.forget_pending()  # not before: an `up` that fails must leave it to the next

    try:
        held(work, engine.cancel, note, force=wanted.force)
    except CommandError:
        with contextlib.suppress(CommandError):  # the first failure is the one to be told
            _remembered(back_end, name)
        raise
    return _remembered(back_end, name)


def _remembered(back_end: BackEnd, name: str) -> State:
    """The state of an environment, once the servers that it was made on are recorded with its stack."""
    known = state.parse(back_end.exported(name), name)
    if known.identity:
        back_end.tag(name, SERVERS, servers_tag(known.identity))
    return known
