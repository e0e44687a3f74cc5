//! Passwords: argon2id, off the async threads, a few at a time, and in the same time whether the account exists or not.

use std::sync::{Arc, LazyLock};

use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization;

use crate::error::WebError;

/// Hashes at a time: each takes a core and 19 MiB.
const CONCURRENT_HASHES: usize = 2;

/// What the password of an unknown account is verified against, so that it takes as long as a known one's.
static NOBODY: LazyLock<String> = LazyLock::new(|| password_auth::generate_hash("nobody has this password"));

/// The same password whatever the keyboard: letters and their marks are composed (NFC).
fn composed(password: &str) -> String {
    password.nfc().collect()
}

/// Whether a password has that hash: composed, or, as hashes of before were made, as it is written.
fn is_that_of(password: &str, hash: &str) -> bool {
    let composed = composed(password);
    let is_other = composed != password;
    password_auth::verify_password(composed, hash).is_ok()
        || is_other && password_auth::verify_password(password, hash).is_ok()
}

/// Hashes and verifies. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Passwords(Arc<Semaphore>);

impl Passwords {
    /// Ready to verify: whoever comes first must not wait for what later ones find made. Hashes once.
    #[must_use]
    pub fn prepared() -> Self {
        LazyLock::force(&NOBODY);
        Self(Arc::new(Semaphore::new(CONCURRENT_HASHES)))
    }

    /// The hash to store.
    ///
    /// # Errors
    /// `Internal` when the house is stopping.
    pub async fn hash(&self, password: String) -> Result<String, WebError> {
        self.off_thread(move || password_auth::generate_hash(composed(&password))).await
    }

    /// Whether the password is that of the hash; never, but as slowly, without a hash.
    ///
    /// # Errors
    /// `Internal` when the house is stopping.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, WebError> {
        self.off_thread(move || {
            let is_of_somebody = hash.is_some();
            is_that_of(&password, hash.as_deref().unwrap_or(&NOBODY)) && is_of_somebody
        })
        .await
    }

    async fn off_thread<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, WebError> {
        let stopping = |error: &dyn std::fmt::Display| WebError::Internal(format!("hashing: {error}"));
        let permit = Arc::clone(&self.0).acquire_owned().await.map_err(|error| stopping(&error))?;
        let work = move || {
            // Held here, for the work goes on even where nobody waits for it any more.
            let _permit = permit;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| stopping(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_the_same_from_any_keyboard_and_older_hashes_hold() {
        let (composed, decomposed) = ("caf\u{e9} caf\u{e9}", "cafe\u{301} cafe\u{301}");
        let passwords = Passwords::prepared();
        let hash = passwords.hash(decomposed.into()).await.unwrap();
        for written in [composed, decomposed] {
            assert!(passwords.verify(written.into(), Some(hash.clone())).await.unwrap(), "{written}");
        }
        let older = password_auth::generate_hash(decomposed);
        assert!(passwords.verify(decomposed.into(), Some(older)).await.unwrap());
        assert!(!passwords.verify("cafe cafe".into(), Some(hash)).await.unwrap());
        assert!(!passwords.verify("nobody has this password".into(), None).await.unwrap());
    }
}
