-- What is no projection: kept when the read model is rebuilt. Ids are UUIDs as text, times epoch milliseconds, booleans 0 or 1.

CREATE TABLE accounts (
    account_id    TEXT   NOT NULL PRIMARY KEY,
    email         TEXT   NOT NULL,
    email_folded  TEXT   NOT NULL UNIQUE,
    display_name  TEXT   NOT NULL,
    password_hash TEXT   NOT NULL,
    is_admin      BIGINT NOT NULL,
    is_suspended  BIGINT NOT NULL,
    created_ms    BIGINT NOT NULL
);

CREATE TABLE sessions (
    token_hash    BLOB   NOT NULL PRIMARY KEY,
    account_id    TEXT   NOT NULL REFERENCES accounts (account_id),
    kind          TEXT   NOT NULL,
    created_ms    BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL
);
CREATE INDEX sessions_by_account ON sessions (account_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at_ms);

CREATE TABLE images (
    image_id     TEXT   NOT NULL PRIMARY KEY,
    owner_id     TEXT   NOT NULL REFERENCES accounts (account_id),
    content_type TEXT   NOT NULL,
    bytes        BLOB   NOT NULL,
    thumbnail    BLOB   NOT NULL,
    created_ms   BIGINT NOT NULL
);

CREATE TABLE watches (
    account_id TEXT   NOT NULL REFERENCES accounts (account_id),
    item_id    TEXT   NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (account_id, item_id)
);

-- Up to which notice an account has seen its inbox, by the time that the log took it in.
CREATE TABLE inbox_seen (
    account_id    TEXT   NOT NULL PRIMARY KEY REFERENCES accounts (account_id),
    seen_up_to_ms BIGINT NOT NULL
);
