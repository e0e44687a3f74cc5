//! `POST /api/v1/images`, and the pictures themselves.

use axum::Json;
use axum::extract::{FromRequest, Multipart, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use gavel_domain::ImageId;
use gavel_readmodel::ImageRow;
use serde::Serialize;

use super::body::Id;
use crate::edge::picture::{self, PICTURE_BYTES_MAX};
use crate::error::WebError;
use crate::security::session::Caller;
use crate::state::AppState;

/// A picture is never changed under its id.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// A picture that was taken in.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct ImageCreated {
    #[schema(value_type = String, format = "uuid")]
    image_id: ImageId,
    url: String,
}

/// Uploads a picture for a listing.
#[utoipa::path(post, path = "/api/v1/images", operation_id = "upload_image", tag = "items", security(("bearer" = [])),
    request_body(content(("image/png"), ("image/jpeg"), ("image/webp"), ("multipart/form-data")),
        description = "PNG, JPEG or WebP of at most 5 MiB"), responses(
    (status = 201, description = "Taken in; name its id in a listing", body = ImageCreated),
    (status = 400, description = "A form that is not understood"),
    (status = 413, description = "Too large"),
    (status = 422, description = "Not a picture"),
    (status = 429, description = "Too many pictures")))]
pub(super) async fn create(
    State(state): State<AppState>,
    caller: Caller,
    request: Request,
) -> Result<(StatusCode, Json<ImageCreated>), WebError> {
    state.limits.upload(caller.id())?;
    let upload = read(&state, request).await?;
    let image_id = picture::take(&state, caller.id(), upload).await?;
    Ok((StatusCode::CREATED, Json(ImageCreated { image_id, url: format!("/images/{image_id}") })))
}

/// The body itself, or the first part of a form.
async fn read(state: &AppState, request: Request) -> Result<Bytes, WebError> {
    let too_large = WebError::TooLarge { limit_bytes: PICTURE_BYTES_MAX };
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("multipart/form-data") {
        return Bytes::from_request(request, state).await.map_err(|_| too_large);
    }
    let malformed = || WebError::Malformed("the form is not understood; send the picture as its first part".into());
    let mut form = Multipart::from_request(request, state).await.map_err(|_| malformed())?;
    match form.next_field().await.map_err(|_| malformed())? {
        Some(field) => field.bytes().await.map_err(|_| too_large),
        None => Err(malformed()),
    }
}

/// Shows a picture.
#[utoipa::path(get, path = "/images/{image_id}", operation_id = "show_image", tag = "items",
    params(("image_id" = String, Path, format = "uuid")), responses(
    (status = 200, description = "The picture", content(("image/jpeg"))),
    (status = 404, description = "No such picture")))]
pub(super) async fn show(State(state): State<AppState>, Id(image_id): Id<ImageId>) -> Result<Response, WebError> {
    answer(state.database.image(image_id).await?)
}

/// Shows a picture small.
#[utoipa::path(get, path = "/images/{image_id}/thumbnail", operation_id = "show_thumbnail", tag = "items",
    params(("image_id" = String, Path, format = "uuid")), responses(
    (status = 200, description = "The picture, small", content(("image/jpeg"))),
    (status = 404, description = "No such picture")))]
pub(super) async fn thumbnail(State(state): State<AppState>, Id(image_id): Id<ImageId>) -> Result<Response, WebError> {
    answer(state.database.thumbnail(image_id).await?)
}

fn answer(image: Option<ImageRow>) -> Result<Response, WebError> {
    let image = image.ok_or(WebError::NotFound("there is no such picture"))?;
    Ok(([(header::CONTENT_TYPE, image.content_type.as_str()), (header::CACHE_CONTROL, FOR_EVER)], image.bytes)
        .into_response())
}
