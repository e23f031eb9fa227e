//! Stores, data formats and compressions with their figures (`catalog/storage.toml`, `catalog/formats.toml`).

use super::StorageError;
use std::borrow::Cow;

/// A catalog value: a fact with its source, or an assumption with its range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figure {
    /// The value, in the unit that its field names.
    pub value: f64,
    /// Smallest plausible value; of a fact, the value.
    pub low: f64,
    /// Largest plausible value; of a fact, the value.
    pub high: f64,
    /// No source states it.
    pub assumed: bool,
    /// Where it was read, or what the assumption rests on.
    pub source: &'static str,
    /// ISO date.
    pub retrieved_on: &'static str,
}

/// Which end of the assumptions a calculation takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Case {
    /// The central values.
    Central,
    /// Every assumption at the end that makes things slower or dearer.
    Pessimistic,
    /// Every assumption at the end that makes things faster or cheaper.
    Optimistic,
}

impl Figure {
    /// A value that the visitor typed: it has no range.
    #[must_use]
    pub const fn typed(value: f64) -> Self {
        Self {
            value,
            low: value,
            high: value,
            assumed: false,
            source: "typed by the visitor",
            retrieved_on: "",
        }
    }

    /// The value of a figure of which more is better (a rate).
    #[must_use]
    pub const fn more_is_better(&self, case: Case) -> f64 {
        match case {
            Case::Central => self.value,
            Case::Pessimistic => self.low,
            Case::Optimistic => self.high,
        }
    }

    /// The value of a figure of which less is better (a price, a latency, a size).
    #[must_use]
    pub const fn less_is_better(&self, case: Case) -> f64 {
        match case {
            Case::Central => self.value,
            Case::Pessimistic => self.high,
            Case::Optimistic => self.low,
        }
    }
}

/// How a store is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StoreKind {
    /// Objects over HTTP: one request is one stream, requests are counted.
    Object,
    /// A parallel file system: throughput grows with provisioned capacity.
    Parallel,
    /// Drives inside each client: nothing is shared.
    Local,
}

/// A price that holds above a volume, in USD per billed GB.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PriceStep {
    /// Volume from which this price holds, billed GB (per month).
    pub above_gb: f64,
    /// USD per billed GB.
    pub usd: Figure,
}

/// A place for data. An absent price is not charged; an absent limit does not bind. A visitor's own prices and rates go
/// into a clone, as [`Figure::typed`].
#[derive(Debug, Clone)]
pub struct Store {
    /// Stable id; links hold it.
    pub id: &'static str,
    /// Plain name.
    pub name: &'static str,
    /// Who runs it.
    pub provider: &'static str,
    /// How it is reached.
    pub kind: StoreKind,
    /// USD per billed GB and month, by stored volume; the steps are marginal.
    pub usd_per_gb_month: Cow<'static, [PriceStep]>,
    /// USD per billed GB that leaves for the internet, by volume per month; the steps are marginal.
    pub usd_per_gb_egress: Cow<'static, [PriceStep]>,
    /// USD per thousand write requests.
    pub usd_per_thousand_writes: Option<Figure>,
    /// USD per thousand read requests.
    pub usd_per_thousand_reads: Option<Figure>,
    /// USD per billed GB that is read, wherever it goes.
    pub usd_per_gb_retrieved: Option<Figure>,
    /// Seconds from a request to its first byte.
    pub first_byte_seconds: Figure,
    /// Bytes per second of one request or connection, once it flows.
    pub stream_bytes_per_second: Option<Figure>,
    /// Bytes per second that one client can read (of a local store: one drive).
    pub client_read_bytes_per_second: Figure,
    /// Bytes per second that one client can write (of a local store: one drive).
    pub client_write_bytes_per_second: Figure,
    /// Bytes per second that all clients together can read.
    pub aggregate_read_bytes_per_second: Option<Figure>,
    /// Bytes per second that all clients together can write.
    pub aggregate_write_bytes_per_second: Option<Figure>,
    /// Bytes per second of reading that each provisioned TiB brings.
    pub read_bytes_per_second_per_tib: Option<Figure>,
    /// Bytes per second of writing that each provisioned TiB brings.
    pub write_bytes_per_second_per_tib: Option<Figure>,
    /// Read requests per second of one partition (prefix, bucket or account).
    pub reads_per_second_per_partition: Option<Figure>,
    /// Write requests per second of one partition.
    pub writes_per_second_per_partition: Option<Figure>,
    /// Days that an object is billed at least.
    pub minimum_days: Option<Figure>,
    /// Bytes that an object is billed at least.
    pub minimum_bytes: Option<Figure>,
}

impl Store {
    /// Every figure of the store, for the list of facts and assumptions.
    #[must_use]
    pub fn figures(&self) -> Vec<(&'static str, Figure)> {
        let prices = self.usd_per_gb_month.iter().map(|step| ("USD per GB and month", step.usd));
        let egress = self.usd_per_gb_egress.iter().map(|step| ("USD per GB of egress", step.usd));
        let always = [
            ("seconds to the first byte", self.first_byte_seconds),
            ("bytes per second that one client reads", self.client_read_bytes_per_second),
            ("bytes per second that one client writes", self.client_write_bytes_per_second),
        ];
        let sometimes = [
            ("USD per thousand writes", self.usd_per_thousand_writes),
            ("USD per thousand reads", self.usd_per_thousand_reads),
            ("USD per GB retrieved", self.usd_per_gb_retrieved),
            ("bytes per second of one stream", self.stream_bytes_per_second),
            ("bytes per second that all clients read", self.aggregate_read_bytes_per_second),
            ("bytes per second that all clients write", self.aggregate_write_bytes_per_second),
            ("bytes per second of reading per TiB", self.read_bytes_per_second_per_tib),
            ("bytes per second of writing per TiB", self.write_bytes_per_second_per_tib),
            ("reads per second of a partition", self.reads_per_second_per_partition),
            ("writes per second of a partition", self.writes_per_second_per_partition),
            ("days that an object is billed at least", self.minimum_days),
            ("bytes that an object is billed at least", self.minimum_bytes),
        ];
        let sometimes =
            sometimes.into_iter().filter_map(|(name, figure)| figure.map(|figure| (name, figure)));
        prices.chain(egress).chain(always).chain(sometimes).collect()
    }
}

/// A way to lay samples out in files.
#[derive(Debug, Clone)]
pub struct Format {
    /// Stable id; links hold it.
    pub id: &'static str,
    /// Plain name.
    pub name: &'static str,
    /// Columns lie apart, so that unused ones are not read.
    pub columnar: bool,
    /// Row groups carry statistics, so that some are skipped.
    pub statistics: bool,
    /// File bytes before compression per byte of the sample in memory.
    pub encoded_bytes_per_raw_byte: Figure,
    /// Share of a codec's gain that the encoding leaves over.
    pub residual_redundancy: Figure,
    /// Encoded bytes per second that one core turns into samples.
    pub decode_bytes_per_second: Figure,
}

/// A compression.
#[derive(Debug, Clone)]
pub struct Codec {
    /// Stable id; links hold it.
    pub id: &'static str,
    /// Plain name.
    pub name: &'static str,
    /// Plain bytes per compressed byte on mixed data.
    pub ratio: Figure,
    /// Plain bytes per second that one core compresses.
    pub compress_bytes_per_second: Option<Figure>,
    /// Plain bytes per second that one core restores.
    pub decompress_bytes_per_second: Option<Figure>,
}

/// What a pipeline assumes of hosts, lakes and warehouses.
#[derive(Debug)]
pub struct PipelineFigures {
    /// Bytes per second that one core copies.
    pub memory_copy_bytes_per_second: Figure,
    /// Bytes per second from host memory to one accelerator, and back.
    pub host_to_device_bytes_per_second: Figure,
    /// Seconds of metadata requests before each file of a table format.
    pub lake_metadata_seconds_per_file: Figure,
    /// Bytes per second of rows that one warehouse node or stream hands out.
    pub warehouse_node_bytes_per_second: Figure,
}

mod data {
    use super::{Codec, Cow, Figure, Format, PipelineFigures, PriceStep, Store, StoreKind};
    include!(concat!(env!("OUT_DIR"), "/storage.rs"));
}

/// What a pipeline assumes.
#[must_use]
pub const fn pipeline_figures() -> &'static PipelineFigures {
    &data::PIPELINE
}

/// Every store, in the catalog's order.
#[must_use]
pub const fn stores() -> &'static [Store] {
    data::STORES
}

/// Every data format, in the catalog's order.
#[must_use]
pub const fn formats() -> &'static [Format] {
    data::FORMATS
}

/// Every compression, in the catalog's order.
#[must_use]
pub const fn codecs() -> &'static [Codec] {
    data::CODECS
}

/// The store with this id.
///
/// # Errors
/// [`StorageError::UnknownStore`].
pub fn store(id: &str) -> Result<&'static Store, StorageError> {
    let unknown = || StorageError::UnknownStore { id: id.to_owned() };
    stores().iter().find(|store| store.id == id).ok_or_else(unknown)
}

/// The data format with this id.
///
/// # Errors
/// [`StorageError::UnknownFormat`].
pub fn format(id: &str) -> Result<&'static Format, StorageError> {
    let unknown = || StorageError::UnknownFormat { id: id.to_owned() };
    formats().iter().find(|format| format.id == id).ok_or_else(unknown)
}

/// The compression with this id.
///
/// # Errors
/// [`StorageError::UnknownCodec`].
pub fn codec(id: &str) -> Result<&'static Codec, StorageError> {
    let unknown = || StorageError::UnknownCodec { id: id.to_owned() };
    codecs().iter().find(|codec| codec.id == id).ok_or_else(unknown)
}
