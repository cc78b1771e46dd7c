"""A small DNS server on loopback, over UDP and TCP, that can also misbehave.

Zones are texts by name and type. A name may have a behaviour instead: one that is silent, answers
SERVFAIL, nonsense, or somebody else's question.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Self

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

SILENT, SERVFAIL, NONSENSE, OTHERS = "silent", "servfail", "nonsense", "others"
Zone = Mapping[tuple[str, str], list[str]]
LONGEST_UDP = 1232  # octets; longer answers are cut, and asked for again over TCP


class DnsServer:
    """Answers from a zone; `behaviours` by name, "*" for all."""

    def __init__(self, zone: Zone, behaviours: Mapping[str, str] | None = None) -> None:
        self._zone = zone
        self._names = {name for name, _ in zone}
        self._behaviours = behaviours or {}
        self.asked: Counter[tuple[str, str]] = Counter()  # over UDP
        self.by_tcp = 0

    def __enter__(self) -> Self:
        while not self._bound():
            pass
        self._tcp.listen()
        self._open = True
        self._threads = [
            threading.Thread(target=serve) for serve in (self._serve_udp, self._serve_tcp)
        ]
        for one in self._threads:
            one.start()
        return self

    def _bound(self) -> bool:
        """Whether a port was found that is free for both."""
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._udp.bind(("127.0.0.1", 0))
        self.port = self._udp.getsockname()[1]
        try:
            self._tcp.bind(("127.0.0.1", self.port))
        except OSError:
            self._udp.close()
            self._tcp.close()
            return False
        return True

    def __exit__(self, *_: object) -> None:
        self._open = False
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wake:
            wake.sendto(b"", ("127.0.0.1", self.port))
        socket.create_connection(("127.0.0.1", self.port)).close()
        for one in self._threads:
            one.join()
        self._udp.close()
        self._tcp.close()

    def _serve_udp(self) -> None:
        while True:
            content, peer = self._udp.recvfrom(65_535)
            if not self._open:
                return
            question = dns.message.from_wire(content).question[0]
            self.asked[question.name.to_text(True).lower(), question.rdtype.name] += 1
            answer = self._answer(content, LONGEST_UDP)
            if answer is not None:
                self._udp.sendto(answer, peer)

    def _serve_tcp(self) -> None:
        while True:
            connection, _ = self._tcp.accept()
            with connection, connection.makefile("rb") as stream:
                head = stream.read(2)
                if len(head) == 2:
                    self.by_tcp += 1
                    answer = self._answer(stream.read(*struct.unpack("!H", head)), 65_535)
                    if answer is not None:
                        connection.sendall(struct.pack("!H", len(answer)) + answer)
            if not self._open:
                return

    def _answer(self, content: bytes, most: int) -> bytes | None:
        query = dns.message.from_wire(content)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        behaviour = self._behaviours.get(name, self._behaviours.get("*"))
        if behaviour == SILENT:
            return None
        if behaviour == NONSENSE:
            return content[:2] + b"\x84\x00" + b"\xff" * 40
        if behaviour == OTHERS:
            query = dns.message.make_query("other.name.", "A", id=query.id)
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if behaviour == SERVFAIL:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif name not in self._names:
            response.set_rcode(dns.rcode.NXDOMAIN)
        else:
            texts = self._zone.get((name, question.rdtype.name), [])
            if texts:
                response.answer.append(
                    dns.rrset.from_text_list(question.name, 60, "IN", question.rdtype, texts)
                )
        try:
            return response.to_wire(max_size=most)
        except dns.exception.TooBig:
            response.answer = []
            response.flags |= dns.flags.TC
            return response.to_wire()


def txt(text: str) -> str:
    """A TXT record as a zone has it: strings of 255 octets at most."""
    return " ".join(f'"{text[at : at + 255]}"' for at in range(0, len(text), 255))
