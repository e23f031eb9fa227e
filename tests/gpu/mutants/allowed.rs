//! Changes that no result can show, with the reason.

use super::changes::Change;

/// A change of a line, by its text before and after.
#[derive(Debug)]
pub struct Allowance {
    pub kernel: &'static str,
    pub line: &'static str,
    pub mutated: &'static str,
    pub reason: &'static str,
}

impl Allowance {
    pub fn covers(&self, change: &Change) -> bool {
        change.line == self.line && change.mutated == self.mutated
    }
}

pub const ALLOWED: &[Allowance] = &[];

/// Why a change need not be noticed.
pub fn reason(kernel: &str, change: &Change) -> Option<&'static str> {
    let found = ALLOWED.iter().find(|allowance| allowance.kernel == kernel && allowance.covers(change));
    found.map(|allowance| allowance.reason)
}
