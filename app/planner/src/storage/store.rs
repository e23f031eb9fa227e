//! What a store delivers and costs.
//!
//! Throughput. A stream of requests of `s` bytes moves `s / (latency + s / stream rate)`; a client moves the least of
//! its streams, its network card and the store's limit for a client; all clients together move the least of `clients x
//! client`, the aggregate limit (a quota, or capacity x rate per TiB) and `requests per second x partitions x s`. So
//! throughput grows in proportion to clients and then stays flat: an upper envelope, since queueing near the knee is
//! left out.
//!
//! Cost of a month. Stored GB by marginal volume steps, requests by the thousand, retrieval and egress by the GB.

use super::{Case, Figure, PriceStep, StorageError, Store, StoreKind, check};
use crate::units::{Bytes, BytesPerSecond, Usd};

/// Bytes of the GB that clouds bill.
pub const BYTES_PER_BILLED_GB: f64 = 1_073_741_824.0;
const BYTES_PER_TIB: f64 = 1_099_511_627_776.0;

/// Reading or writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the store.
    Read,
    /// To the store.
    Write,
}

/// How a store is used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Access {
    /// Machines that read or write at once.
    pub clients: u32,
    /// Requests that one machine keeps in flight.
    pub streams_per_client: u32,
    /// Drives in one machine; counts for local stores only.
    pub drives_per_client: u32,
    /// Bytes that one request moves.
    pub request: Bytes,
    /// Prefixes, buckets or accounts over which requests are spread.
    pub partitions: u32,
    /// Provisioned capacity; counts where throughput is sold with capacity.
    pub capacity: Bytes,
    /// Rate of one machine's network card; local stores do not use it.
    pub client_link: BytesPerSecond,
}

impl Default for Access {
    /// One machine with a 100 Gb/s card, 64 requests of 8 MiB in flight, 100 TiB, one prefix, one drive.
    fn default() -> Self {
        Self {
            clients: 1,
            streams_per_client: 64,
            drives_per_client: 1,
            request: Bytes(8_388_608.0),
            partitions: 1,
            capacity: Bytes(100.0 * BYTES_PER_TIB),
            client_link: BytesPerSecond(1.25e10),
        }
    }
}

/// What stops throughput from growing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StoreLimit {
    /// Latency and rate of the requests in flight: more streams or larger requests help.
    Streams,
    /// The machine's card or the store's limit for one machine: more machines help.
    Client,
    /// The store as a whole: more capacity, a higher quota or another store helps.
    Aggregate,
    /// Requests per second: larger requests or more partitions help.
    Requests,
}

/// What a store moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Throughput {
    /// All clients together.
    pub total: BytesPerSecond,
    /// One client, if it were alone.
    pub per_client: BytesPerSecond,
    /// The most that all clients can ever reach together; infinite where nothing is shared.
    pub ceiling: BytesPerSecond,
    /// Requests per second at `total`.
    pub requests_per_second: f64,
    /// What stops it from growing.
    pub limit: StoreLimit,
}

/// What a month stores and moves.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Usage {
    /// Mean stored volume.
    pub stored: Bytes,
    /// Objects that hold it; counts where a store bills a least size. Zero: objects are large.
    pub objects: f64,
    /// Days that an object lives; counts where a store bills a least time. Zero: longer than that.
    pub object_days: f64,
    /// Write requests.
    pub writes: f64,
    /// Read requests.
    pub reads: f64,
    /// Bytes read, wherever they go.
    pub retrieved: Bytes,
    /// Bytes that leave the provider.
    pub egress: Bytes,
}

/// Cost of a month.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StoreCost {
    /// For keeping the data.
    pub storage: Usd,
    /// For requests.
    pub requests: Usd,
    /// For reading.
    pub retrieval: Usd,
    /// For data that leaves.
    pub egress: Usd,
}

impl StoreCost {
    /// The sum.
    #[must_use]
    pub fn total(&self) -> Usd {
        self.storage + self.requests + self.retrieval + self.egress
    }
}

impl Access {
    pub(super) fn check(&self) -> Result<(), StorageError> {
        let counts = (1.0, 1e6);
        check("clients", f64::from(self.clients), counts, "")?;
        check("streams_per_client", f64::from(self.streams_per_client), counts, "")?;
        check("drives_per_client", f64::from(self.drives_per_client), (1.0, 128.0), "")?;
        check("request", self.request.0, (1.0, 1e13), "bytes")?;
        check("partitions", f64::from(self.partitions), counts, "")?;
        check("capacity", self.capacity.0, (1.0, 1e20), "bytes")?;
        check("client_link", self.client_link.0, (1e3, 1e14), "bytes per second")?;
        Ok(())
    }
}

impl Store {
    /// What `access` moves in one direction.
    ///
    /// # Errors
    /// [`StorageError::OutOfRange`] names the field of `access`.
    pub fn throughput(
        &self,
        access: &Access,
        direction: Direction,
        case: Case,
    ) -> Result<Throughput, StorageError> {
        access.check()?;
        let (client, per_client_limit) = self.one_client(access, direction, case);
        let (ceiling, shared_limit) = self.ceiling(access, direction, case);
        let offered = client * f64::from(access.clients);
        let (total, limit) =
            if offered <= ceiling { (offered, per_client_limit) } else { (ceiling, shared_limit) };
        Ok(Throughput {
            total: BytesPerSecond(total),
            per_client: BytesPerSecond(client.min(ceiling)),
            ceiling: BytesPerSecond(ceiling),
            requests_per_second: total / access.request.0,
            limit,
        })
    }

    fn one_client(&self, access: &Access, direction: Direction, case: Case) -> (f64, StoreLimit) {
        let limit = match direction {
            Direction::Read => self.client_read_bytes_per_second,
            Direction::Write => self.client_write_bytes_per_second,
        };
        let limit = limit.more_is_better(case);
        let (client, flow) = match self.kind {
            StoreKind::Local => (limit * f64::from(access.drives_per_client), limit),
            StoreKind::Object | StoreKind::Parallel => {
                let client = limit.min(access.client_link.0);
                (client, self.stream_bytes_per_second.map_or(client, |rate| rate.more_is_better(case)))
            }
        };
        let latency = self.first_byte_seconds.less_is_better(case);
        let request = access.request.0;
        let streams = f64::from(access.streams_per_client) * request / (latency + request / flow);
        if streams < client { (streams, StoreLimit::Streams) } else { (client, StoreLimit::Client) }
    }

    fn ceiling(&self, access: &Access, direction: Direction, case: Case) -> (f64, StoreLimit) {
        let (fixed, per_tib, requests) = match direction {
            Direction::Read => (
                self.aggregate_read_bytes_per_second,
                self.read_bytes_per_second_per_tib,
                self.reads_per_second_per_partition,
            ),
            Direction::Write => (
                self.aggregate_write_bytes_per_second,
                self.write_bytes_per_second_per_tib,
                self.writes_per_second_per_partition,
            ),
        };
        let rate = |figure: Option<Figure>, factor: f64| {
            figure.map_or(f64::INFINITY, |figure| figure.more_is_better(case) * factor)
        };
        let aggregate = rate(fixed, 1.0).min(rate(per_tib, access.capacity.0 / BYTES_PER_TIB));
        let requests = rate(requests, f64::from(access.partitions) * access.request.0);
        if requests < aggregate {
            (requests, StoreLimit::Requests)
        } else {
            (aggregate, StoreLimit::Aggregate)
        }
    }

    /// What a month of `usage` costs.
    ///
    /// # Errors
    /// [`StorageError::OutOfRange`] names the field of `usage`.
    pub fn monthly_cost(&self, usage: &Usage, case: Case) -> Result<StoreCost, StorageError> {
        let bytes = (0.0, 1e21);
        let Usage { stored, objects, object_days, writes, reads, retrieved, egress } = *usage;
        check("stored", stored.0, bytes, "bytes")?;
        check("objects", objects, (0.0, 1e15), "")?;
        check("object_days", object_days, (0.0, 1e5), "days")?;
        check("writes", writes, (0.0, 1e15), "requests")?;
        check("reads", reads, (0.0, 1e15), "requests")?;
        check("retrieved", retrieved.0, bytes, "bytes")?;
        check("egress", egress.0, bytes, "bytes")?;
        let price = |figure: Option<Figure>, amount: f64| {
            figure.map_or(0.0, |figure| figure.less_is_better(case) * amount)
        };
        Ok(StoreCost {
            storage: Usd(stepped(&self.usd_per_gb_month, self.billed_gb(usage), case)),
            requests: Usd(price(self.usd_per_thousand_writes, writes / 1e3)
                + price(self.usd_per_thousand_reads, reads / 1e3)),
            retrieval: Usd(price(self.usd_per_gb_retrieved, retrieved.0 / BYTES_PER_BILLED_GB)),
            egress: Usd(stepped(&self.usd_per_gb_egress, egress.0 / BYTES_PER_BILLED_GB, case)),
        })
    }

    /// Billed GB-months: small objects count as the least size; objects that are replaced after `d` days but billed
    /// for `D` keep `D / d` times the mean volume on the bill.
    fn billed_gb(&self, usage: &Usage) -> f64 {
        let least = self.minimum_bytes.map_or(0.0, |figure| figure.value * usage.objects);
        let days = self.minimum_days.map_or(0.0, |figure| figure.value);
        let kept = if usage.object_days > 0.0 { (days / usage.object_days).max(1.0) } else { 1.0 };
        usage.stored.0.max(least) * kept / BYTES_PER_BILLED_GB
    }
}

/// Marginal steps: each GB is billed at the price of the step it falls into.
fn stepped(steps: &[PriceStep], gb: f64, case: Case) -> f64 {
    let ends = steps.iter().skip(1).map(|step| step.above_gb).chain([f64::INFINITY]);
    steps
        .iter()
        .zip(ends)
        .map(|(step, end)| (gb.min(end) - step.above_gb).max(0.0) * step.usd.less_is_better(case))
        .sum()
}
