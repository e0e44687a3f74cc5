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

/// The slugs of a category and of all its parts; of an unknown one, it alone.
#[must_use]
pub fn with_parts(tree: &[Category], slug: &str) -> Vec<String> {
    match find(tree, slug) {
        Some(category) => slugs(category).map(str::to_owned).collect(),
        None => vec![slug.to_owned()],
    }
}

fn slugs(category: &Category) -> Box<dyn Iterator<Item = &str> + '_> {
    Box::new(std::iter::once(category.slug.as_str()).chain(category.children.iter().flat_map(slugs)))
}

/// The category of that slug, wherever it is in the tree.
#[must_use]
pub fn find<'a>(tree: &'a [Category], slug: &str) -> Option<&'a Category> {
    tree.iter().find_map(|category| if category.slug == slug { Some(category) } else { find(&category.children, slug) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_includes_all_its_parts() {
        let category = |slug: &str, children| Category { slug: slug.into(), name: slug.into(), children };
        let lenses = category("lenses", vec![category("macro", Vec::new())]);
        let tree = [category("art", Vec::new()), category("cameras", vec![category("film", Vec::new()), lenses])];
        assert_eq!(with_parts(&tree, "cameras"), ["cameras", "film", "lenses", "macro"]);
        assert_eq!(with_parts(&tree, "lenses"), ["lenses", "macro"]);
        assert_eq!(with_parts(&tree, "stamps"), ["stamps"]);
    }
}
