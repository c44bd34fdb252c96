-- People who sign in. `api` is Bitting's own for operators, who have no account.
CREATE TABLE member (
    id         BLOB    NOT NULL PRIMARY KEY,
    api        TEXT    NOT NULL,
    account    TEXT,
    name       TEXT    NOT NULL,
    email      TEXT, -- in small letters
    is_portal  INTEGER NOT NULL, -- whether the API's own site sends them
    password   TEXT, -- a PHC string
    factor     BLOB, -- the secret that one-time codes are made of
    last_step  INTEGER NOT NULL, -- of the last code that was taken
    enabled    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT    NOT NULL,
    updated_at INTEGER NOT NULL,
    sequence   INTEGER NOT NULL,
    FOREIGN KEY (api, account) REFERENCES account (api, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX member_by_email ON member (email) WHERE email IS NOT NULL;
CREATE UNIQUE INDEX member_by_name  ON member (api, account, name) WHERE is_portal <> 0;
CREATE INDEX member_by_api          ON member (api, account, id);

-- Of the ids of sessions and of the secrets of links the SHA-256 alone is kept.
CREATE TABLE session (
    digest     BLOB    NOT NULL PRIMARY KEY,
    member     BLOB    NOT NULL,
    way        TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    address    TEXT,
    agent      TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX session_by_member ON session (member);
CREATE INDEX session_by_end    ON session (expires_at);

CREATE TABLE link (
    digest     BLOB    NOT NULL PRIMARY KEY,
    purpose    TEXT    NOT NULL,
    member     BLOB    NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX link_by_member ON link (member, purpose);
CREATE INDEX link_by_end    ON link (expires_at);
