"""OpenDKIM's own library as a verifier: keys from a file, so neither a network nor root is needed.

`opendkim-testmsg` is a shell around the same calls that can only ask the DNS.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

# From <opendkim/dkim.h>, version 2.11.
OK = 0  # DKIM_STAT_OK
SET = 1  # DKIM_OP_SETOPT
QUERY_METHOD, QUERY_INFO = 6, 7  # DKIM_OPTS_
QUERY_FILE = 1  # DKIM_QUERY_FILE: "text file method (for testing)"
PASSED = 0x04  # DKIM_SIGFLAG_PASSED
BODY_MATCHES = 0  # DKIM_SIGBH_MATCH


class OpenDkim:
    """The library, with the public keys it may find."""

    def __init__(self, library: ctypes.CDLL, handle: int) -> None:
        self._library = library
        self._handle = handle

    def verdicts(self, content: bytes) -> list[bool]:
        """Whether each signature of a message holds, first to last; empty without signatures."""
        library, status = self._library, ctypes.c_int()
        message = library.dkim_verify(self._handle, b"test", None, ctypes.byref(status))
        assert message, status
        message = ctypes.c_void_p(message)
        try:
            library.dkim_chunk(message, content, ctypes.c_size_t(len(content)))
            library.dkim_chunk(message, b"", ctypes.c_size_t(0))
            library.dkim_eom(message, None)
            found, number = ctypes.POINTER(ctypes.c_void_p)(), ctypes.c_int()
            listed = library.dkim_getsiglist(message, ctypes.byref(found), ctypes.byref(number))
            if listed != OK:
                return []
            return [self._holds(ctypes.c_void_p(found[at])) for at in range(number.value)]
        finally:
            library.dkim_free(message)

    def _holds(self, signature: ctypes.c_void_p) -> bool:
        library = self._library
        # A signature that failed before its turn came is told by the flags alone.
        if not library.dkim_sig_getflags(signature) & PASSED:
            return False
        return bool(library.dkim_sig_getbh(signature) == BODY_MATCHES)


@contextmanager
def opendkim(folder: Path, records: Mapping[str, str]) -> Iterator[OpenDkim]:
    """OpenDKIM, knowing these TXT records by their names; skips where it is not installed."""
    try:
        library = ctypes.CDLL("libopendkim.so.11")
    except OSError:
        pytest.skip("libopendkim is not installed: apt-get install opendkim-tools.")
    for name in ("dkim_init", "dkim_verify"):
        getattr(library, name).restype = ctypes.c_void_p
    keys = folder / "opendkim-keys"
    keys.write_text("".join(f"{name} {text}\n" for name, text in records.items()))
    handle = ctypes.c_void_p(library.dkim_init(None, None))
    method, place = ctypes.c_int(QUERY_FILE), ctypes.create_string_buffer(str(keys).encode())
    for option, value, size in (
        (QUERY_METHOD, ctypes.byref(method), ctypes.sizeof(method)),
        (QUERY_INFO, place, len(place.value)),
    ):
        assert library.dkim_options(handle, SET, option, value, ctypes.c_size_t(size)) == OK
    try:
        yield OpenDkim(library, handle)
    finally:
        library.dkim_close(handle)
