"""A small IMAP server over TLS that keeps one folder, for the tests of fetching.

It speaks what `mailboxes.Imap` asks (RFC 3501, and MOVE of RFC 6851 where it offers it) and
records every command.
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
from pathlib import Path
from typing import BinaryIO

import trustme


class ScriptedImap:
    """Listens on loopback while it is entered."""

    def __init__(self, messages: list[bytes], folder: Path, *, moves: bool = True) -> None:
        # As old as a mailbox can be: the highest numbers there are.
        self.messages = {
            str(uid): content
            for uid, content in enumerate(messages, start=2**32 - 1 - len(messages))
        }
        self.seen: set[str] = set()
        self.deleted: set[str] = set()
        self.aside: list[bytes] = []
        self.commands: list[str] = []
        self.breaks_at = ""  # a command at which it hangs up
        self.broken = ""  # the message that it says no to
        self.boasts = False  # whether it announces more than anybody can hold
        self._moves = moves
        authority = trustme.CA()
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_bytes(authority.cert_pem.bytes())
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(self._context)

    def __enter__(self) -> ScriptedImap:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            try:
                with (
                    self._context.wrap_socket(plain, server_side=True) as line,
                    line.makefile("rwb") as file,
                ):
                    self._talk(file)
            except OSError:
                continue

    def _talk(self, file: BinaryIO) -> None:
        file.write(b"* OK ready\r\n")
        file.flush()
        while text := file.readline().decode().strip():
            tag, _, command = text.partition(" ")
            self.commands.append(command)
            if self.breaks_at and command.startswith(self.breaks_at):
                return
            for answer in self._answer(command):
                file.write(answer + b"\r\n")
            wrong = command.startswith("LOGIN") and "right" not in command
            broken = bool(self.broken) and command.startswith(f"UID FETCH {self.broken} ")
            word = "NO" if wrong or broken else "OK"
            file.write(f"{tag} {word} done\r\n".encode())
            file.flush()
            if command == "LOGOUT":
                return

    def _answer(self, command: str) -> list[bytes]:
        if command == "CAPABILITY":  # as many servers: MOVE is offered to those who are known
            known = any(one.startswith("LOGIN") for one in self.commands)
            return [b"* CAPABILITY IMAP4REV1" + (b" MOVE" if self._moves and known else b"")]
        if command.startswith("SELECT"):
            return [b"* %d EXISTS" % len(self.messages)]
        if command == "LOGOUT":
            return [b"* BYE"]
        if command.startswith("UID SEARCH"):
            hidden = self.seen if "UNSEEN" in command else self.deleted
            first, _, last = command.split(" ")[2].partition(":")
            window = list(self.messages)[int(first) - 1 : None if last == "*" else int(last)]
            return [b"* SEARCH " + " ".join(u for u in window if u not in hidden).encode()]
        words = command.split(" ", 3)
        uids = words[2].split(",") if len(words) > 2 else []
        if self.boasts and command.startswith("UID FETCH"):
            return [b"* 1 FETCH (BODY[]<0> {9999999999999999999999}"]
        if command.startswith(f"UID FETCH {self.broken} ") and self.broken:
            return []
        if command.startswith("UID FETCH"):
            most = int(re.search(r"<0\.(\d+)>", command)[1])  # type: ignore[index]
            content = self.messages[uids[0]][:most]
            head = f"* 1 FETCH (UID {uids[0]} BODY[]<0> {{{len(content)}}}".encode()
            return [head, content + b")"]
        if command.startswith("UID STORE"):
            self.seen.update(uids)
            self.deleted.update(uids if "Deleted" in command else ())
        if command.startswith(("UID MOVE", "UID COPY")):
            self.aside += [self.messages[uid] for uid in uids]
        if command.startswith("UID MOVE"):
            for uid in uids:
                del self.messages[uid]
        return []
