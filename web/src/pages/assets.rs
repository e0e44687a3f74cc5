//! Style sheets, scripts and icons: embedded in the binary, served under an address that holds the hash of all of them, so that
//! a browser keeps them for good and a new build is asked for anew. Relative imports between modules stay within one build.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Files;

static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut names: Vec<_> = Files::iter().collect();
    names.sort_unstable();
    let mut hasher = Sha256::new();
    for name in names {
        hasher.update(name.as_bytes());
        if let Some(file) = Files::get(&name) {
            hasher.update(file.metadata.sha256_hash());
        }
    }
    hasher.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
});

/// The address of an asset in this build.
pub(crate) fn href(path: &str) -> String {
    format!("/assets/{}/{path}", *VERSION)
}

/// `GET /assets/{version}/{*path}`. What an older page asks for is answered with the present file, but not to be kept.
pub(crate) async fn get(Path((version, path)): Path<(String, String)>) -> Response {
    let Some(file) = Files::get(&path) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let keep = if version == *VERSION { "public, max-age=31536000, immutable" } else { "no-cache" };
    let kind = file.metadata.mimetype().to_owned();
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, keep.to_owned())], file.data).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_asset_is_kept_for_good_under_its_version_only() {
        let ask = |version: &str, path: &str| get(Path((version.to_owned(), path.to_owned())));
        let present = ask(&VERSION, "css/tokens.css").await;
        assert_eq!(present.headers()[header::CONTENT_TYPE], "text/css");
        assert!(present.headers()[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        assert_eq!(ask("older", "css/tokens.css").await.headers()[header::CACHE_CONTROL], "no-cache");
        assert_eq!(ask(&VERSION, "../Cargo.toml").await.status(), StatusCode::NOT_FOUND);
    }
}
