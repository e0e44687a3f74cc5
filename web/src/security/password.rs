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
            let hash_or_nobody = hash.as_deref().unwrap_or(&NOBODY);
            let matches = password_auth::verify_password(composed(&password), hash_or_nobody).is_ok();
            matches && hash.is_some()
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
