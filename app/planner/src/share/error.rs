//! Why a link or a file does not open. Each message says what is wrong, what is kept, and what to do.

use crate::sanitise::plain_text;
use crate::workbench::Page;
use std::fmt;

/// Characters of the sender's text that a message repeats.
const QUOTED_CHARACTERS: usize = 40;

/// Why a link or a file does not open. Nothing of it was taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShareError {
    /// Longer than the cap, packed or unpacked.
    TooLong {
        /// The cap in bytes.
        limit_bytes: usize,
    },
    /// A route without settings. The page may open that route with the state it has.
    RouteOnly {
        /// The page that the route names.
        page: Page,
    },
    /// The route is none of the workbench's.
    UnknownRoute {
        /// The route.
        route: String,
    },
    /// The end is missing: the link was shortened on its way.
    CutOff,
    /// The checksum does not match: a character was changed on its way.
    Damaged,
    /// Made by a newer version.
    NewerVersion {
        /// Its version.
        version: String,
    },
    /// The version is missing or not a number.
    NoVersion,
    /// The preset is unknown.
    UnknownPreset {
        /// The preset.
        preset: String,
    },
    /// A key without a checksum to vouch for it is unknown: a typing error in a script.
    UnknownKey {
        /// The key.
        key: String,
    },
    /// A key occurs twice.
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// A value is not allowed.
    BadValue {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// What is allowed, in plain words.
        expected: String,
    },
    /// The packed part does not unpack.
    BadPacking,
    /// The file is not JSON of the expected form.
    BadFile {
        /// The parser's reason.
        reason: String,
    },
}

impl ShareError {
    pub(super) fn unknown_key(key: &str) -> Self {
        Self::UnknownKey { key: quoted(key) }
    }

    pub(super) fn bad_value(key: &str, value: &str, expected: impl Into<String>) -> Self {
        Self::BadValue { key: quoted(key), value: quoted(value), expected: expected.into() }
    }
}

/// Text of a sender that is safe to repeat in a message.
pub(super) fn quoted(text: &str) -> String {
    let short = plain_text(text, QUOTED_CHARACTERS);
    if text.chars().count() > QUOTED_CHARACTERS { format!("{short}…") } else { short }
}

impl fmt::Display for ShareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const KEPT: &str = "Your own settings are unchanged.";
        const AGAIN: &str = "Ask for the link again, copied whole.";
        match self {
            Self::TooLong { limit_bytes } => write!(
                f,
                "This holds more than {} KiB, which no scenario of this workbench does. {KEPT} {AGAIN}",
                limit_bytes / 1024
            ),
            Self::RouteOnly { .. } => {
                write!(
                    f,
                    "This link names a page but holds no settings. {KEPT} If it should hold some: {AGAIN}"
                )
            }
            Self::UnknownRoute { route } => {
                write!(f, "The workbench has no page \"{route}\". {KEPT} {AGAIN}")
            }
            Self::CutOff => write!(
                f,
                "This link is cut off: its end is missing, so it could mean something else. {KEPT} {AGAIN} A link that \
                 a script writes ends with \"&end\"."
            ),
            Self::Damaged => write!(
                f,
                "This link was changed on its way: its checksum does not match. {KEPT} {AGAIN} If you edited it by \
                 hand, replace \"&c=...\" by \"&end\"."
            ),
            Self::NewerVersion { version } => write!(
                f,
                "This was made by a newer version of the workbench (format {version}). {KEPT} Reload the page to get \
                 the newest version, then open it again."
            ),
            Self::NoVersion => {
                write!(f, "This does not start with a version (\"v=1\"). {KEPT} {AGAIN}")
            }
            Self::UnknownPreset { preset } => write!(
                f,
                "This starts from the preset \"{preset}\", which this version does not have. {KEPT} Reload the page to \
                 get the newest version, or check the spelling."
            ),
            Self::UnknownKey { key } => {
                write!(f, "This sets \"{key}\", which does not exist. {KEPT} Check the spelling in the link.")
            }
            Self::DuplicateKey { key } => {
                write!(f, "This sets \"{key}\" twice. {KEPT} Remove one of the two from the link.")
            }
            Self::BadValue { key, value, expected } => {
                write!(
                    f,
                    "This sets \"{key}\" to \"{value}\"; allowed is {expected}. {KEPT} Correct that value."
                )
            }
            Self::BadPacking => write!(f, "The packed part of this link does not unpack. {KEPT} {AGAIN}"),
            Self::BadFile { reason } => {
                write!(
                    f,
                    "This file is not one of this workbench ({reason}). {KEPT} Choose a file that it exported."
                )
            }
        }
    }
}

impl std::error::Error for ShareError {}
