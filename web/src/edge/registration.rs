//! A new account.

use gavel_domain::AccountId;
use gavel_readmodel::AccountRow;
use newtype_uuid::GenericUuid;
use serde::Deserialize;
use uuid::Uuid;

use crate::error::{FieldErrors, WebError};
use crate::state::AppState;

const PASSWORD_CHARACTERS: std::ops::RangeInclusive<usize> = 8..=200;
const NAME_CHARACTERS: std::ops::RangeInclusive<usize> = 1..=50;
const EMAIL_BYTES_MAX: usize = 254;

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
        } else if !is_email(self.email.trim()) {
            errors.add("email", "malformed", "Enter an e-mail address in full, such as name@example.com");
        }
        match self.password.chars().count() {
            0 => errors.add("password", "required", "Choose a password"),
            count if !PASSWORD_CHARACTERS.contains(&count) => {
                errors.add("password", "length", "Choose a password of 8 to 200 characters");
            }
            _ => {}
        }
        let name = self.display_name.trim();
        if name.is_empty() {
            errors.add("display_name", "required", "Enter the name that others see");
        } else if !NAME_CHARACTERS.contains(&name.chars().count()) || name.chars().any(char::is_control) {
            errors.add("display_name", "length", "Choose a name of at most 50 characters");
        } else if name.contains('@') {
            // People put their address here by mistake, and it would be public.
            errors.add("display_name", "looks_like_email", "Choose a name without @: everybody sees it");
        }
        errors
    }

    /// Makes the account.
    ///
    /// # Errors
    /// `Invalid` by field, `EmailTaken`, `DatabaseUnavailable`.
    pub async fn register(self, state: &AppState) -> Result<AccountRow, WebError> {
        self.faults().into_result()?;
        let account = AccountRow {
            account_id: AccountId::from_untyped_uuid(Uuid::now_v7()),
            email: self.email.trim().to_owned(),
            display_name: self.display_name.trim().to_owned(),
            password_hash: state.passwords.hash(self.password).await?,
            is_admin: false,
            is_suspended: false,
            created_ms: state.now_ms(),
        };
        state.database.create_account(&account).await?;
        Ok(account)
    }
}

/// Whether a letter could go there: one `@`, something before it, a name with a dot or a host behind it, no blanks.
/// Whether somebody reads it, only a letter can tell.
fn is_email(text: &str) -> bool {
    let Some((local, host)) = text.rsplit_once('@') else { return false };
    text.len() <= EMAIL_BYTES_MAX
        && !local.is_empty()
        && !local.contains('@')
        && !text.chars().any(|character| character.is_whitespace() || character.is_control())
        && host.split('.').all(|label| {
            !label.is_empty() && label.chars().all(|character| character.is_alphanumeric() || character == '-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_other_text() {
        for good in ["a@b.example", "first.last+tag@mail.b.example", "x@localhost"] {
            assert!(is_email(good), "{good}");
        }
        for bad in ["", "@", "a", "a@", "@b.example", "a b@c.example", "a@b..example", "a@@b.example", "a@b,example"] {
            assert!(!is_email(bad), "{bad}");
        }
    }

    #[test]
    fn every_fault_is_told_by_field() {
        let nothing = Registration { email: String::new(), password: String::new(), display_name: String::new() };
        let fields: Vec<_> = nothing.faults().iter().map(|(field, errors)| (field, errors[0].code)).collect();
        assert_eq!(fields, [("display_name", "required"), ("email", "required"), ("password", "required")]);
    }
}
