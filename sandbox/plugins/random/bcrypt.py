"""Bcrypt hashes, made by the operating system's own password library.

No Python package that the project depends on has bcrypt, and bcrypt in pure Python takes many seconds. libxcrypt,
against which every Linux login is built, has it. On a system without it there is no hash: nothing in our programs
reads it, and None is easier to notice than a hash that verifies nowhere.
"""

from __future__ import annotations

import base64
import ctypes
import secrets
import string
from functools import cache
from threading import Lock

COST = 10  # what the official plugin uses
LONGEST = 72  # bcrypt looks at no more bytes than these
_HASH_LENGTH = 60
_SALT_LENGTH = 22
_SONAMES = ("libcrypt.so.1", "libcrypt.so.2")
_STANDARD = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
_BCRYPT = "./" + string.ascii_uppercase + string.ascii_lowercase + string.digits
_ALPHABET = str.maketrans(_STANDARD, _BCRYPT)

# crypt(3) answers in a buffer of the library's own, one for all threads.
_turn = Lock()


@cache
def password_library() -> ctypes.CDLL | None:
    """The password library, loaded once and only where a password is made."""
    for name in _SONAMES:
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        library.crypt.restype = ctypes.c_char_p
        library.crypt.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
        return library
    return None


def bcrypt_hash(text: str) -> str | None:
    """A bcrypt hash of a text with a fresh salt; None where the system has no bcrypt."""
    library = password_library()
    if library is None:
        return None
    salt = base64.b64encode(secrets.token_bytes(16)).decode().translate(_ALPHABET)[:_SALT_LENGTH]
    with _turn:
        raw: bytes | None = library.crypt(text.encode()[:LONGEST], f"$2a${COST}${salt}".encode())
    hashed = (raw or b"").decode()
    # A library that does not know the method answers with a mark such as "*0".
    return hashed if len(hashed) == _HASH_LENGTH and hashed.startswith("$2a$") else None
