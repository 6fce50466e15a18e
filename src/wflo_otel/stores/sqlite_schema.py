"""The tables of the state file.

The rule that holds here: a change is one more step at the end of :data:`STEPS`, never an edit of
one; an older file is brought up step by step, a file of a newer version is not opened. Ledgers,
circuits, open calls and records are JSON documents; columns beside them are what is looked up
by. ``run_calls`` says which runs show a call: its own, and those it is a child of.
"""

from __future__ import annotations

#: Tells our files from those of other programs: "wflo" in ASCII.
APPLICATION_ID = 0x77666C6F

_FIRST = """
CREATE TABLE ledgers (
    key TEXT PRIMARY KEY, doc TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE open_calls (
    call_id TEXT PRIMARY KEY, keys TEXT NOT NULL,
    opened_at REAL NOT NULL, expires_at REAL NOT NULL, doc TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX open_calls_by_expiry ON open_calls (expires_at);

CREATE TABLE responses (
    key TEXT PRIMARY KEY
) WITHOUT ROWID;

CREATE TABLE runs (
    seq INTEGER PRIMARY KEY, run_id TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
    started_at REAL NOT NULL, ended_at REAL, parent TEXT
);

CREATE TABLE calls (
    seq INTEGER PRIMARY KEY, call_id TEXT NOT NULL UNIQUE, standing TEXT NOT NULL,
    ended_at REAL NOT NULL, doc TEXT NOT NULL
);

CREATE TABLE run_calls (
    run_id TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (run_id, seq)
) WITHOUT ROWID;

CREATE TABLE checkpoints (
    seq INTEGER PRIMARY KEY, checkpoint_id TEXT NOT NULL UNIQUE, run_id TEXT NOT NULL,
    name TEXT NOT NULL, parent TEXT, step TEXT, agent TEXT, created_at REAL NOT NULL,
    size INTEGER NOT NULL, digest TEXT NOT NULL, codec TEXT NOT NULL
);
CREATE INDEX checkpoints_by_run ON checkpoints (run_id);

CREATE TABLE states (
    digest TEXT PRIMARY KEY, state BLOB NOT NULL
);
"""

_NOTES = """
CREATE TABLE notes (
    run_id TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (run_id, kind, subject)
) WITHOUT ROWID;
"""

_CIRCUITS = """
CREATE TABLE circuits (
    key TEXT PRIMARY KEY, doc TEXT NOT NULL
) WITHOUT ROWID;

ALTER TABLE open_calls ADD COLUMN stamps TEXT NOT NULL DEFAULT ''
"""

_DEAD_LETTERS = """
CREATE TABLE dead_letters (
    seq INTEGER PRIMARY KEY, letter_id TEXT NOT NULL UNIQUE, created_at REAL NOT NULL,
    changed_at REAL NOT NULL, is_done INTEGER NOT NULL, doc TEXT NOT NULL, payload BLOB
);
CREATE INDEX dead_letters_by_change ON dead_letters (changed_at);
"""

_FORCED_CIRCUITS = """
CREATE TABLE forced_circuits (
    key TEXT PRIMARY KEY
) WITHOUT ROWID;

INSERT INTO forced_circuits
SELECT key FROM circuits WHERE instr(doc, '"phase":"forced_open"')
"""

_CHECKPOINTS_GO = """
CREATE INDEX IF NOT EXISTS checkpoints_by_age ON checkpoints (created_at);
CREATE INDEX IF NOT EXISTS checkpoints_by_state ON checkpoints (digest)
"""

_RESULTS = """
CREATE TABLE IF NOT EXISTS results (
    seq INTEGER PRIMARY KEY, run_id TEXT NOT NULL, after TEXT NOT NULL, created_at REAL NOT NULL,
    payload BLOB NOT NULL, codec TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS results_by_run ON results (run_id);
CREATE INDEX IF NOT EXISTS results_by_age ON results (created_at)
"""

#: From an empty file to the newest version, one step a version.
STEPS = (_FIRST, _NOTES, _CIRCUITS, _DEAD_LETTERS, _FORCED_CIRCUITS, _CHECKPOINTS_GO, _RESULTS)
VERSION = len(STEPS)
