"""The tables of papers, issues and deliveries. Reads as a glossary; migrations make it so."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    or_,
)

from newsletter.delivery import DeliveryState
from subscribers.schema import Instant, metadata

PAPER_ID = String(64)  # papers.PaperId

papers = Table(
    "papers",
    metadata,
    Column("id", PAPER_ID, primary_key=True),
    Column("title", Text, nullable=False),  # as the source wrote it, TeX and all
    Column("abstract", Text, nullable=False),
    Column("authors", JSON, nullable=False),
    Column("classes", JSON, nullable=False),  # arXiv classes, the primary one first
    Column("published", Date),
    Column("url", Text),
    Column("pdf_url", Text),
    Column("code_url", Text),
    Column("detail", JSON, nullable=False),  # the rest of papers.Paper, as records.to_json has it
    Column("first_seen_at", Instant, nullable=False),  # announced, else first collected
    # A paper that turned out to be another one: everything of it but its place in issues that
    # were frozen before has moved there.
    Column("same_as", ForeignKey("papers.id")),
    Index(None, "first_seen_at"),
    Index(None, "same_as"),
)

paper_names = Table(
    "paper_names",
    metadata,
    Column("name", PAPER_ID, primary_key=True),  # every name a paper goes by, its id among them
    Column("paper_id", ForeignKey("papers.id"), nullable=False),
    Index(None, "paper_id"),
)

# What each source says of a paper. `papers` is made of these by `merging.merge`.
paper_records = Table(
    "paper_records",
    metadata,
    Column("paper_id", ForeignKey("papers.id"), primary_key=True),
    Column("source", String(64), primary_key=True),
    Column("trust", Integer, nullable=False),
    Column("at", Instant, nullable=False),  # since when it says so
    Column("record", JSON, nullable=False),  # records.to_json
)

# What the editor did, one act a row, appended. The latest pin or unpin counts, and so on.
editor_acts = Table(
    "editor_acts",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("paper_id", ForeignKey("papers.id"), nullable=False),
    Column("act", String(16), nullable=False),  # editor.Act
    Column("words", Text, nullable=False),  # the note; empty for the other acts
    Column("by", String(64), nullable=False),
    Column("at", Instant, nullable=False),
    Index(None, "paper_id"),
    sqlite_autoincrement=True,
)

observations = Table(
    "observations",
    metadata,
    Column("paper_id", ForeignKey("papers.id"), primary_key=True),
    Column("source", String(64), primary_key=True),
    Column("at", Instant, primary_key=True),  # the instant the source speaks of
    Column("position", Integer),  # 1 is the top
    Column("of", Integer),
    Column("listed", Date),  # the day whose list it stands in
    Column("votes", Integer),
    Column("comments", Integer),
    Column("stars", Integer),  # of its code
    Index(None, "listed"),
)

# Where each source stands, and how it has been.
source_states = Table(
    "source_states",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("cursor", JSON, nullable=False),  # in the source's own words
    Column("started_at", Instant),
    Column("succeeded_at", Instant),
    Column("failed_at", Instant),
    Column("failures", Integer, nullable=False),  # in a row
    Column("error", Text, nullable=False),  # of the last failure; empty after a success
    Column("notes", JSON, nullable=False),  # of the last run
    Column("papers", Integer, nullable=False),  # read by the last run
    Column("refused", JSON, nullable=False),  # by the last run: [how many, the first of them]
    Column("newest", Date),  # the newest day that anything read spoke of
)

# What a run that did not end still has to ask.
source_pending = Table(
    "source_pending",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("ask", String(64), primary_key=True),  # for which days; "" for what is new
    Column("requests", JSON, nullable=False),
    Column("since", Instant, nullable=False),
)

# What an address last answered, to ask whether it has changed since (RFC 9110 8.8).
validators = Table(
    "validators",
    metadata,
    Column("location", Text, primary_key=True),
    Column("etag", Text),
    Column("last_modified", Text),
)

# Whose turn it is to ask a group of hosts, and when the next turn may begin.
turns = Table(
    "turns",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("holder", String(64)),
    Column("until", Instant),  # a holder that died loses its turn then
    Column("next_at", Instant, nullable=False),
)

issues = Table(
    "issues",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("day", Date, nullable=False, unique=True),  # in the publication's zone
    Column("composed_at", Instant, nullable=False),
    Column("snapshot", JSON, nullable=False),  # snapshot.Snapshot without its cards
    Column("paused", Boolean, nullable=False),  # nothing of it leaves until it is resumed
    Column("cancelled", Boolean, nullable=False),  # nothing more of it leaves, ever
    sqlite_autoincrement=True,
)

# The few issues that nothing leaves of: every claim asks for them, and the snapshots are large.
_held = or_(issues.c.paused, issues.c.cancelled)
Index("ix_issues_held", issues.c.id, sqlite_where=_held, postgresql_where=_held)

# What operators did to issues, one act a row, appended.
issue_acts = Table(
    "issue_acts",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("issue_id", ForeignKey("issues.id"), nullable=False),
    Column("act", String(16), nullable=False),  # issue_acts.IssueAct
    Column("by", String(64), nullable=False),
    Column("why", Text, nullable=False),  # empty where nobody said
    Column("at", Instant, nullable=False),
    CheckConstraint("act IN ('hold', 'approve', 'pause', 'resume', 'cancel')", name="act"),
    Index(None, "issue_id"),
    sqlite_autoincrement=True,
)

# Days that an operator wants no issue on.
issue_skips = Table(
    "issue_skips",
    metadata,
    Column("day", Date, primary_key=True),
    Column("by", String(64), nullable=False),
    Column("why", Text, nullable=False),  # empty where nobody said
    Column("at", Instant, nullable=False),
)

issue_papers = Table(
    "issue_papers",
    metadata,
    Column("issue_id", ForeignKey("issues.id"), primary_key=True),
    Column("place", Integer, primary_key=True),  # from 0, most trending first; picks name it
    Column("paper_id", ForeignKey("papers.id"), nullable=False),
    Column("seen", Date, nullable=False),
    Column("trend", Float, nullable=False),
    Column("pinned", Boolean, nullable=False),  # leads every digest
    Column("matches", JSON, nullable=False),  # topic slug -> strength
    Column("card", JSON, nullable=False),  # snapshot.Card
    UniqueConstraint("issue_id", "paper_id"),
    Index(None, "paper_id"),  # who had this paper
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("issue_id", ForeignKey("issues.id"), nullable=False),
    Column("subscriber_id", ForeignKey("subscribers.id"), nullable=False),
    Column("state", String(16), nullable=False),  # delivery.DeliveryState
    Column("reason", Text, nullable=False),  # why it is in that state; empty when queued or sent
    Column("picks", Text, nullable=False),  # JSON: [[place in the issue, score, [slugs]], ...]
    Column("kind", String(16), nullable=False),  # wording.DigestKind
    Column("language", String(16), nullable=False),  # that was chosen; empty: the issue's own
    Column("beyond", Integer, nullable=False),  # papers that matched, over the length
    Column("due_at", Instant, nullable=False),  # the reader's hour; the Date header
    Column("next_at", Instant, nullable=False),  # not tried before
    Column("tries", Integer, nullable=False),  # charged to the recipient, since it was retried
    Column("retried_at", Instant),  # when an operator last queued it again: it is news since then
    # The lease: who may send it, until when. `attempt` grows with every claim, so that a sender
    # that lost its lease can be told from the one that has it.
    Column("owner", String(64)),
    Column("attempt", Integer, nullable=False),
    Column("lease_until", Instant),
    Column("transport", String(64)),
    Column("sent_at", Instant),
    Column("reply", Text, nullable=False),  # the next server's last word, for the relay's log
    UniqueConstraint("issue_id", "subscriber_id"),  # nobody twice
    CheckConstraint(
        f"state IN ({', '.join(repr(state.value) for state in DeliveryState)})", name="state"
    ),
    Index("ix_deliveries_state_next_at", "state", "next_at"),
    # How far an issue has come, so that it is counted without a look at the rows. PostgreSQL counts
    # the rows as fast, by several processes, and would go by this one where others serve it better.
    Index(
        "ix_deliveries_issue_id_state",
        *("issue_id", "state", "transport", "sent_at"),
        info={"only": "sqlite"},
    ).ddl_if(dialect="sqlite"),
    Index(None, "subscriber_id"),
    sqlite_autoincrement=True,
)

# What became of tries that did not end well, and what operators did; appended. A delivery that is
# sent at the first try has no row here: its own row tells all of it.
delivery_history = Table(
    "delivery_history",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("delivery_id", ForeignKey("deliveries.id"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("attempt", Integer, nullable=False),  # the claim it belongs to, or came after
    Column("state", String(16), nullable=False),  # what it became
    Column("words", Text, nullable=False),  # why
    Column("transport", String(64), nullable=False),  # empty where none had to do with it
    Column("by", String(64), nullable=False),  # the sender's name, or the operator's
    Index(None, "delivery_id"),
    sqlite_autoincrement=True,
)

# What came back of deliveries, beside their states. A second copy of a report adds no row.
delivery_events = Table(
    "delivery_events",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("delivery_id", ForeignKey("deliveries.id"), nullable=False),
    Column("kind", String(16), nullable=False),  # bounces.EventKind
    Column("at", Instant, nullable=False),  # when we heard of it
    Column("code", String(16), nullable=False),  # RFC 3463 2; empty where nobody said one
    Column("permanent", Boolean, nullable=False),
    Column("words", Text, nullable=False),  # of the server that said it, one bounded line
    UniqueConstraint("delivery_id", "kind"),
    CheckConstraint("kind IN ('refused', 'bounced', 'complained', 'unsubscribed')", name="kind"),
    Index(None, "at"),
    sqlite_autoincrement=True,
)

# What has been used of each rate (pacing.Rate), by a transport, or by a recipient domain.
rates = Table(
    "rates",
    metadata,
    Column("name", String(300), primary_key=True),
    Column("kept", Instant, nullable=False),  # pacing.Rate.used
    Column("tail", Instant, nullable=False),  # up to when messages that wait have an instant
)

# How much a transport that warms up has carried, a day (UTC) a row.
day_counts = Table(
    "day_counts",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("used", Integer, nullable=False),
)

# Recipient domains that asked to go slower: pacing.Slowdown.
slowdowns = Table(
    "slowdowns",
    metadata,
    Column("domain", String(255), primary_key=True),
    Column("until", Instant, nullable=False),
    Column("connections", Integer, nullable=False),
    Column("strikes", Integer, nullable=False),
    Column("taken", Integer, nullable=False),
    Column("words", Text, nullable=False),
    Column("at", Instant, nullable=False),
)

# Topics that operators and readers made. They count in place of the file's of the same slug.
topics = Table(
    "topics",
    metadata,
    Column("slug", String(48), primary_key=True),
    Column("definition", JSON, nullable=False),  # catalogue.TopicOptions
    Column("own", Boolean, nullable=False),  # a reader's rule, offered to nobody else
    Column("removed", Boolean, nullable=False),  # hides the file's
    Column("by", String(64), nullable=False),
    Column("at", Instant, nullable=False),
)

# What readers want more (1) or less (-1) of, the last word of each; clicks where they opted in.
votes = Table(
    "votes",
    metadata,
    Column("subscriber_id", ForeignKey("subscribers.id"), primary_key=True),
    Column("paper_id", ForeignKey("papers.id"), primary_key=True),
    Column("value", Integer, nullable=False),
    Column("clicked", Boolean, nullable=False),  # no vote, but a link that was followed
    Column("at", Instant, nullable=False),
    CheckConstraint("value IN (-1, 1)", name="value"),
    Index(None, "paper_id"),
)

# Vectors of texts by an embedding model, so that each is put to it once.
text_vectors = Table(
    "text_vectors",
    metadata,
    Column("key", String(64), primary_key=True),  # SHA-256 of the model's name and the text
    Column("vector", LargeBinary, nullable=False),  # numbers of two bytes, the lower first
    Column("asked_at", Instant, nullable=False),  # last
    Index(None, "asked_at"),
)

# Mails that are no digests. They may come twice after a crash: a confirmation that comes twice
# harms nobody, one that never comes loses a reader.
letters = Table(
    "letters",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("key", String(64), nullable=False, unique=True),  # what it is about: queued once
    Column("kind", String(16), nullable=False),  # letters.LetterKind
    Column("subscriber_id", ForeignKey("subscribers.id")),  # null: to the operator
    Column("address", String(320), nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False),  # why it failed, or is tried again
    Column("tries", Integer, nullable=False),
    Column("queued_at", Instant, nullable=False),
    Column("next_at", Instant, nullable=False),
    Column("owner", String(64)),
    Column("lease_until", Instant),
    Column("sent_at", Instant),
    Column("transport", String(64)),
    CheckConstraint(
        "kind IN ('confirmation', 'welcome', 'preferences', 'goodbye', 'report', 'change', "
        "'review', 'alert')",
        name="kind",
    ),
    CheckConstraint("state IN ('queued', 'sent', 'failed')", name="state"),
    Index("ix_letters_state_next_at", "state", "next_at"),
    Index("ix_letters_kind_id", "kind", "id"),  # the last of a kind
    Index(None, "subscriber_id"),
    sqlite_autoincrement=True,
)

# How often something was asked of readers' pages within a window of time.
request_counts = Table(
    "request_counts",
    metadata,
    Column("name", String(64), primary_key=True),  # what is limited, and a keyed hash of whose
    Column("starts", Instant, primary_key=True),
    Column("many", Integer, nullable=False),
    Index(None, "starts"),
)

# Who may use the JSON API for what.
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("name", String(64), nullable=False),
    Column("hash", String(64), nullable=False, unique=True),  # SHA-256 of the key, in hex
    Column("scopes", JSON, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("used_at", Instant),  # of late, to the hour
    Column("revoked_at", Instant),
    sqlite_autoincrement=True,
)

# Who is told what happens to subscriptions, and how far they have been told.
webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("url", Text, nullable=False),
    Column("kinds", JSON, nullable=False),  # of subscribers.events.EventKind; empty: all
    Column("created_at", Instant, nullable=False),
    Column("cursor", Integer, nullable=False),  # the last of subscriber_events that is done
    Column("tries", Integer, nullable=False),  # of the next one
    Column("next_at", Instant, nullable=False),
    Column("lost", Integer, nullable=False),  # events given up
    Column("answer", Text, nullable=False),  # the last one, a line
    Column("removed_at", Instant),
    sqlite_autoincrement=True,
)

# What needs an operator's hand, from when it began until it is over.
alerts = Table(
    "alerts",
    metadata,
    Column("name", String(128), primary_key=True),  # what, and of which source or issue
    Column("since", Instant, nullable=False),
    Column("words", Text, nullable=False),  # JSON: [sentence, what fills its places, command]
)
