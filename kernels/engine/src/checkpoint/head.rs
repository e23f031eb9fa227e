//! The head as text: `key length` on a line, then that many bytes of value and a line end, in a fixed order.
//!
//! The length comes first so that a value may hold anything; a person can still read it in an editor.

use super::{CheckpointError, CheckpointHead};

/// A head has at most 64 KiB.
pub const LARGEST_HEAD_BYTES: usize = 64 << 10;

pub(super) fn encode(head: &CheckpointHead) -> Result<Vec<u8>, CheckpointError> {
    // Exhaustive, so that a new field cannot be forgotten.
    let CheckpointHead {
        build_id,
        model,
        settings,
        step,
        epoch,
        data_cursor,
        seed,
        counters,
        schedule_position,
        tuning,
    } = head;
    let counters: Vec<String> = counters.iter().map(u64::to_string).collect();
    let number = u64::to_string;
    let fields = [
        ("build_id", build_id.clone()),
        ("model", model.clone()),
        ("settings", settings.clone()),
        ("step", number(step)),
        ("epoch", number(epoch)),
        ("data_cursor", number(data_cursor)),
        ("seed", number(seed)),
        ("counters", counters.join(" ")),
        ("schedule_position", number(schedule_position)),
        ("tuning", tuning.clone()),
    ];
    let mut text = String::new();
    for (key, value) in fields {
        text += &format!("{key} {}\n{value}\n", value.len());
    }
    if text.len() > LARGEST_HEAD_BYTES {
        let (found, limit) = (text.len() as u64, LARGEST_HEAD_BYTES as u64);
        return Err(CheckpointError::TooLarge { part: "head", found, limit });
    }
    Ok(text.into_bytes())
}

pub(super) fn decode(bytes: &[u8]) -> Result<CheckpointHead, CheckpointError> {
    let text = std::str::from_utf8(bytes).map_err(|_| malformed("a head in UTF-8"))?;
    let mut fields = Fields { rest: text };
    let head = CheckpointHead {
        build_id: fields.value("build_id")?.to_owned(),
        model: fields.value("model")?.to_owned(),
        settings: fields.value("settings")?.to_owned(),
        step: fields.number("step")?,
        epoch: fields.number("epoch")?,
        data_cursor: fields.number("data_cursor")?,
        seed: fields.number("seed")?,
        counters: fields.numbers("counters")?,
        schedule_position: fields.number("schedule_position")?,
        tuning: fields.value("tuning")?.to_owned(),
    };
    if fields.rest.is_empty() { Ok(head) } else { Err(malformed("the end of the head after `tuning`")) }
}

const fn malformed(expected: &'static str) -> CheckpointError {
    CheckpointError::Malformed { expected }
}

struct Fields<'t> {
    rest: &'t str,
}

impl<'t> Fields<'t> {
    /// The value of the next field, which must be `key`.
    fn value(&mut self, key: &'static str) -> Result<&'t str, CheckpointError> {
        let read = || {
            let after_key = self.rest.strip_prefix(key)?.strip_prefix(' ')?;
            let (length, rest) = after_key.split_once('\n')?;
            let (value, rest) = rest.split_at_checked(length.parse().ok()?)?;
            Some((value, rest.strip_prefix('\n')?))
        };
        let (value, rest) = read().ok_or(malformed(key))?;
        self.rest = rest;
        Ok(value)
    }

    fn number(&mut self, key: &'static str) -> Result<u64, CheckpointError> {
        self.value(key)?.parse().map_err(|_| malformed(key))
    }

    fn numbers(&mut self, key: &'static str) -> Result<Vec<u64>, CheckpointError> {
        let numbers = self.value(key)?.split_ascii_whitespace();
        numbers.map(|number| number.parse().map_err(|_| malformed(key))).collect()
    }
}
