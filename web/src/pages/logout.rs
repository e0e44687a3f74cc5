//! `POST /logout`: here, or everywhere.

use axum::Form;
use axum::response::{IntoResponse, Redirect};
use axum_extra::extract::CookieJar;
use serde::Deserialize;

use super::answer::Answer;
use super::visit::Visit;
use crate::security::session;

/// Whether everywhere.
#[derive(Deserialize)]
pub(crate) struct Wish {
    everywhere: Option<String>,
}

/// `POST /logout`. Nothing happens to those who are not signed in.
pub(crate) async fn post(visit: Visit, jar: CookieJar, Form(wish): Form<Wish>) -> Answer {
    if let Some(caller) = &visit.caller {
        match wish.everywhere {
            Some(_) => {
                visit.state.database.delete_sessions_of(caller.id()).await?;
            }
            None => caller.sign_out(&visit.state).await?,
        }
    }
    Ok((jar.remove(session::removal(&visit.state)), Redirect::to("/")).into_response())
}
