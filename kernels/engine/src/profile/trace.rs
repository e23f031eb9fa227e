//! A profile as a Chrome trace, which Perfetto opens: one complete event a call, laid end to end, and a counter of
//! the memory alive. Format: "Trace Event Format", Google, sections "Complete Events" and "Counter Events".

use super::{CallProfile, MemoryPoint, StepProfile};
use std::fmt::Write as _;

impl StepProfile {
    /// The JSON text. Times are microseconds from the step's first call; a micro-batch is shown once.
    #[must_use]
    pub fn to_chrome_trace(&self) -> String {
        let mut events = vec![
            r#"{"name":"process_name","ph":"M","pid":1,"tid":1,"args":{"name":"training step"}}"#.to_owned(),
            r#"{"name":"thread_name","ph":"M","pid":1,"tid":1,"args":{"name":"kernels"}}"#.to_owned(),
        ];
        let mut begin = 0.0;
        for row in &self.rows {
            events.push(complete(row, begin));
            if let Some(point) = self.memory.points.get(row.call) {
                events.push(counter(point, begin));
            }
            begin += row.seconds * 1e6;
        }
        format!("{{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n{}\n]}}\n", events.join(",\n"))
    }
}

fn complete(row: &CallProfile, begin: f64) -> String {
    let category = if row.phase == 0 { "micro-batch" } else { "update" };
    format!(
        "{{\"name\":{},\"cat\":\"{category}\",\"ph\":\"X\",\"pid\":1,\"tid\":1,\"ts\":{},\"dur\":{},\"args\":{{\
         \"node\":{},\"call\":{},\"block\":{},\"runs_per_step\":{},\"flops\":{},\"bytes\":{},\
         \"flops_per_second\":{},\"bytes_per_second\":{},\"share_of_step\":{}}}}}",
        text(row.kernel),
        number(begin),
        number(row.seconds * 1e6),
        text(&row.label),
        row.call,
        row.block,
        row.runs,
        number(row.flops),
        number(row.bytes),
        number(row.flops_per_second()),
        number(row.bytes_per_second()),
        number(row.share),
    )
}

fn counter(point: &MemoryPoint, begin: f64) -> String {
    format!(
        "{{\"name\":\"memory\",\"ph\":\"C\",\"pid\":1,\"ts\":{},\"args\":{{\"state_bytes\":{},\"input_bytes\":{},\
         \"activation_bytes\":{},\"gradient_bytes\":{},\"temporary_bytes\":{}}}}}",
        number(begin),
        point.state_bytes,
        point.input_bytes,
        point.activation_bytes,
        point.gradient_bytes,
        point.temporary_bytes,
    )
}

/// JSON has no infinities.
fn number(value: f64) -> String {
    if value.is_finite() { format!("{value}") } else { "0".to_owned() }
}

fn text(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    out.push('"');
    for letter in value.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            letter if (letter as u32) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", letter as u32);
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn quotes_and_control_letters_are_escaped() {
        assert_eq!(text("a\"b\\c\nd"), "\"a\\\"b\\\\c\\u000ad\"");
    }
}
