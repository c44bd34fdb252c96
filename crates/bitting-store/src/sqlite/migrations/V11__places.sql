-- From which networks each key was used (sqlite/meter/places.rs), so that a new one is known as such after a restart too.
CREATE TABLE key_places (
    key    BLOB    NOT NULL PRIMARY KEY,
    since  INTEGER NOT NULL, -- the first use that was noted
    places BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
