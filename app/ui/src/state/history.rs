//! Undo and redo over plain values.

use planner::workbench::Workbench;

/// Steps that are kept.
const KEPT: usize = 200;
/// Live changes within so many milliseconds of each other are one step.
const JOIN_MILLISECONDS: f64 = 1200.0;

/// Earlier and later states.
#[derive(Debug, Clone, Default)]
pub struct History {
    past: Vec<Workbench>,
    future: Vec<Workbench>,
    last_live_change: Option<f64>,
}

impl History {
    /// Remembers `before`, unless this live change joins the one just made.
    pub fn record(&mut self, before: Workbench, may_join: bool, now: f64) {
        let joins = may_join && self.last_live_change.is_some_and(|last| now - last < JOIN_MILLISECONDS);
        if !joins {
            self.past.push(before);
            if self.past.len() > KEPT {
                self.past.remove(0);
            }
        }
        self.future.clear();
        self.last_live_change = may_join.then_some(now);
    }

    /// The state before `current`.
    pub fn undo(&mut self, current: Workbench) -> Option<Workbench> {
        self.last_live_change = None;
        let earlier = self.past.pop()?;
        self.future.push(current);
        Some(earlier)
    }

    /// The state that was undone last.
    pub fn redo(&mut self, current: Workbench) -> Option<Workbench> {
        self.last_live_change = None;
        let later = self.future.pop()?;
        self.past.push(current);
        Some(later)
    }

    /// Whether there is an earlier state.
    pub fn can_undo(&self) -> bool {
        !self.past.is_empty()
    }

    /// Whether there is an undone state.
    pub fn can_redo(&self) -> bool {
        !self.future.is_empty()
    }
}
