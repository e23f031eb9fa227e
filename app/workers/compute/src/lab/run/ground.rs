//! What a run stands on before its first step.

use super::{UNCHANGED, trouble};
use crate::{
    context::Context,
    lab::{
        Desk, Flags, Trouble,
        data::{Data, File},
        evaluate::Evaluator,
        keep, place,
        settings::Settings,
    },
    prepare::instead,
};
use engine::{
    EngineError,
    backends::gpu::TuneTable,
    checkpoint::Checkpoint,
    models::Model,
    training::{Session, Where},
};
use std::rc::Rc;

/// Data, model and place of a run, and why it runs there.
pub(super) struct Ground {
    pub data: Data,
    pub model: Model,
    pub place: Where,
    pub reason: String,
}

impl Ground {
    /// Makes the data, then the model, then chooses the place.
    pub(super) async fn prepare(
        (context, desk, flags): (&Context, &Desk, &Flags),
        settings: &Settings,
        file: Option<File>,
        checkpoint: Option<&Checkpoint>,
    ) -> Result<Self, Trouble> {
        let data = Data::make(context, flags, settings, file).await;
        let data = data.map_err(|error| Trouble::new(error.what, error.next))?;
        let model = settings.model(data.vocab_size());
        let (place, reason) = match checkpoint {
            Some(checkpoint) => {
                let was_on_gpu = keep::ran_on_gpu(&checkpoint.head);
                place::choose_again(context, flags, &desk.keeper, was_on_gpu).await
            }
            None => place::choose(context, flags, &desk.keeper, (settings, &model, &data)).await?,
        };
        Ok(Self { data, model, place, reason })
    }

    /// A session at its first step, or where a checkpoint was, and what measures it. A GPU that fails meanwhile is
    /// asked once more, anew; then the CPU runs it, and the reason says so.
    ///
    /// # Errors
    /// The model is too large, the text too short, or the checkpoint another run's.
    pub(super) async fn build(
        &mut self,
        context: &Context,
        settings: &Settings,
        checkpoint: Option<&Checkpoint>,
    ) -> Result<(Session, Evaluator), Trouble> {
        // Whether the data fits does not depend on the place.
        self.data
            .examples(&self.model, settings.step.seed)
            .map_err(|error| Trouble::new(error.what, error.next))?;
        for attempt in 0.. {
            let error = match self.build_here(settings, checkpoint).await {
                Ok(built) => return Ok(built),
                Err(error) => error,
            };
            if !error.is_of_device() || matches!(self.place, Where::Cpu) {
                return Err(Self::refusal(&error, checkpoint.is_some()));
            }
            (self.place, self.reason) = instead(context, &self.place, &error, attempt == 0).await;
        }
        Err(trouble(&EngineError::Cancelled, UNCHANGED))
    }

    fn refusal(error: &EngineError, is_kept: bool) -> Trouble {
        match error {
            EngineError::Shape { message } if is_kept => Trouble::new(
                format!("The kept run does not fit this build: {message}."),
                "Start a new run with its settings, which are in the form.",
            ),
            other => trouble(other, UNCHANGED),
        }
    }

    async fn build_here(
        &self,
        settings: &Settings,
        checkpoint: Option<&Checkpoint>,
    ) -> Result<(Session, Evaluator), EngineError> {
        if let (Where::Gpu { device, .. }, Some(checkpoint)) = (&self.place, checkpoint) {
            // The kernels that it ran with, so that its numbers keep their last bits.
            device.adopt_tuning(&TuneTable::from_text(&checkpoint.head.tuning));
        }
        let examples = self
            .data
            .examples(&self.model, settings.step.seed)
            .map_err(|error| EngineError::Shape { message: error.to_string() })?;
        let schedule = settings.schedule;
        let rate = Rc::new(move |step| f64::from(schedule.rate(step)));
        let mut session = Session::new(&self.model, settings.step, rate, examples, &self.place).await?;
        if let Some(checkpoint) = checkpoint {
            session.resume_from(checkpoint)?;
        }
        let batch = settings.step.micro_batch_size;
        Ok((session, Evaluator::new(&self.model, batch, &self.place).await?))
    }
}
