//! `/sell`: lists a lot. [`form`] is what is filled in, [`lot`] the seller's view of what is listed.

use askama::Template;
use axum::Extension;
use axum::extract::Multipart;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};

pub(crate) mod form;
pub(crate) mod lot;

use super::answer::{Answer, page, page_with};
use super::form::Form as _;
use super::layout::Layout;
use super::visit::Visit;
use crate::edge::trace::Trace;
use crate::error::WebError;
use crate::security::client_address::ClientAddress;
use form::{Filled, SellForm};

#[derive(Template)]
#[template(path = "sell.html")]
struct SellPage {
    layout: Layout,
    form: SellForm,
}

/// `GET /sell`.
pub(crate) async fn get(visit: Visit) -> Answer {
    visit.member()?;
    let form = SellForm::new(&visit.state.config.categories);
    page(&SellPage { layout: visit.layout, form })
}

/// `POST /sell`. Pictures are kept even where the form is refused, for browsers do not send files twice.
pub(crate) async fn post(
    visit: Visit,
    ClientAddress(address): ClientAddress,
    Extension(trace): Extension<Trace>,
    body: Multipart,
) -> Answer {
    let caller = visit.member()?.clone();
    visit.state.limits.listing(caller.id())?;
    let filled = Filled::read(body).await?;
    let mut form = SellForm::new(&visit.state.config.categories);
    form.fill(&filled);
    form.keep_pictures(&visit.state, &caller, filled).await?;
    let listing = form.listing();
    if form.has_faults() {
        form.take(&listing.faults(&visit.state, &caller));
        return page_with(StatusCode::UNPROCESSABLE_ENTITY, &SellPage { layout: visit.layout, form });
    }
    match listing.submit(&visit.state, &caller, address, &trace).await {
        Ok(item_id) => Ok(Redirect::to(&format!("/sell/{item_id}?listed=yes")).into_response()),
        Err(WebError::Invalid(errors)) => {
            form.take(&errors);
            page_with(StatusCode::UNPROCESSABLE_ENTITY, &SellPage { layout: visit.layout, form })
        }
        Err(error) => Err(error.into()),
    }
}
