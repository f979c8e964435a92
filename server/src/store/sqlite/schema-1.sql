CREATE TABLE migrations (
    version INTEGER PRIMARY KEY,
    applied_at INTEGER NOT NULL
) STRICT;

-- The last number that was given out of each counter.
CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    last INTEGER NOT NULL
) STRICT;

-- Tokens in the order in which they were issued. Times are seconds since 1970. The recipients are names of resource
-- servers, one a line; NULL if there is only the one that the token is for.
CREATE TABLE tokens (
    number INTEGER PRIMARY KEY,
    resource_server TEXT NOT NULL,
    token_id BLOB NOT NULL,
    key_id BLOB NOT NULL,
    client TEXT NOT NULL,
    issued_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    token_hash BLOB NOT NULL,
    recipients TEXT,
    revoked_at INTEGER
) STRICT;
CREATE UNIQUE INDEX tokens_by_id ON tokens (resource_server, token_id);
CREATE INDEX tokens_by_end ON tokens (expires_at);

-- The revocation list: tokens that were revoked and have not expired.
CREATE TABLE revoked (
    number INTEGER PRIMARY KEY,
    resource_server TEXT NOT NULL,
    token_id BLOB NOT NULL,
    key_id BLOB NOT NULL,
    client TEXT NOT NULL,
    issued_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    token_hash BLOB NOT NULL,
    recipients TEXT,
    revoked_at INTEGER
) STRICT;
CREATE INDEX revoked_by_end ON revoked (expires_at);

-- The latest updates of the list for each requester, 'party ' and its name, or 'administrators'. Hashes stand one after another.
CREATE TABLE updates (
    requester TEXT NOT NULL,
    number INTEGER NOT NULL,
    removed BLOB NOT NULL,
    added BLOB NOT NULL,
    PRIMARY KEY (requester, number)
) STRICT, WITHOUT ROWID;

-- Devices that are kept out by command, whatever their records say.
CREATE TABLE kept_out (
    name TEXT PRIMARY KEY
) STRICT;
