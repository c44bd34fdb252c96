-- Events have numbers of their own, since not every one comes with a commit and some commits bring several. What stood here before
-- was never shown to anybody, and stands in the audit log.
DROP TABLE event;

CREATE TABLE event (
    number   INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, -- never used twice, so that whoever has read up to one misses none
    at       INTEGER NOT NULL,
    last_at  INTEGER NOT NULL,
    count    INTEGER NOT NULL,
    api      TEXT    NOT NULL,
    account  TEXT,
    key      BLOB,
    name     TEXT    NOT NULL,
    severity INTEGER NOT NULL, -- 0 is a notice, 1 a warning, 2 critical
    subject  TEXT,             -- what it is put together with others by
    data     TEXT    NOT NULL
) STRICT;

CREATE INDEX event_by_api      ON event (api, number);
CREATE INDEX event_by_account  ON event (api, account, number) WHERE account IS NOT NULL;
CREATE INDEX event_by_key      ON event (api, key, number) WHERE key IS NOT NULL;
CREATE INDEX event_by_name     ON event (api, name, number);
CREATE INDEX event_by_severity ON event (api, severity, number) WHERE severity > 0;
CREATE INDEX event_by_subject  ON event (api, name, subject, number) WHERE subject IS NOT NULL;
