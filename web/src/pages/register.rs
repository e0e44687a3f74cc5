//! `/register`.

use askama::Template;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use axum_extra::extract::CookieJar;
use serde::Deserialize;

use super::answer::{Answer, page, page_with};
use super::form::{Control, Field, Form};
use super::layout::{Layout, login_href};
use super::login::{Asked, sign_in};
use super::next::Next;
use super::visit::Visit;
use crate::edge::registration::Registration;
use crate::error::WebError;
use crate::security::client_address::ClientAddress;

/// What is filled in.
#[derive(Deserialize)]
pub(crate) struct Filled {
    #[serde(flatten)]
    registration: Registration,
    #[serde(default)]
    next: Next,
}

struct RegisterForm {
    display_name: Field,
    email: Field,
    password: Field,
    next: String,
}

impl RegisterForm {
    fn new(next: &Next) -> Self {
        let display_name = Field::new("display_name", "Display name", Control::Input("text"));
        let email = Field::new("email", "E-mail address", Control::Input("email"));
        let password = Field::new("password", "Password", Control::Input("password"));
        Self {
            display_name: display_name
                .hint("Buyers see it on what you sell. Where you bid, others see only a masked name.")
                .autocomplete("nickname")
                .max_length(50),
            email: email.hint("To sign in with. It is never shown to anyone.").autocomplete("username"),
            password: password
                .hint("At least 8 characters. A few unrelated words are good.")
                .autocomplete("new-password"),
            next: next.as_str().to_owned(),
        }
    }
}

impl Form for RegisterForm {
    fn fields(&self) -> Vec<&Field> {
        vec![&self.display_name, &self.email, &self.password]
    }

    fn fields_mut(&mut self) -> Vec<&mut Field> {
        vec![&mut self.display_name, &mut self.email, &mut self.password]
    }
}

#[derive(Template)]
#[template(path = "register.html")]
struct RegisterPage {
    layout: Layout,
    form: RegisterForm,
    other_href: String,
}

impl RegisterPage {
    fn new(layout: Layout, form: RegisterForm) -> Self {
        Self { layout, other_href: login_href(&form.next), form }
    }
}

/// `GET /register`; of the signed-in, where they wanted to go.
pub(crate) async fn get(visit: Visit, Query(asked): Query<Asked>) -> Answer {
    if visit.caller.is_some() {
        return Ok(Redirect::to(asked.next.as_str()).into_response());
    }
    page(&RegisterPage::new(visit.layout, RegisterForm::new(&asked.next)))
}

/// `POST /register`: makes the account and signs in.
pub(crate) async fn post(
    visit: Visit,
    jar: CookieJar,
    ClientAddress(address): ClientAddress,
    axum::Form(filled): axum::Form<Filled>,
) -> Answer {
    visit.state.limits.registration(address)?;
    let mut form = RegisterForm::new(&filled.next);
    filled.registration.display_name.clone_into(&mut form.display_name.value);
    filled.registration.email.clone_into(&mut form.email.value);
    match filled.registration.register(&visit.state).await {
        Ok(account) => Ok(sign_in(&visit.state, jar, account.account_id, &filled.next).await?),
        Err(WebError::EmailTaken) => {
            form.email.fail("An account with this e-mail address exists. Sign in, or use another address.");
            page_with(StatusCode::UNPROCESSABLE_ENTITY, &RegisterPage::new(visit.layout, form))
        }
        Err(WebError::Invalid(errors)) => {
            form.take(&errors);
            page_with(StatusCode::UNPROCESSABLE_ENTITY, &RegisterPage::new(visit.layout, form))
        }
        Err(error) => Err(error.into()),
    }
}
