//! A run as a checkpoint and back: every state of the plan under its name, and the loss curve.

use super::{Point, Session, Snapshot};
use crate::{
    EngineError,
    checkpoint::{Checkpoint, CheckpointHead},
    graph::Op,
    plan::Span,
};

/// Name of the blob with the loss curve: step, loss, accuracy and norm of the gradients, four words a step.
pub const CURVE: &str = "curve";
/// Name of the blob with the loss scale and the steps since it changed.
const SCALE: &str = "loss_scale";
const STATE: &str = "state.";

impl Session {
    /// The states of the plan in the order of the arena, each with a name of its own.
    fn states(&self) -> Vec<(String, Span)> {
        let graph = &self.recorded().graph;
        let mut found: Vec<(String, Span)> = vec![];
        for id in graph.ids().filter(|id| graph.node(*id).op == Op::State) {
            let Ok(span) = self.plan().span(id) else { continue };
            let label = format!("{STATE}{}", graph.node(id).label);
            let same = found.iter().filter(|(name, _)| name.split('#').next() == Some(&label)).count();
            found.push((if same == 0 { label } else { format!("{label}#{same}") }, span));
        }
        found
    }

    /// The last snapshot with everything that an exact resume needs besides the model and the data: weights, moments
    /// and averages, step, loss scale, loss curve. `head` says what they belong to; its numbers are filled in here.
    #[must_use]
    pub fn checkpoint(&self, head: CheckpointHead) -> Checkpoint {
        let Snapshot { step, loss_scale, scale_age, state } = self.snapshot();
        let mut blobs: Vec<(String, Vec<u32>)> = vec![];
        for (name, span) in self.states() {
            let words = state.get(span.offset..span.offset + span.words).unwrap_or_default();
            blobs.push((name, words.to_vec()));
        }
        let curve = self.points().iter().take_while(|point| point.step < *step).flat_map(|point| {
            let Point { step, loss, accuracy, gradient_norm } = *point;
            [step, loss.to_bits(), accuracy.to_bits(), gradient_norm.to_bits()]
        });
        blobs.push((CURVE.to_owned(), curve.collect()));
        blobs.push((SCALE.to_owned(), vec![loss_scale.to_bits(), *scale_age]));
        let parts = u64::from(self.settings().gradient_accumulation_steps.max(1));
        let done = u64::from(*step);
        let head = CheckpointHead {
            step: done,
            epoch: done / u64::from(self.steps_per_epoch()),
            data_cursor: done * parts,
            seed: u64::from(self.settings().seed),
            counters: vec![done * parts],
            schedule_position: done,
            ..head
        };
        Checkpoint { head, blobs }
    }

    /// Goes on from a checkpoint of the same model and settings: step, states and loss curve are as they were.
    ///
    /// # Errors
    /// [`EngineError::Shape`] where something is missing or has another size (then nothing has changed); a lost device.
    pub fn resume_from(&mut self, checkpoint: &Checkpoint) -> Result<(), EngineError> {
        let blob = |name: &str| {
            let missing = || EngineError::Shape { message: format!("a checkpoint without {name}") };
            checkpoint.blob(name).ok_or_else(missing)
        };
        let states = self.states();
        let mut state = vec![0; self.plan().state_words];
        for (name, span) in &states {
            let words = blob(name)?;
            let place = state.get_mut(span.offset..span.offset + span.words);
            let Some(place) = place.filter(|place| place.len() == words.len()) else {
                let message = format!("{name} of {} words for a run of {}", words.len(), span.words);
                return Err(EngineError::Shape { message });
            };
            place.copy_from_slice(words);
        }
        let more = checkpoint
            .blobs
            .iter()
            .find(|(name, _)| name.starts_with(STATE) && !states.iter().any(|(known, _)| known == name));
        if let Some((name, _)) = more {
            return Err(EngineError::Shape {
                message: format!("a checkpoint with {name}, which this run lacks"),
            });
        }
        let &[loss_scale, scale_age] = blob(SCALE)? else {
            return Err(EngineError::Shape { message: "a checkpoint without a loss scale".into() });
        };
        let step = u32::try_from(checkpoint.head.step).unwrap_or(u32::MAX);
        let loss_scale = f32::from_bits(loss_scale);
        let points = curve(checkpoint);
        if points.len() as u64 != u64::from(step) {
            let message = format!("a checkpoint of step {step} with a curve of {} steps", points.len());
            return Err(EngineError::Shape { message });
        }
        self.resume(Snapshot { step, loss_scale, scale_age, state })?;
        self.set_points(points);
        Ok(())
    }
}

/// The loss curve of a checkpoint.
#[must_use]
pub fn curve(checkpoint: &Checkpoint) -> Vec<Point> {
    let words = checkpoint.blob(CURVE).unwrap_or_default();
    let point = |&[step, loss, accuracy, norm]: &[u32; 4]| {
        let [loss, accuracy, gradient_norm] = [loss, accuracy, norm].map(f32::from_bits);
        Point { step, loss, accuracy, gradient_norm }
    };
    words.as_chunks::<4>().0.iter().map(point).collect()
}
