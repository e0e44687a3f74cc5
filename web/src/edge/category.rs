//! The tree of categories: slugs in the configuration, names for people.

use serde::{Deserialize, Serialize};

/// A category and what it divides into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Category {
    /// What is stored and asked by.
    pub slug: String,
    /// What people read.
    pub name: String,
    /// Its parts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Category>,
}

/// The tree that ships.
#[must_use]
pub fn shipped_categories() -> Vec<Category> {
    const SHIPPED: &[(&str, &str)] = &[
        ("art", "Art"),
        ("books", "Books"),
        ("cameras", "Cameras"),
        ("clothing", "Clothing"),
        ("collectibles", "Collectibles"),
        ("computers", "Computers"),
        ("electronics", "Electronics"),
        ("furniture", "Furniture"),
        ("jewellery", "Jewellery"),
        ("music", "Music"),
        ("sport", "Sport"),
        ("toys", "Toys"),
        ("watches", "Watches"),
        ("other", "Other"),
    ];
    let category =
        |&(slug, name): &(&str, &str)| Category { slug: slug.into(), name: name.into(), children: Vec::new() };
    SHIPPED.iter().map(category).collect()
}

/// The category of that slug, wherever it is in the tree.
#[must_use]
pub fn find<'a>(tree: &'a [Category], slug: &str) -> Option<&'a Category> {
    tree.iter().find_map(|category| if category.slug == slug { Some(category) } else { find(&category.children, slug) })
}
