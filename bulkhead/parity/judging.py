"""Judging: whether two environments' programs differ in anything but what their stack files say.

Two things are shown, by running the program itself and comparing all that it declares:

1. Under a name that nobody can have written into the program, and with the same values, each environment's
   program declares the same. So what it declares follows from its values, and its name is in names alone.
2. On the way from one environment's values to the other's, a key at a time, each difference appears in the step of
   the key that causes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from bulkhead.parity.graph import Difference, Graph, Renaming, differences
from bulkhead.parity.running import Ran, Run
from bulkhead.parity.values import Key, Stack, called, differing, with_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_MARKS: Final = ("907", "4817", "60913", "738251")
"""What tells the names of a nameless environment from all else; the first that a program says nowhere is taken."""

EXCEPTIONS: Final = "legacy"
"""What a difference is explained by that comes from the platform file's exceptions for one environment."""


@dataclass(frozen=True, kw_only=True)
class Unexplained:
    """Something that no value of a stack file says.

    Args:
        stack: whose program.
        says: what was seen, where it is no difference in one place.
        difference: the place, with what is there under the stack's own name and under another one.
    """

    stack: str
    says: str = ""
    difference: Difference | None = None

    def __str__(self) -> str:
        one = self.difference
        if one is None:
            return f"{self.stack}: {self.says}"
        here, there = one.shown(one.one), one.shown(one.other)
        place = f" {one.where}" if one.where else ""
        return f"{self.stack}: {one.called}{place} is {here}; under another name, with the same values, {there}"


@dataclass(frozen=True, kw_only=True)
class Explained:
    """A difference between the two environments, and the keys that say so.

    Args:
        keys: of the stack files; several where only together they make it.
        difference: the place, with what is there in the first environment and in the second.
    """

    keys: tuple[str, ...]
    difference: Difference


@dataclass(frozen=True, kw_only=True)
class Parity:
    """What was found.

    Args:
        stacks: the two.
        compared: how many resources each of them declares.
        unexplained: what no value says; parity is that there is nothing here.
        explained: all that differs between the two, but for names.
        runs: how often the program was run.
    """

    stacks: tuple[str, str]
    compared: tuple[int, int] = (0, 0)
    unexplained: tuple[Unexplained, ...] = ()
    explained: tuple[Explained, ...] = ()
    runs: int = 0


@dataclass
class _Judge:
    """Runs programs, and counts."""

    run: Callable[[Run], Ran]
    on_run: Callable[[str], None]
    runs: int = 0
    unexplained: list[Unexplained] = field(default_factory=list[Unexplained])
    words: Mapping[str, str] = field(default_factory=dict[str, str])
    _done: dict[str, Ran] = field(default_factory=dict[str, Ran])

    def ran(self, stack: Stack, name: str, values: Mapping[str, Any], **more: Any) -> Ran:
        given = stack.given(name, values)
        wanted = Run(folder=stack.folder, project=stack.project, name=name, values=given, **more)
        key = repr(wanted)
        if key not in self._done:
            self.runs += 1
            self.on_run(name)
            self._done[key] = self.run(wanted)
        return self._done[key]

    def nameless(self, stack: Stack) -> tuple[Nameless | None, int]:
        """Requirement 1 for one stack; what its program declares without its name, and how many resources."""
        own = self.ran(stack, stack.name, stack.values)
        if own.graph is None:
            self._fault(stack, f"undecided: the program cannot be run: {own.refused or own.failure}")
            return None, 0
        count = len(own.graph.resources)
        mark = next((one for one in _MARKS if not any(one in text for text in own.graph.said())), "")
        if not mark:
            self._fault(stack, "undecided: no mark is free that would tell another name's texts from its own")
            return None, count
        found = Nameless(stack, stack.name, mark)
        other = self.ran(stack, found.name, stack.values, instead_of=stack.name, mark=mark)
        if other.graph is None:
            why = other.refused or other.failure
            self._fault(stack, f"the program cannot be run under another name, {found.name}: {why}")
            return None, count
        renaming = Renaming(other.names, mark, own.names.derived, stack.name)
        self.unexplained += [
            Unexplained(stack=stack.name, difference=one)
            for one in differences(own.graph, other.graph.renamed(renaming))
        ]
        return found, count

    def _fault(self, stack: Stack, says: str) -> None:
        self.unexplained.append(Unexplained(stack=stack.name, says=says))


@dataclass(frozen=True)
class Nameless:
    """An environment without a name: one that nobody can have written into a program stands for it.

    Args:
        stack: whose values.
        exceptions: the environment whose exceptions on the platform it has.
        mark: what stands in all of its names and nowhere else.
    """

    stack: Stack
    exceptions: str
    mark: str

    @property
    def name(self) -> str:
        """Its name: production's must begin with `prod`, and one with a number keeps its hyphen."""
        return stranger(self.stack.name, self.mark)


def stranger(name: str, mark: str) -> str:
    """Another name that the library takes for an environment of the same kind."""
    first, hyphen, _ = name.partition("-")
    if first == "prod":
        return f"prod-{mark}"
    return f"x{hyphen}{mark}"


def judge(
    one: Stack, other: Stack, run: Callable[[Run], Ran], on_run: Callable[[str], None] = lambda _: None
) -> Parity:
    """Compare two stacks of one program.

    Args:
        one: the first stack.
        other: the second.
        run: runs a program.
        on_run: told each run.
    """
    judging = _Judge(run, on_run)
    here, of_one = judging.nameless(one)
    there, of_other = judging.nameless(other)
    explained: tuple[Explained, ...] = ()
    if here and there:
        explained = _explained(judging, here, there)
    return Parity(
        stacks=(one.name, other.name),
        compared=(of_one, of_other),
        unexplained=tuple(judging.unexplained),
        explained=explained,
        runs=judging.runs,
    )


def _explained(judging: _Judge, here: Nameless, there: Nameless) -> tuple[Explained, ...]:
    """Requirement 2: the way from one to the other, and what appeared in which step."""
    judging.words = alike(
        judging.ran(at.stack, at.name, at.stack.values, instead_of=at.exceptions, mark=at.mark).names.derived
        for at in (here, there)
    )
    first = _graph(judging, here, here.stack.values)
    last = _graph(judging, there, there.stack.values)
    if not isinstance(first, Graph) or not isinstance(last, Graph):
        said = first if isinstance(first, str) else str(last)
        judging.unexplained.append(Unexplained(stack=here.stack.name, says=f"undecided: {said}"))
        return ()
    between = differences(first, last)
    if not between:
        return ()
    causes: dict[tuple[str, str], list[str]] = {one.element: [] for one in between}
    for keys, seen in _steps(judging, here, there, first, last):
        for one in seen:
            for element in {one.element, (one.resource, "")} & causes.keys():
                causes[element].append(keys)
    for one in between:
        if not causes[one.element]:
            judging.unexplained.append(Unexplained(stack=here.stack.name, difference=one))
    return tuple(
        Explained(keys=tuple(dict.fromkeys(causes[one.element])), difference=one)
        for one in between
        if causes[one.element]
    )


def _steps(
    judging: _Judge, here: Nameless, there: Nameless, first: Graph, last: Graph
) -> list[tuple[str, list[Difference]]]:
    """The steps from one environment's values to the other's; a key that is refused alone waits for others."""
    values, goal = dict(here.stack.values), there.stack.values
    at, before = here, first
    found: list[tuple[str, list[Difference]]] = []
    if here.stack.is_exception or there.stack.is_exception:
        at = Nameless(here.stack, there.exceptions, here.mark)
        graph = _graph(judging, at, values)
        if isinstance(graph, Graph):
            found.append((EXCEPTIONS, differences(before, graph)))
            before = graph
    waiting: list[Key] = sorted(differing(values, goal), key=lambda key: key != ("bulkhead:kind",))
    while waiting:
        refused: list[Key] = []
        for key in waiting:
            tried = with_value(values, key, goal)
            place = Nameless(there.stack, at.exceptions, there.mark) if key == ("bulkhead:kind",) else at
            graph = _graph(judging, place, tried)
            if isinstance(graph, Graph):
                found.append((called(key), differences(before, graph)))
                values, before, at = tried, graph, place
            else:
                refused.append(key)
        if len(refused) == len(waiting):
            above = list(dict.fromkeys(key[:-1] or key for key in refused))
            if above == refused:  # only together
                found.append((" with ".join(map(called, refused)), differences(before, last)))
                return found
            refused = above
        waiting = refused
    if rest := differences(before, last):
        found.append(("the stack files' shape", rest))
    return found


def _graph(judging: _Judge, at: Nameless, values: Mapping[str, Any]) -> Graph | str:
    """What a nameless environment's program declares, each name as the question that it answers; or why not."""
    ran = judging.ran(at.stack, at.name, values, instead_of=at.exceptions, mark=at.mark)
    if ran.graph is None:
        return ran.refused or ran.failure
    words = {question: judging.words.get(question, f"⟨{question}⟩") for question in ran.names.derived}
    return ran.graph.renamed(Renaming(ran.names, at.mark, words, "⟨environment⟩"))


def alike(tables: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """One word for all questions to which one environment gives the same name, and another one maybe not.

    A database's name and its group role's may be the same by rule and differ by an exception; which of the two
    stands where is seen where each program is compared with itself.

    Args:
        tables: for each environment, the names by question.
    """
    words: dict[str, str] = {}
    for table in tables:
        groups: dict[str, list[str]] = {}
        for question, name in table.items():
            groups.setdefault(name, []).append(question)
        for questions in groups.values():
            taken = {words.get(question, f"⟨{question}⟩") for question in questions}
            word = min(taken)
            words = {question: word if kept in taken else kept for question, kept in words.items()}
            words.update(dict.fromkeys(questions, word))
    return words
