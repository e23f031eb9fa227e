//! Speculative decoding: a small model drafts, the large one checks all drafted tokens in one step.
//!
//! Leviathan et al. 2023 (arXiv 2211.17192), equation 1 and theorem 3.8: with acceptance rate `a` and `k` drafted tokens
//! a step yields `(1 - a^(k+1)) / (1 - a)` tokens. A checking step reads the weights once, whatever `k`; what it computes
//! grows with `k + 1`, which costs nothing while memory binds and everything once arithmetic does. The caller says
//! what a step takes.

use super::{FleetError, LONGEST, within};

/// Longest draft that is tried.
const LONGEST_DRAFT: u32 = 32;

/// Tokens that a step yields on average.
///
/// # Errors
/// `acceptance` out of 0 to 1, `drafted` out of 0 to 1,000.
pub fn expected_tokens(acceptance: f64, drafted: u32) -> Result<f64, FleetError> {
    within("acceptance", acceptance, 0.0, 1.0)?;
    within("drafted", f64::from(drafted), 0.0, 1_000.0)?;
    // The sum itself: the closed form is 0 / 0 at an acceptance of 1.
    let (mut sum, mut power) = (1.0, 1.0);
    for _ in 0..drafted {
        power *= acceptance;
        sum += power;
    }
    Ok(sum)
}

/// What speculation does to the time per token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Speculation {
    /// Drafted tokens of a step; 0 where speculation does not pay.
    pub drafted: u32,
    /// Seconds per token.
    pub per_token: f64,
    /// Times as fast as without.
    pub speed_up: f64,
}

/// The best number of drafted tokens. `step` gives seconds of a step of the large model in which every sequence of the
/// batch has so many tokens; `draft` is a step of the small model, seconds.
///
/// # Errors
/// A number out of its range, among them what `step` gives.
pub fn best(acceptance: f64, draft: f64, step: &dyn Fn(u32) -> f64) -> Result<Speculation, FleetError> {
    within("draft", draft, 0.0, LONGEST)?;
    let plain = within("step", step(1), 1e-12, LONGEST)?;
    let mut found = Speculation { drafted: 0, per_token: plain, speed_up: 1.0 };
    for drafted in 1..=LONGEST_DRAFT {
        let checked = within("step", step(drafted + 1), 1e-12, LONGEST)?;
        let per_token = (f64::from(drafted) * draft + checked) / expected_tokens(acceptance, drafted)?;
        if per_token < found.per_token {
            found = Speculation { drafted, per_token, speed_up: plain / per_token };
        }
    }
    Ok(found)
}
