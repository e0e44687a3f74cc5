//! Lists of items: filtered, searched, sorted, in pages.

use gavel_domain::AccountId;

use crate::database::Database;
use crate::error::Result;
use crate::items::{ItemRow, SELECT_ITEMS};
use crate::page::{Cursor, Order, Page};
use crate::row::{FromRow, Row};
use crate::search;
use crate::statement::{Statement, sql};

/// Where `ending_rank` begins for items that have ended; the migration says the same.
const ENDED_RANK: i64 = 1 << 62;

/// Which items a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StatusFilter {
    /// Not begun.
    Scheduled,
    /// Taking bids.
    Open,
    /// With an outcome.
    Ended,
    /// All.
    #[default]
    Any,
}

impl StatusFilter {
    /// Every filter.
    pub const ALL: [Self; 4] = [Self::Scheduled, Self::Open, Self::Ended, Self::Any];

    /// The name in addresses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Open => "open",
            Self::Ended => "ended",
            Self::Any => "any",
        }
    }

    /// The filter of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|filter| filter.name() == name)
    }
}

/// In which order a list shows items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ItemSort {
    /// What ends next first, then what ended last.
    #[default]
    EndingSoon,
    /// What was listed last first.
    Newest,
    /// By price, upward. Currencies are not converted.
    PriceLow,
    /// By price, downward.
    PriceHigh,
    /// What has most bids first.
    MostBids,
}

impl ItemSort {
    /// Every order.
    pub const ALL: [Self; 5] = [Self::EndingSoon, Self::Newest, Self::PriceLow, Self::PriceHigh, Self::MostBids];

    /// The name in addresses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EndingSoon => "ending_soon",
            Self::Newest => "newest",
            Self::PriceLow => "price_low",
            Self::PriceHigh => "price_high",
            Self::MostBids => "most_bids",
        }
    }

    /// The order of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.name() == name)
    }

    /// The name of its cursors, the column it goes by, and whether downward.
    fn order(self) -> (&'static str, &'static str, bool) {
        match self {
            Self::EndingSoon => ("ending", "ending_rank", false),
            Self::Newest => ("newest", "listed_ms", true),
            Self::PriceLow => ("low", "price_minor", false),
            Self::PriceHigh => ("high", "price_minor", true),
            Self::MostBids => ("bids", "bid_count", true),
        }
    }

    /// An item's value in that column.
    fn key(self, item: &ItemRow) -> i64 {
        match self {
            Self::EndingSoon if item.outcome.is_some() => ENDED_RANK - item.ends_at_ms,
            Self::EndingSoon => item.ends_at_ms,
            Self::Newest => item.listed_ms,
            Self::PriceLow | Self::PriceHigh => item.price_minor,
            Self::MostBids => i64::try_from(item.bid_count).unwrap_or(i64::MAX),
        }
    }
}

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct ItemQuery {
    /// Words that all must begin a word of title or description; blank text asks for nothing.
    pub text: Option<String>,
    /// Slugs of the categories; none asks for nothing.
    pub categories: Vec<String>,
    /// Where the auctions are.
    pub status: StatusFilter,
    /// In which order.
    pub sort: ItemSort,
    /// [`Page::next_cursor`] of the page before.
    pub cursor: Option<String>,
    /// At most so many, [`crate::PAGE_MAX`] in any case.
    pub limit: u32,
    /// The present.
    pub now_ms: i64,
}

/// How many open items a category has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CategoryCount {
    /// Its slug.
    pub category: String,
    /// How many.
    pub count: u64,
}

impl FromRow for CategoryCount {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { category: row.get("category")?, count: row.get("count")? })
    }
}

impl Database {
    /// A page of items.
    ///
    /// # Errors
    /// `BadCursor`, `Unavailable`.
    pub async fn items(&self, query: &ItemQuery) -> Result<Page<ItemRow>> {
        let rows = self.list(SELECT_ITEMS, query)?.fetch_all(&self.readers).await?;
        Ok(Page::of(rows, query.limit, |item: &ItemRow| Cursor {
            list: query.sort.order().0,
            key: query.sort.key(item),
            id: item.item_id.to_string(),
        }))
    }

    /// Selects the page. Each condition and order is one that an index of `standings` has.
    fn list(&self, select: &str, query: &ItemQuery) -> Result<Statement> {
        let (list, column, is_downward) = query.sort.order();
        let mut statement = sql(select).push(" WHERE standings.").push(column).push(" IS NOT NULL");
        if let Some(words) = query.text.as_deref().and_then(search::Words::of) {
            statement = search::push_condition(statement, &self.readers, &words);
        }
        statement = in_categories(statement, &query.categories);
        statement = match query.status {
            StatusFilter::Any => statement,
            StatusFilter::Ended => statement.push(" AND outcome IS NOT NULL"),
            StatusFilter::Scheduled => {
                statement.push(" AND outcome IS NULL AND starts_at_ms > ").push_bind(query.now_ms)
            }
            StatusFilter::Open => statement.push(" AND outcome IS NULL AND starts_at_ms <= ").push_bind(query.now_ms),
        };
        let cursor = Cursor::parse(query.cursor.as_deref(), list)?;
        let order = Order { key: column, id: "standings.item_id", is_downward };
        Ok(order.finish(statement, cursor, query.limit))
    }

    /// What a seller has listed, the newest first.
    ///
    /// # Errors
    /// `BadCursor`, `Unavailable`.
    pub async fn items_of_seller(
        &self,
        seller_id: AccountId,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<Page<ItemRow>> {
        let statement = sql(SELECT_ITEMS).push(" WHERE items.seller_id = ").push_bind(seller_id);
        let cursor = Cursor::parse(cursor, "seller")?;
        let order = Order { key: "listed_ms", id: "standings.item_id", is_downward: true };
        let rows = order.finish(statement, cursor, limit).fetch_all(&self.readers).await?;
        Ok(Page::of(rows, limit, |item: &ItemRow| Cursor {
            list: "seller",
            key: item.listed_ms,
            id: item.item_id.to_string(),
        }))
    }

    /// How many open items each category has; those with none are left out.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn category_counts(&self, now_ms: i64) -> Result<Vec<CategoryCount>> {
        sql("SELECT category, COUNT(*) AS count FROM standings WHERE outcome IS NULL AND starts_at_ms <= $1 \
             AND category IS NOT NULL GROUP BY category ORDER BY category")
        .bind(now_ms)
        .fetch_all(&self.readers)
        .await
    }
}

/// One category reads its index in order; several are looked up one by one.
fn in_categories(statement: Statement, categories: &[String]) -> Statement {
    match categories {
        [] => statement,
        [category] => statement.push(" AND category = ").push_bind(&**category),
        [first, others @ ..] => {
            let some = statement.push(" AND category IN (").push_bind(&**first);
            others.iter().fold(some, |some, category| some.push(", ").push_bind(&**category)).push(")")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DatabaseUrl;

    /// How a step of a plan finds rows.
    struct Step(String);

    impl FromRow for Step {
        fn from_row(row: &Row) -> Result<Self> {
            row.get("detail").map(Self)
        }
    }

    /// Every list there is, on its second page.
    fn queries() -> impl Iterator<Item = ItemQuery> {
        let categories = [Vec::new(), vec!["art".to_owned()]];
        let query = |categories: &[String], status, sort: ItemSort| ItemQuery {
            categories: categories.to_vec(),
            status,
            sort,
            cursor: Some(format!("{}~5~x", sort.order().0)),
            ..ItemQuery::default()
        };
        let sorts = categories.map(|category| ItemSort::ALL.map(|sort| (category.clone(), sort)));
        sorts
            .into_iter()
            .flatten()
            .flat_map(move |(category, sort)| StatusFilter::ALL.map(|status| query(&category, status, sort)))
    }

    #[tokio::test]
    async fn no_list_reads_what_it_does_not_show() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::connect(&DatabaseUrl::Sqlite(folder.path().join("gavel.sqlite"))).await.unwrap();
        let explained = format!("EXPLAIN QUERY PLAN {SELECT_ITEMS}");
        for query in queries() {
            let statement = database.list(&explained, &query).unwrap();
            let plan: Vec<Step> = statement.fetch_all(&database.readers).await.unwrap();
            let plan: Vec<_> = plan.iter().map(|Step(text)| text.as_str()).collect();
            let is_open = matches!(query.status, StatusFilter::Open | StatusFilter::Scheduled);
            let index = if is_open { "USING INDEX standings_open_by_" } else { "USING INDEX standings_by_" };
            assert!(plan[0].starts_with("SEARCH standings") && plan[0].contains(index), "{query:?}: {plan:?}");
            assert_eq!(plan[0].contains("category=?"), !query.categories.is_empty(), "{query:?}: {plan:?}");
            assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{query:?}: {plan:?}");
        }
    }
}
