//! A run: set up or taken up, trained in short chunks, shown, measured, saved, and brought through the loss of the GPU.

mod ending;
mod ground;

use ground::Ground;

use super::{
    Desk, Flags, Trouble,
    data::{Data, File},
    evaluate::Evaluator,
    events::{Evaluation, Event, Row},
    keep, place,
    settings::{Settings, Writing},
    write::Writer,
};
use crate::context::{Context, explain};
use engine::{
    EngineError,
    checkpoint::Checkpoint,
    models::Model,
    platform::{now_seconds, sleep, yield_now},
    training::{
        Point, Session, Where,
        schedule::{EarlyStop, Verdict},
    },
};
use std::rc::Rc;

/// Seconds between two reports to the page.
const REPORT_EVERY: f64 = 0.1;
/// Seconds between two pictures of a boundary.
const BOUNDARY_EVERY: f64 = 0.3;
/// Seconds between two snapshots in memory.
const SNAPSHOT_EVERY: f64 = 1.0;
/// Seconds of one chunk of steps: well below what a stop may wait for.
const CHUNK_SECONDS: f64 = 0.04;

const UNCHANGED: &str = "The run that is kept, if any, is unchanged.";

/// What the visitor reads of an engine error.
pub fn trouble(error: &EngineError, kept: &str) -> Trouble {
    let found = explain(error, kept);
    Trouble { what: found.what, kept: found.kept, next: found.next }
}

/// How a stretch of training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Stopped,
    Done,
    /// Held-out loss no longer fell; the step of the best measurement.
    Early(u32),
}

/// Runs from the first step, or from a checkpoint.
pub async fn run(
    context: &Rc<Context>,
    desk: &Desk,
    flags: &Flags,
    settings: Settings,
    file: Option<File>,
    checkpoint: Option<Rc<Checkpoint>>,
) {
    match Run::set_up((context, desk, flags), settings, file, checkpoint).await {
        Ok(mut run) => run.run_all().await,
        Err(_) if flags.is_stopped() => flags.post(&Event::Stopped { step: 0 }),
        Err(found) => flags.fail(found),
    }
}

struct Run<'a> {
    context: &'a Rc<Context>,
    desk: &'a Desk,
    flags: &'a Flags,
    settings: Settings,
    model: Model,
    data: Data,
    place: Where,
    session: Session,
    evaluator: Evaluator,
    writer: Option<Writer>,
    evaluations: Vec<Evaluation>,
    /// Points not yet reported.
    news: Vec<Point>,
    reported: f64,
    pictured: f64,
    snapshot: f64,
    saved: f64,
    /// (time, step) about a second ago, for the rate.
    rate_from: (f64, u32),
    seconds: f64,
    chunk: u32,
    losses_in_a_row: u32,
}

impl<'a> Run<'a> {
    async fn set_up(
        (context, desk, flags): (&'a Rc<Context>, &'a Desk, &'a Flags),
        settings: Settings,
        file: Option<File>,
        checkpoint: Option<Rc<Checkpoint>>,
    ) -> Result<Self, Trouble> {
        let checkpoint = checkpoint.as_deref();
        let mut ground = Ground::prepare((context, desk, flags), &settings, file, checkpoint).await?;
        flags.post(&Event::Progress { what: "Compiling the training step".into() });
        yield_now().await;
        let (session, evaluator) = ground.build(context, &settings, checkpoint).await?;
        let Ground { data, model, place, reason } = ground;
        let failed = |error: EngineError| trouble(&error, UNCHANGED);
        let now = now_seconds();
        let run = Self {
            rate_from: (now, session.step()),
            evaluator,
            writer: Writer::new(&model).await.map_err(failed)?,
            evaluations: checkpoint.map(keep::evaluations).unwrap_or_default(),
            seconds: checkpoint.map_or(0.0, |checkpoint| keep::seconds_before(&checkpoint.head)),
            context,
            desk,
            flags,
            settings,
            model,
            data,
            place,
            session,
            news: vec![],
            reported: now,
            pictured: f64::NEG_INFINITY,
            snapshot: now,
            saved: now,
            chunk: 1,
            losses_in_a_row: 0,
        };
        run.tell_start(reason);
        Ok(run)
    }

    fn tell_start(&self, reason: String) {
        let plane = match &self.data {
            Data::Plane { points, labels, .. } => {
                let rows = points.iter().zip(labels.iter());
                rows.flat_map(|([x, y], label)| [*x, *y, *label as f32]).collect()
            }
            _ => vec![],
        };
        self.flags.post(&Event::Started {
            backend: place::name(&self.place),
            reason,
            parameters: self.session.recorded().layout.count(),
            step: self.session.step(),
            steps: self.settings.steps,
            plan_bytes: self.session.plan().bytes(),
            unit: match &self.data {
                Data::Plane { .. } => "points",
                Data::Digits(_) => "images",
                Data::Text(..) => "tokens",
            },
            points: self.session.points().iter().map(|point| self.row(point)).collect(),
            evaluations: self.evaluations.clone(),
            notes: self.data.notes(),
            query: self.settings.query.clone(),
            plane,
        });
    }

    fn row(&self, point: &Point) -> Row {
        let rate = self.settings.schedule.rate(point.step);
        let values = [point.loss, point.accuracy, point.gradient_norm, rate].map(f64::from);
        let [loss, accuracy, norm, rate] = values;
        [f64::from(point.step), loss, accuracy, norm, rate]
    }

    /// Trains to an end; a lost GPU is replaced, anything else is told.
    async fn run_all(&mut self) {
        while let Err(error) = self.try_all().await {
            let again = if self.can_recover(&error) { self.recover(&error).await } else { Err(error) };
            if let Err(error) = again {
                self.report(true);
                return self.fail(&error).await;
            }
        }
    }

    async fn try_all(&mut self) -> Result<(), EngineError> {
        let end = self.segment().await?;
        self.report(true);
        self.finish(end).await
    }

    /// From the current step to the end, or to an error.
    async fn segment(&mut self) -> Result<End, EngineError> {
        let mut early = self.early_stop();
        let (steps, every) = (self.settings.steps, self.settings.evaluate_every);
        while self.session.step() < steps {
            self.serve().await?;
            if self.flags.is_stopped() {
                return Ok(End::Stopped);
            }
            let step = self.session.step();
            let fitting = self.chunk.min(every - step % every).min(steps - step);
            let begin = now_seconds();
            let points = self.session.advance(fitting).await?;
            let elapsed = now_seconds() - begin;
            self.seconds += elapsed;
            self.chunk = self.next_chunk(elapsed);
            self.news.extend(points);
            self.report(false);
            yield_now().await;
            let step = self.session.step();
            if step.is_multiple_of(every) && step < steps {
                let found = self.evaluate(false).await?;
                if let Some(early) = &mut early
                    && early.observe(u64::from(step), f64::from(found.loss)) == Verdict::Stop
                {
                    return Ok(End::Early(early.best().map_or(step, |(best, _)| best as u32)));
                }
            }
            self.picture().await?;
            self.keep_when_due().await?;
        }
        Ok(End::Done)
    }

    /// The judge of held-out losses, who has seen those before this stretch.
    fn early_stop(&self) -> Option<EarlyStop> {
        let patience = self.settings.patience;
        let mut early = (patience > 0).then(|| EarlyStop::new(patience, 0.0))?;
        for evaluation in &self.evaluations {
            early.observe(u64::from(evaluation.step), f64::from(evaluation.loss));
        }
        Some(early)
    }

    /// As many steps as take [`CHUNK_SECONDS`]. A loss scale changes where it is looked at, so that with 16 bits each
    /// step is looked at: the bits of a run may not depend on the speed of the machine.
    fn next_chunk(&self, elapsed: f64) -> u32 {
        if self.settings.step.mixed_precision {
            return 1;
        }
        let fitting = f64::from(self.chunk) * CHUNK_SECONDS / elapsed.max(1e-6);
        (fitting as u32).clamp(1, self.chunk * 2).min(32)
    }

    /// Holds the run while the visitor wants it held, and writes what they asked for.
    async fn serve(&mut self) -> Result<(), EngineError> {
        let begin = now_seconds();
        if self.flags.is_paused() {
            self.report(true);
            self.flags.post(&Event::Paused { step: self.session.step() });
            self.save().await?;
            while self.flags.is_paused() {
                self.write_what_was_asked().await?;
                sleep(0.02).await;
            }
            if !self.flags.is_stopped() {
                self.flags.post(&Event::Resumed);
            }
        }
        self.write_what_was_asked().await?;
        // Neither a pause nor a text is training: the rate does not count it.
        self.rate_from.0 += now_seconds() - begin;
        Ok(())
    }

    async fn write_what_was_asked(&mut self) -> Result<(), EngineError> {
        while let Some(writing) = self.flags.next_writing() {
            let parameters = self.session.parameters(true).await?;
            self.write(&parameters, &writing).await?;
        }
        Ok(())
    }

    async fn write(&mut self, parameters: &[f32], writing: &Writing) -> Result<(), EngineError> {
        let (Some(writer), Data::Text(text, _)) = (&mut self.writer, &self.data) else { return Ok(()) };
        let made = writer.write(self.flags, &text.tokenizer, parameters, writing).await?;
        let step = self.session.step();
        self.flags.post(&Event::Sample { step, prompt: writing.prompt.clone(), text: made });
        Ok(())
    }

    fn report(&mut self, at_once: bool) {
        let now = now_seconds();
        if !at_once && now - self.reported < REPORT_EVERY {
            return;
        }
        self.reported = now;
        let step = self.session.step();
        let (since, from) = self.rate_from;
        let steps_per_second = f64::from(step.saturating_sub(from)) / (now - since).max(1e-6);
        if now - since > 1.0 {
            self.rate_from = (now, step);
        }
        let to_go = f64::from(self.settings.steps.saturating_sub(step));
        let news = std::mem::take(&mut self.news);
        self.flags.post(&Event::Steps {
            points: news.iter().map(|point| self.row(point)).collect(),
            per_second: steps_per_second * self.units_of_a_step(),
            remaining_seconds: if steps_per_second > 0.0 { to_go / steps_per_second } else { 0.0 },
        });
    }

    /// Tokens or examples of one update.
    fn units_of_a_step(&self) -> f64 {
        let parts = f64::from(self.settings.step.gradient_accumulation_steps);
        let length = if let Model::Gpt(gpt) = &self.model { gpt.sequence_length } else { 1 };
        parts * (self.settings.step.micro_batch_size * length) as f64
    }

    async fn evaluate(&mut self, is_last: bool) -> Result<Evaluation, EngineError> {
        self.report(true);
        let begin = now_seconds();
        let step = self.session.step();
        let parameters = self.session.parameters(true).await?;
        let found = self.evaluator.evaluate(self.flags, &self.data, &parameters, step, is_last).await?;
        self.evaluations.retain(|evaluation| evaluation.step < step);
        self.evaluations.push(found);
        let writing = self.settings.writing.clone();
        self.write(&parameters, &writing).await?;
        self.rate_from.0 += now_seconds() - begin;
        self.pictured = now_seconds();
        Ok(found)
    }

    /// The boundary as it moves, between two measurements.
    async fn picture(&mut self) -> Result<(), EngineError> {
        if !matches!(self.data, Data::Plane { .. }) || now_seconds() - self.pictured < BOUNDARY_EVERY {
            return Ok(());
        }
        let begin = now_seconds();
        let parameters = self.session.parameters(true).await?;
        self.evaluator.boundary(self.flags, &parameters, self.session.step()).await?;
        self.pictured = now_seconds();
        self.rate_from.0 += now_seconds() - begin;
        Ok(())
    }

    async fn keep_when_due(&mut self) -> Result<(), EngineError> {
        let now = now_seconds();
        if now - self.saved > self.settings.save_every_seconds {
            self.save().await?;
        } else if now - self.snapshot > SNAPSHOT_EVERY {
            self.session.take_snapshot().await?;
            self.snapshot = now_seconds();
            self.losses_in_a_row = 0;
        }
        Ok(())
    }
}
