//! A replica's run: turns of its session, with room for messages between them.

use super::{port::Port, subject::Settings};
use engine::{
    EngineError,
    platform::{now_seconds, yield_now},
    training::{
        Point, Session, Where,
        parallel::{ReplicaSession, StepTimes, Turn},
    },
};
use std::rc::Rc;

const LEARNING_RATE: f64 = 0.05;
/// Messages are let in this often while the replica computes.
const YIELD_SECONDS: f64 = 1e-3;
const ALIVE_SECONDS: f64 = 0.25;

/// A run that is ready.
#[derive(Debug)]
pub struct Run {
    settings: Settings,
    kind: Kind,
    /// Words of the flat gradients.
    pub words: usize,
    /// Buckets of them.
    pub buckets: usize,
}

#[derive(Debug)]
enum Kind {
    /// One replica pays for no exchange: it is an ordinary run of the whole batch.
    Alone(Box<Session>),
    Ring(Box<ReplicaSession>, Port),
}

/// What a run came to.
#[derive(Debug)]
pub struct Outcome {
    /// Five numbers a timed step: the step, compute, communication, its exposed part (all in seconds), loss.
    pub times: Vec<f64>,
    /// Gradients of the first step.
    pub gradients: Vec<f32>,
    /// Weights after the last.
    pub weights: Vec<f32>,
}

fn explained(error: &EngineError) -> String {
    error.to_string()
}

impl Run {
    /// Sets the replica up.
    ///
    /// # Errors
    /// In words: settings that do not fit together, or no memory.
    pub async fn new(settings: Settings, port: Option<Port>) -> Result<Self, String> {
        let model = settings.model();
        let examples = Box::new(settings.examples(&model)?);
        let rate = Rc::new(|_| LEARNING_RATE);
        let step = settings.step();
        let (kind, words, buckets) = match port {
            None if settings.ranks == 1 => {
                let session = Session::new(&model, step, rate, examples, &Where::Cpu);
                let session = session.await.map_err(|error| explained(&error))?;
                let words = session.recorded().layout.words;
                (Kind::Alone(Box::new(session)), words, 0)
            }
            None => return Err("a replica has no neighbours".into()),
            Some(port) => {
                let replica = settings.replica();
                let made = ReplicaSession::new(&model, step, replica, rate, examples, &Where::Cpu).await;
                let mut session = made.map_err(|error| explained(&error))?;
                let words = session.session().recorded().layout.words;
                let buckets = session.buckets().len();
                (Kind::Ring(Box::new(session), port), words, buckets)
            }
        };
        Ok(Self { settings, kind, words, buckets })
    }

    /// Trains all steps; `alive` hears how many are done.
    ///
    /// # Errors
    /// In words: replicas out of step, or numbers that are no longer finite.
    pub async fn train(&mut self, alive: impl Fn(u32)) -> Result<Outcome, String> {
        let mut out = Outcome { times: vec![], gradients: vec![], weights: vec![] };
        let Settings { steps, warm_up_steps, .. } = self.settings;
        let mut told = now_seconds();
        for step in 0..warm_up_steps + steps {
            let tell = || {
                if now_seconds() - told > ALIVE_SECONDS {
                    told = now_seconds();
                    alive(step);
                }
            };
            let (point, times) = self.kind.step(tell).await?;
            if step == 0 {
                out.gradients = self.kind.session().gradients().await.map_err(|error| explained(&error))?;
            }
            if step >= warm_up_steps {
                let StepTimes { step_seconds, compute_seconds, communication_seconds, exposed_seconds } =
                    times;
                let loss = f64::from(point.loss);
                out.times.extend([
                    step_seconds,
                    compute_seconds,
                    communication_seconds,
                    exposed_seconds,
                    loss,
                ]);
            }
        }
        out.weights = self.kind.session().parameters(false).await.map_err(|error| explained(&error))?;
        Ok(out)
    }
}

impl Kind {
    fn session(&mut self) -> &mut Session {
        match self {
            Self::Alone(session) => session,
            Self::Ring(replica, _) => replica.session(),
        }
    }

    async fn step(&mut self, mut tell: impl FnMut()) -> Result<(Point, StepTimes), String> {
        let (replica, port) = match self {
            Self::Alone(session) => {
                let begin = now_seconds();
                let points = session.advance(1).await.map_err(|error| explained(&error))?;
                let seconds = now_seconds() - begin;
                yield_now().await;
                tell();
                let point = points.first().copied().ok_or("a step left no record")?;
                let times =
                    StepTimes { step_seconds: seconds, compute_seconds: seconds, ..StepTimes::default() };
                return Ok((point, times));
            }
            Self::Ring(replica, port) => (replica, port),
        };
        let mut yielded = now_seconds();
        loop {
            let turn = replica.turn(port).await.map_err(|error| explained(&error))?;
            if let Some(failure) = port.failure.take() {
                return Err(failure);
            }
            match turn {
                Turn::Finished(point, times) => return Ok((point, times)),
                Turn::Waiting => port.wait().await,
                Turn::Worked if now_seconds() - yielded > YIELD_SECONDS => yield_now().await,
                Turn::Worked => continue,
            }
            yielded = now_seconds();
            tell();
        }
    }
}
