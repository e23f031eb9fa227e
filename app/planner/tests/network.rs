//! The network model: limits that physics sets, accuracy on published measurements, errors that name the field.

#![expect(clippy::unwrap_used, reason = "what a helper of these tests cannot build fails the test")]

use planner::catalog::Catalog;
use planner::network::{
    Algorithm, Answer, Binding, Call, Collective, Fabric, Left, Measurement, NetworkModel, Pattern, Place,
    Topology, accuracy, carried, cross_validate, fit, link, links, measurements, numbers, spread,
};
use planner::units::{Bytes, Seconds};

const COLLECTIVES: [Collective; 6] = [
    Collective::AllReduce,
    Collective::AllGather,
    Collective::ReduceScatter,
    Collective::Broadcast,
    Collective::AllToAll,
    Collective::PointToPoint,
];

fn model() -> NetworkModel {
    NetworkModel::builtin().unwrap()
}

fn fabric(inside: &str, outside: &str) -> Fabric {
    Fabric::of(inside, Some(outside), 8).unwrap()
}

fn call(collective: Collective, bytes: f64, ranks: u32, ranks_per_node: u32) -> Call {
    Call { collective, bytes: Bytes(bytes), ranks, ranks_per_node, captured: true }
}

fn all_reduce(fabric: &Fabric, bytes: f64, ranks: u32, per_node: u32) -> Answer {
    model().predict(fabric, &call(Collective::AllReduce, bytes, ranks, per_node)).unwrap()
}

fn used() -> Vec<Measurement> {
    measurements(&carried().unwrap()).unwrap()
}

#[test]
fn every_link_has_a_source_and_a_plausible_rate() {
    for id in [
        "nvlink-3",
        "nvlink-4",
        "nvlink-5",
        "nvlink-6",
        "ici-v4",
        "ici-v5e",
        "ici-v5p",
        "ici-v6e",
        "ici-v7x",
        "xgmi-mi300x",
        "pcie-4",
        "pcie-5",
        "pcie-6",
        "infiniband-hdr",
        "infiniband-ndr",
        "infiniband-xdr",
        "roce-400g",
        "ethernet-25g",
        "ethernet-50g",
        "ethernet-100g",
        "ethernet-200g",
        "ethernet-400g",
        "ethernet-800g",
        "efa-p4d",
        "efa-p5",
        "efa-p5en",
        "gcp-tcpx",
        "omni-path-100",
        "omni-path-400",
    ] {
        assert!(link(id).is_ok(), "{id}");
    }
    for link in links() {
        let rate = link.bandwidth_per_accelerator;
        assert!((1e8..=2e12).contains(&rate.value.0) && !rate.source.is_empty(), "{}", link.id);
        assert!(
            link.latency_low <= link.latency.value && link.latency.value <= link.latency_high,
            "{}",
            link.id
        );
        assert!(
            (1e-7..1e-3).contains(&link.latency.value.0) && !link.latency.source.is_empty(),
            "{}",
            link.id
        );
        let assumed = link.latency.source.starts_with("assumption");
        assert!(!assumed || link.latency_low < link.latency_high, "{}: an assumption has a range", link.id);
    }
}

#[test]
fn links_that_shared_links_name_are_still_there_and_only_join_nodes() {
    let ids: Vec<_> = Catalog::builtin().interconnects().iter().map(|known| known.id).collect();
    let shipped = [
        "infiniband-edr",
        "infiniband-hdr",
        "infiniband-ndr",
        "infiniband-xdr",
        "efa-p4d",
        "efa-p5",
        "efa-p6-b200",
        "gcp-tcpx",
        "gcp-tcpxo",
        "roce-200g",
        "roce-400g",
        "omni-path-4x100",
        "tpu-dcn",
        "ethernet-100g",
        "ethernet-10g",
        "ethernet-1g",
    ];
    assert_eq!(ids[..shipped.len()], shipped, "order too: it is the order of the form");
    assert!(ids.iter().all(|id| link(id).unwrap().place == Place::Outside), "{ids:?}");
}

#[test]
fn one_rank_costs_nothing() {
    for collective in COLLECTIVES {
        let answer =
            model().predict(&fabric("nvlink-4", "infiniband-ndr"), &call(collective, 1e12, 1, 1)).unwrap();
        assert_eq!((answer.time, answer.algorithm), (Seconds(0.0), Algorithm::Nothing));
        assert_eq!(answer.binding, Binding::Nothing);
    }
}

#[test]
fn a_large_all_reduce_moves_the_volume_of_the_ring() {
    let p = model().parameters;
    for ranks in [2_u32, 4, 8] {
        let answer = all_reduce(&fabric("nvlink-3", "infiniband-hdr"), 1e13, ranks, 8);
        assert_eq!(answer.algorithm, Algorithm::Flat(Pattern::Ring));
        assert_eq!(answer.binding, Binding::InsideBandwidth);
        let n = f64::from(ranks);
        let rate = 3e11 * p.share_inside * (1.0 - p.pair_loss / (n - 1.0));
        let ideal = 2.0 * (n - 1.0) / n * 1e13 / rate;
        assert!((answer.time.0 / ideal - 1.0).abs() < 0.01, "{ranks}: {} against {ideal}", answer.time.0);
    }
}

#[test]
fn trees_win_small_messages_and_switches_that_add_up_win_large_ones() {
    let old = fabric("nvlink-3", "efa-p4d");
    for ranks in [64, 1024] {
        let small = all_reduce(&old, 16_384.0, ranks, 1);
        assert!(
            matches!(small.algorithm, Algorithm::Flat(Pattern::DoubleBinaryTree | Pattern::Tree)),
            "{small:?}"
        );
        assert_eq!(small.binding, Binding::Latency);
        let sharp = all_reduce(&fabric("nvlink-3", "infiniband-hdr"), 16_384.0, ranks, 1);
        assert_eq!(sharp.algorithm, Algorithm::Flat(Pattern::InNetworkReduction));
    }
    // The same link without reduction in the switch: published 367 against 480 GB/s of bus bandwidth at 8 ranks.
    let mut new = fabric("nvlink-4", "infiniband-ndr");
    let with = all_reduce(&new, 1.6e10, 8, 8);
    new.inside.in_network_reduction = false;
    let without = all_reduce(&new, 1.6e10, 8, 8);
    assert_eq!(with.algorithm, Algorithm::Flat(Pattern::InNetworkReduction));
    assert_eq!(without.algorithm, Algorithm::Flat(Pattern::Ring));
    let gain = without.time / with.time;
    assert!((1.15..1.5).contains(&gain), "{gain}");
}

#[test]
fn time_never_falls_with_more_bytes() {
    let fabrics = [
        fabric("nvlink-3", "efa-p4d"),
        fabric("nvlink-5", "infiniband-xdr"),
        fabric("pcie-4", "ethernet-25g"),
        fabric("xgmi-mi300x", "roce-400g"),
    ];
    for fabric in &fabrics {
        for collective in COLLECTIVES {
            for (ranks, per_node) in [(2, 2), (8, 8), (2, 1), (32, 8), (12, 8), (4096, 8)] {
                for captured in [false, true] {
                    let mut before = Seconds(0.0);
                    for step in 0..160 {
                        let bytes = libm::pow(10.0, f64::from(step) / 13.0) - 1.0;
                        let call = Call { captured, ..call(collective, bytes, ranks, per_node) };
                        let time = model().predict(fabric, &call).unwrap().time;
                        assert!(
                            time >= before && time.0.is_finite(),
                            "{collective:?} {bytes} {ranks}: {time:?}"
                        );
                        before = time;
                    }
                }
            }
        }
    }
}

#[test]
fn nothing_beats_the_wires() {
    for outside in ["efa-p4d", "infiniband-ndr", "ethernet-100g"] {
        let fabric = fabric("nvlink-4", outside);
        let level = fabric.outside.unwrap();
        for (ranks, per_node) in [(16_u32, 8_u32), (64, 8), (64, 4), (8, 1), (1024, 8)] {
            for bytes in [1e3, 1e6, 1e9, 1e12] {
                let (per, nodes) = (f64::from(per_node), f64::from(ranks / per_node));
                let node = level.bandwidth.0 * per;
                let must = if level.in_network_reduction { 1.0 } else { 2.0 * (nodes - 1.0) / nodes };
                let time = all_reduce(&fabric, bytes, ranks, per_node).time.0;
                assert!(time > must * bytes / node, "{outside} {ranks} {per_node} {bytes}: {time}");
                let whole =
                    model().predict(&fabric, &call(Collective::AllToAll, bytes, ranks, per_node)).unwrap();
                let leaves = (nodes - 1.0) / nodes * bytes * per;
                assert!(whole.time.0 > leaves / node, "{outside} {ranks} {per_node} {bytes}: {whole:?}");
            }
        }
    }
}

#[test]
fn a_transfer_takes_its_link() {
    let p = model().parameters;
    let fabric = fabric("nvlink-4", "infiniband-ndr");
    let time = |ranks_per_node| {
        model().predict(&fabric, &call(Collective::PointToPoint, 1e11, 2, ranks_per_node)).unwrap().time.0
    };
    assert!((time(2) / (1e11 / (4.5e11 * p.share_inside)) - 1.0).abs() < 0.01, "{}", time(2));
    assert!((time(1) / (1e11 / (5e10 * p.share_outside)) - 1.0).abs() < 0.01, "{}", time(1));
}

#[test]
fn a_network_with_longer_latency_is_slower_for_small_messages() {
    let time = |outside| all_reduce(&fabric("nvlink-4", outside), 4_096.0, 32, 8).time;
    assert!(time("infiniband-ndr") < time("roce-400g") && time("roce-400g") < time("efa-p5"));
}

#[test]
fn many_nodes_are_served_in_two_levels() {
    let fabric = fabric("nvlink-4", "infiniband-ndr");
    let answer = all_reduce(&fabric, 1e6, 1024, 8);
    assert!(matches!(answer.algorithm, Algorithm::Hierarchical { .. }), "{answer:?}");
    // Bundled by destination rail, 1,024 ranks exchange in 7 + 127 messages instead of 1,023.
    let exchange = model().predict(&fabric, &call(Collective::AllToAll, 1e6, 1024, 8)).unwrap();
    assert!(matches!(exchange.algorithm, Algorithm::Hierarchical { .. }), "{exchange:?}");
    let large = |collective| model().predict(&fabric, &call(collective, 1e10, 1024, 8)).unwrap().time;
    let shrinks = large(Collective::AllReduce);
    assert!(large(Collective::AllToAll) > shrinks, "an all-to-all cannot shrink before it leaves the node");
}

#[test]
fn without_a_switch_few_ranks_have_few_wires() {
    // Published for eight MI300X: 47.7 GB/s between 2, 312.9 among 8.
    let mesh = fabric("xgmi-mi300x", "roce-400g");
    let bus = |ranks: u32| {
        let n = f64::from(ranks);
        2.0 * (n - 1.0) / n * 4e9 / all_reduce(&mesh, 4e9, ranks, 8).time.0 / 1e9
    };
    assert!((bus(2) / 47.7 - 1.0).abs() < 0.2, "{}", bus(2));
    assert!((bus(8) / 312.9 - 1.0).abs() < 0.2, "{}", bus(8));
}

#[test]
fn topologies_cost_what_they_lack() {
    let mut fabric = fabric("nvlink-4", "infiniband-ndr");
    let mut with = |topology, collective| {
        fabric.outside.as_mut().unwrap().topology = topology;
        model().predict(&fabric, &call(collective, 1e9, 512, 8)).unwrap().time
    };
    let full = Topology::FatTree { nodes_per_leaf: 16, oversubscription: 1.0 };
    let narrow = Topology::FatTree { nodes_per_leaf: 16, oversubscription: 4.0 };
    let switch = with(Topology::SingleSwitch, Collective::AllToAll);
    assert_eq!(with(full, Collective::AllToAll), switch);
    assert!(with(narrow, Collective::AllToAll) > switch * 2.0);
    let ring = with(Topology::SingleSwitch, Collective::AllReduce);
    assert_eq!(with(narrow, Collective::AllReduce), ring, "a ring crosses a leaf once");
    // A pod: rings along three sides of 16 need 2 x 45 hops, one ring of 4,096 chips would need 8,190.
    let mut pod = Fabric::of("ici-v4", Some("tpu-dcn"), 4096).unwrap();
    pod.inside.topology = Topology::Torus { sides: [16, 16, 16], wrapped: true };
    let answer = all_reduce(&pod, 1e9, 4096, 4096);
    assert_eq!(answer.algorithm, Algorithm::Flat(Pattern::TorusRings));
    assert!(answer.time < Seconds(0.02), "{answer:?}");
}

#[test]
fn bad_input_is_named() {
    let good = fabric("nvlink-4", "infiniband-ndr");
    let check = |fabric: &Fabric, call: &Call, field: &str| {
        let message = model().predict(fabric, call).unwrap_err().to_string();
        assert!(message.contains(field), "{field}: {message}");
    };
    let base = call(Collective::AllReduce, 1e6, 16, 8);
    for bytes in [f64::NAN, -1.0, f64::INFINITY, 1e19] {
        check(&good, &Call { bytes: Bytes(bytes), ..base }, "bytes");
    }
    check(&good, &Call { ranks: 0, ..base }, "ranks");
    check(&good, &Call { ranks: u32::MAX, ..base }, "ranks");
    for ranks_per_node in [0, 9] {
        check(&good, &Call { ranks_per_node, ..base }, "ranks_per_node");
    }
    check(&Fabric { outside: None, ..good }, &base, "2 nodes");
    let mut broken = good;
    broken.inside.bandwidth.0 = f64::NAN;
    check(&broken, &base, "bandwidth");
    broken = good;
    broken.inside.latency.0 = -1.0;
    check(&broken, &base, "latency");
    broken = good;
    broken.inside.topology = Topology::Torus { sides: [2, 2, 1], wrapped: true };
    check(&broken, &base, "torus");
    assert!(Fabric::of("nvlink-9", None, 8).unwrap_err().to_string().contains("nvlink-9"));
    assert!(Fabric::of("roce-400g", None, 8).unwrap_err().to_string().contains("inside"));
    assert!(Fabric::of("nvlink-4", Some("pcie-5"), 8).unwrap_err().to_string().contains("outside"));
}

#[test]
fn a_broken_row_is_named() {
    let text =
        "id,setup,collective,ranks,ranks_per_node,inside,outside,in_network_reduction,bytes,seconds,used\n";
    for (row, field) in [
        ("A,s,all-reduce,x,8,nvlink-4,,no,1,1,yes", "ranks"),
        ("A,s,all-reduce,8,8,nvlink-4,,no,NaN,1,yes", "bytes"),
        ("A,s,all-reduce,8,8,nvlink-4,,no,1,-1,yes", "seconds"),
        ("A,s,all-reduce,8,8,nvlink-4,,maybe,1,1,yes", "in_network_reduction"),
        ("A,s,gossip,8,8,nvlink-4,,no,1,1,yes", "collective"),
        ("A,s,all-reduce,8,8,string,,no,1,1,yes", "string"),
    ] {
        let table = planner::rows::csv::read(&format!("{text}{row}\n")).unwrap();
        let error = measurements(&table).unwrap_err();
        assert!(error.contains("A: ") && error.contains(field), "{error}");
    }
}

#[test]
fn no_carried_row_is_faster_than_its_wires() {
    // This is what shows that the sizes are bytes: as elements of two bytes, rows would pass 300 and 450 GB/s.
    let mut doubled_passes = 0;
    for row in used().iter().filter(|row| row.call.collective == Collective::AllReduce && !row.across()) {
        let n = f64::from(row.call.ranks);
        let sent = if row.fabric.inside.in_network_reduction { 1.0 + 1.0 / n } else { 2.0 * (n - 1.0) / n };
        let rate = sent * row.call.bytes.0 / row.seconds.0;
        assert!(rate < row.fabric.inside.bandwidth.0, "{}: {rate:e}", row.id);
        doubled_passes += usize::from(2.0 * rate > row.fabric.inside.bandwidth.0);
    }
    assert!(doubled_passes > 50, "{doubled_passes}");
}

#[test]
fn rows_left_out_of_the_fit_say_why() {
    let table = carried().unwrap();
    let out: Vec<_> = table.iter().filter(|row| row.text("used") != "yes").collect();
    assert!(out.len() < 5 && out.iter().all(|row| !row.text("notes").is_empty()));
    assert!(table.iter().all(|row| !row.text("source").is_empty()));
}

#[test]
fn the_committed_fit_is_the_one_that_the_code_finds() {
    let rows = used();
    assert_eq!(fit(&rows), model().parameters);
    let committed = include_str!("../calibration/network.csv");
    assert_eq!(numbers(&rows).unwrap().write(), committed);
}

#[test]
fn setups_that_the_fit_has_not_seen_are_predicted_and_covered() {
    let left = cross_validate(&used()).unwrap();
    let of = |across: bool| -> Vec<f64> {
        left.iter().filter(|row| row.across == across).map(|row| row.residual).collect()
    };
    let (inside, outside) = (accuracy(&of(false)), accuracy(&of(true)));
    println!("inside {inside:?}\nbetween {outside:?}");
    assert!(
        inside.rows >= 200 && inside.mean < 0.14 && inside.median < 0.11 && inside.p90 < 0.32,
        "{inside:?}"
    );
    assert!(outside.rows >= 50 && outside.mean < 0.45 && outside.median < 0.3, "{outside:?}");
    // Each setup against an interval from the other setups alone.
    let mut setups: Vec<&str> = left.iter().map(|row| row.setup.as_str()).collect();
    setups.dedup();
    let covered = setups.iter().map(|setup| {
        let (of, others): (Vec<Left>, Vec<Left>) = left.iter().cloned().partition(|row| row.setup == *setup);
        let range = spread(&others);
        of.iter().filter(|row| range.holds(row)).count()
    });
    let share = covered.sum::<usize>() as f64 / left.len() as f64;
    println!("covered {share}");
    assert!((0.75..=0.87).contains(&share), "{share}");
}

#[test]
fn the_interval_holds_the_prediction() {
    let answer = all_reduce(&fabric("nvlink-4", "infiniband-ndr"), 1e8, 64, 8);
    assert!(answer.low80 < answer.time && answer.time < answer.high80, "{answer:?}");
}
