//! Where a client is, roughly: a country and a geohash of four characters (some 20 km). The address goes no further.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use maxminddb::Reader;
use serde::Deserialize;

use super::capitals::CAPITALS;

/// The country database that ships; its licence is beside it.
static SHIPPED: &[u8] = include_bytes!("../../data/country.mmdb");
const GRID_CHARACTERS: usize = 4;

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the geo database {}: {reason}", .path.display())]
pub struct GeoError {
    path: PathBuf,
    reason: String,
}

/// A place, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// ISO 3166 code.
    pub country: Option<String>,
    /// Geohash of four characters: of the coordinates if the database has them, else of the capital.
    pub grid: Option<String>,
}

/// Finds places. Cheap to clone.
#[derive(Clone)]
pub struct Geo(Arc<Database>);

enum Database {
    Shipped(Reader<&'static [u8]>),
    Given(Reader<Vec<u8>>),
}

/// Of the records of MaxMind's city and country databases and of plain country ones, what is needed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entry {
    country_code: Option<String>,
    country: Country,
    location: Location,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Country {
    iso_code: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Location {
    latitude: Option<f64>,
    longitude: Option<f64>,
}

impl Geo {
    /// Opens the given database, or the shipped one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(given: Option<&Path>) -> Result<Self, GeoError> {
        let failed = |reason: String| GeoError { path: given.unwrap_or(Path::new("that ships")).into(), reason };
        let database = match given {
            None => Database::Shipped(Reader::from_source(SHIPPED).map_err(|error| failed(error.to_string()))?),
            Some(path) => Database::Given(Reader::open_readfile(path).map_err(|error| failed(error.to_string()))?),
        };
        Ok(Self(Arc::new(database)))
    }

    /// The place of an address; unknown for private ones.
    #[must_use]
    pub fn place(&self, address: IpAddr) -> Place {
        let entry = match &*self.0 {
            Database::Shipped(reader) => reader.lookup(address).and_then(|found| found.decode::<Entry>()),
            Database::Given(reader) => reader.lookup(address).and_then(|found| found.decode::<Entry>()),
        };
        let entry = entry.ok().flatten().unwrap_or_default();
        let country = entry.country_code.or(entry.country.iso_code);
        let coordinates = entry.location.latitude.zip(entry.location.longitude);
        let grid = coordinates.or_else(|| capital(country.as_deref()?)).and_then(|(latitude, longitude)| {
            geohash::encode(geohash::Coord { x: longitude, y: latitude }, GRID_CHARACTERS).ok()
        });
        Place { country, grid }
    }
}

fn capital(country: &str) -> Option<(f64, f64)> {
    let index = CAPITALS.binary_search_by_key(&country, |(code, _, _)| code).ok()?;
    let (_, latitude, longitude) = CAPITALS[index];
    Some((latitude, longitude))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(address: &str) -> Place {
        Geo::open(None).unwrap().place(address.parse().unwrap())
    }

    #[test]
    fn capitals_are_sorted_and_on_the_globe() {
        assert!(CAPITALS.is_sorted_by(|a, b| a.0 < b.0));
        for (code, latitude, longitude) in CAPITALS {
            assert!(code.len() == 2 && latitude.abs() <= 90.0 && longitude.abs() <= 180.0, "{code}");
        }
    }

    #[test]
    fn a_british_address_is_in_london_and_a_private_one_nowhere() {
        let found = place("212.58.244.20");
        assert_eq!(found, Place { country: Some("GB".into()), grid: Some("gcpv".into()) });
        assert_eq!(place("127.0.0.1"), Place::default());
        assert_eq!(place("10.0.0.1"), Place::default());
        assert_eq!(place("::1"), Place::default());
    }

    #[test]
    fn a_database_that_is_not_one_is_named() {
        let error = Geo::open(Some(Path::new("/nowhere.mmdb"))).err().unwrap();
        assert!(error.to_string().contains("/nowhere.mmdb"), "{error}");
    }
}
