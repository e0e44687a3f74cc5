-- Full-text search of items: the words as `search::words` cuts them, in both databases.

CREATE TABLE item_search (
    item_id TEXT     NOT NULL PRIMARY KEY,
    words   TSVECTOR NOT NULL
);
CREATE INDEX item_search_words ON item_search USING gin (words);
