"""Forge: where pull requests are reviewed. The only module that knows which one it is: GitHub.

Everything it needs to know comes from the variables that a workflow's run sets, and from the event's file.
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
import time
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from bulkhead.errors import CommandError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TIMEOUT = 20
"""Seconds that the forge has for one answer."""
_PAGE, _PAGES = 100, 50
"""Comments on a page, the most that GitHub gives; how many pages are read before a pull request is too long."""
_TRIES, _LONGEST_WAIT = 4, 30
"""How often one request is made where the forge is busy, and the longest pause before the next, in seconds."""
_BUSY = frozenset({429, 503})
"""Answers that say that nothing was done; after another failure a comment may be there all the same."""
_MARK = re.compile(r"[\w.:/-]{1,150}", re.ASCII)


class ForgeError(CommandError):
    """The forge does not take the comment."""


@dataclass(frozen=True, kw_only=True)
class PullRequest:
    """One pull request, and the right to write on it.

    Args:
        api: the REST interface's address.
        graphql: the GraphQL interface's.
        repository: `owner/name`.
        number: the pull request's.
        token: what the forge knows us by; never printed.
    """

    api: str
    graphql: str
    repository: str
    number: int
    token: str

    def __repr__(self) -> str:
        return f"{self.repository}#{self.number}"


def pull_request(variables: Mapping[str, str]) -> PullRequest:
    """The pull request that a workflow runs for.

    Args:
        variables: GITHUB_TOKEN, GITHUB_REPOSITORY, GITHUB_EVENT_PATH; GITHUB_API_URL where it is not github.com.

    Raises:
        UsageError: there is none, or something is missing.
    """
    needed = ("GITHUB_TOKEN", "GITHUB_REPOSITORY", "GITHUB_EVENT_PATH")
    if missing := [name for name in needed if not variables.get(name)]:
        raise UsageError(f"--comment needs {', '.join(missing)}, which a workflow of a pull request sets")
    repository, file = variables["GITHUB_REPOSITORY"], Path(variables["GITHUB_EVENT_PATH"])
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository, re.ASCII):
        raise UsageError(f"GITHUB_REPOSITORY is {repository!r}; it is OWNER/NAME")
    try:
        event: Any = json.loads(file.read_text(encoding="utf-8"))
        number: object = event["pull_request"]["number"] if "pull_request" in event else None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"GITHUB_EVENT_PATH: {file} cannot be read: {error}") from None
    if not isinstance(number, int):
        raise UsageError("--comment: the event that this workflow runs for is not one of a pull request")
    api = variables.get("GITHUB_API_URL") or "https://api.github.com"
    return PullRequest(
        api=api,
        graphql=variables.get("GITHUB_GRAPHQL_URL") or f"{api}/graphql",
        repository=repository,
        number=number,
        token=variables["GITHUB_TOKEN"],
    )


def run_url(variables: Mapping[str, str]) -> str:
    """The address of the workflow's run, where its files are; empty outside of one."""
    names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
    server, repository, run = (variables.get(name, "") for name in names)
    return f"{server}/{repository}/actions/runs/{run}" if server and repository and run else ""


def is_mark(text: str) -> bool:
    """Whether a comment can be found again by a text."""
    return _MARK.fullmatch(text) is not None and "--" not in text


def comment(pull: PullRequest, mark: str, body: str) -> str:
    """Write a comment, or write it anew where it is already; its address.

    Only a comment of our own is touched: whoever else writes the mark into one of theirs gets nothing by it.

    Args:
        pull: where.
        mark: what the comment is found again by, as an HTML comment in its first line.
        body: its Markdown, which begins with the mark.

    Raises:
        ForgeError: the forge does not answer or does not allow it.
    """
    line = f"<!-- {mark} -->"
    if not is_mark(mark) or not body.startswith(line):
        raise ValueError(f"the comment does not begin with its mark {line}")
    forge = _Forge(pull)
    me = forge.login()
    found = next((one for one in forge.comments() if _is(one, line, me)), None)
    place = f"/repos/{pull.repository}/issues"
    if found is None:
        said = forge.send("POST", f"{place}/{pull.number}/comments", {"body": body})
    else:
        said = forge.send("PATCH", f"{place}/comments/{int(found['id'])}", {"body": body})
    return str(cast("dict[str, Any]", said).get("html_url", ""))


def _is(one: Mapping[str, Any], line: str, login: str) -> bool:
    user: dict[str, Any] = one.get("user") or {}
    return user.get("login") == login and str(one.get("body") or "").startswith(line)


class _Forge:
    """The two interfaces of one forge."""

    def __init__(self, pull: PullRequest) -> None:
        self._pull = pull

    def login(self) -> str:
        """What our comments are signed with. REST tells it to people alone, GraphQL to a workflow's token too."""
        said = self._request(self._pull.graphql, "POST", {"query": "query { viewer { login } }"})
        try:
            return str(cast("dict[str, Any]", said)["data"]["viewer"]["login"])
        except (KeyError, TypeError):
            raise ForgeError(f"{self._pull.graphql} does not say whom the token belongs to") from None

    def comments(self) -> Iterator[dict[str, Any]]:
        """All comments of the pull request, the oldest first."""
        place = f"/repos/{self._pull.repository}/issues/{self._pull.number}/comments"
        for page in range(1, _PAGES + 1):
            said = self.send("GET", f"{place}?per_page={_PAGE}&page={page}")
            listed = cast("list[dict[str, Any]]", said) if isinstance(said, list) else []
            yield from listed
            if len(listed) < _PAGE:
                return
        raise ForgeError(f"{self._pull} has more than {_PAGE * _PAGES} comments; ours is not looked for further")

    def send(self, method: str, path: str, body: object = None) -> object:
        """A request to the REST interface; what answers it."""
        return self._request(self._pull.api + path, method, body)

    def _request(self, address: str, method: str, body: object) -> object:
        url = urlsplit(address)
        where = f"{url.scheme}://{url.netloc}{url.path}"
        for attempt in range(1, _TRIES + 1):
            try:
                status, after, said = self._once(address, method, body)
            except (OSError, http.client.HTTPException) as error:
                # Only what changes nothing is asked again: a comment that was lost on the way may be there.
                if method != "GET" or attempt == _TRIES:
                    raise ForgeError(f"{method} {where}: no answer: {error}") from None
                after = ""
            else:
                if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
                    return said
                limited = status == HTTPStatus.FORBIDDEN and after
                if (status not in _BUSY and not limited) or attempt == _TRIES:
                    message = cast("dict[str, Any]", said).get("message", "") if isinstance(said, dict) else ""
                    raise ForgeError(f"{method} {where} answers {status}: {message}")
            time.sleep(min(float(after) if after.isdigit() else 2.0**attempt, _LONGEST_WAIT))
        raise AssertionError("the last attempt answers or raises")

    def _once(self, address: str, method: str, body: object) -> tuple[int, str, object]:
        url = urlsplit(address)
        host = url.hostname or ""
        connection = (
            http.client.HTTPSConnection(host, url.port, timeout=TIMEOUT, context=ssl.create_default_context())
            if url.scheme == "https"
            else http.client.HTTPConnection(host, url.port, timeout=TIMEOUT)
        )
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self._pull.token}",
            "Content-Type": "application/json",
            "User-Agent": "bulkhead",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        try:
            path = f"{url.path}?{url.query}" if url.query else url.path
            connection.request(method, path, None if body is None else json.dumps(body).encode(), headers)
            answer = connection.getresponse()
            text = answer.read()
            after = answer.getheader("Retry-After") or ""
        finally:
            connection.close()
        try:
            return answer.status, after, json.loads(text)
        except ValueError:
            return answer.status, after, {}
