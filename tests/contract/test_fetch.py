"""Where bytes come from when they do not come over the network: files, folders, standard input."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.errors import SourceError
from newsletter.sources import fetch
from newsletter.sources.fetch import Fetcher, is_address, spread
from newsletter.sources.http import Http, Limits, NoTurns
from newsletter.sources.port import Request
from tests.contract.upstream import Play, Upstream


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    made = Fetcher(Http(Limits(agent="test", allow_private=True), NoTurns()))
    yield made
    made.close()


class Typed(io.TextIOWrapper):
    """What was piped in."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content), encoding="utf-8")


def test_a_file_is_read_as_far_as_the_source_likes(fetcher: Fetcher, tmp_path: Path) -> None:
    """Line by line, in pieces or whole; the answer bears the path it was asked by."""
    path = tmp_path / "papers.jsonl"
    path.write_bytes(b"one\ntwo\r\nthree\xff")
    with fetcher.open(Request(location=str(path))) as answer:
        assert answer.where == str(path)
        assert (answer.status, answer.unchanged, answer.etag) == (200, False, None)
        assert answer.body.readline() == b"one\n"
        assert answer.body.readline(2) == b"tw"
        assert answer.body.read(3) == b"o\r\n"
        assert answer.whole() == b"three\xff"
        assert answer.whole() == b""


def test_a_file_is_closed_when_its_reader_breaks(fetcher: Fetcher, tmp_path: Path) -> None:
    """An error within passes through, and nothing can be read afterwards."""
    path = tmp_path / "a.json"
    path.write_bytes(b"{}")
    with pytest.raises(KeyError), fetcher.open(Request(location=str(path))) as answer:
        raise KeyError
    with pytest.raises(ValueError, match="closed"):
        answer.whole()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("absent.json", "No such file"),
        ("folder", "Is a directory"),
        ("file/below", "Not a directory"),
        ("x" * 300, "name too long"),
    ],
)
def test_what_cannot_be_opened_is_named(
    name: str, words: str, fetcher: Fetcher, tmp_path: Path
) -> None:
    """The error names the path and says why, in the system's words."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"")
    path = str(tmp_path / name)
    with (
        pytest.raises(SourceError, match=f"cannot be read: .*{words}") as told,
        fetcher.open(Request(location=path)),
    ):
        pass
    assert told.value.where == path


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="only Linux has such a file")
def test_a_disk_that_fails_is_told_while_reading(fetcher: Fetcher) -> None:
    """What opens well and then cannot be read is an error of the same kind."""
    with fetcher.open(Request(location="/proc/self/mem")) as answer:  # its first page is unmapped
        for read in (answer.whole, answer.body.readline):
            with pytest.raises(SourceError, match="/proc/self/mem: cannot be read: "):
                read()


def test_standard_input_is_read_like_a_file(
    fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hyphen stands for what is piped in, which stays open for whoever comes after."""
    piped = Typed(b"one\ntwo\n")
    monkeypatch.setattr(sys, "stdin", piped)
    with fetcher.open(Request(location="-")) as answer:
        assert answer.where == "standard input"
        assert answer.body.readline() == b"one\n"
        assert answer.whole() == b"two\n"
    assert not piped.buffer.closed


@pytest.mark.parametrize(("size", "fits"), [(0, True), (2**20, True), (2**20 + 1, False)])
@pytest.mark.parametrize("piped", [False, True])
def test_a_file_that_is_too_large_is_refused_whole(
    piped: bool,
    size: int,
    fits: bool,
    fetcher: Fetcher,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A byte over the limit is one too many; the sentence says the limit and what to do."""
    monkeypatch.setattr(fetch, "LARGEST", 2**20)
    path = tmp_path / "large.json"
    path.write_bytes(b"x" * size)
    monkeypatch.setattr(sys, "stdin", Typed(b"x" * size))
    with fetcher.open(Request(location="-" if piped else str(path))) as answer:
        if fits:
            assert len(answer.whole()) == size
        else:
            with pytest.raises(SourceError, match="larger than 1 MiB; split it") as told:
                answer.whole()
            assert told.value.where == ("standard input" if piped else str(path))


def test_a_large_file_is_read_in_lines(
    fetcher: Fetcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is on what is asked for at once, of a line as of the whole."""
    monkeypatch.setattr(fetch, "LARGEST", 8)
    path = tmp_path / "papers.jsonl"
    path.write_bytes(b"short\n" * 5 + b"a line that never ends")
    with fetcher.open(Request(location=str(path))) as answer:
        assert [answer.body.readline() for _ in range(5)] == [b"short\n"] * 5
        assert answer.body.readline() == b"a line t"


def test_an_address_is_asked_with_what_is_known_of_it(fetcher: Fetcher) -> None:
    """Locations of http and https go over the network, and with the marks of the last answer."""
    with Upstream() as upstream:
        upstream.always("/feed", Play(status=304))
        request = Request(location=f"{upstream.url}/feed", suffixes=(".json",))
        assert spread(request) == [request]
        with fetcher.open(request, '"v1"', "Mon, 02 Mar 2026 12:00:00 GMT") as answer:
            assert answer.unchanged
        assert upstream.headers[0]["if-none-match"] == '"v1"'
        assert upstream.headers[0]["if-modified-since"] == "Mon, 02 Mar 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("location", "is_one"),
    [
        ("http://example.org/", True),
        ("https://example.org/", True),
        ("file:///etc/passwd", False),
        ("ftp://example.org/", False),
        ("httpx://example.org/", False),
        ("papers/http://", False),
        ("-", False),
        ("", False),
    ],
)
def test_only_http_is_the_network(location: str, is_one: bool) -> None:
    """Everything else is a path, and most likely one that is not there."""
    assert is_address(location) == is_one


def test_a_folder_is_its_files_of_the_kind(tmp_path: Path) -> None:
    """Sorted by name, capitals in the ending or not; no other files, folders or hidden names."""
    names = ["b.json", "a.JSON", "c.bib", "d.json.part", "json", ".json", "10.json", "9.json"]
    for name in names:
        (tmp_path / name).write_bytes(b"{}")
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "folder.json" / "deep.json").write_bytes(b"{}")
    (tmp_path / "link.json").symlink_to(tmp_path / "b.json")
    (tmp_path / "broken.json").symlink_to(tmp_path / "absent.json")
    folder = Request(
        location=str(tmp_path), suffixes=(".json",), context={"a": "b"}, conditional=True
    )
    found = spread(folder)
    assert [Path(one.location).name for one in found] == [
        "10.json",
        "9.json",
        "a.JSON",
        "b.json",
        "link.json",
    ]
    assert all(Path(one.location).parent == tmp_path for one in found)
    assert {(one.suffixes, one.context["a"], one.conditional) for one in found} == {
        ((".json",), "b", True)
    }


def test_several_endings_are_one_kind(tmp_path: Path) -> None:
    """Files of all endings come in one order."""
    for name in ("b.jsonl", "a.ndjson", "c.bib"):
        (tmp_path / name).write_bytes(b"")
    found = spread(Request(location=str(tmp_path), suffixes=(".jsonl", ".ndjson")))
    assert [Path(one.location).name for one in found] == ["a.ndjson", "b.jsonl"]


@pytest.mark.parametrize(
    ("suffixes", "words"),
    [((".bib",), "no .bib file in this folder"), ((".a", ".b"), "no .a or .b file")],
)
def test_a_folder_without_such_a_file_is_an_error(
    suffixes: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    """A wrong folder is not taken for a day without papers."""
    (tmp_path / "a.json").write_bytes(b"{}")
    with pytest.raises(SourceError, match=words) as told:
        spread(Request(location=str(tmp_path), suffixes=suffixes))
    assert told.value.where == str(tmp_path)


@pytest.mark.parametrize("name", ["a.json", "absent", "-"])
def test_what_is_no_folder_is_left_as_it_is(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file is read whatever its ending; what is missing is told when it is opened."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.json").write_bytes(b"{}")
    request = Request(location=name, suffixes=(".bib",))
    assert spread(request) == [request]


def test_a_folder_for_a_source_of_no_files_is_left_to_opening(
    fetcher: Fetcher, tmp_path: Path
) -> None:
    """Without endings there is nothing to look for, and opening says that it is a folder."""
    request = Request(location=str(tmp_path))
    assert spread(request) == [request]
    with pytest.raises(SourceError, match="Is a directory"), fetcher.open(request):
        pass


def test_a_path_that_no_system_takes_is_told() -> None:
    """Looking whether it is a folder may fail as well."""
    with pytest.raises(SourceError, match="name too long"):
        spread(Request(location="x" * 300, suffixes=(".json",)))
