"""The forge: one comment that is found again and updated, on a server that answers as GitHub's interfaces do."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from bulkhead import forge
from bulkhead.errors import UsageError

MARK = "bulkhead-diff:keybuzz"
LINE = f"<!-- {MARK} -->"
ME, OTHER = "github-actions[bot]", "somebody"
TOKEN = "ghs_planted-token"


@dataclass
class GitHub:
    """The comments of one pull request, and what was asked."""

    comments: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    busy: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    login: str = ME
    address: str = ""

    def say(self, login: str, body: str) -> None:
        self.comments.append({"id": len(self.comments) + 1, "user": {"login": login}, "body": body})

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        url = urlsplit(path)
        if url.path == "/graphql":
            return 200, {"data": {"viewer": {"login": self.login}}}
        if method == "GET" and url.path == "/repos/owner/name/issues/7/comments":
            query = parse_qs(url.query)
            size, page = int(query["per_page"][0]), int(query["page"][0])
            return 200, self.comments[(page - 1) * size : page * size]
        if method == "POST" and url.path == "/repos/owner/name/issues/7/comments":
            self.say(ME, body["body"])
            return 201, {"html_url": "https://forge.example/new"}
        if method == "PATCH":
            number = int(url.path.removeprefix("/repos/owner/name/issues/comments/"))
            self.comments[number - 1]["body"] = body["body"]
            return 200, {"html_url": "https://forge.example/updated"}
        return 404, {"message": "Not Found"}


@pytest.fixture
def github() -> Iterator[GitHub]:
    known = GitHub()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            known.asked.append((self.command, self.path))
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                status, said, more = 401, {"message": "Bad credentials"}, {}
            elif known.busy:
                status, more = known.busy.pop(0)
                said = {"message": "busy"}
            else:
                (status, said), more = known.answer(self.command, self.path, body), {}
            text = json.dumps(said).encode()
            self.send_response(status)
            for name, value in {**more, "Content-Length": str(len(text))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class calls it so
            """Nothing: the tests look at `asked`."""

    for method in ("GET", "POST", "PATCH"):
        setattr(Handler, f"do_{method}", Handler.handle_any)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    known.address = f"http://127.0.0.1:{server.server_address[1]}"
    yield known
    server.shutdown()
    thread.join()
    server.server_close()


def pull(github: GitHub, token: str = TOKEN) -> forge.PullRequest:
    return forge.PullRequest(
        api=github.address, graphql=f"{github.address}/graphql", repository="owner/name", number=7, token=token
    )


def test_the_first_comment_is_written(github: GitHub) -> None:
    assert forge.comment(pull(github), MARK, f"{LINE}\nfirst") == "https://forge.example/new"
    assert [one["body"] for one in github.comments] == [f"{LINE}\nfirst"]


def test_the_next_one_takes_its_place(github: GitHub) -> None:
    forge.comment(pull(github), MARK, f"{LINE}\nfirst")
    assert forge.comment(pull(github), MARK, f"{LINE}\nsecond") == "https://forge.example/updated"
    assert [one["body"] for one in github.comments] == [f"{LINE}\nsecond"]


def test_it_is_found_behind_a_hundred_others(github: GitHub) -> None:
    for number in range(150):
        github.say(OTHER, f"comment {number}")
    github.say(ME, f"{LINE}\nold")
    github.say(OTHER, "the last")
    forge.comment(pull(github), MARK, f"{LINE}\nnew")
    assert github.comments[150]["body"] == f"{LINE}\nnew"
    assert len(github.comments) == 152


def test_a_comment_of_somebody_else_with_our_mark_is_left_alone(github: GitHub) -> None:
    github.say(OTHER, f"{LINE}\nplanted")
    forge.comment(pull(github), MARK, f"{LINE}\nours")
    assert [one["body"] for one in github.comments] == [f"{LINE}\nplanted", f"{LINE}\nours"]


def test_a_comment_of_ours_with_another_mark_is_left_alone(github: GitHub) -> None:
    github.say(ME, "<!-- bulkhead-diff:twinme -->\nother")
    github.say(ME, f"as somebody wrote: {LINE}")
    forge.comment(pull(github), MARK, f"{LINE}\nours")
    assert len(github.comments) == 3


@pytest.mark.parametrize(
    "busy", [(429, {"Retry-After": "0"}), (403, {"Retry-After": "0"}), (503, {"Retry-After": "0"})]
)
def test_a_forge_that_is_busy_is_asked_again(github: GitHub, busy: tuple[int, dict[str, str]]) -> None:
    github.busy = [busy, busy]
    forge.comment(pull(github), MARK, f"{LINE}\nours")
    assert len(github.comments) == 1


def test_a_forge_that_stays_busy_is_given_up(github: GitHub) -> None:
    github.busy = [(503, {"Retry-After": "0"})] * 50
    with pytest.raises(forge.ForgeError, match="503"):
        forge.comment(pull(github), MARK, f"{LINE}\nours")
    assert len(github.asked) == 4


def test_after_a_failure_that_may_have_written_nothing_is_written_again(github: GitHub) -> None:
    github.busy = [(200, {}), (500, {})]
    with pytest.raises(forge.ForgeError):
        forge.comment(pull(github), MARK, f"{LINE}\nours")


def test_a_refused_token_is_said_and_not_shown(github: GitHub) -> None:
    with pytest.raises(forge.ForgeError, match="401: Bad credentials") as refused:
        forge.comment(pull(github, "another"), MARK, f"{LINE}\nours")
    assert "another" not in str(refused.value)
    assert TOKEN not in repr(pull(github))


def test_an_endless_list_of_comments_ends(github: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forge, "_PAGES", 2)
    for number in range(300):
        github.say(OTHER, str(number))
    with pytest.raises(forge.ForgeError, match="more than 200 comments"):
        forge.comment(pull(github), MARK, f"{LINE}\nours")


def test_a_forge_that_is_not_there_is_said() -> None:
    gone = forge.PullRequest(
        api="http://127.0.0.1:1", graphql="http://127.0.0.1:1", repository="o/n", number=1, token="t"
    )
    with pytest.raises(forge.ForgeError, match="no answer"):
        forge.comment(gone, MARK, LINE)


def test_a_body_without_its_mark_is_a_fault_of_ours(github: GitHub) -> None:
    with pytest.raises(ValueError, match="mark"):
        forge.comment(pull(github), MARK, "no mark")
    assert not forge.is_mark("a --> b")
    assert not forge.is_mark("a--b")


def variables(folder: Path, event: Any) -> dict[str, str]:
    (folder / "event.json").write_text(json.dumps(event))
    return {
        "GITHUB_TOKEN": TOKEN,
        "GITHUB_REPOSITORY": "owner/name",
        "GITHUB_EVENT_PATH": str(folder / "event.json"),
    }


def test_the_pull_request_is_that_of_the_event(tmp_path: Path) -> None:
    found = forge.pull_request(variables(tmp_path, {"pull_request": {"number": 7}}))
    assert (found.number, found.api, found.graphql) == (
        7,
        "https://api.github.com",
        "https://api.github.com/graphql",
    )


@pytest.mark.parametrize(
    "event", [{"ref": "refs/heads/main"}, {"pull_request": {}}, [], {"pull_request": {"number": "7"}}]
)
def test_an_event_of_no_pull_request_is_refused(tmp_path: Path, event: Any) -> None:
    with pytest.raises(UsageError):
        forge.pull_request(variables(tmp_path, event))


@pytest.mark.parametrize("missing", ["GITHUB_TOKEN", "GITHUB_REPOSITORY", "GITHUB_EVENT_PATH"])
def test_what_a_workflow_has_not_set_is_named(tmp_path: Path, missing: str) -> None:
    given = variables(tmp_path, {"pull_request": {"number": 7}})
    del given[missing]
    with pytest.raises(UsageError, match=missing):
        forge.pull_request(given)


def test_a_repository_that_is_a_path_is_refused(tmp_path: Path) -> None:
    given = variables(tmp_path, {"pull_request": {"number": 7}}) | {"GITHUB_REPOSITORY": "owner/name/../../x"}
    with pytest.raises(UsageError, match="OWNER/NAME"):
        forge.pull_request(given)


def test_the_runs_address_is_told_inside_of_a_run_alone() -> None:
    run = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "owner/name", "GITHUB_RUN_ID": "5"}
    assert forge.run_url(run) == "https://github.com/owner/name/actions/runs/5"
    assert not forge.run_url({})
