//! A run that stops anywhere and goes on from its checkpoint ends with the bits of a run that nothing disturbed; a
//! store that fails at any operation never loses the last good checkpoint.

#![allow(clippy::expect_used, clippy::panic, reason = "a test may stop where it stands")]

mod support;

use engine::{
    checkpoint::{
        Checkpoint, CheckpointHead,
        generations::{Generations, Store, StoreError},
    },
    datasets::text::{TextDataset, TokenizerChoice},
    models::Model,
    random::Stream,
    training::{
        Examples, OptimizerSpec, RateOfStep, Session, StepSettings, TextExamples, Where, digest, loss_digest,
        schedule::{Schedule, Shape},
    },
};
use pollster::block_on;
use std::{cell::RefCell, collections::BTreeMap, rc::Rc};
use support::{Fixed, small_gpt, small_models};

const STEPS: u32 = 14;

/// Everything that makes a run.
#[derive(Debug, Clone)]
struct Run {
    model: Model,
    settings: StepSettings,
    schedule: Schedule,
    text: Option<Rc<TextDataset>>,
}

impl Run {
    fn new(model: Model, settings: StepSettings) -> Self {
        let schedule =
            Schedule { shape: Shape::Cosine, peak: 3e-3, floor: 0.1, warm_up_steps: 3, total_steps: STEPS };
        Self {
            model,
            settings: StepSettings { micro_batch_size: 4, seed: 11, ..settings },
            schedule,
            text: None,
        }
    }

    fn session(&self) -> Session {
        let examples: Box<dyn Examples> = match (&self.text, &self.model) {
            (Some(text), Model::Gpt(gpt)) => Box::new(
                TextExamples::new(Rc::clone(text), self.settings.seed, gpt.sequence_length)
                    .expect("long enough"),
            ),
            _ => Box::new(Fixed { model: self.model.clone() }),
        };
        let schedule = self.schedule;
        let rate: RateOfStep = Rc::new(move |step| f64::from(schedule.rate(step)));
        block_on(Session::new(&self.model, self.settings, rate, examples, &Where::Cpu)).expect("a session")
    }

    /// Steps one by one, since a loss scale changes between two reads.
    fn advance(session: &mut Session, until: u32) {
        while session.step() < until {
            block_on(session.advance(1)).expect("a step");
        }
    }

    /// Digests of the loss curve and of all state.
    fn finish(session: &mut Session) -> [String; 2] {
        Self::advance(session, STEPS);
        block_on(session.take_snapshot()).expect("a snapshot");
        [loss_digest(session.points()), digest(session.snapshot().state.iter().copied())]
    }

    fn bytes_at(&self, step: u32) -> Vec<u8> {
        let mut session = self.session();
        Self::advance(&mut session, step);
        block_on(session.take_snapshot()).expect("a snapshot");
        // What comes after the snapshot must not get into the checkpoint.
        Self::advance(&mut session, (step + 2).min(STEPS));
        session.checkpoint(CheckpointHead::default()).to_bytes().expect("bytes")
    }

    fn resumed(&self, bytes: &[u8]) -> [String; 2] {
        let checkpoint = Checkpoint::from_bytes(bytes).expect("a whole file");
        let mut session = self.session();
        session.resume_from(&checkpoint).expect("the same run");
        assert_eq!(u64::from(session.step()), checkpoint.head.step);
        Self::finish(&mut session)
    }
}

fn optimizers() -> [OptimizerSpec; 7] {
    [
        OptimizerSpec::Sgd { momentum: 0.0, nesterov: false },
        OptimizerSpec::SGD,
        OptimizerSpec::Sgd { momentum: 0.9, nesterov: true },
        OptimizerSpec::ADAM,
        OptimizerSpec::Lion { beta1: 0.9, beta2: 0.99 },
        OptimizerSpec::Adafactor { beta2: 0.99 },
        OptimizerSpec::Muon { momentum: 0.95 },
    ]
}

/// Every optimiser, every model, and every setting that keeps state of its own.
fn runs() -> Vec<Run> {
    let mut runs: Vec<Run> = optimizers()
        .into_iter()
        .map(|optimizer| Run::new(small_gpt(true), StepSettings { optimizer, ..StepSettings::default() }))
        .collect();
    let busy = StepSettings {
        gradient_accumulation_steps: 2,
        clip_norm: Some(0.5),
        weight_decay: 0.1,
        average_decay: Some(0.9),
        smoothing: 0.1,
        dropout: 0.2,
        ..StepSettings::default()
    };
    runs.extend(small_models().into_iter().map(|model| Run::new(model, busy)));
    runs.push(Run::new(small_gpt(false), StepSettings { mixed_precision: true, ..busy }));
    runs.push(Run::new(small_gpt(true), StepSettings { recompute: true, ..busy }));
    let sentence = "The lamp is lit, and the boat comes home over the dark water.\n".repeat(30);
    let text = TextDataset::new("boats", &sentence, TokenizerChoice::Byte).expect("a text");
    if let Model::Gpt(gpt) = small_gpt(true) {
        let model = Model::Gpt(engine::models::Gpt { vocab_size: 256, ..gpt });
        runs.push(Run { text: Some(Rc::new(text)), ..Run::new(model, busy) });
    }
    runs
}

#[test]
fn fifty_runs_that_stop_somewhere_end_with_the_bits_of_the_undisturbed_run() {
    let runs = runs();
    let undisturbed: Vec<[String; 2]> = runs.iter().map(|run| Run::finish(&mut run.session())).collect();
    let random = Stream::new(2026, 5);
    for point in 0..50_u32 {
        let which = point as usize % runs.len();
        let step = random.bits(point) % STEPS;
        let (run, expected) = (&runs[which], &undisturbed[which]);
        assert_eq!(&run.resumed(&run.bytes_at(step)), expected, "run {which} from step {step}: {run:?}");
    }
    let distinct: std::collections::BTreeSet<_> = undisturbed.iter().collect();
    // Computing activations again changes no bit, so that run is the twin of another.
    assert_eq!(distinct.len(), runs.len() - 1, "runs that are all alike would prove nothing");
}

#[test]
fn what_a_checkpoint_leaves_out_would_be_noticed() {
    let run = &runs()[3];
    let expected = Run::finish(&mut run.session());
    let bytes = run.bytes_at(7);
    assert_eq!(run.resumed(&bytes), expected);
    for name in ["state.moment1", "state.parameters", "state.moment2"] {
        let mut checkpoint = Checkpoint::from_bytes(&bytes).expect("a whole file");
        let blob = checkpoint.blobs.iter_mut().find(|(blob, _)| blob == name).expect("a blob");
        blob.1.iter_mut().for_each(|word| *word = 0);
        assert_ne!(run.resumed(&checkpoint.to_bytes().expect("bytes")), expected, "without {name}");
    }
}

#[test]
fn a_checkpoint_of_another_run_is_refused_and_changes_nothing() {
    let runs = runs();
    let (adam, lion, other) = (&runs[3], &runs[4], &runs[8]);
    let bytes = lion.bytes_at(5);
    for run in [adam, other] {
        let mut session = run.session();
        let error =
            session.resume_from(&Checkpoint::from_bytes(&bytes).expect("whole")).expect_err("another run");
        assert!(error.to_string().contains("checkpoint") || error.to_string().contains("words"), "{error}");
        assert_eq!(session.step(), 0);
        assert_eq!(Run::finish(&mut session), Run::finish(&mut run.session()));
    }
    let mut checkpoint = Checkpoint::from_bytes(&bytes).expect("whole");
    checkpoint.blobs.retain(|(name, _)| name != "curve");
    assert!(lion.session().resume_from(&checkpoint).is_err(), "a curve that ends before the step");
}

/// Files in memory; one operation fails.
#[derive(Debug, Clone, Default)]
struct Faulty {
    files: Rc<RefCell<BTreeMap<String, Vec<u8>>>>,
    operations: Rc<RefCell<usize>>,
    fails_at: Option<usize>,
}

impl Faulty {
    /// Counts an operation; a write that fails leaves half of the bytes behind.
    fn step(&self, half: Option<(&str, &[u8])>) -> Result<(), StoreError> {
        *self.operations.borrow_mut() += 1;
        if Some(*self.operations.borrow()) != self.fails_at {
            return Ok(());
        }
        if let Some((name, bytes)) = half {
            let kept = bytes.get(..bytes.len() / 2).unwrap_or_default().to_vec();
            self.files.borrow_mut().insert(name.to_owned(), kept);
        }
        Err(StoreError { what: "the disk is full".into() })
    }
}

impl Store for Faulty {
    async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.step(None)?;
        Ok(self.files.borrow().get(name).cloned())
    }

    async fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.step(Some((name, bytes)))?;
        self.files.borrow_mut().insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }

    async fn remove(&self, name: &str) -> Result<(), StoreError> {
        self.step(None)?;
        self.files.borrow_mut().remove(name);
        Ok(())
    }

    async fn list(&self) -> Result<Vec<String>, StoreError> {
        self.step(None)?;
        Ok(self.files.borrow().keys().cloned().collect())
    }
}

/// Trains and saves every other step; a save that fails is told and training goes on, as in the page.
fn train_and_save(run: &Run, store: &Faulty) -> (Vec<u64>, u32) {
    let generations = Generations::new(store.clone(), "lab");
    let (mut good, mut failed) = (vec![], 0);
    let mut session = run.session();
    for step in (2..=10).step_by(2) {
        Run::advance(&mut session, step);
        block_on(session.take_snapshot()).expect("a snapshot");
        match block_on(generations.save(&session.checkpoint(CheckpointHead::default()))) {
            Ok(_) => good.push(u64::from(step)),
            Err(_) => failed += 1,
        }
    }
    (good, failed)
}

#[test]
fn a_store_that_fails_at_any_operation_loses_no_good_checkpoint() {
    let model = small_models().pop().expect("a model");
    let run = Run::new(model, StepSettings::default());
    let expected = Run::finish(&mut run.session());
    let counting = Faulty::default();
    assert_eq!(train_and_save(&run, &counting), (vec![2, 4, 6, 8, 10], 0));
    let all = *counting.operations.borrow();
    assert!(all > 20, "{all}");
    let mut hurt = 0;
    for n in 1..=all {
        let store = Faulty { fails_at: Some(n), ..Faulty::default() };
        let (good, failed) = train_and_save(&run, &store);
        hurt += failed;
        let healthy = Faulty { fails_at: None, ..store };
        let loaded = block_on(Generations::new(healthy, "lab").load_latest());
        let loaded = loaded.expect("a store that answers").expect("a checkpoint");
        let last = good.last().copied().expect("one of five saves");
        assert!(loaded.checkpoint.head.step >= last, "operation {n}: step {}", loaded.checkpoint.head.step);
        let bytes = loaded.checkpoint.to_bytes().expect("bytes");
        assert_eq!(run.resumed(&bytes), expected, "operation {n}");
    }
    assert!(hurt > 10, "faults that hurt nothing prove nothing: {hurt}");
}
