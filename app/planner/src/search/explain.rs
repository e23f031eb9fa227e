//! Why one layout beats another, in words.

use super::run::Candidate;
use crate::format;
use crate::units::{Bytes, Seconds};

/// A layout in the short words of the field: `TP 8, PP 4, DP 16`.
#[must_use]
pub fn short(candidate: &Candidate) -> String {
    let l = &candidate.layout;
    let mut words = format!(
        "{} accelerators, TP {}",
        format::count(f64::from(l.accelerator_count)),
        l.tensor_parallel_size
    );
    for (name, value) in [
        ("PP", l.pipeline_parallel_size),
        ("chunks", l.virtual_pipeline_size),
        ("CP", l.context_parallel_size),
        ("EP", l.expert_parallel_size),
    ] {
        if value > 1 {
            words += &format!(", {name} {value}");
        }
    }
    words += &format!(", DP {}, micro batch {}", l.data_parallel_size(), l.micro_batch_size);
    words
        + match l.recomputation {
            crate::training::Recomputation::None => "",
            crate::training::Recomputation::Selective => ", selective recomputation",
            crate::training::Recomputation::Partial => ", partial recomputation",
            crate::training::Recomputation::Full => ", full recomputation",
        }
}

/// Why `best` beats `other`: the parts of the step whose difference matters, largest first, and what it pays in memory.
#[must_use]
pub fn explain(best: &Candidate, other: &Candidate) -> String {
    let lead = (other.time / best.time - 1.0) * 100.0;
    let mut gains: Vec<(f64, &str)> = Vec::new();
    // Per token of the same run: steps hold the same batch.
    for ((name, _, a), (_, _, b)) in best.step.parts().into_iter().zip(other.step.parts()) {
        gains.push((b - a, name));
    }
    gains.sort_by(|left, right| right.0.abs().total_cmp(&left.0.abs()));
    let matters = best.seconds * 0.002;
    let told: Vec<String> = gains
        .iter()
        .filter(|gain| gain.0.abs() >= matters)
        .take(4)
        .map(|(gain, name)| {
            let word = if *gain > 0.0 { "less" } else { "more" };
            format!("{} {word} on {name}", format::seconds(Seconds(gain.abs())))
        })
        .collect();
    let reason = if told.is_empty() { "no single part of it stands out".to_owned() } else { told.join(", ") };
    let memory = Bytes((best.memory_bytes - other.memory_bytes).abs());
    let word = if best.memory_bytes > other.memory_bytes { "more" } else { "less" };
    let overlap =
        if best.high > other.low { " The intervals overlap: measure both before a long run." } else { "" };
    let than = if lead < 0.05 { "as fast as".to_owned() } else { format!("{lead:.1} % faster than") };
    format!(
        "{} is {than} {}. In each step it spends {reason}; it takes {} {word} memory.{overlap}",
        short(best),
        short(other),
        format::bytes_binary(memory)
    )
}
