-- What the list of keys that people look at is sorted, searched and counted by: a narrow row for each key, beside the others of
-- its account. Triggers keep it, so that it is never behind what it says, whoever writes.
CREATE TABLE key_overview (
    api         TEXT    NOT NULL,
    account     TEXT    NOT NULL,
    key         BLOB    NOT NULL,
    standing    INTEGER NOT NULL, -- 0 is revoked, 1 does not work for now, 2 works unless it has expired meanwhile
    replaced    INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL, -- 2^63 - 1 is never
    used_at     INTEGER NOT NULL, -- to the minute; of a key that was never used its creation less 2^53, so that these come first
    environment TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    PRIMARY KEY (api, account, key)
) STRICT, WITHOUT ROWID;

-- For the lists of a whole API, which may have millions: in each order, and what keys in that order are counted by.
CREATE INDEX key_overview_by_use      ON key_overview (api, standing, used_at, key, expires_at, environment);
CREATE INDEX key_overview_by_creation ON key_overview (api, standing, created_at, key, expires_at, replaced, environment);
CREATE INDEX key_overview_by_end      ON key_overview (api, standing, expires_at, key, created_at, replaced, environment);
CREATE INDEX key_overview_replaced    ON key_overview (api, expires_at, key, environment) WHERE standing = 2 AND replaced = 1;

INSERT INTO key_overview (api, account, key, standing, replaced, created_at, expires_at, used_at, environment, name)
    SELECT api_key.api, account, id,
           CASE WHEN revoked_at IS NOT NULL THEN 0 WHEN enabled = 0 THEN 1 ELSE 2 END,
           replaced_by IS NOT NULL, created_at, coalesce(expires_at, 9223372036854775807),
           coalesce(last_use.at - last_use.at % 60000, created_at - 9007199254740992), environment, name
    FROM api_key INDEXED BY api_key_by_account LEFT JOIN last_use ON last_use.key = api_key.id
    ORDER BY api_key.api, account, id;

CREATE TRIGGER key_overview_of_new_key AFTER INSERT ON api_key BEGIN
    INSERT INTO key_overview (api, account, key, standing, replaced, created_at, expires_at, used_at, environment, name)
    VALUES (
        NEW.api, NEW.account, NEW.id,
        CASE WHEN NEW.revoked_at IS NOT NULL THEN 0 WHEN NEW.enabled = 0 THEN 1 ELSE 2 END,
        NEW.replaced_by IS NOT NULL, NEW.created_at, coalesce(NEW.expires_at, 9223372036854775807),
        NEW.created_at - 9007199254740992, NEW.environment, NEW.name
    );
END;

CREATE TRIGGER key_overview_of_changed_key
AFTER UPDATE OF enabled, expires_at, revoked_at, replaced_by, name ON api_key
WHEN NEW.enabled <> OLD.enabled OR NEW.expires_at IS NOT OLD.expires_at OR NEW.revoked_at IS NOT OLD.revoked_at
    OR NEW.replaced_by IS NOT OLD.replaced_by OR NEW.name <> OLD.name
BEGIN
    UPDATE key_overview
    SET standing = CASE WHEN NEW.revoked_at IS NOT NULL THEN 0 WHEN NEW.enabled = 0 THEN 1 ELSE 2 END,
        replaced = NEW.replaced_by IS NOT NULL, expires_at = coalesce(NEW.expires_at, 9223372036854775807), name = NEW.name
    WHERE api = NEW.api AND account = NEW.account AND key = NEW.id;
END;

-- A busy key is used in every second; its place in the lists changes once a minute.
CREATE TRIGGER key_overview_of_used_key AFTER INSERT ON last_use BEGIN
    UPDATE key_overview SET used_at = NEW.at - NEW.at % 60000
    WHERE (api, account, key) = (SELECT api, account, id FROM api_key WHERE id = NEW.key);
END;

CREATE TRIGGER key_overview_of_key_used_again AFTER UPDATE OF at ON last_use
WHEN NEW.at / 60000 > OLD.at / 60000
BEGIN
    UPDATE key_overview SET used_at = NEW.at - NEW.at % 60000
    WHERE (api, account, key) = (SELECT api, account, id FROM api_key WHERE id = NEW.key);
END;

-- What was asked for and refused, of late: a few rows for each key, and for each API some without a known key.
CREATE TABLE refusal (
    number      INTEGER NOT NULL PRIMARY KEY,
    api         TEXT    NOT NULL,
    key         BLOB    NOT NULL, -- empty where no key was known
    account     TEXT    NOT NULL, -- and so are these
    environment TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    wanted      TEXT    NOT NULL, -- the right that was missing or the limit that refused, by its name
    method      TEXT    NOT NULL,
    route       TEXT    NOT NULL, -- its pattern; the path itself may hold secrets and stands nowhere
    address     BLOB,
    first_at    INTEGER NOT NULL,
    last_at     INTEGER NOT NULL,
    times       INTEGER NOT NULL
) STRICT;

CREATE INDEX refusal_of_key     ON refusal (api, key, last_at);
CREATE INDEX refusal_of_account ON refusal (api, account, last_at);
CREATE INDEX refusal_of_api     ON refusal (api, last_at);

-- A month in UTC, as the days from 1970 to its first, of each key, by its days (sqlite/meter/month.rs): which keys were busy. The keys of an
-- account stand together within a month, so that either an account or a whole API is one piece. Account and key are holders.
CREATE TABLE usage_month (
    api     INTEGER NOT NULL,
    month   INTEGER NOT NULL,
    account INTEGER NOT NULL,
    key     INTEGER NOT NULL,
    days    BLOB    NOT NULL,
    PRIMARY KEY (api, month, account, key)
) STRICT, WITHOUT ROWID;
