//! One replica: a run on its share of the batch whose gradients are exchanged before each update.

use super::{GradientBucket, Out, Ring, RingMessage, ShareOfBatch, bucket_ranges, ready_times, share};
use crate::{
    EngineError,
    backends::Executor,
    models::Model,
    platform::now_seconds,
    training::{Examples, Point, RateOfStep, Session, StepSettings, Where},
};

/// A FIFO to the next rank, and one from the rank before.
pub trait Channel {
    /// Sends to the next rank.
    fn send(&mut self, message: RingMessage);

    /// The next message of the rank before, if it is there.
    fn receive(&mut self) -> Option<RingMessage>;
}

/// A replica's place among the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplicaSettings {
    /// This rank, from 0.
    pub rank: usize,
    /// All of them: `data_parallel_size`.
    pub ranks: usize,
    /// Examples of one update, over all ranks.
    pub global_batch_size: usize,
    /// Most words of a bucket.
    pub bucket_words: usize,
    /// Whether buckets travel while the backward pass still runs; else all of them after it.
    pub overlap: bool,
}

/// Where the time of one step went, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct StepTimes {
    /// The whole step.
    pub step_seconds: f64,
    /// Filling the batch, forward, backward and update.
    pub compute_seconds: f64,
    /// From the first bucket sent to the last one summed.
    pub communication_seconds: f64,
    /// The part of it after the backward pass was done: what nothing hides.
    pub exposed_seconds: f64,
}

impl StepTimes {
    /// The part of the exchange that was hidden behind the backward pass, in seconds.
    #[must_use]
    pub fn overlapped_seconds(&self) -> f64 {
        (self.communication_seconds - self.exposed_seconds).max(0.0)
    }
}

/// What a turn came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Turn {
    /// There is more to do at once.
    Worked,
    /// Nothing can be done before a message comes.
    Waiting,
    /// The step is done.
    Finished(Point, StepTimes),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Idle,
    Backward { next_call: usize },
    Exchange,
}

/// A replica. One step is many turns, so that whoever drives it can let messages in between.
#[derive(Debug)]
pub struct ReplicaSession {
    session: Session,
    ring: Ring,
    /// In the order of the flat buffer: numbers of buckets are the same on every rank.
    buckets: Vec<GradientBucket>,
    /// Numbers of buckets in the order in which this rank completes them.
    order: Vec<usize>,
    sent: usize,
    /// Share of the global batch: the mean over it is the weighted sum of the ranks' means.
    weight: f32,
    stage: Stage,
    began: f64,
    first_sent: f64,
    backward_done: f64,
    last_summed: f64,
    times: StepTimes,
}

impl ReplicaSession {
    /// Sets a replica up: `examples` gives global batches, of which it takes its slice.
    ///
    /// # Errors
    /// As [`Session::new`]; [`EngineError::Shape`] for settings that make replicas differ from one large batch.
    pub async fn new(
        model: &Model,
        settings: StepSettings,
        replica: ReplicaSettings,
        rate: RateOfStep,
        examples: Box<dyn Examples>,
        place: &Where,
    ) -> Result<Self, EngineError> {
        let ReplicaSettings { rank, ranks, global_batch_size, bucket_words, overlap } = replica;
        check(&settings, &replica)?;
        let own = share(global_batch_size, ranks, rank).len();
        let settings = StepSettings { micro_batch_size: own, ..settings };
        let examples = Box::new(ShareOfBatch::new(examples, global_batch_size, ranks, rank));
        let session = Session::new(model, settings, rate, examples, place).await?;
        let recorded = session.recorded();
        let ranges = bucket_ranges(&recorded.layout, bucket_words);
        let gradients = session.plan().span(recorded.gradients)?;
        let mut buckets = ready_times(session.plan(), gradients, &ranges)?;
        if !overlap {
            let end = session.plan().phases.first().map_or(0, |phase| phase.end);
            for bucket in &mut buckets {
                bucket.ready = end;
            }
        }
        let words: Vec<usize> = ranges.iter().map(ExactSizeIterator::len).collect();
        let mut order: Vec<usize> = (0..buckets.len()).collect();
        order.sort_by_key(|number| buckets.get(*number).map_or(0, |bucket| bucket.ready));
        Ok(Self {
            ring: Ring::new(rank, ranks, &words)?,
            session,
            buckets,
            order,
            sent: 0,
            weight: own as f32 / global_batch_size as f32,
            stage: Stage::Idle,
            began: 0.0,
            first_sent: 0.0,
            backward_done: 0.0,
            last_summed: 0.0,
            times: StepTimes::default(),
        })
    }

    /// The run underneath.
    pub const fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Buckets, in the order of the flat gradients.
    #[must_use]
    pub fn buckets(&self) -> &[GradientBucket] {
        &self.buckets
    }

    /// Takes in what came, then does one piece of the step: some calls of the backward pass, or the update.
    ///
    /// # Errors
    /// As [`Session::advance`]; [`EngineError::Shape`] where replicas are out of step.
    pub async fn turn(&mut self, channel: &mut dyn Channel) -> Result<Turn, EngineError> {
        let mut has_received = false;
        // What comes between two steps is of the next one; the ring keeps it.
        while let Some(message) = channel.receive() {
            has_received = true;
            let outs = self.ring.on_message(message)?;
            self.apply(outs, channel)?;
        }
        match self.stage {
            Stage::Idle => self.begin()?,
            Stage::Backward { next_call } => self.backward(next_call, channel).await?,
            Stage::Exchange if self.ring.is_finished() => return self.update().await,
            Stage::Exchange if !has_received => return Ok(Turn::Waiting),
            Stage::Exchange => {}
        }
        Ok(Turn::Worked)
    }

    fn begin(&mut self) -> Result<(), EngineError> {
        self.began = now_seconds();
        self.times = StepTimes::default();
        self.sent = 0;
        let step = self.session.step();
        self.ring.begin_round(step);
        self.session.begin_micro_batch(step, 0)?;
        let next_call = self.session.plan().phases.first().map_or(0, |phase| phase.start);
        self.stage = Stage::Backward { next_call };
        self.times.compute_seconds = now_seconds() - self.began;
        Ok(())
    }

    /// Runs calls up to the next complete bucket at most, and sends what is complete.
    async fn backward(&mut self, next_call: usize, channel: &mut dyn Channel) -> Result<(), EngineError> {
        let last = self.session.plan().phases.first().map_or(0, |phase| phase.end);
        let ready = self.next_ready().unwrap_or(last).clamp(next_call, last);
        // The CPU looks for messages after every call; the GPU gets as many at once as it may.
        let end = match self.session.executor() {
            Executor::Cpu(_) => ready.min(next_call + 1),
            Executor::Gpu(_) => ready,
        };
        let begin = now_seconds();
        self.session.executor().run_calls(next_call..end).await?;
        // Before anything is sent: reading and sending gradients is no computing, and hides nothing.
        self.backward_done = now_seconds();
        self.times.compute_seconds += self.backward_done - begin;
        while self.next_ready().is_some_and(|ready| ready <= end) {
            self.send_bucket(channel).await?;
        }
        let is_done = end == last && self.sent == self.buckets.len();
        self.stage = if is_done { Stage::Exchange } else { Stage::Backward { next_call: end } };
        Ok(())
    }

    fn next_ready(&self) -> Option<usize> {
        let number = self.order.get(self.sent)?;
        self.buckets.get(*number).map(|bucket| bucket.ready)
    }

    async fn send_bucket(&mut self, channel: &mut dyn Channel) -> Result<(), EngineError> {
        let Some((number, bucket)) =
            self.order.get(self.sent).and_then(|number| Some((*number, self.buckets.get(*number)?)))
        else {
            return Ok(());
        };
        let mut values = self.session.read_gradients(bucket.range.clone()).await?;
        for value in &mut values {
            *value *= self.weight;
        }
        if self.sent == 0 {
            self.first_sent = now_seconds();
        }
        self.sent += 1;
        let outs = self.ring.start(number, values)?;
        self.apply(outs, channel)
    }

    fn apply(&mut self, outs: Vec<Out>, channel: &mut dyn Channel) -> Result<(), EngineError> {
        for out in outs {
            match out {
                Out::Send(message) => channel.send(message),
                Out::Finished { bucket } => {
                    let offset = self.buckets.get(bucket).map_or(0, |bucket| bucket.range.start);
                    self.session.write_gradients(offset, self.ring.sums(bucket))?;
                    self.last_summed = now_seconds();
                }
            }
        }
        Ok(())
    }

    async fn update(&mut self) -> Result<Turn, EngineError> {
        let begin = now_seconds();
        let point = self.session.run_update().await?;
        let now = now_seconds();
        self.times.compute_seconds += now - begin;
        self.times.step_seconds = now - self.began;
        self.times.communication_seconds = (self.last_summed - self.first_sent).max(0.0);
        self.times.exposed_seconds = (self.last_summed - self.backward_done).max(0.0);
        self.stage = Stage::Idle;
        Ok(Turn::Finished(point, self.times))
    }
}

fn check(settings: &StepSettings, replica: &ReplicaSettings) -> Result<(), EngineError> {
    let refuse = |message: &str| Err(EngineError::Shape { message: message.into() });
    if replica.ranks == 0 || replica.global_batch_size < replica.ranks {
        return refuse("each replica needs at least one example of the batch");
    }
    if settings.mixed_precision || settings.gradient_accumulation_steps > 1 || settings.dropout > 0.0 {
        // Each rank would scale, sum or drop differently from the one large batch that the lesson compares with.
        return refuse("replicas train in f32, without accumulation and without dropout");
    }
    Ok(())
}
