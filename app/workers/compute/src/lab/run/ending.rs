//! How a run is saved, how it ends, and how it goes on after the loss of the GPU.

use super::{End, Run, trouble};
use crate::{
    device,
    lab::{Trained, data::Data, evaluate::Evaluator, events::Event, keep::Belongings, place},
};
use engine::{
    EngineError,
    backends::gpu::TuneTable,
    models::Model,
    platform::{now_seconds, sleep},
    training::{Where, digest, loss_digest},
};
use std::rc::Rc;

/// Losses of the GPU in a row, without a new snapshot in between, after which the CPU goes on.
const LOSSES_IN_A_ROW: u32 = 4;

impl Run<'_> {
    pub(super) async fn save(&mut self) -> Result<(), EngineError> {
        self.session.take_snapshot().await?;
        self.losses_in_a_row = 0;
        self.save_snapshot().await;
        Ok(())
    }

    /// The last snapshot into the browser's storage.
    pub(super) async fn save_snapshot(&mut self) {
        let begin = now_seconds();
        let belongings = Belongings {
            settings: &self.settings,
            model: name_of(&self.model),
            backend: place::name(&self.place),
            seconds: self.seconds,
            tuning: match &self.place {
                Where::Gpu { device, .. } => device.tuning(),
                Where::Cpu => TuneTable::default(),
            },
            evaluations: &self.evaluations,
            text: match &self.data {
                Data::Text(text, bytes) => Some((&text.name, bytes, &text.tokenizer)),
                _ => None,
            },
        };
        self.desk.keeper.save(self.flags, &self.session, &belongings).await;
        self.saved = now_seconds();
        self.snapshot = self.saved;
        self.rate_from.0 += self.saved - begin;
    }

    pub(super) async fn finish(&mut self, end: End) -> Result<(), EngineError> {
        let step = self.session.step();
        if end != End::Stopped {
            self.evaluate(true).await?;
        }
        self.save().await?;
        let parameters = self.session.parameters(true).await?;
        if let Data::Text(text, _) = &self.data {
            let (model, tokenizer) = (self.model.clone(), text.tokenizer.clone());
            self.desk.trained.replace(Some(Rc::new(Trained { model, tokenizer, parameters, step })));
        }
        if matches!(self.place, Where::Gpu { .. }) {
            place::keep_tuning(self.context, &self.desk.keeper).await;
        }
        let weights = self.session.parameters(false).await?;
        self.flags.post(&match end {
            End::Stopped => Event::Stopped { step },
            End::Done | End::Early(_) => Event::Finished {
                step,
                best_step: if let End::Early(best) = end { Some(best) } else { None },
                loss_digest: loss_digest(self.session.points()),
                weights_digest: digest(weights.iter().map(|value| value.to_bits())),
                seconds: self.seconds,
            },
        });
        Ok(())
    }

    /// Tells an error, and keeps the last good snapshot where there is one.
    pub(super) async fn fail(&mut self, error: &EngineError) {
        let step = self.session.snapshot().step;
        if step == 0 {
            let kept = "Your settings are unchanged; nothing was kept of this run, because it never got past its \
                        first snapshot.";
            return self.flags.fail(trouble(error, kept));
        }
        self.save_snapshot().await;
        let kept = format!("The last good state, step {step}, is kept.");
        let mut found = trouble(error, &kept);
        if matches!(error, EngineError::NonFinite { .. }) {
            found.next =
                "Continue from there with a tenth of the learning rate, or clip the gradients in a new run."
                    .into();
        }
        self.flags.fail(found);
    }

    pub(super) fn can_recover(&self, error: &EngineError) -> bool {
        error.is_of_device() && matches!(self.place, Where::Gpu { .. }) && !self.flags.is_stopped()
    }

    /// Goes on from the last snapshot: on a new device, or on the CPU where there is none or it keeps failing.
    pub(super) async fn recover(&mut self, error: &EngineError) -> Result<(), EngineError> {
        self.losses_in_a_row += 1;
        if let Where::Gpu { device, .. } = &self.place
            && device.check().is_ok()
        {
            // A device that hangs is given up on purpose.
            device.device.destroy();
        }
        self.place = Where::Cpu;
        if self.losses_in_a_row < LOSSES_IN_A_ROW {
            // The browser needs a moment to bring the GPU process back.
            for pause in [0.05, 0.3, 0.8] {
                sleep(pause).await;
                if let Ok(gpu) = device::reacquire(self.context).await {
                    self.place = place::on(&gpu);
                    break;
                }
            }
        }
        let again = self.move_to(self.place.clone()).await;
        if again.is_err() {
            self.move_to(Where::Cpu).await?;
        }
        let step = self.session.step();
        self.news.retain(|point| point.step < step);
        self.evaluations.retain(|evaluation| evaluation.step <= step);
        self.rate_from = (now_seconds(), step);
        let backend = place::name(&self.place);
        self.flags.post(&Event::Recovered { cause: error.to_string(), step, backend });
        Ok(())
    }

    async fn move_to(&mut self, place: Where) -> Result<(), EngineError> {
        self.session.restore(&place).await?;
        let batch = self.settings.step.micro_batch_size;
        self.evaluator = Evaluator::new(&self.model, batch, &place).await?;
        self.place = place;
        Ok(())
    }
}

const fn name_of(model: &Model) -> &'static str {
    match model {
        Model::Network(_) => "Network on digits",
        Model::Residual(_) => "Residual network on digits",
        Model::Gpt(_) => "GPT on text",
        Model::VisionTransformer(_) => "Vision transformer on digits",
        Model::Autoencoder(_) => "Autoencoder on digits",
        Model::Toy(_) => "Network on points of the plane",
    }
}
