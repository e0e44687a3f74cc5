//! Pictures of lots: decoded and made anew, so that nothing but the picture is kept (no place, no camera, no script).

use std::io::Cursor;

use gavel_domain::{AccountId, ImageId};
use gavel_readmodel::NewImage;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits};
use newtype_uuid::GenericUuid;
use uuid::Uuid;

use crate::error::{FieldErrors, WebError};
use crate::state::AppState;

/// The largest upload.
pub const PICTURE_BYTES_MAX: usize = 5 * 1024 * 1024;
/// The largest picture that is decoded, each way.
const DECODED_PIXELS_MAX: u32 = 12_000;
/// Memory that decoding one may take.
const DECODED_BYTES_MAX: u64 = 256 * 1024 * 1024;
const FULL_PIXELS: u32 = 1600;
const THUMBNAIL_PIXELS: u32 = 480;
const JPEG_QUALITY: u8 = 85;

/// Takes a picture in and answers its id.
///
/// # Errors
/// `Invalid` when it is no PNG, JPEG or WebP or too large to decode; `DatabaseUnavailable`.
pub async fn take(state: &AppState, owner_id: AccountId, upload: bytes::Bytes) -> Result<ImageId, WebError> {
    if upload.len() > PICTURE_BYTES_MAX {
        return Err(WebError::TooLarge { limit_bytes: PICTURE_BYTES_MAX });
    }
    let made = tokio::task::spawn_blocking(move || make_anew(&upload)).await;
    let made = made.map_err(|error| WebError::Internal(error.to_string()))?;
    let Some((bytes, thumbnail)) = made else {
        return Err(WebError::Invalid(FieldErrors::one(
            "images",
            "not_a_picture",
            "Choose a PNG, JPEG or WebP picture",
        )));
    };
    let image_id = ImageId::from_untyped_uuid(Uuid::now_v7());
    let created_ms = state.now_ms();
    let content_type = "image/jpeg".to_owned();
    state.database.put_image(NewImage { image_id, owner_id, content_type, bytes, thumbnail, created_ms }).await?;
    Ok(image_id)
}

/// The picture and its thumbnail as JPEG.
fn make_anew(upload: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut reader = ImageReader::new(Cursor::new(upload)).with_guessed_format().ok()?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(DECODED_PIXELS_MAX);
    limits.max_image_height = Some(DECODED_PIXELS_MAX);
    limits.max_alloc = Some(DECODED_BYTES_MAX);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().ok()?;
    // The camera's note of which way is up goes with the rest, so it is applied first.
    let orientation = decoder.orientation().ok()?;
    let mut picture = DynamicImage::from_decoder(decoder).ok()?;
    picture.apply_orientation(orientation);
    Some((jpeg(&picture, FULL_PIXELS)?, jpeg(&picture, THUMBNAIL_PIXELS)?))
}

fn jpeg(picture: &DynamicImage, side_max: u32) -> Option<Vec<u8>> {
    let fits = picture.width() <= side_max && picture.height() <= side_max;
    let picture = if fits { picture.clone() } else { picture.thumbnail(side_max, side_max) };
    let mut bytes = Vec::new();
    picture.to_rgb8().write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY)).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_made_anew_and_small() {
        let png = crate::demo::picture::draw(crate::demo::picture::Motif::Vase, 0.5);
        let (full, thumbnail) = make_anew(&png).unwrap();
        let side = |bytes: &[u8]| image::load_from_memory(bytes).unwrap().width();
        assert_eq!((side(&full), side(&thumbnail)), (720, THUMBNAIL_PIXELS));
    }

    #[test]
    fn other_bytes_are_no_picture() {
        assert!(make_anew(b"<svg onload=alert(1)>").is_none());
        assert!(make_anew(&[]).is_none());
    }
}
