-- Projections: emptied and replayed from the log by a rebuild. None depends on the order between topics.

CREATE TABLE projection_offsets (
    topic         TEXT   NOT NULL,
    log_partition BIGINT NOT NULL,
    next_offset   BIGINT NOT NULL,
    PRIMARY KEY (topic, log_partition)
);

-- What was listed. The reserve stays in the log; here is only whether there is one.
CREATE TABLE items (
    item_id       TEXT   NOT NULL PRIMARY KEY,
    seller_id     TEXT   NOT NULL,
    title         TEXT   NOT NULL,
    description   TEXT   NOT NULL,
    currency      TEXT   NOT NULL,
    ladder        TEXT   NOT NULL,
    has_reserve   BIGINT NOT NULL,
    buy_now_minor BIGINT,
    closing       TEXT   NOT NULL,
    country       TEXT,
    grid          TEXT,
    images        TEXT   NOT NULL
);
CREATE INDEX items_by_seller ON items (seller_id);

-- How an item stands. Three topics fill columns of their own; the last four are derived from them.
CREATE TABLE standings (
    item_id           TEXT NOT NULL PRIMARY KEY,
    -- from the listing
    category          TEXT,
    listed_ms         BIGINT,
    starts_at_ms      BIGINT,
    starting_minor    BIGINT,
    listed_ends_at_ms BIGINT,
    -- from the history record with the greatest sequence
    last_sequence     BIGINT,
    standing_minor    BIGINT,
    minimum_minor     BIGINT,
    leader_id         TEXT,
    leader_alias      TEXT,
    counted_bids      BIGINT,
    reserve_met       BIGINT,
    moved_ends_at_ms  BIGINT,
    -- from the completion
    final_sequence    BIGINT,
    outcome           TEXT,
    winner_id         TEXT,
    winner_alias      TEXT,
    final_minor       BIGINT,
    final_bids        BIGINT,
    ended_at_ms       BIGINT,
    -- derived
    price_minor BIGINT GENERATED ALWAYS AS (COALESCE(final_minor, standing_minor, starting_minor)) STORED,
    bid_count   BIGINT GENERATED ALWAYS AS (COALESCE(final_bids, counted_bids, 0)) STORED,
    ends_at_ms  BIGINT GENERATED ALWAYS AS (COALESCE(ended_at_ms, moved_ends_at_ms, listed_ends_at_ms)) STORED,
    -- Ascending: what ends next, then (from the middle of the number range on) what ended last.
    ending_rank BIGINT GENERATED ALWAYS AS (CASE WHEN outcome IS NULL
        THEN COALESCE(moved_ends_at_ms, listed_ends_at_ms) ELSE 4611686018427387904 - ended_at_ms END) STORED
);
-- Every list has an index in its order: of all lots or of a category, and of those that have not ended alone.
CREATE INDEX standings_by_ending ON standings (ending_rank, item_id);
CREATE INDEX standings_by_listing ON standings (listed_ms, item_id);
CREATE INDEX standings_by_price ON standings (price_minor, item_id);
CREATE INDEX standings_by_bids ON standings (bid_count, item_id);
CREATE INDEX standings_by_category_ending ON standings (category, ending_rank, item_id);
CREATE INDEX standings_by_category_listing ON standings (category, listed_ms, item_id);
CREATE INDEX standings_by_category_price ON standings (category, price_minor, item_id);
CREATE INDEX standings_by_category_bids ON standings (category, bid_count, item_id);
CREATE INDEX standings_open_by_ending ON standings (ending_rank, item_id) WHERE outcome IS NULL;
CREATE INDEX standings_open_by_listing ON standings (listed_ms, item_id) WHERE outcome IS NULL;
CREATE INDEX standings_open_by_price ON standings (price_minor, item_id) WHERE outcome IS NULL;
CREATE INDEX standings_open_by_bids ON standings (bid_count, item_id) WHERE outcome IS NULL;
CREATE INDEX standings_open_by_category_ending ON standings (category, ending_rank, item_id) WHERE outcome IS NULL;
CREATE INDEX standings_open_by_category_listing ON standings (category, listed_ms, item_id) WHERE outcome IS NULL;
CREATE INDEX standings_open_by_category_price ON standings (category, price_minor, item_id) WHERE outcome IS NULL;
CREATE INDEX standings_open_by_category_bids ON standings (category, bid_count, item_id) WHERE outcome IS NULL;

-- The audit: every history record, as it is in the log, with columns to find it by.
CREATE TABLE history (
    log_partition     BIGINT NOT NULL,
    log_offset        BIGINT NOT NULL,
    item_id           TEXT   NOT NULL,
    sequence          BIGINT,
    bid_id            TEXT,
    command_id        TEXT,
    bidder_id         TEXT,
    decision          TEXT   NOT NULL,
    price_minor       BIGINT,
    minimum_minor     BIGINT,
    at_ms             BIGINT NOT NULL,
    received_ms       BIGINT NOT NULL,
    country           TEXT,
    grid              TEXT,
    command_partition BIGINT,
    command_offset    BIGINT,
    record            TEXT   NOT NULL,
    PRIMARY KEY (log_partition, log_offset)
);
CREATE INDEX history_by_item ON history (item_id, sequence);
CREATE INDEX history_by_bid ON history (bid_id);
CREATE INDEX history_by_command ON history (command_id);
CREATE INDEX history_by_bidder ON history (bidder_id, item_id, log_offset);

-- The outcomes, as they are in the log.
CREATE TABLE completions (
    item_id     TEXT   NOT NULL PRIMARY KEY,
    sequence    BIGINT NOT NULL,
    outcome     TEXT   NOT NULL,
    winner_id   TEXT,
    price_minor BIGINT NOT NULL,
    bid_count   BIGINT NOT NULL,
    ended_at_ms BIGINT NOT NULL,
    record      TEXT   NOT NULL
);
CREATE INDEX completions_by_end ON completions (ended_at_ms);

CREATE TABLE notices (
    notice_id   TEXT   NOT NULL PRIMARY KEY,
    account_id  TEXT   NOT NULL,
    kind        TEXT   NOT NULL,
    item_id     TEXT   NOT NULL,
    title       TEXT   NOT NULL,
    currency    TEXT   NOT NULL,
    price_minor BIGINT NOT NULL,
    sequence    BIGINT NOT NULL,
    -- When it happened, and when the log took the notice in: later, where its processor was behind.
    at_ms       BIGINT NOT NULL,
    received_ms BIGINT NOT NULL
);
CREATE INDEX notices_by_account ON notices (account_id, received_ms, notice_id);

-- One row per cell of the analytics: its present value.
CREATE TABLE measures (
    measure         TEXT   NOT NULL,
    window_start_ms BIGINT NOT NULL,
    dimension       TEXT   NOT NULL,
    currency        TEXT   NOT NULL,
    log_partition   BIGINT NOT NULL,
    cell_count      BIGINT NOT NULL,
    cell_sum        BIGINT NOT NULL,
    PRIMARY KEY (measure, window_start_ms, dimension, currency, log_partition)
);

-- What could not be processed, and why. Never the record itself: it may hold a secret.
CREATE TABLE dead_letters (
    dead_letter_id TEXT   NOT NULL PRIMARY KEY,
    topic          TEXT   NOT NULL,
    cause          TEXT   NOT NULL,
    detail         TEXT   NOT NULL,
    origin         TEXT   NOT NULL,
    at_ms          BIGINT NOT NULL
);
CREATE INDEX dead_letters_by_time ON dead_letters (at_ms, dead_letter_id);
