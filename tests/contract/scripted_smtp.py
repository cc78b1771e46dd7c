"""A loopback mail server that does as a script says, to break the dialogue wherever a test wants.

A script maps a step (CONNECT, a command's verb, CONTENT for the bytes after 354, "." for the answer
to them) to what is done there: one act or a tuple of acts. A text is sent as a reply, its lines
joined as RFC 5321 4.2.1 has it; a number waits so many seconds; HANG_UP closes; SILENCE waits for
the client to give up. A list is used up, one entry a time, its last stays. The server plays one
script a connection, the last again and again.
"""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

HANG_UP, SILENCE = object(), object()
POLITE = {
    "CONNECT": "220 sink.test ready",
    "EHLO": "250-sink.test\n250-SIZE 1000000\n250 AUTH PLAIN LOGIN",
    "AUTH": "235 2.7.0 welcome",
    "DATA": "354 go on",
    "CONTENT": (),
    ".": "250 2.0.0 taken",
    "QUIT": ("221 bye", HANG_UP),
}


class ScriptedServer:
    """Runs from `with` to `with`'s end; `said` has what each connection was told, by line."""

    def __init__(self, *scripts: dict[str, Any]) -> None:
        self.said: list[list[str]] = []
        self._scripts = [POLITE | {k: _copy(v) for k, v in one.items()} for one in scripts or ({},)]
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> ScriptedServer:
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
                return
            line.settimeout(10)  # no test waits longer for its own client
            script = self._scripts[min(len(self.said), len(self._scripts) - 1)]
            self.said.append([])
            try:
                with line, line.makefile("rb") as lines:
                    self._talk(line, lines, script, self.said[-1])
            except OSError:
                continue  # the client was gone first

    def _talk(self, line: socket.socket, lines: Any, script: Any, said: list[str]) -> None:
        going = self._act(line, script["CONNECT"])
        while going and (command := lines.readline()):
            said.append(command.decode().rstrip("\r\n"))
            verb = said[-1].partition(" ")[0].upper()
            going = self._act(line, script.get(verb, "250 ok"))
            if going and verb == "DATA" and script["DATA"] == POLITE["DATA"]:
                going = self._act(line, script["CONTENT"])
                while going and (part := lines.readline()) != b".\r\n" and part:
                    said.append(part.decode().rstrip("\r\n"))
                going = going and self._act(line, script["."])

    def _act(self, line: socket.socket, acts: Any) -> bool:
        if isinstance(acts, list):
            acts = acts.pop(0) if len(acts) > 1 else acts[0]
        for act in acts if isinstance(acts, tuple) else (acts,):
            if act is SILENCE:
                line.recv(1)
            elif isinstance(act, int | float):
                time.sleep(act)
            elif isinstance(act, str):
                line.sendall(act.replace("\n", "\r\n").encode() + b"\r\n")
            if act in (HANG_UP, SILENCE):
                return False
        return True


def _copy(acts: Any) -> Any:
    return list(acts) if isinstance(acts, list) else acts
