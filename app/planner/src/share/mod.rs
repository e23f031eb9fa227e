//! The whole workbench in a link, and in a file.
//!
//! A fragment is a route, a version, a preset, the differences from that preset, and an end:
//! ```text
//! /train?v=1&p=digits-cnn&model.width=32&run.seed=7&c=1f2e3d4c
//! ```
//! **The end is mandatory**, so that a link that was cut anywhere is never taken for another one:
//! - `c=` with eight hexadecimal digits: the CRC-32 of everything before `&c=`. The workbench writes this one.
//!   Unknown keys are then the work of a newer version: they are reported and passed over.
//! - `end`: for links written by a script, which need not compute a checksum. Unknown keys are refused.
//!
//! A route alone is [`ShareError::RouteOnly`]; anything else without an end is [`ShareError::CutOff`].
//!
//! A readable form longer than 1,200 characters is packed: `z=` holds base64url of deflate of the preset's id and
//! one line per field of the frozen table (empty: as in the preset). Every version stays readable for ever: the
//! fields, their order, the presets and their defaults are frozen tables.

mod error;
mod fields;
#[cfg(feature = "json")]
mod file;
mod text;

pub use error::ShareError;
#[cfg(feature = "json")]
pub use file::{from_json, to_json};

use crate::presets::{self, Preset};
use crate::workbench::{Page, Workbench};
use error::quoted;
use fields::{Field, check_whole};
use miniz_oxide::{
    deflate::compress_to_vec,
    inflate::{TINFLStatus, decompress_to_vec_with_limit},
};
use text::{base64url_decode, base64url_encode, percent_decode, percent_encode};

/// Longest input, packed or unpacked.
pub const LIMIT_BYTES: usize = 64 * 1024;
/// Longest readable form before it is packed.
pub const READABLE_CHARACTERS: usize = 1_200;
/// Version that [`encode`] writes.
pub const VERSION: u32 = 1;

const CHECKSUM_KEY: &str = "&c=";
const END: &str = "&end";

/// A decoded link with what a person should know about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// The state.
    pub workbench: Workbench,
    /// Plain sentences, such as a setting of a newer version that was passed over.
    pub notes: Vec<String>,
}

impl Page {
    /// Every page.
    pub const ALL: [Self; 4] = [Self::Start, Self::Device, Self::Train, Self::Scenario];

    /// The route of a page in the fragment.
    #[must_use]
    pub const fn route(self) -> &'static str {
        match self {
            Self::Start => "/",
            Self::Device => "/device",
            Self::Train => "/train",
            Self::Scenario => "/scenario",
        }
    }

    /// The page of a route.
    #[must_use]
    pub fn from_route(route: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|page| page.route() == route)
    }
}

/// The fragment (without `#`) that opens this state. Numbers out of range are first forced into it.
#[must_use]
pub fn encode(workbench: &Workbench) -> String {
    let workbench = workbench.clone().sanitised();
    let readable = presets::all()
        .iter()
        .map(|preset| readable(preset, &workbench))
        .min_by_key(String::len)
        .unwrap_or_default();
    let body = if readable.len() <= READABLE_CHARACTERS { readable } else { packed(&workbench) };
    let checksum = checksum(&body);
    format!("{body}{CHECKSUM_KEY}{checksum}")
}

/// Every setting of the state as (key, value), in the words of a link: what a project file holds.
#[must_use]
pub fn settings(workbench: &Workbench) -> Vec<(&'static str, String)> {
    let workbench = workbench.clone().sanitised();
    fields::V1.iter().map(|field| (field.key, field.write(&workbench))).collect()
}

/// The state that a project file's page and settings describe; settings that are not named take their default.
///
/// # Errors
/// As [`decode`]: an unknown key or a value out of its range is refused by name.
pub fn from_settings(page: &str, settings: &[(String, String)]) -> Result<Workbench, ShareError> {
    let page = Page::from_route(page).ok_or_else(|| ShareError::UnknownRoute { route: quoted(page) })?;
    let mut workbench = Workbench { page, ..Workbench::default() };
    for (key, value) in settings {
        let field = fields::V1.iter().find(|field| field.key == key);
        let field = field.ok_or_else(|| ShareError::UnknownKey { key: quoted(key) })?;
        field.read(&mut workbench, value)?;
    }
    check_whole(&workbench)?;
    Ok(workbench)
}

/// The state that a fragment (with or without `#`) holds.
///
/// # Errors
/// [`ShareError`] with what is wrong and what to do; nothing is taken over from such a link.
pub fn decode(fragment: &str) -> Result<Workbench, ShareError> {
    decode_with_notes(fragment).map(|decoded| decoded.workbench)
}

/// As [`decode`], with notes for the reader.
///
/// # Errors
/// As [`decode`].
pub fn decode_with_notes(fragment: &str) -> Result<Decoded, ShareError> {
    if fragment.len() > LIMIT_BYTES {
        return Err(ShareError::TooLong { limit_bytes: LIMIT_BYTES });
    }
    let fragment = fragment.trim();
    let fragment = fragment.strip_prefix('#').unwrap_or(fragment);
    let Some((route, _)) = fragment.split_once('?') else {
        let page = page_of(if fragment.is_empty() { "/" } else { fragment })?;
        return Err(ShareError::RouteOnly { page });
    };
    let page = page_of(route)?;
    let (body, vouched) = body_of(fragment)?;
    let parameters = parameters_of(body)?;
    let (version, rest) = match parameters.split_first() {
        Some((("v", version), rest)) => (version.as_str(), rest),
        _ => return Err(ShareError::NoVersion),
    };
    match version.parse::<u32>() {
        Ok(VERSION) => decode_v1(page, rest, vouched),
        Ok(newer) if newer > VERSION && !version.starts_with('+') => {
            Err(ShareError::NewerVersion { version: quoted(version) })
        }
        _ => Err(ShareError::NoVersion),
    }
}

fn page_of(route: &str) -> Result<Page, ShareError> {
    Page::from_route(route).ok_or_else(|| ShareError::UnknownRoute { route: quoted(route) })
}

/// The part before the end, and whether a checksum vouches for it.
fn body_of(fragment: &str) -> Result<(&str, bool), ShareError> {
    if let Some(body) = fragment.strip_suffix(END) {
        return Ok((body, false));
    }
    let (body, given) = fragment.rsplit_once(CHECKSUM_KEY).ok_or(ShareError::CutOff)?;
    let hexadecimal = given.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if given.len() < 8 && hexadecimal {
        return Err(ShareError::CutOff);
    }
    if checksum(body) != given {
        return Err(ShareError::Damaged);
    }
    Ok((body, true))
}

/// The parameters of a body in their order, percent-decoded, each key once.
fn parameters_of(body: &str) -> Result<Vec<(&str, String)>, ShareError> {
    let query = body.split_once('?').map_or("", |(_, query)| query);
    let mut parameters: Vec<(&str, String)> = Vec::new();
    for parameter in query.split('&') {
        let (key, value) = parameter.split_once('=').ok_or_else(|| ShareError::unknown_key(parameter))?;
        // A link has some forty keys; a hostile one is stopped at the first repetition or unknown key.
        if parameters.len() > 4 * fields::V1.len() {
            return Err(ShareError::unknown_key(key));
        }
        if parameters.iter().any(|(known, _)| *known == key) {
            return Err(ShareError::DuplicateKey { key: quoted(key) });
        }
        let value = percent_decode(value)
            .ok_or_else(|| ShareError::bad_value(key, value, "text in percent encoding"))?;
        parameters.push((key, value));
    }
    Ok(parameters)
}

fn decode_v1(page: Page, parameters: &[(&str, String)], vouched: bool) -> Result<Decoded, ShareError> {
    let mut notes = Vec::new();
    let mut workbench = match parameters {
        [("z", packed)] => unpack(packed)?,
        [("p", preset), settings @ ..] => {
            let mut workbench = preset_of(preset)?.workbench();
            for (key, value) in settings {
                match fields::V1.iter().find(|field| field.key == *key) {
                    Some(field) => field.read(&mut workbench, value)?,
                    None if vouched => notes.push(format!(
                        "The setting \"{}\" is of a newer version and was passed over.",
                        quoted(key)
                    )),
                    None => return Err(ShareError::unknown_key(key)),
                }
            }
            workbench
        }
        [(key, _), ..] => return Err(ShareError::unknown_key(key)),
        [] => return Err(ShareError::UnknownPreset { preset: String::new() }),
    };
    check_whole(&workbench)?;
    workbench.page = page;
    if workbench.experiment.dataset == crate::experiment::DatasetChoice::Files {
        notes.push("The sender trained on files of their own; a link does not hold them.".into());
    }
    Ok(Decoded { workbench, notes })
}

fn preset_of(id: &str) -> Result<&'static Preset, ShareError> {
    presets::by_id(id).ok_or_else(|| ShareError::UnknownPreset { preset: quoted(id) })
}

/// The differences between a state and a preset.
fn differences(
    preset: &Preset,
    workbench: &Workbench,
) -> impl Iterator<Item = (&'static Field, Option<String>)> {
    let base = preset.workbench();
    fields::V1.iter().map(move |field| {
        let value = field.write(workbench);
        let differs = value != field.write(&base);
        (field, differs.then_some(value))
    })
}

fn readable(preset: &Preset, workbench: &Workbench) -> String {
    let mut out = format!("{}?v={VERSION}&p={}", workbench.page.route(), preset.id);
    for (field, value) in differences(preset, workbench) {
        if let Some(value) = value {
            out.push('&');
            out.push_str(field.key);
            out.push('=');
            out.push_str(&percent_encode(&value));
        }
    }
    out
}

/// The packed form starts from the default preset. Values never hold a line break: names lose theirs.
fn packed(workbench: &Workbench) -> String {
    let Some(preset) = presets::all().first() else { return String::new() };
    let mut lines = preset.id.to_owned();
    for (_, value) in differences(preset, workbench) {
        lines.push('\n');
        lines.push_str(&value.unwrap_or_default());
    }
    let bytes = compress_to_vec(lines.as_bytes(), 9);
    format!("{}?v={VERSION}&z={}", workbench.page.route(), base64url_encode(&bytes))
}

fn unpack(packed: &str) -> Result<Workbench, ShareError> {
    let bytes = base64url_decode(packed).ok_or(ShareError::BadPacking)?;
    // Stops at the limit: a bomb costs no more than that.
    let text = decompress_to_vec_with_limit(&bytes, LIMIT_BYTES).map_err(|error| match error.status {
        TINFLStatus::HasMoreOutput => ShareError::TooLong { limit_bytes: LIMIT_BYTES },
        _ => ShareError::BadPacking,
    })?;
    let text = String::from_utf8(text).map_err(|_| ShareError::BadPacking)?;
    let mut lines = text.split('\n');
    let mut workbench = preset_of(lines.next().unwrap_or_default())?.workbench();
    let mut fields = fields::V1.iter();
    for line in lines {
        let field = fields.next().ok_or(ShareError::BadPacking)?;
        if !line.is_empty() {
            field.read(&mut workbench, line)?;
        }
    }
    Ok(workbench)
}

/// CRC-32 of a body, eight lower-case hexadecimal digits.
fn checksum(body: &str) -> String {
    // CRC-32 (IEEE), bit by bit: links are short, and the usual tables would be 16 KB of the page.
    let mut crc = u32::MAX;
    for byte in body.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    format!("{:08x}", !crc)
}
