-- Full-text search of items: the words as `search::words` cuts them, in both databases.

CREATE VIRTUAL TABLE item_search USING fts5 (item_id UNINDEXED, words, tokenize = 'unicode61 remove_diacritics 0');
