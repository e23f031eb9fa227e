//! Every operation of the store fails, or is the last before the tab dies, once.

use super::generations::{Generations, GenerationsError, Store, StoreError, parse_pointer, pointer_text};
use super::{Checkpoint, CheckpointError, CheckpointHead};
use pollster::block_on;
use proptest::prelude::*;
use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

/// What happens at an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It fails, and the next ones work.
    Fail,
    /// It fails, and so does everything after it: the tab is gone.
    Die,
    /// It is done, and then the tab is gone.
    DieAfter,
    /// A write says that it worked but kept only a beginning.
    Lie,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<String, Vec<u8>>,
    operations: usize,
    fault: Option<(usize, Fault)>,
    /// How much of a torn write is kept, in 256ths.
    torn: usize,
    dead: bool,
}

#[derive(Debug, Clone, Default)]
struct Memory(Rc<RefCell<State>>);

impl Memory {
    /// The tab opens again: the files are there, the counter begins anew.
    fn revive(&self, fault: Option<(usize, Fault)>, torn: usize) {
        let files = std::mem::take(&mut self.0.borrow_mut().files);
        *self.0.borrow_mut() = State { files, fault, torn, ..State::default() };
    }

    fn run<T>(
        &self,
        whole: impl FnOnce(&mut State) -> T,
        half: impl FnOnce(&mut State),
    ) -> Result<T, StoreError> {
        let mut state = self.0.borrow_mut();
        let error = StoreError { what: "injected".to_owned() };
        if state.dead {
            return Err(error);
        }
        state.operations += 1;
        match state.fault.filter(|(at, _)| *at == state.operations).map(|(_, fault)| fault) {
            None => return Ok(whole(&mut state)),
            Some(Fault::Fail) => half(&mut state),
            Some(Fault::Die) => {
                half(&mut state);
                state.dead = true;
            }
            Some(Fault::DieAfter) => {
                whole(&mut state);
                state.dead = true;
            }
            Some(Fault::Lie) => {
                let before = state.files.clone();
                let result = whole(&mut state);
                if state.files != before {
                    state.files = before;
                    half(&mut state);
                }
                return Ok(result);
            }
        }
        Err(error)
    }
}

impl Store for Memory {
    async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.run(|state| state.files.get(name).cloned(), |_| ())
    }

    async fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let keep =
            |state: &mut State, bytes: &[u8]| drop(state.files.insert(name.to_owned(), bytes.to_vec()));
        self.run(
            |state| keep(state, bytes),
            |state| {
                let length = bytes.len() * state.torn / 256;
                keep(state, &bytes[..length]);
            },
        )
    }

    async fn remove(&self, name: &str) -> Result<(), StoreError> {
        self.run(|state| drop(state.files.remove(name)), |_| ())
    }

    async fn list(&self) -> Result<Vec<String>, StoreError> {
        self.run(|state| state.files.keys().cloned().collect(), |_| ())
    }
}

fn checkpoint(step: u64) -> Checkpoint {
    Checkpoint {
        head: CheckpointHead { step, ..CheckpointHead::default() },
        blobs: vec![("weights".to_owned(), vec![step as u32; 9])],
    }
}

fn latest(generations: &Generations<Memory>) -> Option<u64> {
    let loaded = block_on(generations.load_latest()).unwrap()?;
    assert_eq!(loaded.checkpoint, checkpoint(loaded.checkpoint.head.step));
    Some(loaded.checkpoint.head.step)
}

fn saved(steps: u64) -> (Memory, Generations<Memory>) {
    let memory = Memory::default();
    let generations = Generations::new(memory.clone(), "run");
    for step in 1..=steps {
        block_on(generations.save(&checkpoint(step))).unwrap();
    }
    (memory, generations)
}

#[test]
fn two_generations_are_kept() {
    let (memory, generations) = saved(0);
    assert_eq!(latest(&generations), None);
    for step in 1..=5 {
        assert_eq!(block_on(generations.save(&checkpoint(step))), Ok(step));
        assert_eq!(latest(&generations), Some(step));
        assert_eq!(memory.0.borrow().files.len(), 1 + step.min(2) as usize);
    }
    let names: Vec<String> = memory.0.borrow().files.keys().cloned().collect();
    assert_eq!(names, ["run.4.checkpoint", "run.5.checkpoint", "run.latest"]);
}

#[test]
fn every_fault_of_a_save_leaves_the_new_or_the_previous_checkpoint() {
    let mut cases = 0;
    for history in 0..4 {
        for fault in [Fault::Fail, Fault::Die, Fault::DieAfter, Fault::Lie] {
            for torn in [0, 1, 128, 250, 255, 256] {
                for at in 1.. {
                    let (memory, generations) = saved(history);
                    memory.revive(Some((at, fault)), torn);
                    let result = block_on(generations.save(&checkpoint(history + 1)));
                    let reached = memory.0.borrow().operations >= at;
                    memory.revive(None, 0);
                    let found = latest(&generations);
                    let previous = (history > 0).then_some(history);
                    let new = Some(history + 1);
                    let context = format!("history {history}, {fault:?} at {at}, torn {torn}: {result:?}");
                    assert!(found == new || (result.is_err() && found == previous), "{context}, {found:?}");
                    // Whatever is left does not get into the way of the next save.
                    block_on(generations.save(&checkpoint(history + 2))).unwrap();
                    assert_eq!(latest(&generations), Some(history + 2), "{context}");
                    assert!(memory.0.borrow().files.len() <= 3, "{context}");
                    cases += 1;
                    if !reached {
                        assert!(result.is_ok(), "{context}");
                        break;
                    }
                }
            }
        }
    }
    assert!(cases > 500, "{cases}");
}

#[test]
fn a_damaged_newest_file_is_skipped_and_named() {
    let (memory, generations) = saved(3);
    memory.0.borrow_mut().files.get_mut("run.3.checkpoint").unwrap()[200] ^= 1;
    let loaded = block_on(generations.load_latest()).unwrap().unwrap();
    assert_eq!((loaded.generation, loaded.checkpoint), (2, checkpoint(2)));
    assert_eq!(loaded.skipped.len(), 1);
    assert_eq!(loaded.skipped[0].0, "run.3.checkpoint");
    memory.0.borrow_mut().files.insert("run.2.checkpoint".to_owned(), b"RIDGE".to_vec());
    let error = block_on(generations.load_latest()).unwrap_err();
    assert!(!matches!(error, GenerationsError::Checkpoint(CheckpointError::Truncated { .. })), "{error}");
}

#[test]
fn the_pointer_may_be_lost_and_other_runs_are_left_alone() {
    let (memory, generations) = saved(3);
    for name in ["run.x.checkpoint", "run.03.checkpoint", "run.1.2.checkpoint", "running.9.checkpoint"] {
        memory.0.borrow_mut().files.insert(name.to_owned(), vec![1]);
    }
    for pointer in [None, Some("generation 3"), Some("generation 99.\n"), Some("")] {
        match pointer {
            Some(text) => memory.0.borrow_mut().files.insert("run.latest".to_owned(), text.into()),
            None => memory.0.borrow_mut().files.remove("run.latest"),
        };
        assert_eq!(latest(&generations), Some(3), "{pointer:?}");
    }
    assert_eq!(block_on(generations.save(&checkpoint(4))), Ok(4));
    block_on(generations.clear()).unwrap();
    assert_eq!(latest(&generations), None);
    assert_eq!(memory.0.borrow().files.len(), 4);
}

#[test]
fn no_beginning_of_a_pointer_is_a_pointer() {
    let whole = pointer_text(120);
    assert_eq!(parse_pointer(whole.as_bytes()), Some(120));
    for length in 0..whole.len() {
        assert_eq!(parse_pointer(&whole.as_bytes()[..length]), None);
    }
}

#[test]
fn without_a_pointer_the_newest_whole_file_is_kept_and_not_a_torn_one() {
    let (memory, generations) = saved(2);
    memory.0.borrow_mut().files.remove("run.latest");
    memory.0.borrow_mut().files.insert("run.3.checkpoint".to_owned(), b"RIDGECKP".to_vec());
    assert_eq!(block_on(generations.save(&checkpoint(4))), Ok(4));
    let names: Vec<String> = memory.0.borrow().files.keys().cloned().collect();
    assert_eq!(names, ["run.2.checkpoint", "run.4.checkpoint", "run.latest"]);
}

proptest! {
    /// Saves with a fault in any of them: the latest never goes back behind what a successful save stored.
    #[test]
    fn many_faults_in_a_row(
        faults in proptest::collection::vec((1..12_usize, 0..4_usize, 0..=256_usize), 1..12),
    ) {
        let (memory, generations) = saved(0);
        let kinds = [Fault::Fail, Fault::Die, Fault::DieAfter, Fault::Lie];
        let mut possible: Vec<Option<u64>> = vec![None];
        for (step, (at, kind, torn)) in (1..).zip(faults) {
            memory.revive(Some((at, kinds[kind])), torn);
            let result = block_on(generations.save(&checkpoint(step)));
            memory.revive(None, 0);
            let found = latest(&generations);
            if result.is_ok() {
                possible.clear();
            }
            possible.push(Some(step));
            prop_assert!(possible.contains(&found), "{:?} is not in {:?}", found, possible);
            // What was found once is never lost again.
            possible.retain(|step| *step >= found);
        }
    }
}
