//! Stores, formats and pipelines: hand calculations, monotonicity, limits, published sizes.

#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "helpers of tests fail by panicking; values that are equal by construction are compared as such"
)]

use planner::storage::{
    Access, BYTES_PER_BILLED_GB, Cache, Case, Dataset, Demand, Direction, Figure, Pipeline, PriceStep,
    Source, Stage, StoreKind, StoreLimit, Usage, codec, codecs, format, formats, store, stores,
};
use planner::units::{Bytes, BytesPerSecond, Seconds, Usd};

fn close(left: f64, right: f64, relative: f64) {
    assert!((left - right).abs() <= relative * right.abs(), "{left} is not {right} within {relative}");
}

const GB: f64 = BYTES_PER_BILLED_GB;

#[test]
fn every_figure_has_a_source_and_a_range() {
    for store in stores() {
        assert!(!store.usd_per_gb_month.is_empty());
        for (name, figure) in store.figures() {
            assert!(figure.low <= figure.value && figure.value <= figure.high, "{} {name}", store.id);
            assert!(figure.source.len() > 10 && figure.retrieved_on == "2026-11-23", "{} {name}", store.id);
            assert!(figure.assumed == (figure.low < figure.high), "{} {name}", store.id);
        }
    }
    for id in ["s3-standard", "gcs-standard", "azure-blob-hot", "fsx-lustre-125", "gpfs", "local-nvme"] {
        assert!(store(id).is_ok());
    }
    assert!(store("floppy").unwrap_err().to_string().contains("floppy"));
    assert!(format("xls").unwrap_err().to_string().contains("data format"));
    assert!(codec("arj").unwrap_err().to_string().contains("compression"));
}

/// 64 streams of 8 MiB: 8388608 / (0.1 + 8388608 / 87.5e6) = 42.81 MB/s each, 2.740 GB/s for a client.
#[test]
fn object_store_throughput_by_hand() {
    let s3 = store("s3-standard").unwrap();
    let of = |access: Access| s3.throughput(&access, Direction::Read, Case::Central).unwrap();
    let one = of(Access::default());
    close(one.total.0, 2.740e9, 1e-3);
    assert_eq!(one.limit, StoreLimit::Streams);
    close(one.requests_per_second, one.total.0 / 8_388_608.0, 1e-12);
    // More streams fill the card of 12.5 GB/s.
    let full = of(Access { streams_per_client: 1_000, ..Access::default() });
    assert_eq!((full.total, full.limit), (BytesPerSecond(1.25e10), StoreLimit::Client));
    // 5,500 requests of 8 MiB per second and prefix: 46.1 GB/s for 100 clients, more with more prefixes.
    let wide = Access { clients: 100, streams_per_client: 1_000, ..Access::default() };
    let prefix = of(wide);
    assert_eq!(prefix.limit, StoreLimit::Requests);
    close(prefix.total.0, 5_500.0 * 8_388_608.0, 1e-12);
    let prefixes = of(Access { partitions: 64, ..wide });
    assert_eq!((prefixes.total, prefixes.limit), (BytesPerSecond(1.25e12), StoreLimit::Client));
    assert_eq!(of(Access { partitions: 64, clients: 200, ..wide }).limit, StoreLimit::Aggregate);
}

/// 10 TiB at 125 MB/s per TiB: 1.25 GB/s, whatever the clients. A drive reads 7 GB/s and shares nothing.
#[test]
fn file_system_and_drive_throughput_by_hand() {
    let lustre = store("fsx-lustre-125").unwrap();
    let access = Access { clients: 50, capacity: Bytes(10.0 * 2_f64.powi(40)), ..Access::default() };
    let got = lustre.throughput(&access, Direction::Write, Case::Central).unwrap();
    close(got.total.0, 1.25e9, 1e-12);
    assert_eq!(got.limit, StoreLimit::Aggregate);
    let nvme = store("local-nvme").unwrap();
    let access = Access { clients: 100, drives_per_client: 8, client_link: BytesPerSecond(1e9), ..access };
    let got = nvme.throughput(&access, Direction::Read, Case::Central).unwrap();
    assert_eq!((got.total, got.limit), (BytesPerSecond(100.0 * 8.0 * 7e9), StoreLimit::Client));
    assert_eq!(got.ceiling.0, f64::INFINITY);
}

/// On every store: no more of anything reads less, cases are ordered, a total never passes its ceiling.
#[test]
fn throughput_is_monotone_on_every_store() {
    let counts = [1, 3, 10, 100, 5_000];
    for store in stores() {
        for direction in [Direction::Read, Direction::Write] {
            let of = |access: Access, case| store.throughput(&access, direction, case).unwrap();
            for clients in counts {
                for request in [4e3, 1e6, 6.4e7] {
                    let base = Access { clients, request: Bytes(request), ..Access::default() };
                    let got = of(base, Case::Central);
                    assert!(got.total <= got.ceiling && got.total.0 > 0.0);
                    assert!(got.total.0 <= got.per_client.0 * f64::from(clients) * (1.0 + 1e-12));
                    for more in [
                        Access { clients: clients * 2, ..base },
                        Access { streams_per_client: 128, ..base },
                        Access { request: Bytes(request * 2.0), ..base },
                        Access { partitions: 4, ..base },
                        Access { capacity: Bytes(base.capacity.0 * 2.0), ..base },
                        Access { drives_per_client: 2, ..base },
                        Access { client_link: BytesPerSecond(2.5e10), ..base },
                    ] {
                        assert!(of(more, Case::Central).total >= got.total, "{} {more:?}", store.id);
                    }
                    assert!(of(base, Case::Pessimistic).total <= got.total);
                    assert!(of(base, Case::Optimistic).total >= got.total);
                }
            }
        }
    }
}

/// 600,000 GB of S3 Standard: 51,200 x 0.023 + 460,800 x 0.022 + 88,000 x 0.021 = 13,163.20 USD. A million PUT and ten
/// million GET: 5 + 4 USD. 20,000 GB of egress: 10,240 x 0.09 + 9,760 x 0.085 = 1,751.20 USD.
#[test]
fn monthly_cost_by_hand() {
    let usage = Usage {
        stored: Bytes(600_000.0 * GB),
        writes: 1e6,
        reads: 1e7,
        retrieved: Bytes(50_000.0 * GB),
        egress: Bytes(20_000.0 * GB),
        ..Usage::default()
    };
    let cents = |usd: Usd| (usd.0 * 100.0).round();
    let cost = store("s3-standard").unwrap().monthly_cost(&usage, Case::Central).unwrap();
    assert_eq!(cents(cost.storage), 1_316_320.0);
    assert_eq!(cents(cost.requests), 900.0);
    assert_eq!(cents(cost.retrieval), 0.0);
    assert_eq!(cents(cost.egress), 175_120.0);
    assert_eq!(cents(cost.total()), 1_316_320.0 + 900.0 + 175_120.0);
    // Azure hot has steps of its own.
    let azure = store("azure-blob-hot").unwrap().monthly_cost(&usage, Case::Central).unwrap();
    close(azure.storage.0, 51_200.0 * 0.0208 + 460_800.0 * 0.019_968 + 88_000.0 * 0.019_136, 1e-12);
    // Infrequent access: 0.0125 and 0.01 per GB read.
    let rare = store("s3-standard-ia").unwrap().monthly_cost(&usage, Case::Central).unwrap();
    assert_eq!(cents(rare.storage), 750_000.0);
    assert_eq!(cents(rare.retrieval), 50_000.0);
    // Billed for 30 days: objects that live ten days cost three times their mean volume.
    let short = Usage { object_days: 10.0, ..usage };
    let short = store("s3-standard-ia").unwrap().monthly_cost(&short, Case::Central).unwrap();
    assert_eq!(cents(short.storage), 3.0 * 750_000.0);
    // A billion objects count as 128 KiB each: 1e9 / 8192 GB x 0.0125.
    let small = Usage { stored: Bytes(GB), objects: 1e9, ..Usage::default() };
    let small = store("s3-standard-ia").unwrap().monthly_cost(&small, Case::Central).unwrap();
    close(small.storage.0, 1e9 / 8_192.0 * 0.0125, 1e-12);
}

/// The published NYC taxi table: 1948 MB in memory, 1411 as CSV, 278 as Parquet with Snappy, 220 with Zstandard.
#[test]
fn format_sizes_match_the_published_table() {
    for (layout, compression, megabytes) in
        [("csv", "none", 1_411.0), ("parquet", "snappy", 278.0), ("parquet", "zstd", 220.0)]
    {
        let data = Dataset::whole(format(layout).unwrap(), codec(compression).unwrap(), Bytes(1_948e6));
        close(data.sample_cost(Case::Central).unwrap().stored.0, megabytes * 1e6, 0.01);
    }
}

/// A row of 1,000 bytes as CSV with Gzip, one row in five used, files partitioned in halves:
/// 724 plain, 724 / 2.743 = 263.9 stored, read 263.9 x 0.5 / 0.2 = 659.9, plain 1,810, 1,810 / 390e6 + 1,810 / 63e6.
#[test]
fn sample_cost_by_hand() {
    let mut data = Dataset::whole(format("csv").unwrap(), codec("gzip").unwrap(), Bytes(1_000.0));
    (data.selected_share, data.partition_share) = (0.2, 0.5);
    (data.column_share, data.row_group_share) = (0.1, 0.1);
    let cost = data.sample_cost(Case::Central).unwrap();
    close(cost.stored.0, 263.944, 1e-5);
    close(cost.read.0, 659.86, 1e-5);
    close(cost.encoded.0, 1_810.0, 1e-9);
    close(cost.decompress.0, 4.641e-6, 1e-3);
    close(cost.decode.0, 2.873e-5, 1e-3);
    // The same in Parquet reads a tenth of the columns, and statistics skip row groups down to what is selected.
    let parquet = Dataset { format: format("parquet").unwrap(), row_group_share: 0.4, ..data };
    close(parquet.read_amplification().unwrap(), 0.1 * 0.5 * 0.4 / 0.2, 1e-12);
    let lost = Dataset { row_group_share: 0.3, ..parquet };
    assert!(lost.sample_cost(Case::Central).unwrap_err().to_string().contains("selected_share"));
}

#[test]
fn pruning_and_compression_are_monotone_in_every_format() {
    for layout in formats() {
        let plain = Dataset::whole(layout, codec("none").unwrap(), Bytes(5e4));
        let bytes = |data: &Dataset<'_>| data.sample_cost(Case::Central).unwrap().read.0;
        for compression in codecs() {
            let data = Dataset { codec: compression, ..plain };
            assert!(bytes(&data) <= bytes(&plain));
            let slow = data.sample_cost(Case::Pessimistic).unwrap();
            let fast = data.sample_cost(Case::Optimistic).unwrap();
            assert!(slow.read >= fast.read && slow.decode >= fast.decode);
            for share in [0.9, 0.5, 0.05] {
                let columns = Dataset { column_share: share, ..data };
                let expected = if layout.columnar { share } else { 1.0 };
                close(bytes(&columns) / bytes(&data), expected, 1e-12);
                // Without partitions a selection reads everything; with perfect ones it reads what it uses.
                let filtered = Dataset { selected_share: share, ..data };
                close(bytes(&filtered) / bytes(&data), 1.0 / share, 1e-12);
                let parted = Dataset { partition_share: share, ..filtered };
                close(bytes(&parted), bytes(&data), 1e-12);
            }
        }
    }
}

/// ImageNet from S3 for eight accelerators of 2,500 images/s: 112.5 KB files, 224 x 224 x 3 bytes out.
fn images() -> Pipeline<'static> {
    Pipeline {
        dataset: Dataset::whole(format("images").unwrap(), codec("none").unwrap(), Bytes(562_500.0)),
        store: store("s3-standard").unwrap(),
        access: Access { request: Bytes(112_500.0), partitions: 8, ..Access::default() },
        source: Source::ObjectStore,
        cache: None,
        cores: 96.0,
        transform: Seconds(0.5e-3),
        output: Bytes(150_528.0),
    }
}

fn rate_of(pipeline: &Pipeline<'_>, epoch: u32, stage: Stage) -> f64 {
    let supply = pipeline.supply(8, epoch, Case::Central).unwrap();
    supply.stages.iter().find(|found| found.stage == stage).unwrap().samples_per_second
}

/// A stream moves 112500 / (0.1 + 112500 / 87.5e6) = 1.1107 MB/s = 9.873 images/s; 64 streams 631.9 images/s.
/// Cores: 96 / (112500 / 72e6 + 0.0005 + 150528 / 5e9) = 96 / 2.0926e-3 = 45,876 images/s.
#[test]
fn images_from_an_object_store_by_hand() {
    let pipeline = images();
    let supply = pipeline.supply(8, 1, Case::Central).unwrap();
    close(supply.samples_per_second, 631.9, 1e-3);
    assert_eq!(supply.slowest, Stage::Read);
    assert_eq!(supply.store.limit, StoreLimit::Streams);
    close(rate_of(&pipeline, 1, Stage::Decode), 96.0 / 1.5625e-3, 1e-9);
    close(rate_of(&pipeline, 1, Stage::Transform), 192_000.0, 1e-9);
    close(rate_of(&pipeline, 1, Stage::Transfer), 8.0 * 25e9 / 150_528.0, 1e-9);
    let demand = Demand { accelerators: 8, samples_per_second: 2_500.0 };
    let feeding = pipeline.feeding(&demand, 1, 96.0).unwrap();
    assert!(feeding.starves);
    // 1 - 631.9 / 20,000.
    close(feeding.waiting_share.value, 0.968_4, 1e-3);
    assert!(feeding.waiting_share.low <= feeding.waiting_share.value);
    assert!(feeding.waiting_share.high >= feeding.waiting_share.value);
    // 20,000 / 631.9 = 31.65 readers; 20,000 x 2.0926e-3 = 41.9 cores.
    assert_eq!(feeding.required.clients, Some(32.0));
    assert_eq!(feeding.required.cores, 42.0);
    assert_eq!(feeding.required.nodes, Some(32.0));
}

/// What is said to be enough is enough, and one less is not.
#[test]
fn required_is_the_least_that_feeds() {
    let mut tested = 0;
    for store in stores() {
        for wanted in [300.0, 4_000.0, 30_000.0] {
            let mut pipeline = Pipeline { store, ..images() };
            let demand = Demand { accelerators: 8, samples_per_second: wanted / 8.0 };
            let required = pipeline.feeding(&demand, 1, 64.0).unwrap().required;
            let Some(clients) = required.clients else {
                pipeline.access.clients = 1_000_000;
                assert!(rate_of(&pipeline, 1, Stage::Read) < wanted);
                continue;
            };
            pipeline.cores = required.cores;
            pipeline.access.clients = clients as u32;
            assert!(!pipeline.feeding(&demand, 1, 64.0).unwrap().starves, "{} {wanted}", store.id);
            if clients > 1.0 {
                pipeline.access.clients -= 1;
                assert!(pipeline.feeding(&demand, 1, 64.0).unwrap().starves);
                pipeline.access.clients += 1;
                tested += 1;
            }
            if required.cores > 1.0 {
                pipeline.cores -= 1.0;
                let feeding = pipeline.feeding(&demand, 1, 64.0).unwrap();
                assert!(feeding.starves && feeding.supply.slowest == Stage::Decode);
            }
        }
    }
    assert!(tested > 3, "{tested}");
}

/// A cache changes the second epoch and not the first; store and cache are read at once.
#[test]
fn a_cache_changes_the_second_epoch() {
    let nvme = store("local-nvme").unwrap();
    assert_eq!(nvme.kind, StoreKind::Local);
    let access = Access { request: Bytes(112_500.0), ..Access::default() };
    let with = |share| Pipeline { cache: Some(Cache { store: nvme, access, share }), ..images() };
    let first = rate_of(&images(), 1, Stage::Read);
    for share in [0.0, 0.5, 0.9, 1.0] {
        assert_eq!(rate_of(&with(share), 1, Stage::Read), first);
    }
    // Half the bytes come from the drive: the store feeds twice as many samples.
    close(rate_of(&with(0.5), 2, Stage::Read), 2.0 * first, 1e-12);
    assert_eq!(rate_of(&with(1.0), 2, Stage::Read), f64::INFINITY);
    let drive = nvme.throughput(&access, Direction::Read, Case::Central).unwrap().total.0;
    close(rate_of(&with(0.5), 2, Stage::ReadCache), drive / 56_250.0, 1e-9);
    let whole = with(1.0).supply(8, 2, Case::Central).unwrap();
    assert_eq!(whole.slowest, Stage::Decode);
    let mut last = 0.0;
    for share in [0.0, 0.2, 0.5, 0.9, 1.0] {
        let supply = with(share).supply(8, 7, Case::Central).unwrap().samples_per_second;
        assert!(supply >= last);
        last = supply;
    }
}

/// 405B tokens are light: 16,384 accelerators of 400 tokens/s read 26 MB/s of 32-bit ids.
#[test]
fn tokens_never_starve_a_cluster() {
    let pipeline = Pipeline {
        dataset: Dataset::whole(format("tokens").unwrap(), codec("none").unwrap(), Bytes(8_192.0 * 4.0)),
        access: Access { request: Bytes(1e6), ..Access::default() },
        transform: Seconds(0.0),
        output: Bytes(8_192.0 * 4.0),
        ..images()
    };
    let demand = Demand::from_tokens(16_384, 400.0, 8_192.0);
    close(demand.total().unwrap(), 800.0, 1e-12);
    let feeding = pipeline.feeding(&demand, 1, 96.0).unwrap();
    assert!(!feeding.starves);
    assert_eq!(feeding.waiting_share.high, 0.0);
    assert_eq!(feeding.required.clients, Some(1.0));
}

#[test]
fn lake_and_warehouse_stand_between() {
    let table = Pipeline {
        dataset: Dataset::whole(format("parquet").unwrap(), codec("zstd").unwrap(), Bytes(2_000.0)),
        access: Access::default(),
        output: Bytes(2_000.0),
        ..images()
    };
    let direct = rate_of(&table, 1, Stage::Read);
    let lake =
        |file, deleted_share| Pipeline { source: Source::Lake { file: Bytes(file), deleted_share }, ..table };
    // Small files pay metadata: 1 MB / (1 MB / 2.74 GB/s + 0.05 s / 64) = 873 MB/s of 2.74 GB/s.
    close(rate_of(&lake(1e6, 0.0), 1, Stage::Read) / direct, 0.3185, 1e-3);
    assert!(rate_of(&lake(5e8, 0.0), 1, Stage::Read) > 0.99 * direct);
    close(rate_of(&lake(5e8, 0.5), 1, Stage::Read) / rate_of(&lake(5e8, 0.0), 1, Stage::Read), 0.5, 1e-12);
    // Four warehouse nodes hand out 400 MB/s of rows of 2,000 bytes, and decode for the reader.
    let warehouse = Pipeline { source: Source::Warehouse { nodes: 4 }, ..table };
    let supply = warehouse.supply(8, 1, Case::Central).unwrap();
    // The reader's cores: 96 / (0.0005 + 2000 / 5e9) = 191,847 rows/s.
    close(supply.samples_per_second, 191_847.0, 1e-5);
    assert_eq!(supply.slowest, Stage::Transform);
    assert_eq!(rate_of(&warehouse, 1, Stage::Decode), f64::INFINITY);
    close(rate_of(&warehouse, 1, Stage::Export), 200_000.0, 1e-12);
    // More readers do not help a warehouse that exports too slowly.
    let demand = Demand { accelerators: 8, samples_per_second: 30_000.0 };
    assert_eq!(warehouse.feeding(&demand, 1, 96.0).unwrap().required.clients, None);
}

/// A visitor's own price and rate take the place of the catalog's.
#[test]
fn figures_can_be_overridden() {
    let mut own = store("s3-standard").unwrap().clone();
    own.usd_per_gb_month = vec![PriceStep { above_gb: 0.0, usd: Figure::typed(0.01) }].into();
    own.stream_bytes_per_second = Some(Figure::typed(1e9));
    let usage = Usage { stored: Bytes(1_000.0 * GB), ..Usage::default() };
    close(own.monthly_cost(&usage, Case::Pessimistic).unwrap().storage.0, 10.0, 1e-12);
    let pipeline = Pipeline { store: &own, ..images() };
    assert!(rate_of(&pipeline, 1, Stage::Read) > rate_of(&images(), 1, Stage::Read));
}

#[test]
fn bad_input_is_refused_in_a_sentence() {
    let refused = |pipeline: Pipeline<'_>, field: &str| {
        let error = pipeline.supply(8, 1, Case::Central).unwrap_err().to_string();
        assert!(error.starts_with(field) && error.contains("between"), "{error}");
    };
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0] {
        let base = images();
        refused(Pipeline { cores: bad, ..base }, "cores was");
        refused(Pipeline { transform: Seconds(bad), ..base }, "transform was");
        refused(Pipeline { output: Bytes(bad), ..base }, "output was");
        let dataset = Dataset { raw: Bytes(bad), ..base.dataset };
        refused(Pipeline { dataset, ..base }, "raw was");
        let dataset = Dataset { column_share: bad, ..base.dataset };
        refused(Pipeline { dataset, ..base }, "column_share was");
        let access = Access { request: Bytes(bad), ..base.access };
        refused(Pipeline { access, ..base }, "request was");
        let source = Source::Lake { file: Bytes(bad), deleted_share: 0.0 };
        refused(Pipeline { source, ..base }, "file was");
        let source = Source::Lake { file: Bytes(1e6), deleted_share: bad };
        refused(Pipeline { source, ..base }, "deleted_share was");
        let cache = Some(Cache { store: base.store, access: base.access, share: bad });
        refused(Pipeline { cache, ..base }, "cache share was");
        let demand = Demand { accelerators: 8, samples_per_second: bad };
        assert!(base.feeding(&demand, 1, 96.0).unwrap_err().to_string().starts_with("samples_per_second"));
        assert!(base.feeding(&Demand { samples_per_second: 1.0, ..demand }, 1, bad).is_err());
        let usage = Usage { stored: Bytes(bad), ..Usage::default() };
        let error = base.store.monthly_cost(&usage, Case::Central).unwrap_err().to_string();
        assert!(error.starts_with("stored was"), "{error}");
    }
    let none = Access { clients: 0, ..images().access };
    refused(Pipeline { access: none, ..images() }, "clients was");
    assert!(images().supply(0, 1, Case::Central).is_err());
    assert!(images().supply(8, 0, Case::Central).is_err());
}
