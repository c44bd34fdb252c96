-- How far each member has read the events of an API.
CREATE TABLE event_mark (
    member BLOB    NOT NULL,
    api    TEXT    NOT NULL,
    number INTEGER NOT NULL, -- of the last event that they have read
    PRIMARY KEY (member, api)
) STRICT, WITHOUT ROWID;

-- What is counted on every page: the events of an account, or of all, that want something.
CREATE INDEX event_urgent            ON event (api, number) WHERE severity > 0;
CREATE INDEX event_urgent_of_account ON event (api, account, number) WHERE account IS NOT NULL AND severity > 0;

-- Of an account with very many warnings, what is critical.
CREATE INDEX event_critical_of_account ON event (api, account, number) WHERE account IS NOT NULL AND severity = 2;
