"""A loopback mail server that answers by a script, and can hang up or fall silent anywhere.

An answer is given by a command's verb, by "" for the greeting, "content" for the bytes after 354,
"." for their end. It is a reply, a bytearray (sent without a line end), HANG_UP, SILENCE (until the
client gives up), seconds to wait, or a tuple of these. A list is used up one by one, over all
connections; its last entry stays.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping
from typing import Any

HANG_UP, SILENCE = b"hang up", b"silence"
POLITE = {
    "": b"220 here",
    "EHLO": b"250 here",
    "AUTH": b"235 welcome",
    "DATA": b"354 go on",
    "content": (),
    "QUIT": (b"221 bye", HANG_UP),
}


class ScriptedSmtp:
    """Serves one connection after the other, from `with` to the end of `with`."""

    def __init__(self, answers: Mapping[str, Any] | None = None) -> None:
        self.connections = 0
        self.commands: list[str] = []
        self.messages: list[bytes] = []  # whole ones, without the dots that were added
        given = {**POLITE, **(answers or {})}
        self._answers = {k: list(v) if isinstance(v, list) else [v] for k, v in given.items()}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> ScriptedSmtp:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                line = self._listener.accept()[0]
            except OSError:
                return  # shut down
            self.connections += 1
            line.settimeout(5)  # longer than any client here waits
            try:
                with line, line.makefile("rb") as lines:
                    self._talk(line, lines)
            except OSError:
                continue  # the client was gone first

    def _talk(self, line: socket.socket, lines: Any) -> None:
        said = self._answer(line, "")
        while said is not None and (command := lines.readline()):
            verb, space, rest = command.decode().rstrip("\r\n").partition(" ")
            verb = verb.upper()  # RFC 5321 2.4: it may come in any case
            self.commands.append(verb + space + rest)
            said = self._answer(line, verb)
            if said is None or verb != "DATA" or not said.startswith(b"354"):
                continue
            if self._answer(line, "content") is None:
                return
            parts = []
            while (part := lines.readline()) != b".\r\n":
                if not part:
                    return
                parts.append(part.removeprefix(b"."))
            self.messages.append(b"".join(parts))
            said = self._answer(line, ".")

    def _answer(self, line: socket.socket, word: str) -> bytes | None:
        """Acts; the reply that was given, None where the line is to be closed."""
        listed = self._answers.get(word, [b"250 ok"])
        acts = listed.pop(0) if len(listed) > 1 else listed[0]
        said = b""
        for act in acts if isinstance(acts, tuple) else (acts,):
            if act == SILENCE:
                line.recv(1)
            if act in (HANG_UP, SILENCE):
                return None
            if isinstance(act, bytearray):
                line.sendall(act)
            elif isinstance(act, bytes):
                said = act
                line.sendall(act + b"\r\n")
            else:
                time.sleep(act)
        return said
