-- What must last of limits and usage. Names of APIs, environments, limits, routes and outcomes stand here once and elsewhere as
-- numbers, because usage has a row for each holder and day. They are few and never removed.
CREATE TABLE meter_name (
    number INTEGER NOT NULL PRIMARY KEY,
    text   TEXT    NOT NULL UNIQUE
) STRICT;

-- Whose limits and usage. `whose` is empty for everybody, or begins with `k` before a key's 16 bytes or `a` before an account's
-- id. It stands before the environment to be found in all environments at once.
CREATE TABLE meter_holder (
    number      INTEGER NOT NULL PRIMARY KEY,
    api         INTEGER NOT NULL,
    whose       BLOB    NOT NULL,
    environment INTEGER NOT NULL,
    UNIQUE (api, whose, environment)
) STRICT;

-- The latest window of each limit of each holder.
CREATE TABLE limit_window (
    holder    INTEGER NOT NULL,
    name      INTEGER NOT NULL,
    starts_at INTEGER NOT NULL,
    ends_at   INTEGER NOT NULL,
    bought    INTEGER NOT NULL,
    PRIMARY KEY (holder, name)
) STRICT, WITHOUT ROWID;

-- A day in UTC, as days since 1970, of each holder; what was used in its hours is one blob (sqlite/meter/day.rs). What is being
-- counted stands together at the end of its API, so that a second of a busy server touches few pages; by holder and day each
-- holder would touch a page of its own. The API comes first so that forgetting its old days passes over nobody else's.
CREATE TABLE usage (
    api    INTEGER NOT NULL,
    day    INTEGER NOT NULL,
    holder INTEGER NOT NULL,
    hours  BLOB    NOT NULL,
    PRIMARY KEY (api, day, holder)
) STRICT, WITHOUT ROWID;

-- The last batch of usage that was added.
CREATE TABLE usage_batch (
    only   INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
    number INTEGER NOT NULL
) STRICT;

INSERT INTO usage_batch (only, number) VALUES (1, 0);

-- When and from where each key was used last. The address is its 4 or 16 bytes.
CREATE TABLE last_use (
    key     BLOB    NOT NULL PRIMARY KEY,
    at      INTEGER NOT NULL,
    address BLOB
) STRICT, WITHOUT ROWID;
