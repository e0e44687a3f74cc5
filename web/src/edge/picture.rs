//! Pictures of lots: decoded and made anew, so that nothing but the picture is kept (no place, no camera, no script).

use std::io::Cursor;

use gavel_domain::{AccountId, ImageId};
use gavel_readmodel::NewImage;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits};
use newtype_uuid::GenericUuid;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::error::{FieldErrors, WebError};
use crate::state::AppState;

/// The largest upload.
pub const PICTURE_BYTES_MAX: usize = 5 * 1024 * 1024;
/// The largest picture that is decoded, each way.
const DECODED_PIXELS_MAX: u32 = 12_000;
/// Memory that decoding one may take.
const DECODED_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Decodes at a time: each takes a core and that memory.
const CONCURRENT_DECODES: usize = 2;
const FULL_PIXELS: u32 = 1600;
const THUMBNAIL_PIXELS: u32 = 480;
const JPEG_QUALITY: u8 = 85;

static DECODES: Semaphore = Semaphore::const_new(CONCURRENT_DECODES);

/// Takes a picture in and answers its id.
///
/// # Errors
/// `Invalid` when it is no PNG, JPEG or WebP or too large to decode; `DatabaseUnavailable`.
pub async fn take(state: &AppState, owner_id: AccountId, upload: bytes::Bytes) -> Result<ImageId, WebError> {
    if upload.len() > PICTURE_BYTES_MAX {
        return Err(WebError::TooLarge { limit_bytes: PICTURE_BYTES_MAX });
    }
    let permit = DECODES.acquire().await.map_err(|error| WebError::Internal(error.to_string()))?;
    let decode = move || {
        // Held here, for the work goes on even where nobody waits for it any more.
        let _permit = permit;
        make_anew(&upload)
    };
    let made = tokio::task::spawn_blocking(decode).await.map_err(|error| WebError::Internal(error.to_string()))?;
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
    let mut decoder = open(upload)?;
    // The camera's note of which way is up goes with the rest, so it is applied first.
    let orientation = decoder.orientation().ok()?;
    let mut picture = DynamicImage::from_decoder(decoder).ok()?;
    picture.apply_orientation(orientation);
    Some((jpeg(&picture, FULL_PIXELS)?, jpeg(&picture, THUMBNAIL_PIXELS)?))
}

/// A decoder of what is not too large by its own header.
fn open(upload: &[u8]) -> Option<impl ImageDecoder + '_> {
    let mut reader = ImageReader::new(Cursor::new(upload)).with_guessed_format().ok()?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(DECODED_PIXELS_MAX);
    limits.max_image_height = Some(DECODED_PIXELS_MAX);
    limits.max_alloc = Some(DECODED_BYTES_MAX);
    reader.limits(limits);
    // The limits bind the decoder's own memory, not that of the picture it fills.
    reader.into_decoder().ok().filter(|decoder| decoder.total_bytes() <= DECODED_BYTES_MAX)
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

    /// The head of a PNG of 16-bit RGBA, up to its pixels.
    fn png_head(side: u32) -> Vec<u8> {
        let chunk = |kind: &[u8; 4], data: &[u8]| {
            let checked = [kind.as_slice(), data].concat();
            let length = u32::try_from(data.len()).unwrap().to_be_bytes();
            [length.as_slice(), &checked, &crc32(&checked).to_be_bytes()].concat()
        };
        let (side, depth_rgba_plain) = (side.to_be_bytes(), [16, 6, 0, 0, 0]);
        let header = [side.as_slice(), &side, &depth_rgba_plain].concat();
        [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &header), chunk(b"IDAT", &[])].concat()
    }

    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
        })
    }

    #[test]
    fn a_picture_that_would_fill_the_memory_is_refused_by_its_head() {
        assert!(open(&png_head(16)).is_some());
        assert!(open(&png_head(DECODED_PIXELS_MAX)).is_none());
    }

    #[test]
    fn other_bytes_are_no_picture() {
        assert!(make_anew(b"<svg onload=alert(1)>").is_none());
        assert!(make_anew(&[]).is_none());
    }
}
