//! What the demo's sellers have in the attic.

use super::picture::Motif;

/// A kind of lot. Prices in minor units of a two-decimal currency.
pub(super) struct Article {
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    pub(super) category: &'static str,
    pub(super) motif: Motif,
    /// What people think it is worth, about.
    pub(super) worth_minor: i64,
}

const fn article(
    title: &'static str,
    category: &'static str,
    motif: Motif,
    worth_minor: i64,
    description: &'static str,
) -> Article {
    Article { title, description, category, motif, worth_minor }
}

pub(super) const SELLERS: &[&str] =
    &["Harbour House", "Ida Lund", "Old Mill Books", "Tomas Rey", "Wren & Daughter", "Yuki Arai"];

pub(super) const BIDDERS: &[&str] = &[
    "Amara", "Bela", "Chidi", "Dagny", "Emil", "Farah", "Goran", "Hanna", "Ines", "Jonas", "Kirra", "Luca", "Mina",
    "Noor", "Oskar", "Petra",
];

pub(super) const ARTICLES: &[Article] = &[
    article(
        "Ship's chronometer in a brass gimbal",
        "watches",
        Motif::Watch,
        84_000,
        "Two-day movement, running well, the box with its key. Serviced two years ago; the papers come with it.",
    ),
    article(
        "Field camera, 4×5, with lens board",
        "cameras",
        Motif::Camera,
        42_500,
        "Cherry wood and brass. The bellows are tight, the ground glass is clear. One corner is worn.",
    ),
    article(
        "Blue glazed studio vase",
        "art",
        Motif::Vase,
        18_000,
        "Thrown and signed. Twenty-six centimetres. A hairline in the foot ring, seen only when lifted.",
    ),
    article(
        "Atlas of the northern stars, 1881",
        "books",
        Motif::Book,
        27_500,
        "Twelve double plates, coloured by hand. The binding is rubbed, the plates are clean.",
    ),
    article(
        "Parlour guitar, spruce top",
        "music",
        Motif::Guitar,
        36_000,
        "Ladder braced, new frets, low action. A repaired crack beside the bridge.",
    ),
    article(
        "Silver locket on a long chain",
        "jewellery",
        Motif::Locket,
        9_500,
        "Hinge and clasp are firm. Room for two pictures.",
    ),
    article(
        "Reading lamp, enamelled green",
        "furniture",
        Motif::Lamp,
        7_200,
        "Rewired with a cloth cord. The shade has two small chips.",
    ),
    article(
        "Portable typewriter, with case",
        "collectibles",
        Motif::Typewriter,
        13_500,
        "All keys work; new ribbon. The case closes.",
    ),
    article(
        "Diver's wristwatch, forty millimetres",
        "watches",
        Motif::Watch,
        61_000,
        "Automatic, good timekeeping, the bezel turns crisply. Strap new, glass scratched.",
    ),
    article(
        "Rangefinder with fifty-millimetre lens",
        "cameras",
        Motif::Camera,
        55_000,
        "Shutter times are true, the patch is bright. Light marks on the base plate.",
    ),
    article(
        "Stoneware jar with a lid",
        "art",
        Motif::Vase,
        6_400,
        "Ash glaze, wood fired. The lid fits any way round.",
    ),
    article("A gardener's year, first edition", "books", Motif::Book, 5_800, "With the jacket. A name on the flyleaf."),
    article("Mandolin with a flat back", "music", Motif::Guitar, 21_000, "Plays in tune up the neck. In a soft bag."),
    article("Garnet pendant", "jewellery", Motif::Locket, 16_500, "Rose cut, in a plain gold setting. Tested."),
    article(
        "Desk lamp with a swan neck",
        "furniture",
        Motif::Lamp,
        8_900,
        "Heavy foot, original switch. Works on any European socket.",
    ),
    article(
        "Adding machine, ten keys",
        "computers",
        Motif::Typewriter,
        4_200,
        "It adds. The handle sticks a little in winter.",
    ),
];
