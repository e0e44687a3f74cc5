//! One's own pages. Only the signed-in see them.

/// The pages, as their menu shows them: (address, text).
pub(crate) const PAGES: [(&str, &str); 4] =
    [("/me/bids", "My bids"), ("/me/watching", "Watching"), ("/me/inbox", "Inbox"), ("/me", "Account")];
