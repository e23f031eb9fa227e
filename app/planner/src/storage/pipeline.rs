//! The way of a sample from a store to an accelerator, and whether it is fast enough.
//!
//! Stages: read (store, and a cache beside it), export (warehouse only), decompress, decode, transform, batch, transfer.
//! Stages overlap, so the pipeline delivers what its slowest resource delivers. Decompress, decode, transform and batch
//! share one pool of cores, which delivers `cores / sum of core-seconds per sample` however work is divided; reading,
//! exporting and transferring have resources of their own.
//!
//! A cache holds a share of the bytes from the second epoch on; store and cache are read at once, so the read stage
//! delivers `min(store / (1 - share), cache / share) / bytes`.
//!
//! Accelerators that want `d` samples/s and get `s < d` wait a share `1 - s / d` of the time.

use super::{Access, Case, Dataset, Direction, StorageError, Store, Throughput, check, pipeline_figures};
use crate::prediction::Estimate;
use crate::units::{Bytes, Seconds};

/// The most clients, cores or nodes that an answer names.
pub const MAXIMUM_CLIENTS: f64 = 1e6;

/// What stands between the store and the readers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Source {
    /// Readers open files.
    ObjectStore,
    /// A table format over files: metadata is read before each file, and merged deletes are read in vain.
    Lake {
        /// Size of a file.
        file: Bytes,
        /// Share of what is read that deletes have made void.
        deleted_share: f64,
    },
    /// A warehouse scans its own files and hands out decoded rows.
    Warehouse {
        /// Nodes or streams that export.
        nodes: u32,
    },
}

/// A nearer copy of part of the data.
#[derive(Debug, Clone, Copy)]
pub struct Cache<'a> {
    /// Where it lies.
    pub store: &'a Store,
    /// How it is read.
    pub access: Access,
    /// Share of the bytes that it holds.
    pub share: f64,
}

/// A data set on its way to accelerators.
#[derive(Debug, Clone, Copy)]
pub struct Pipeline<'a> {
    /// What is read.
    pub dataset: Dataset<'a>,
    /// Where it lies.
    pub store: &'a Store,
    /// How it is read.
    pub access: Access,
    /// What stands in between.
    pub source: Source,
    /// A nearer copy.
    pub cache: Option<Cache<'a>>,
    /// Cores of all machines that prepare samples.
    pub cores: f64,
    /// Core time of the job's own transformation (augmentation, tokenisation) per sample.
    pub transform: Seconds,
    /// One sample as it goes to the accelerator.
    pub output: Bytes,
}

/// What accelerators want.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Demand {
    /// Accelerators.
    pub accelerators: u32,
    /// Samples per second of one accelerator when it never waits.
    pub samples_per_second: f64,
}

impl Demand {
    /// Accelerators that each consume so many tokens per second, in samples of so many tokens.
    #[must_use]
    pub fn from_tokens(accelerators: u32, tokens_per_second: f64, tokens_per_sample: f64) -> Self {
        Self { accelerators, samples_per_second: tokens_per_second / tokens_per_sample }
    }

    /// All accelerators together, samples per second.
    ///
    /// # Errors
    /// [`StorageError::OutOfRange`] names the field.
    pub fn total(&self) -> Result<f64, StorageError> {
        let accelerators = check("accelerators", f64::from(self.accelerators), (1.0, 1e7), "")?;
        Ok(accelerators * check("samples_per_second", self.samples_per_second, (1e-12, 1e12), "samples/s")?)
    }
}

/// A stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// From the store.
    Read,
    /// From the cache.
    ReadCache,
    /// Out of the warehouse.
    Export,
    /// On cores.
    Decompress,
    /// On cores.
    Decode,
    /// On cores.
    Transform,
    /// On cores.
    Batch,
    /// Host memory to accelerators.
    Transfer,
}

/// What a stage could deliver if it had its resource (the store, all cores, all links) to itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StageRate {
    /// Which.
    pub stage: Stage,
    /// Samples per second; infinite where the stage has nothing to do.
    pub samples_per_second: f64,
    /// Core time per sample; zero where it needs no cores.
    pub core_time: Seconds,
}

/// What a pipeline delivers.
#[derive(Debug, Clone, PartialEq)]
pub struct Supply {
    /// Every stage.
    pub stages: Vec<StageRate>,
    /// The stage that limits it; of the stages on cores, the one that takes most core time.
    pub slowest: Stage,
    /// Samples per second.
    pub samples_per_second: f64,
    /// What limits the store.
    pub store: Throughput,
}

/// What would be enough.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Required {
    /// Reading machines; none where the store, the cache or the warehouse cannot deliver it with any number.
    pub clients: Option<f64>,
    /// Cores.
    pub cores: f64,
    /// Machines with so many cores that both are met.
    pub nodes: Option<f64>,
}

/// Whether accelerators starve.
#[derive(Debug, Clone, PartialEq)]
pub struct Feeding {
    /// Central supply, stage by stage.
    pub supply: Supply,
    /// Samples per second, with all assumptions at their slow and at their fast ends.
    pub samples_per_second: Estimate<f64>,
    /// Samples per second that accelerators want.
    pub demand: f64,
    /// Supply is below demand.
    pub starves: bool,
    /// Share of the time that accelerators wait (`low` with the fast ends).
    pub waiting_share: Estimate<f64>,
    /// What would be enough.
    pub required: Required,
}

/// Rates and times of one sample, before the slowest is sought.
struct Parts {
    store: Throughput,
    read: f64,
    cache: f64,
    export: f64,
    transfer: f64,
    core_times: [(Stage, Seconds); 4],
}

impl Parts {
    fn core_time(&self) -> f64 {
        self.core_times.iter().map(|(_, time)| time.0).sum()
    }
}

/// `amount / per_sample`, infinite where a sample needs none of it.
fn rate(amount: f64, per_sample: f64) -> f64 {
    if per_sample > 0.0 { amount / per_sample } else { f64::INFINITY }
}

impl Pipeline<'_> {
    /// What the pipeline delivers to so many accelerators in an epoch (the first is 1; the cache is full from 2 on).
    ///
    /// # Errors
    /// [`StorageError`] names the field.
    pub fn supply(&self, accelerators: u32, epoch: u32, case: Case) -> Result<Supply, StorageError> {
        let parts = self.parts(accelerators, epoch, case)?;
        let cores = check("cores", self.cores, (1e-3, 1e9), "cores")?;
        let io = |stage, samples_per_second| StageRate { stage, samples_per_second, core_time: Seconds(0.0) };
        let mut stages = vec![io(Stage::Read, parts.read)];
        if parts.cache.is_finite() {
            stages.push(io(Stage::ReadCache, parts.cache));
        }
        if parts.export.is_finite() {
            stages.push(io(Stage::Export, parts.export));
        }
        for (stage, core_time) in parts.core_times {
            stages.push(StageRate { stage, samples_per_second: rate(cores, core_time.0), core_time });
        }
        stages.push(io(Stage::Transfer, parts.transfer));
        let pool = rate(cores, parts.core_time());
        let on_cores = parts.core_times.iter().max_by(|left, right| left.1.0.total_cmp(&right.1.0));
        let pool_stage = on_cores.map_or(Stage::Batch, |(stage, _)| *stage);
        let resources = [
            (Stage::Read, parts.read),
            (Stage::ReadCache, parts.cache),
            (Stage::Export, parts.export),
            (pool_stage, pool),
            (Stage::Transfer, parts.transfer),
        ];
        let (slowest, samples_per_second) = resources
            .into_iter()
            .min_by(|left, right| left.1.total_cmp(&right.1))
            .unwrap_or((Stage::Read, parts.read));
        Ok(Supply { stages, slowest, samples_per_second, store: parts.store })
    }

    fn parts(&self, accelerators: u32, epoch: u32, case: Case) -> Result<Parts, StorageError> {
        let accelerators = check("accelerators", f64::from(accelerators), (1.0, 1e7), "")?;
        check("epoch", f64::from(epoch), (1.0, 1e9), "")?;
        let transform = check("transform", self.transform.0, (0.0, 1e6), "core-seconds")?;
        let output = check("output", self.output.0, (1e-3, 1e13), "bytes")?;
        let assumed = pipeline_figures();
        let cost = self.dataset.sample_cost(case)?;
        let store = self.store.throughput(&self.access, Direction::Read, case)?;
        let bytes = cost.read.0 * self.void_factor()?;
        let (delivered, export) = self.delivered(store.total.0, case)?;
        let (near, cache) = self.cached(epoch, bytes, case)?;
        // A warehouse hands out decoded rows: it decompresses and decodes on its own nodes.
        let own = !matches!(self.source, Source::Warehouse { .. });
        let here = |time: Seconds| if own { time } else { Seconds(0.0) };
        let copy = output / assumed.memory_copy_bytes_per_second.more_is_better(case);
        Ok(Parts {
            read: rate(delivered, bytes * (1.0 - near)),
            cache,
            // Columns are dropped before export, whatever the format.
            export: rate(export, self.dataset.raw.0 * self.dataset.column_share),
            transfer: rate(
                accelerators * assumed.host_to_device_bytes_per_second.more_is_better(case),
                output,
            ),
            core_times: [
                (Stage::Decompress, here(cost.decompress)),
                (Stage::Decode, here(cost.decode)),
                (Stage::Transform, Seconds(transform)),
                (Stage::Batch, Seconds(copy)),
            ],
            store,
        })
    }

    /// Bytes read per byte that is not void.
    fn void_factor(&self) -> Result<f64, StorageError> {
        let Source::Lake { deleted_share, .. } = self.source else { return Ok(1.0) };
        Ok(1.0 / (1.0 - check("deleted_share", deleted_share, (0.0, 0.99), "")?))
    }

    /// Bytes per second from the store after what stands in between, and of the warehouse's export.
    fn delivered(&self, store: f64, case: Case) -> Result<(f64, f64), StorageError> {
        let assumed = pipeline_figures();
        match self.source {
            Source::ObjectStore => Ok((store, f64::INFINITY)),
            Source::Lake { file, .. } => {
                let file = check("file", file.0, (1.0, 1e13), "bytes")?;
                // Each stream waits for metadata before each file; all streams together slow down alike.
                let streams = f64::from(self.access.clients) * f64::from(self.access.streams_per_client);
                let metadata = assumed.lake_metadata_seconds_per_file.less_is_better(case);
                Ok((file / (file / store + metadata / streams), f64::INFINITY))
            }
            Source::Warehouse { nodes } => {
                let nodes = check("nodes", f64::from(nodes), (1.0, 1e6), "")?;
                Ok((store, nodes * assumed.warehouse_node_bytes_per_second.more_is_better(case)))
            }
        }
    }

    /// Share of the bytes that come from the cache in this epoch, and the samples per second that it allows.
    fn cached(&self, epoch: u32, bytes: f64, case: Case) -> Result<(f64, f64), StorageError> {
        let Some(cache) = self.cache.as_ref() else { return Ok((0.0, f64::INFINITY)) };
        let share = check("cache share", cache.share, (0.0, 1.0), "")?;
        let near = cache.store.throughput(&cache.access, Direction::Read, case)?;
        if epoch < 2 || share == 0.0 {
            return Ok((0.0, f64::INFINITY));
        }
        Ok((share, rate(near.total.0, bytes * share)))
    }

    /// Whether the pipeline feeds `demand`, and what would be enough with machines of so many cores.
    ///
    /// # Errors
    /// [`StorageError`] names the field.
    pub fn feeding(&self, demand: &Demand, epoch: u32, cores_per_node: f64) -> Result<Feeding, StorageError> {
        let wanted = demand.total()?;
        let cores_per_node = check("cores_per_node", cores_per_node, (1.0, 1e4), "cores")?;
        let of = |case| self.supply(demand.accelerators, epoch, case);
        let supply = of(Case::Central)?;
        let slow = of(Case::Pessimistic)?.samples_per_second;
        let fast = of(Case::Optimistic)?.samples_per_second;
        let waiting = |supplied: f64| (1.0 - supplied / wanted).max(0.0);
        let required = self.required(demand.accelerators, wanted, epoch, cores_per_node)?;
        let value = supply.samples_per_second;
        Ok(Feeding {
            samples_per_second: Estimate { value, low: slow, high: fast },
            demand: wanted,
            starves: value < wanted,
            waiting_share: Estimate { value: waiting(value), low: waiting(fast), high: waiting(slow) },
            required,
            supply,
        })
    }

    fn required(
        &self,
        accelerators: u32,
        wanted: f64,
        epoch: u32,
        cores_per_node: f64,
    ) -> Result<Required, StorageError> {
        let parts = self.parts(accelerators, epoch, Case::Central)?;
        let cores = (wanted * parts.core_time()).ceil().max(1.0);
        let fixed = parts.export.min(parts.transfer).min(self.cache_with_clients(&parts, wanted));
        let clients = if fixed < wanted { None } else { self.clients_for(wanted, accelerators, epoch)? };
        let nodes = clients.map(|clients| clients.max((cores / cores_per_node).ceil()));
        Ok(Required { clients, cores, nodes: nodes.filter(|nodes| *nodes <= MAXIMUM_CLIENTS) })
    }

    /// A local cache grows with the reading machines, so it never stands in the way by itself.
    fn cache_with_clients(&self, parts: &Parts, wanted: f64) -> f64 {
        let local = |cache: &Cache<'_>| cache.store.kind == super::StoreKind::Local;
        if self.cache.as_ref().is_some_and(local) { wanted } else { parts.cache }
    }

    /// The least number of reading machines, found by bisection: more machines never read less.
    fn clients_for(&self, wanted: f64, accelerators: u32, epoch: u32) -> Result<Option<f64>, StorageError> {
        let enough = |clients: u32| -> Result<bool, StorageError> {
            let mut pipeline = *self;
            pipeline.access.clients = clients;
            if let Some(cache) = pipeline.cache.as_mut()
                && cache.store.kind == super::StoreKind::Local
            {
                cache.access.clients = clients;
            }
            let parts = pipeline.parts(accelerators, epoch, Case::Central)?;
            Ok(parts.read.min(parts.cache) >= wanted)
        };
        let (mut low, mut high) = (0_u32, 1_000_000_u32);
        if !enough(high)? {
            return Ok(None);
        }
        while high - low > 1 {
            let middle = low.midpoint(high);
            if enough(middle)? {
                high = middle;
            } else {
                low = middle;
            }
        }
        Ok(Some(f64::from(high)))
    }
}
