//! Which files to write, and in which order, so that a run always has its last good checkpoint.
//!
//! A save writes a new file, reads it back and verifies it, then switches the pointer to it, and only then removes
//! what is older than the generation before. Whatever dies in between (the tab, the disk, a write half done, the
//! pointer's write too), there is a verified file. The pointer only says which one; where it is missing or torn, the
//! newest file that verifies is taken.
//!
//! Left out on purpose: two tabs that save one run at a time. The caller holds a lock for that.

use super::{Checkpoint, CheckpointError};
use std::fmt;

/// A place for named files, such as the browser's private file system.
///
/// A `write` that fails, or that is cut off by the end of the tab, may leave any beginning of the bytes behind.
#[expect(async_fn_in_trait, reason = "one thread: in a worker no future has to be Send")]
pub trait Store {
    /// The bytes of a file, or `None` where there is no such file.
    async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;
    /// Creates or replaces a file.
    async fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError>;
    /// Removes a file; it is no error if there is none.
    async fn remove(&self, name: &str) -> Result<(), StoreError>;
    /// The names of all files, in any order.
    async fn list(&self) -> Result<Vec<String>, StoreError>;
}

/// What a store says when it fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreError {
    /// The browser's words.
    pub what: String,
}

/// Why a checkpoint could not be saved or loaded. What was saved before is still there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GenerationsError {
    /// The store failed.
    Store(StoreError),
    /// The checkpoint cannot be written, or none of those that are there can be read: this is the newest's error.
    Checkpoint(CheckpointError),
    /// What was read back is not what was written.
    NotStored {
        /// Name of the file.
        name: String,
    },
}

impl fmt::Display for GenerationsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => write!(formatter, "the storage failed: {}", error.what),
            Self::Checkpoint(error) => write!(formatter, "{error}"),
            Self::NotStored { name } => {
                write!(formatter, "the storage did not keep {name} as it was written")
            }
        }
    }
}

impl std::error::Error for GenerationsError {}

impl From<StoreError> for GenerationsError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A checkpoint that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// It.
    pub checkpoint: Checkpoint,
    /// Its generation: 1 for the first that was saved.
    pub generation: u64,
    /// Newer files that were damaged, with what is wrong with them.
    pub skipped: Vec<(String, CheckpointError)>,
}

/// The checkpoints of one run in a store.
#[derive(Debug)]
pub struct Generations<S> {
    store: S,
    run: String,
}

impl<S: Store> Generations<S> {
    /// The checkpoints of the run named `run`, which becomes part of file names.
    pub fn new(store: S, run: impl Into<String>) -> Self {
        Self { store, run: run.into() }
    }

    fn file(&self, generation: u64) -> String {
        format!("{}.{generation}.checkpoint", self.run)
    }

    fn pointer_name(&self) -> String {
        format!("{}.latest", self.run)
    }

    /// Saves a checkpoint and returns its generation. Afterwards it and the one before are there.
    ///
    /// # Errors
    /// The store failed or is full, or the checkpoint is too large; earlier checkpoints are untouched.
    pub async fn save(&self, checkpoint: &Checkpoint) -> Result<u64, GenerationsError> {
        let bytes = checkpoint.to_bytes().map_err(GenerationsError::Checkpoint)?;
        let there = self.generations().await?;
        let before = self.current(&there).await?;
        let newest = there.iter().copied().chain(before).max().unwrap_or(0);
        let generation = newest.saturating_add(1);
        let name = self.file(generation);
        if let Err(error) = self.write_verified(&name, &bytes).await {
            // It may fill the disk; if this fails too, the next save tries again.
            let _ = self.store.remove(&name).await;
            return Err(error);
        }
        self.store.write(&self.pointer_name(), pointer_text(generation).as_bytes()).await?;
        for old in there.into_iter().filter(|old| Some(*old) != before) {
            // The checkpoint is saved; the next save removes what stays now.
            let _ = self.store.remove(&self.file(old)).await;
        }
        Ok(generation)
    }

    async fn write_verified(&self, name: &str, bytes: &[u8]) -> Result<(), GenerationsError> {
        self.store.write(name, bytes).await?;
        if self.store.read(name).await?.as_deref() == Some(bytes) {
            return Ok(());
        }
        Err(GenerationsError::NotStored { name: name.to_owned() })
    }

    /// The newest whole checkpoint; `None` where no save ever came to its end.
    ///
    /// # Errors
    /// The store failed, or something was saved but none of the files is a whole checkpoint.
    pub async fn load_latest(&self) -> Result<Option<Loaded>, GenerationsError> {
        let pointer = self.store.read(&self.pointer_name()).await?;
        let pointed = pointer.as_deref().and_then(parse_pointer);
        let there = self.generations().await?;
        let others = there.iter().copied().filter(|generation| Some(*generation) != pointed);
        let mut skipped = Vec::new();
        for generation in pointed.into_iter().chain(others) {
            let name = self.file(generation);
            let Some(bytes) = self.store.read(&name).await? else { continue };
            match Checkpoint::from_bytes(&bytes) {
                Ok(checkpoint) => return Ok(Some(Loaded { checkpoint, generation, skipped })),
                Err(error) => skipped.push((name, error)),
            }
        }
        match skipped.into_iter().next() {
            // A pointer, even a torn one, is written only after a file has been verified.
            Some((_, error)) if pointer.is_some() => Err(GenerationsError::Checkpoint(error)),
            _ => Ok(None),
        }
    }

    /// Removes everything of this run.
    ///
    /// # Errors
    /// The store failed; the rest is still there.
    pub async fn clear(&self) -> Result<(), GenerationsError> {
        // The pointer goes last: a run that is cleared half can still be loaded.
        for generation in self.generations().await? {
            self.store.remove(&self.file(generation)).await?;
        }
        Ok(self.store.remove(&self.pointer_name()).await?)
    }

    /// The generations that have a file, newest first.
    async fn generations(&self) -> Result<Vec<u64>, GenerationsError> {
        let names = self.store.list().await?;
        let number = |name: &String| {
            let number = name.strip_prefix(&self.run)?.strip_prefix('.')?.strip_suffix(".checkpoint")?;
            number.parse::<u64>().ok().filter(|found| found.to_string() == number)
        };
        let mut found: Vec<u64> = names.iter().filter_map(number).collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        Ok(found)
    }

    /// The generation that a save must keep: the pointer's, or else the newest that verifies.
    async fn current(&self, there: &[u64]) -> Result<Option<u64>, GenerationsError> {
        if let Some(pointed) = self.pointer().await?.filter(|pointed| there.contains(pointed)) {
            return Ok(Some(pointed));
        }
        for generation in there {
            let bytes = self.store.read(&self.file(*generation)).await?;
            if bytes.is_some_and(|bytes| Checkpoint::verify(&bytes).is_ok()) {
                return Ok(Some(*generation));
            }
        }
        Ok(None)
    }

    async fn pointer(&self) -> Result<Option<u64>, GenerationsError> {
        let bytes = self.store.read(&self.pointer_name()).await?;
        Ok(bytes.as_deref().and_then(parse_pointer))
    }
}

/// No beginning of a pointer is a pointer, so a torn one is noticed.
pub(super) fn pointer_text(generation: u64) -> String {
    format!("generation {generation}.\n")
}

pub(super) fn parse_pointer(bytes: &[u8]) -> Option<u64> {
    let number = std::str::from_utf8(bytes).ok()?.strip_prefix("generation ")?.strip_suffix(".\n")?;
    number.parse().ok()
}
