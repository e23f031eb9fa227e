//! What a run stands on before its first step.

use super::{UNCHANGED, trouble};
use crate::{
    context::Context,
    lab::{
        Desk, Flags, Trouble,
        data::{Data, File},
        keep, place,
        settings::Settings,
    },
};
use engine::{
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
                let before = (keep::ran_on_gpu(&checkpoint.head), checkpoint.head.tuning.as_str());
                place::choose_again(context, flags, &desk.keeper, before).await
            }
            None => place::choose(context, flags, &desk.keeper, (settings, &model, &data)).await?,
        };
        Ok(Self { data, model, place, reason })
    }

    /// A session at its first step, or where a checkpoint was.
    pub(super) async fn session(
        &self,
        settings: &Settings,
        checkpoint: Option<&Checkpoint>,
    ) -> Result<Session, Trouble> {
        let examples = self
            .data
            .examples(&self.model, settings.step.seed)
            .map_err(|error| Trouble::new(error.what, error.next))?;
        let schedule = settings.schedule;
        let rate = Rc::new(move |step| f64::from(schedule.rate(step)));
        let mut session = Session::new(&self.model, settings.step, rate, examples, &self.place)
            .await
            .map_err(|error| trouble(&error, UNCHANGED))?;
        if let Some(checkpoint) = checkpoint {
            session.resume_from(checkpoint).map_err(|error| {
                let what = format!("The kept run does not fit this build: {error}.");
                Trouble::new(what, "Start a new run with its settings, which are in the form.")
            })?;
        }
        Ok(session)
    }
}
