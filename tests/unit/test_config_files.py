"""Configuration as files."""

import pytest

from components import InputError
from components.config_files import MOST_BYTES, ConfigFiles, render_files, volume
from tests.making import environment

FOUND = {"/etc/app/app.yaml": "level: info\n", "/etc/app/rates.csv": "EUR,1\n"}


def files(texts: dict[str, str]) -> ConfigFiles:
    return ConfigFiles(texts=texts)


def test_files_are_in_a_config_map_that_cannot_change() -> None:
    made = render_files(environment(), "keybuzz-api-dev", files(FOUND))
    assert made["immutable"] is True
    assert sorted(made["data"].values()) == sorted(FOUND.values())
    assert "name" not in made["metadata"], "Pulumi makes it up, so that an old one can stay beside a new one"


def test_another_text_or_another_path_has_another_digest() -> None:
    digests = {
        files(FOUND).digest,
        files({**FOUND, "/etc/app/rates.csv": "EUR,2\n"}).digest,
        files({"/etc/app/app.yaml": "level: info\n", "/etc/rates.csv": "EUR,1\n"}).digest,
    }
    assert len(digests) == 3
    assert files(dict(reversed(FOUND.items()))).digest == files(FOUND).digest


def test_each_file_is_mounted_at_its_path_and_hides_nothing_else() -> None:
    mounts = files(FOUND).mounts
    assert [mount["mountPath"] for mount in mounts] == sorted(FOUND)
    assert all(mount["readOnly"] for mount in mounts)
    assert [files(FOUND).data[mount["subPath"]] for mount in mounts] == [FOUND[path] for path in sorted(FOUND)]
    assert volume("api-files-1")["configMap"]["name"] == "api-files-1"


def test_two_paths_of_one_file_name_do_not_collide() -> None:
    assert len(files({"/a/x.conf": "1", "/b/x.conf": "2"}).data) == 2


@pytest.mark.parametrize(
    "path",
    [
        *("etc/app.yaml", "", "/", "/etc/", "/etc//a", "/etc/../shadow", "/etc/./a", "/etc/a b", "/etc/ä"),
        *("/etc/a\x00", "/etc/a\n", "/proc/1", "/var/run/secrets/x", "/dev/null", "/" + "a" * 300, "~/a"),
    ],
)
def test_a_path_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(InputError, match="files has the path"):
        files({path: "text"})


def test_a_path_cannot_be_a_file_and_a_folder() -> None:
    with pytest.raises(InputError, match="one path cannot be a file and a folder"):
        files({"/etc/app": "a", "/etc/app/b": "b"})


@pytest.mark.parametrize(
    "text",
    [
        "password: hunter2hunter2",
        "db_password = 'correct-horse'",
        '{\n  "apiKey": "abcdef123456"}',
        "a: b\nclient_secret: abcdef123456",
        "url: postgresql://app:hunter2@db/app",
        "-----BEGIN RSA PRIVATE KEY-----\n",
        "aws AKIAABCDEFGHIJKLMNOP",
        "key sk-abcdefghijklmnopqrstuvwx",
        "hvs.CAESIJabcdefghijklmnopqrs",
    ],
)
def test_what_looks_like_a_secret_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(InputError, match=r"what looks like a secret in line [12]") as refused:
        files({"/etc/app.yaml": text})
    assert not [word for word in ("hunter2", "correct", "abcdef", "AKIA") if word in str(refused.value)]


@pytest.mark.parametrize(
    "text",
    [
        "password: ${PGPASSWORD}",
        "password_file: /run/password",
        "token_ttl: 3600s",
        'secretName: "app"',
        "url: https://db.example.com/app",
        "secret:\n  name: other\n",
        "-----BEGIN CERTIFICATE-----",
        "password: {{ password }}",
    ],
)
def test_what_only_speaks_of_secrets_is_not(text: str) -> None:
    assert files({"/etc/app.yaml": text}).data


def test_more_than_a_config_map_takes_is_refused() -> None:
    assert files({"/etc/a": "x" * (MOST_BYTES - 20)}).data
    with pytest.raises(InputError, match=f"a ConfigMap takes {MOST_BYTES}"):
        files({"/etc/a": "é" * (MOST_BYTES // 2)})


@pytest.mark.parametrize("text", [b"bytes", None, 1, "a\0b"])
def test_what_is_no_text_is_refused(text: object) -> None:
    with pytest.raises(InputError, match=r"is no text|NUL byte"):
        files({"/etc/a": text})  # type: ignore[dict-item]
