//! Pictures of lots, and their thumbnails.

use gavel_domain::{AccountId, ImageId};

use crate::database::Database;
use crate::error::Result;
use crate::row::{FromRow, Row};
use crate::statement::sql;

/// A picture to store.
#[derive(Debug, Clone)]
pub struct NewImage {
    /// The picture.
    pub image_id: ImageId,
    /// Who brought it.
    pub owner_id: AccountId,
    /// Media type of both renderings.
    pub content_type: String,
    /// The picture.
    pub bytes: Vec<u8>,
    /// The picture, small.
    pub thumbnail: Vec<u8>,
    /// When it came.
    pub created_ms: i64,
}

/// One rendering of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRow {
    /// Who brought it.
    pub owner_id: AccountId,
    /// Its media type.
    pub content_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl FromRow for ImageRow {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { owner_id: row.get("owner_id")?, content_type: row.get("content_type")?, bytes: row.get("bytes")? })
    }
}

impl Database {
    /// Stores a picture.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn put_image(&self, image: NewImage) -> Result<()> {
        sql("INSERT INTO images (image_id, owner_id, content_type, bytes, thumbnail, created_ms) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (image_id) DO NOTHING")
        .bind(image.image_id)
        .bind(image.owner_id)
        .bind(image.content_type)
        .bind(image.bytes)
        .bind(image.thumbnail)
        .bind(image.created_ms)
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    /// A picture.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn image(&self, image_id: ImageId) -> Result<Option<ImageRow>> {
        sql("SELECT owner_id, content_type, bytes FROM images WHERE image_id = $1")
            .bind(image_id)
            .fetch_optional(&self.readers)
            .await
    }

    /// A picture, small.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn thumbnail(&self, image_id: ImageId) -> Result<Option<ImageRow>> {
        sql("SELECT owner_id, content_type, thumbnail AS bytes FROM images WHERE image_id = $1")
            .bind(image_id)
            .fetch_optional(&self.readers)
            .await
    }
}
