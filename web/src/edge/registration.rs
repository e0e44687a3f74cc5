//! A new account.

use gavel_domain::AccountId;
use gavel_readmodel::AccountRow;
use newtype_uuid::GenericUuid;
use serde::Deserialize;
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use super::text;
use crate::error::{FieldErrors, WebError};
use crate::security::account;
use crate::state::AppState;

const PASSWORD_CHARACTERS: std::ops::RangeInclusive<usize> = 8..=200;
const NAME_CHARACTERS: std::ops::RangeInclusive<usize> = 1..=50;
/// Names under which the house itself speaks.
const RESERVED: [&str; 11] = [
    "admin",
    "administrator",
    "gavel",
    "moderator",
    "security",
    "support",
    "system",
    "the hammer",
    "the house",
    "the seller",
    "you",
];

/// What somebody registers with.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct Registration {
    /// An e-mail address that nobody has registered with.
    #[serde(default)]
    #[schema(example = "ann@example.com", required)]
    pub email: String,
    /// From 8 to 200 characters.
    #[serde(default)]
    #[schema(required)]
    pub password: String,
    /// The public name, up to 50 characters.
    #[serde(default)]
    #[schema(required)]
    pub display_name: String,
}

impl Registration {
    fn faults(&self) -> FieldErrors {
        let mut errors = FieldErrors::default();
        if self.email.trim().is_empty() {
            errors.add("email", "required", "Enter your e-mail address");
        } else if text::email(&self.email).is_none() {
            errors.add("email", "malformed", "Enter an e-mail address in full, such as name@example.com");
        }
        if let Some(fault) = password_fault(&self.password) {
            let code = if self.password.is_empty() { "required" } else { "length" };
            errors.add("password", code, fault);
        }
        let name = text::clean(&self.display_name);
        if !text::is_visible(&name) {
            errors.add("display_name", "required", "Enter the name that others see");
        } else if !NAME_CHARACTERS.contains(&name.chars().count()) || name.chars().any(char::is_control) {
            errors.add("display_name", "length", "Choose a name of at most 50 characters");
        } else if name.contains('@') {
            // People put their address here by mistake, and it would be public.
            errors.add("display_name", "looks_like_email", "Choose a name without @: everybody sees it");
        } else if text::looks_like_any(&name, &RESERVED) {
            errors.add("display_name", "reserved", "Choose another name: the house speaks under this one");
        }
        errors
    }

    /// Makes the account.
    ///
    /// # Errors
    /// `Invalid` by field, `EmailTaken`, `DatabaseUnavailable`.
    pub async fn register(self, state: &AppState) -> Result<AccountRow, WebError> {
        self.faults().into_result()?;
        if account::of_email(&state.database, &self.email).await?.is_some() {
            return Err(WebError::EmailTaken);
        }
        let account = AccountRow {
            account_id: AccountId::from_untyped_uuid(Uuid::now_v7()),
            email: text::email(&self.email).unwrap_or_default(),
            display_name: text::clean(&self.display_name),
            password_hash: state.passwords.hash(self.password).await?,
            is_admin: false,
            is_suspended: false,
            created_ms: state.now_ms(),
        };
        state.database.create_account(&account).await?;
        Ok(account)
    }
}

/// What is wrong with a new password.
#[must_use]
pub fn password_fault(password: &str) -> Option<&'static str> {
    match password.nfc().count() {
        0 => Some("Choose a password"),
        count if !PASSWORD_CHARACTERS.contains(&count) => Some("Choose a password of 8 to 200 characters"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_visible_and_not_the_houses() {
        let faults = |name: &str| {
            let registration =
                Registration { email: "a@b.example".into(), password: "long enough".into(), display_name: name.into() };
            registration.faults().iter().map(|(_, errors)| errors[0].code).collect::<Vec<_>>()
        };
        for good in ["Ann", "Ann of the House", "José", "安"] {
            assert!(faults(good).is_empty(), "{good}");
        }
        assert_eq!(faults("\u{200B}\u{202E}"), ["required"]);
        assert_eq!(faults("\u{3164}"), ["required"]);
        for reserved in
            ["Gavel", "ADMIN", "ad\u{200B}min", "ad\u{200D}min", "The Seller", "support", "G\u{430}vel", "Ａｄｍｉｎ"]
        {
            assert_eq!(faults(reserved), ["reserved"], "{reserved}");
        }
        assert_eq!(faults("ann@b.example"), ["looks_like_email"]);
    }

    #[test]
    fn every_fault_is_told_by_field() {
        let nothing = Registration { email: String::new(), password: String::new(), display_name: String::new() };
        let fields: Vec<_> = nothing.faults().iter().map(|(field, errors)| (field, errors[0].code)).collect();
        assert_eq!(fields, [("display_name", "required"), ("email", "required"), ("password", "required")]);
    }
}
