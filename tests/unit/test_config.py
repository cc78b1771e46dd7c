"""newsletter.toml and the environment: what wins, what is refused, and in which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsletter.config import Config, load
from newsletter.config_told import MASK, check, reference, shown
from newsletter.errors import ConfigError

FREE_TABLES = ("transports.", "sources.")  # their keys are their own rooms' affair
LONG_SECRET = "a key of more than sixteen letters"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(text: str = "", **environ: str) -> Config:
    """What is loaded where newsletter.toml holds `text`."""
    Path("newsletter.toml").write_text(text, encoding="utf-8")
    return load(environ=environ)


def refusal(text: str = "", **environ: str) -> str:
    """The words in which `text` is refused."""
    with pytest.raises(ConfigError) as caught:
        read(text, **environ)
    return str(caught.value)


def test_defaults(tmp_path: Path):
    """Without a file and variables the defaults stand, and paths count from the working folder."""
    config = load(environ={})
    assert config.file is None
    assert config.base == tmp_path
    assert config.database_url() == f"sqlite:///{tmp_path}/newsletter.db"
    assert config.transport() == ("maildir", {"path": "mail"}, "[transports.maildir]")
    assert config.secret() is None
    assert check(config) == []


def test_file_over_default_and_variable_over_file():
    """A variable wins over the file, the file over the default, and each value's origin is told."""
    config = read("[issue]\nwindow_days = 3\nnews_hours = 20", NEWSLETTER_ISSUE__NEWS_HOURS="12")
    rows = {key: (value, origin) for key, value, origin in shown(config)}
    assert rows["issue.window_days"] == ("3", "newsletter.toml")
    assert rows["issue.news_hours"] == ("12", "NEWSLETTER_ISSUE__NEWS_HOURS")
    assert rows["issue.zone"] == ("UTC", "default")


def test_which_file(tmp_path: Path):
    """The path given wins over NEWSLETTER_CONFIG, which wins over ./newsletter.toml."""
    for name in ("newsletter.toml", "named.toml", "given.toml"):
        (tmp_path / name).write_text(f'title = "{name}"', encoding="utf-8")
    named = {"NEWSLETTER_CONFIG": "named.toml"}
    assert load(environ={}).settings.title == "newsletter.toml"
    assert load(environ=named).settings.title == "named.toml"
    assert load(Path("given.toml"), environ=named).settings.title == "given.toml"


def test_relative_paths_count_from_the_file(tmp_path: Path):
    """A relative SQLite path and a secret's file are looked for beside the settings file."""
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "key").write_text(f"{LONG_SECRET}\n", encoding="utf-8")
    (folder / "own.toml").write_text('secret_file = "key"', encoding="utf-8")
    config = load(Path("etc/own.toml"), environ={})
    assert config.database_url() == f"sqlite:///{folder}/newsletter.db"
    assert config.secret() == LONG_SECRET


def test_an_absolute_path_stays():
    """An absolute SQLite path and a PostgreSQL URL are taken as they are."""
    for url in ("sqlite:////srv/papers.db", "postgresql+psycopg://reader@db.test:5433/papers"):
        assert read(f'[database]\nurl = "{url}"').database_url() == url


def test_what_follows_from_other_settings():
    """The sender's name, envelope and list follow the title and the address unless they are set."""
    sender = read('title = "Asa"\n[sender]\naddress = "Asa@Asa.Test"').settings.sender
    assert (sender.name, sender.bounces) == ("Asa", "Asa@asa.test")
    assert sender.list_id == "daily.asa.test"
    own = read('title = "Asa"\n[sender]\nname = "B"\nlist_id = "c.test"').settings.sender
    assert (own.name, own.list_id) == ("B", "c.test")


def test_transports_from_variables():
    """Variables fill free tables, under the file's own spelling of the name where it has one."""
    config = read(
        '[transports.My-Relay]\nkind = "smtp"\nhost = "a.test"',
        NEWSLETTER_TRANSPORTS__MY_RELAY__HOST="b.test",
        NEWSLETTER_DELIVERY__TRANSPORT="My-Relay",
    )
    assert config.transport() == ("smtp", {"host": "b.test"}, "[transports.My-Relay]")
    alone = load(environ={"NEWSLETTER_TRANSPORTS__SMTP__HOST": "c.test"}, path=None)
    assert alone.settings.transports["smtp"] == {"host": "c.test"}


def test_variables_add_to_the_default_transport():
    """A variable for one transport does not take the default one away."""
    config = read("", NEWSLETTER_TRANSPORTS__SMTP__HOST="c.test")
    assert config.settings.transports == {"maildir": {"path": "mail"}, "smtp": {"host": "c.test"}}


def test_a_secrets_twin_of_the_file_gives_way():
    """A variable that names a secret's file replaces the secret that newsletter.toml holds."""
    Path("key").write_text("another key of more than sixteen letters", encoding="utf-8")
    config = read(f'secret = "{LONG_SECRET}"', NEWSLETTER_SECRET_FILE="key")
    assert config.secret() == "another key of more than sixteen letters"


def test_an_empty_variable_counts_as_not_set():
    """An empty variable leaves the default standing."""
    assert read("", NEWSLETTER_TITLE="").settings.title == "Trending papers"


def test_reserved_variables_are_no_settings():
    """NEWSLETTER_WIRE, NEWSLETTER_MAILLAB and NEWSLETTER_LOG belong to others and are let be."""
    others = {"NEWSLETTER_WIRE": "x", "NEWSLETTER_MAILLAB": "x", "NEWSLETTER_LOG": "debug"}
    assert read("", **others).origins == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("titel = 'A'", "Unknown setting titel in newsletter.toml. Did you mean title?"),
        (
            "[sender]\nadress = 'a@b.test'",
            "Unknown setting sender.adress in newsletter.toml. Did you mean sender.address?",
        ),
        ("[sendr]\nname = 'A'", "Unknown setting sendr in newsletter.toml. Did you mean sender?"),
        (
            "[look]\ncolour = '#fff'",
            "look.colour in newsletter.toml. Known in [look]: ",
        ),
        ("[look]\nfoter = 'A'", "Did you mean look.footer?"),
        ("title = 5", "title in newsletter.toml must be text, in quotes."),
        (
            "[issue]\nwindow_days = 'often'",
            "issue.window_days in newsletter.toml must be a whole number.",
        ),
        ("[issue]\nwindow_days = 61", "issue.window_days in newsletter.toml must be at most 60."),
        ("[issue]\nnews_hours = 0", "issue.news_hours in newsletter.toml must be at least 1."),
        ("sender = 3", "sender in newsletter.toml must be a table of settings."),
        ("[transports]\nsmtp = 3", "transports.smtp in newsletter.toml must be a table"),
        ("[sender]\naddress = 'asa'", "sender.address in newsletter.toml: 'asa' is not an e-mail"),
        ("[sender]\nlist_id = 'a b'", "sender.list_id in newsletter.toml must be words joined by"),
        ("[issue]\nzone = 'Oslo'", "issue.zone in newsletter.toml: 'Oslo' is not a time zone"),
        ('title = "a\\nBcc: b@c.test"', "title in newsletter.toml must be one line"),
        ("[database]\nurl = 'mysql://h/n'", "must begin with sqlite:// or postgresql+psycopg://."),
        ("[database]\nurl = 'postgresql://h/n'", "must begin with postgresql+psycopg://"),
        ("[database]\nurl = 'sqlite://'", "must name a file after three slashes"),
        ("[database]\nurl = 'papers.db'", "must be a URL such as sqlite:///newsletter.db."),
        ("secret = 'a'\nsecret_file = 'b'", "Set secret or secret_file, not both."),
        ("title = 'A'\n[sender\n", "newsletter.toml, line 2: this is not TOML: "),
        ("title = 'A'\nsecret =", "newsletter.toml, line 2: this is not TOML: "),
    ],
)
def test_what_a_file_is_refused_for(text: str, words: str):
    """A wrong file is refused in a sentence that names the setting and what it must be."""
    assert words in refusal(text)


def test_the_lines_of_a_postal_address_stay_apart():
    """They become one line, with a comma where one ended, and not two."""
    config = read('[sender]\npostal_address = """\n1 Example Road,\n  0150  Oslo\n\nNorway\n"""')
    assert config.settings.sender.postal_address == "1 Example Road, 0150 Oslo, Norway"


def test_one_mistake_is_told_once():
    """A wrong title is told as such, and not again for what follows from it."""
    assert refusal('title = ""').count("must be one line") == 1
    assert refusal("[sender]\naddress = 'asa'").count("newsletter.toml") == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("NEWSLETTER_TITEL", "Did you mean NEWSLETTER_TITLE?"),
        ("NEWSLETTER_SENDER_ADDRESS", "Did you mean NEWSLETTER_SENDER__ADDRESS?"),
        ("NEWSLETTER_LOOK__COLOUR", "in the environment. Known in [look]: "),
        ("NEWSLETTER_LOOK__FOTER", "Did you mean NEWSLETTER_LOOK__FOOTER?"),
        ("NEWSLETTER_title", "Did you mean NEWSLETTER_TITLE?"),
        ("NEWSLETTER_TRANSPORTS__SMTP", "Unknown setting NEWSLETTER_TRANSPORTS__SMTP "),
    ],
)
def test_unknown_variables_are_refused_by_name(name: str, words: str):
    """An unknown NEWSLETTER_ variable is refused, with the nearest known one as a variable."""
    told = refusal("", **{name: "x"})
    assert told.startswith(f"Unknown setting {name} in the environment.")
    assert words in told


def test_a_wrong_variable_is_told_as_a_variable():
    """A wrong value from the environment is told under its variable's name."""
    told = refusal("[issue]\ntries = 3", NEWSLETTER_DELIVERY__TRIES="many")
    assert "NEWSLETTER_DELIVERY__TRIES must be a whole number." in told


def test_two_variables_for_one_secret_are_refused():
    """A secret and its file, both in the environment, are not chosen between."""
    assert "not both" in refusal("", NEWSLETTER_SECRET=LONG_SECRET, NEWSLETTER_SECRET_FILE="key")


def test_files_that_cannot_be_read(tmp_path: Path):
    """A missing file, a folder and other bytes than UTF-8 are refused by name."""
    with pytest.raises(ConfigError, match=r"There is no settings file no\.toml\."):
        load(Path("no.toml"), environ={})
    with pytest.raises(ConfigError, match=r"no\.toml, which NEWSLETTER_CONFIG names"):
        load(environ={"NEWSLETTER_CONFIG": "no.toml"})
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path, environ={})
    Path("latin.toml").write_bytes(b"title = 'A'\n# \xe9\n")
    with pytest.raises(ConfigError, match=r"latin\.toml, line 2: this is not UTF-8 text"):
        load(Path("latin.toml"), environ={})


def test_secrets_are_never_shown():
    """Passwords, tokens and keys are masked, in free tables and in URLs too."""
    config = read(
        f"""
        secret = "{LONG_SECRET}"
        [database]
        url = "postgresql+psycopg://asa:hush@db.test/papers?password=hush&sslmode=require"
        [transports.smtp]
        password = "hush"
        relay_password = "hush"
        api-key = "hush"
        proxy = "http://asa:hush@proxy.test"
        password_file = "shown"
        """
    )
    rows = {key: value for key, value, _ in shown(config)}
    assert rows["secret"] == MASK
    assert rows["database.url"] == (
        f"postgresql+psycopg://asa:{MASK}@db.test/papers?password={MASK}&sslmode=require"
    )
    assert rows["transports.smtp.password_file"] == "shown"
    assert rows["transports.smtp.proxy"] == f"http://asa:{MASK}@proxy.test"
    assert "hush" not in repr(rows)
    assert LONG_SECRET not in repr(rows) + repr(config)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[delivery]\ntransport = 'maildr'", "Did you mean maildir?"),
        ("[delivery]\ntransport = 'smtp'\n[transports.smtp]", "sender.address is at example.org"),
        ("[delivery]\ntransport = 'smtp'\n[transports.smtp]", "sender.postal_address is empty"),
        ("secret_file = 'no'", "secret_file: cannot read"),
        ("secret = 'short'", "secret must have at least 16 characters"),
        ("[database]\nurl_file = 'no'", "database.url_file: cannot read"),
        ("topics = 'no.toml'", "topics: there is no file"),
        ("[transports.maildir]\nkey_file = 'no'", "transports.maildir.key_file: cannot read"),
    ],
)
def test_what_to_mend_before_sending(text: str, problem: str):
    """What would fail or be unlawful once mail goes out is told beforehand, a sentence each."""
    told = check(read(text))
    assert any(problem in one for one in told), told
    assert all(one.endswith((".", "?")) for one in told)


def test_a_setting_made_for_real_sending_has_no_problem():
    """An own domain with a postal address over SMTP is ready."""
    text = """
    [sender]
    address = "daily@papers.internal"
    postal_address = "1 Main Street"
    [delivery]
    transport = "smtp"
    [transports.smtp]
    """
    assert check(read(text)) == []


def test_the_url_file_holds_the_database_url():
    """The first line of database.url_file is the URL, and held to the same rules."""
    Path("url").write_text("postgresql+psycopg://asa:hush@db.test/papers\n", encoding="utf-8")
    config = read("[database]\nurl_file = 'url'")
    assert config.database_url() == "postgresql+psycopg://asa:hush@db.test/papers"
    Path("url").write_text("mysql://asa:hush@db.test/papers", encoding="utf-8")
    with pytest.raises(ConfigError, match="must begin with") as caught:
        config.database_url()
    assert "hush" not in str(caught.value)


def test_every_setting_is_described_in_a_sentence():
    """The reference has a row for every setting, each with one sentence and its kind."""
    rows = reference()
    assert ("issue.window_days", "whole number, 1 to 60", "7") in [row[:3] for row in rows]
    assert all(row[3].endswith(".") and row[1] for row in rows)
    told = {row[0] for row in rows}
    plain = {key for key, _, _ in shown(load(environ={})) if not key.startswith(FREE_TABLES)}
    assert plain <= told
