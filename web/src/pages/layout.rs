//! The frame of every page: who reads it, in which theme, where.

use askama::Template;
use askama::filters::HtmlSafe;

use super::assets;

/// Light, dark, or as the reader's system has it. Kept in a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Theme {
    /// As the system has it.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// The theme of that name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::System, Self::Light, Self::Dark].into_iter().find(|theme| theme.as_str() == name)
    }

    /// Its name.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// Its name, where the reader chose one.
    pub(crate) fn chosen(self) -> Option<&'static str> {
        (self != Self::System).then(|| self.as_str())
    }
}

/// Who is signed in.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    /// Their public name.
    pub(crate) name: String,
    /// Whether they may see the desk.
    pub(crate) is_admin: bool,
    /// Notices not read yet.
    pub(crate) unread: u64,
}

/// What the frame of a page shows.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// Who is signed in.
    pub(crate) viewer: Option<Reader>,
    /// In which theme.
    pub(crate) theme: Theme,
    /// Path and query of this page; of the page a form came from, where there is no such page to return to.
    pub(crate) here: String,
    /// What is in the search box.
    pub(crate) search: String,
    /// What a search keeps: (name, value).
    pub(crate) search_within: Vec<(&'static str, String)>,
    /// The present, by the server's clock.
    pub(crate) now_ms: i64,
}

impl Layout {
    /// The address of an asset.
    pub(crate) fn asset(&self, path: &str) -> String {
        assets::href(path)
    }

    /// Whether this is the page of that path.
    pub(crate) fn is_at(&self, href: &str) -> bool {
        self.here.split('?').next() == Some(href)
    }

    /// The themes to choose from: (name, text).
    pub(crate) fn themes(&self) -> [(&'static str, &'static str); 3] {
        [(Theme::System, "System"), (Theme::Light, "Light"), (Theme::Dark, "Dark")]
            .map(|(theme, label)| (theme.as_str(), label))
    }

    /// How many notices are unread.
    pub(crate) fn unread_badge(&self) -> UnreadBadge {
        UnreadBadge { unread: self.viewer.as_ref().map_or(0, |viewer| viewer.unread) }
    }

    /// Where to sign in and come back from.
    pub(crate) fn login_href(&self) -> String {
        login_href(&self.here)
    }
}

/// The page to sign in on, which returns to `next`.
pub(crate) fn login_href(next: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish();
    format!("/login?{query}")
}

/// How many notices are unread; nothing where none is.
#[derive(Debug, Clone, Copy, Template)]
#[template(
    ext = "html",
    source = r#"{% if unread > 0 %}<span class="count">{% if unread > 99 %}99+{% else %}{{ unread }}{% endif %}<span class="visually-hidden"> unread</span></span>{% endif %}"#
)]
pub(crate) struct UnreadBadge {
    /// How many.
    pub(crate) unread: u64,
}

impl HtmlSafe for UnreadBadge {}

/// How a message sounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As wished.
    Good,
    /// To be noted.
    Plain,
    /// To be careful with.
    Warn,
    /// Not as wished.
    Bad,
}

impl Tone {
    /// The class of a message.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Good => "message-good",
            Self::Plain => "",
            Self::Warn => "message-warn",
            Self::Bad => "message-bad",
        }
    }

    /// The class of a tag.
    pub(crate) fn tag_class(self) -> &'static str {
        match self {
            Self::Good => "tag-good",
            Self::Plain => "",
            Self::Warn => "tag-warn",
            Self::Bad => "tag-bad",
        }
    }
}

/// Something the house says to the reader.
#[derive(Debug, Clone, Template)]
#[template(path = "components/message.html")]
pub(crate) struct Message {
    tone: Tone,
    /// In short.
    pub(crate) heading: String,
    lines: Vec<String>,
    link: Option<(String, &'static str)>,
}

impl HtmlSafe for Message {}

impl Message {
    /// A message of one heading.
    pub(crate) fn new(tone: Tone, heading: impl Into<String>) -> Self {
        Self { tone, heading: heading.into(), lines: Vec::new(), link: None }
    }

    /// With a line of what it means or what to do.
    pub(crate) fn line(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }

    /// With these lines besides.
    pub(crate) fn lines(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.lines.extend(lines);
        self
    }

    /// With a way on.
    pub(crate) fn link(self, href: impl Into<String>, text: &'static str) -> Self {
        Self { link: Some((href.into(), text)), ..self }
    }
}
