//! `/login`.

use askama::Template;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::CookieJar;
use gavel_domain::AccountId;
use gavel_readmodel::SessionKind;
use serde::Deserialize;

use super::answer::{Answer, page, page_with};
use super::error::PageError;
use super::form::{Control, Field, Form};
use super::layout::Layout;
use super::next::Next;
use super::visit::Visit;
use crate::error::WebError;
use crate::security::client_address::ClientAddress;
use crate::security::login::login;
use crate::security::session;
use crate::state::AppState;

/// Where to go afterwards.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    pub(crate) next: Next,
}

/// What is filled in.
#[derive(Deserialize)]
pub(crate) struct Filled {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: Next,
}

struct LoginForm {
    email: Field,
    password: Field,
    next: String,
    fault: Option<String>,
}

impl LoginForm {
    fn new(next: &Next) -> Self {
        let email = Field::new("email", "E-mail address", Control::Input("email"));
        let password = Field::new("password", "Password", Control::Input("password"));
        Self {
            email: email.autocomplete("username"),
            password: password.autocomplete("current-password"),
            next: next.as_str().to_owned(),
            fault: None,
        }
    }
}

impl Form for LoginForm {
    fn fields(&self) -> Vec<&Field> {
        vec![&self.email, &self.password]
    }

    fn fields_mut(&mut self) -> Vec<&mut Field> {
        vec![&mut self.email, &mut self.password]
    }

    fn general_fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    layout: Layout,
    form: LoginForm,
    other_href: String,
}

impl LoginPage {
    fn new(layout: Layout, form: LoginForm) -> Self {
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("next", &form.next).finish();
        Self { layout, other_href: format!("/register?{query}"), form }
    }
}

/// `GET /login`; of the signed-in, where they wanted to go.
pub(crate) async fn get(visit: Visit, Query(asked): Query<Asked>) -> Answer {
    if visit.caller.is_some() {
        return Ok(Redirect::to(asked.next.as_str()).into_response());
    }
    page(&LoginPage::new(visit.layout, LoginForm::new(&asked.next)))
}

/// `POST /login`.
pub(crate) async fn post(
    visit: Visit,
    jar: CookieJar,
    ClientAddress(address): ClientAddress,
    axum::Form(filled): axum::Form<Filled>,
) -> Answer {
    let mut form = LoginForm::new(&filled.next);
    filled.email.clone_into(&mut form.email.value);
    if filled.email.trim().is_empty() {
        form.email.fail("Enter your e-mail address");
    }
    if filled.password.is_empty() {
        form.password.fail("Enter your password");
    }
    if form.has_faults() {
        return page_with(StatusCode::UNPROCESSABLE_ENTITY, &LoginPage::new(visit.layout, form));
    }
    match login(&visit.state, address, &filled.email, filled.password).await {
        Ok(account) => Ok(sign_in(&visit.state, jar, account.account_id, &filled.next).await?),
        Err(WebError::WrongCredentials) => {
            form.fault = Some("No account has this e-mail address and password. Check both.".to_owned());
            page_with(StatusCode::UNPROCESSABLE_ENTITY, &LoginPage::new(visit.layout, form))
        }
        Err(error) => Err(error.into()),
    }
}

/// Opens a session in the reader's browser and goes on to `next`.
pub(crate) async fn sign_in(
    state: &AppState,
    jar: CookieJar,
    account_id: AccountId,
    next: &Next,
) -> Result<Response, PageError> {
    let (token, _) = session::open(state, account_id, SessionKind::Browser).await?;
    Ok((jar.add(session::cookie(state, &token)), Redirect::to(next.as_str())).into_response())
}
