//! `/`: the lots, searched, by category, status and order, page by page.

use askama::Template;
use axum::extract::{Query, State};
use gavel_readmodel::{ItemQuery, ItemRow, ItemSort, StatusFilter};
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::answer::{Answer, page};
use super::layout::{Layout, Message, Tone};
use super::lot::Lot;
use super::visit::Visit;
use crate::edge::category::{self, Category};
use crate::state::AppState;

/// How many lots a page shows.
const LOTS_PER_PAGE: u32 = 24;

/// The list without a word about it: what can be bid on.
const DEFAULT_STATUS: StatusFilter = StatusFilter::Open;

/// The filters as they are offered.
const STATUSES: [StatusFilter; 4] =
    [StatusFilter::Open, StatusFilter::Scheduled, StatusFilter::Ended, StatusFilter::Any];

const fn status_text(status: StatusFilter) -> &'static str {
    match status {
        StatusFilter::Open => "Open",
        StatusFilter::Scheduled => "Coming up",
        StatusFilter::Ended => "Ended",
        StatusFilter::Any => "All",
    }
}

const fn sort_text(sort: ItemSort) -> &'static str {
    match sort {
        ItemSort::EndingSoon => "Ending soon",
        ItemSort::Newest => "Newly listed",
        ItemSort::PriceLow => "Lowest price",
        ItemSort::PriceHigh => "Highest price",
        ItemSort::MostBids => "Most bids",
    }
}

/// What is asked for. What is not understood is left out.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    q: String,
    category: String,
    status: String,
    sort: String,
    cursor: String,
    demo: String,
}

impl Asked {
    fn status(&self) -> StatusFilter {
        StatusFilter::parse(&self.status).unwrap_or(DEFAULT_STATUS)
    }

    fn sort(&self) -> ItemSort {
        ItemSort::parse(&self.sort).unwrap_or_default()
    }

    /// Whether nothing narrows the list.
    fn is_everything(&self) -> bool {
        self.q.trim().is_empty()
            && self.category.is_empty()
            && self.cursor.is_empty()
            && self.status() == DEFAULT_STATUS
    }

    /// Its parts that are not the default, the cursor aside.
    fn pairs(&self) -> Vec<(&'static str, String)> {
        let parts = [
            ("q", self.q.trim(), ""),
            ("category", self.category.as_str(), ""),
            ("status", self.status().name(), DEFAULT_STATUS.name()),
            ("sort", self.sort().name(), ItemSort::default().name()),
        ];
        let told = parts.into_iter().filter(|(_, value, default)| value != default);
        told.map(|(name, value, _)| (name, value.to_owned())).collect()
    }

    /// The parts without one of them.
    fn without(&self, left_out: &str) -> Vec<(&'static str, String)> {
        self.pairs().into_iter().filter(|(name, _)| *name != left_out).collect()
    }

    /// The address of the same with one part changed.
    fn href_with(&self, part: &str, value: &str) -> String {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(self.without(part));
        if !value.is_empty() {
            query.append_pair(part, value);
        }
        let query = query.finish();
        if query.is_empty() { "/".to_owned() } else { format!("/?{query}") }
    }
}

/// A link that chooses.
struct Choice {
    href: String,
    text: String,
    is_current: bool,
}

#[derive(Template)]
#[template(path = "index.html")]
struct Browse {
    layout: Layout,
    heading: String,
    lead: Option<&'static str>,
    message: Option<Message>,
    categories: Vec<Choice>,
    statuses: Vec<Choice>,
    sort_within: Vec<(&'static str, String)>,
    sorts: Vec<(&'static str, &'static str)>,
    sort: &'static str,
    lots: Vec<Lot>,
    house_is_empty: bool,
    can_start_demo: bool,
    empty_text: &'static str,
    next_href: Option<String>,
}

/// `GET /`.
pub(crate) async fn get(State(state): State<AppState>, mut visit: Visit, Query(asked): Query<Asked>) -> Answer {
    let now_ms = visit.layout.now_ms;
    let filled = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let query = ItemQuery {
        text: filled(asked.q.trim()),
        categories: filled(&asked.category)
            .map_or_else(Vec::new, |slug| category::with_parts(&state.config.categories, &slug)),
        status: asked.status(),
        sort: asked.sort(),
        cursor: filled(&asked.cursor),
        limit: LOTS_PER_PAGE,
        now_ms,
    };
    let found = state.database.items(&query).await?;
    let house_is_empty = found.rows.is_empty() && asked.is_everything() && is_empty(&state, now_ms).await?;
    visit.layout.search = asked.q.trim().to_owned();
    visit.layout.search_within = asked.without("q");
    page(&Browse {
        heading: heading(&asked, &state.config.categories),
        lead: asked
            .is_everything()
            .then_some("Name the most you would pay. The house bids for you, only as much as it takes."),
        message: (asked.demo == "started").then(|| {
            Message::new(Tone::Good, "The house is filling").line("Sellers are listing; the first bidders come soon.")
        }),
        categories: category_choices(&asked, &state.config.categories),
        statuses: choices(
            &asked,
            "status",
            DEFAULT_STATUS.name(),
            STATUSES.map(|status| (status.name(), status_text(status))),
        ),
        sort_within: asked.without("sort"),
        sorts: ItemSort::ALL.map(|sort| (sort.name(), sort_text(sort))).to_vec(),
        sort: asked.sort().name(),
        lots: found.rows.iter().map(|item| Lot::of(&current(&state, item), now_ms)).collect(),
        house_is_empty,
        can_start_demo: house_is_empty && state.can_start_demo,
        empty_text: "No lot fits. Try fewer or other words, another category, or lots that are coming up or have ended.",
        next_href: found.next_cursor.map(|cursor| asked.href_with("cursor", &cursor)),
        layout: visit.layout,
    })
}

/// An item with what is newer than the read model laid over it.
fn current(state: &AppState, item: &ItemRow) -> ItemRow {
    let mut item = item.clone();
    if let Some(standing) = state.hub.recent(item.item_id) {
        standing.lay_over(&mut item);
    }
    item
}

/// Whether nothing was ever listed.
async fn is_empty(state: &AppState, now_ms: i64) -> Result<bool, gavel_readmodel::Error> {
    let any = ItemQuery { limit: 1, now_ms, ..ItemQuery::default() };
    Ok(state.database.items(&any).await?.rows.is_empty())
}

fn heading(asked: &Asked, tree: &[Category]) -> String {
    let words = asked.q.trim();
    if !words.is_empty() {
        return format!("Results for “{words}”");
    }
    if let Some(category) = category::find(tree, &asked.category) {
        return category.name.clone();
    }
    match asked.status() {
        StatusFilter::Open => sort_text(asked.sort()).to_owned(),
        StatusFilter::Scheduled => "Coming up".to_owned(),
        StatusFilter::Ended => "Ended auctions".to_owned(),
        StatusFilter::Any => "All lots".to_owned(),
    }
}

fn category_choices(asked: &Asked, tree: &[Category]) -> Vec<Choice> {
    let all = std::iter::once(("", "Everything"));
    choices(asked, "category", "", all.chain(tree.iter().map(|one| (one.slug.as_str(), one.name.as_str()))))
}

/// Links that change one part, `default` being what it is when it is not told.
fn choices<'a>(
    asked: &Asked,
    part: &str,
    default: &str,
    values: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Vec<Choice> {
    let pairs = asked.pairs();
    let present = pairs.iter().find(|(name, _)| *name == part).map_or(default, |(_, value)| value);
    values
        .into_iter()
        .map(|(value, text)| Choice {
            href: asked.href_with(part, if value == default { "" } else { value }),
            text: text.to_owned(),
            is_current: value == present,
        })
        .collect()
}
