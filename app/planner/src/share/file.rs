//! The workbench as a JSON file for export and import.

use super::error::{ShareError, quoted};
use super::fields::{self, check_whole};
use super::{LIMIT_BYTES, VERSION};
use crate::workbench::Workbench;
use serde::{Deserialize, Serialize};

/// The envelope: a number that says what it is and in which version, then the state.
#[derive(Serialize)]
struct Written<'a> {
    ridgepoint: u32,
    workbench: &'a Workbench,
}

#[derive(Deserialize)]
struct Envelope {
    ridgepoint: u64,
}

#[derive(Deserialize)]
struct Content {
    workbench: Workbench,
}

/// Pretty JSON of the state with its schema version.
#[must_use]
pub fn to_json(workbench: &Workbench) -> String {
    let workbench = workbench.clone().sanitised();
    let written = Written { ridgepoint: VERSION, workbench: &workbench };
    // A plain value of numbers, words and text always serialises.
    serde_json::to_string_pretty(&written).unwrap_or_default() + "\n"
}

/// The state of an exported file. Fields that this version does not know are passed over, missing ones take
/// their default; a value out of its range is refused by name.
///
/// # Errors
/// [`ShareError`] with what is wrong and what to do; nothing is taken over from such a file.
pub fn from_json(text: &str) -> Result<Workbench, ShareError> {
    if text.len() > LIMIT_BYTES {
        return Err(ShareError::TooLong { limit_bytes: LIMIT_BYTES });
    }
    let bad = |error: serde_json::Error| ShareError::BadFile { reason: quoted(&error.to_string()) };
    let Envelope { ridgepoint } = serde_json::from_str(text).map_err(bad)?;
    if ridgepoint == 0 {
        return Err(ShareError::NoVersion);
    }
    if ridgepoint > u64::from(VERSION) {
        return Err(ShareError::NewerVersion { version: ridgepoint.to_string() });
    }
    let Content { workbench } = serde_json::from_str(text).map_err(bad)?;
    check_whole(&workbench)?;
    // Every field goes through the same door as in a link, so that both refuse the same values.
    let mut read = Workbench { page: workbench.page, ..Workbench::default() };
    for field in fields::V1 {
        field.read(&mut read, &field.write(&workbench))?;
    }
    Ok(read)
}
