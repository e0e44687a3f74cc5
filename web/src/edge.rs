//! The edge: where what people and programs send becomes typed commands, or is refused with what is wrong by field.
//!
//! Pages and API call the same functions. Nothing past the edge parses again.

pub mod bid;
mod capitals;
pub mod category;
pub mod geo;
pub mod listing;
pub mod own_maximum;
pub mod picture;
pub mod receipt;
pub mod registration;
pub mod submit;
pub mod text;
mod times;
pub mod trace;
pub mod whole;
pub mod withdrawal;
pub mod words;
