//! Serving beyond one replica: values worked out by hand, limits, and a simulation.

#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

use planner::fleet::compression::{Kernels, Pruning, bits_per_weight, rate_factor};
use planner::fleet::disaggregation::{Request, best_split};
use planner::fleet::edge::{Device, battery_hours};
use planner::fleet::queue::{largest_rate, waiting};
use planner::fleet::scaling::{Offers, Replica, cold_start, follow, sinusoid};
use planner::fleet::speculation::{best, expected_tokens};

fn assert_close(left: f64, right: f64, tolerance: f64) {
    assert!((left - right).abs() <= tolerance * right.abs().max(1e-12), "{left} is not {right}");
}

#[test]
fn waiting_is_erlangs() {
    // One server is M/M/1: waits with probability rho, on average rho / (1 - rho) services.
    let one = waiting(0.8, 1.0, 1).unwrap();
    assert_close(one.waits, 0.8, 1e-12);
    assert_close(one.mean, 4.0, 1e-12);
    assert_close(one.percentile(0.99).unwrap(), (0.8_f64 / 0.01).ln() * 5.0, 1e-12);
    // Two servers at a load of 1: B = (1/2) / (1 + 1 + 1/2) = 1/5, C = 2 B / (2 - 1 (1 - B)) = 1/3.
    let two = waiting(1.0, 1.0, 2).unwrap();
    assert_close(two.waits, 1.0 / 3.0, 1e-12);
    assert_close(two.mean, 1.0 / 3.0, 1e-12);
    assert_close(waiting(0.0, 1.0, 3).unwrap().mean, 0.0, 1e-12);
    assert_eq!(waiting(1.0, 1.0, 1).unwrap_err().field, "rate");
    assert_eq!(waiting(f64::NAN, 1.0, 1).unwrap_err().field, "rate");
}

/// SplitMix64 (Steele et al. 2014), as a number in 0 to 1.
fn uniform(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

#[test]
fn a_simulation_waits_as_long() {
    for (rate, servers) in [(2.4, 3_usize), (7.0, 8), (0.5, 1)] {
        let (mut state, mut now) = (7_u64, 0.0);
        let mut free = vec![0.0_f64; servers];
        let (mut waited, mut total) = (0_u32, 0.0);
        let count = 400_000_u32;
        for _ in 0..count {
            now -= (1.0 - uniform(&mut state)).ln() / rate;
            let (at, start) = free.iter().copied().enumerate().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
            let begin = start.max(now);
            total += begin - now;
            waited += u32::from(begin > now);
            free[at] = begin - (1.0 - uniform(&mut state)).ln();
        }
        let said = waiting(rate, 1.0, u32::try_from(servers).unwrap()).unwrap();
        assert_close(f64::from(waited) / f64::from(count), said.waits, 0.03);
        assert_close(total / f64::from(count), said.mean, 0.08);
    }
}

#[test]
fn the_largest_rate_just_keeps_the_objective() {
    let rate = largest_rate(0.5, 4, 0.2, 0.99).unwrap();
    assert!(rate < 8.0);
    assert!(waiting(rate * 0.999, 0.5, 4).unwrap().percentile(0.99).unwrap() <= 0.2);
    assert!(waiting(rate * 1.001, 0.5, 4).unwrap().percentile(0.99).unwrap() > 0.2);
    // More servers carry more than their share: one queue for all.
    assert!(largest_rate(0.5, 8, 0.2, 0.99).unwrap() > 2.0 * rate);
}

#[test]
fn speculation_is_leviathans() {
    // a = 0.8, k = 5: (1 - 0.8^6) / 0.2 = 3.68928.
    assert_close(expected_tokens(0.8, 5).unwrap(), 3.689_28, 1e-12);
    assert_close(expected_tokens(1.0, 5).unwrap(), 6.0, 1e-12);
    assert_close(expected_tokens(0.0, 5).unwrap(), 1.0, 1e-12);
    // Memory-bound: a step takes 10 ms whatever k, a draft 1 ms. k = 5: 15 ms for 3.68928 tokens.
    let flat = best(0.8, 1e-3, &|_| 1e-2).unwrap();
    assert!(flat.speed_up > 1e-2 / (1.5e-2 / 3.689_28) - 1e-9 && flat.drafted >= 4, "{flat:?}");
    // Compute-bound at a large batch: k + 1 tokens take k + 1 times as long. Nothing is left to gain.
    let steep = best(0.8, 1e-3, &|tokens| 1e-2 * f64::from(tokens)).unwrap();
    assert_eq!((steep.drafted, steep.speed_up), (0, 1.0));
    assert_eq!(expected_tokens(1.5, 2).unwrap_err().field, "acceptance");
}

#[test]
fn a_fleet_is_split_where_both_sides_keep_up() {
    // Prefill 1 s; 500 tokens x 20 ms over a batch of 10 = 1 s of a decode machine: half and half.
    let request =
        Request { prefill: 1.0, output_tokens: 500.0, decode_step: 0.02, batch: 10.0, cache_bytes: 1e9 };
    let split = best_split(&request, 8, 5e10).unwrap();
    assert_eq!((split.prefill_machines, split.decode_machines), (4, 4));
    assert_close(split.rate, 4.0, 1e-12);
    assert_close(split.rate_together, 4.0, 1e-12);
    assert_close(split.transfer, 0.02, 1e-12);
    // Together a machine prefills half of its time: steps take twice as long between tokens.
    assert_close(split.per_token_together, 0.04, 1e-12);
    for machines in 2..40 {
        let split = best_split(&request, machines, 5e10).unwrap();
        assert!(split.rate <= split.rate_together * (1.0 + 1e-12), "{split:?}");
        assert_eq!(split.prefill_machines + split.decode_machines, machines);
    }
    assert_eq!(best_split(&request, 1, 1e9).unwrap_err().field, "machines");
}

#[test]
fn replicas_follow_a_day() {
    // 10 s for the machine, 20 + 16 GB at 2 GB/s = 18 s, 7 s warm-up.
    assert_close(cold_start(10.0, 20e9, 16e9, 2e9, 7.0).unwrap(), 35.0, 1e-12);
    let day = sinusoid(10.0, 0.8).unwrap();
    assert_close(day[15], 18.0, 1e-12);
    assert_close(day.iter().sum::<f64>(), 240.0, 1e-9);
    let replica = Replica { rate: 2.0, planned_share: 0.9, cold_start: 0.0 };
    let plan = follow(&day, &replica).unwrap();
    assert_eq!(plan.replicas[15], 10);
    assert!(plan.replica_hours < plan.fixed_hours * 0.7, "{plan:?}");
    for (rate, count) in day.iter().zip(&plan.replicas) {
        assert!(f64::from(*count) * 1.8 >= *rate);
    }
    let slow = follow(&day, &Replica { cold_start: 1_800.0, ..replica }).unwrap();
    assert!(slow.replica_hours > plan.replica_hours);
    assert_eq!(follow(&day, &Replica { cold_start: 7_200.0, ..replica }).unwrap_err().field, "cold_start");
}

#[test]
fn functions_win_below_the_break_even_rate() {
    let offers = Offers {
        function_usd_per_second: 0.001,
        usd_per_call: 0.0,
        call: 1.0,
        cold_start: 0.0,
        keep_alive: 300.0,
        machine_usd_per_hour: 1.8,
        machine_rate: 2.0,
    };
    // 0.001 USD a call against 1.8 / 3,600 = 0.0005 USD a second: equal at half a request per second.
    assert_close(offers.break_even_rate().unwrap().unwrap(), 0.5, 1e-9);
    assert_close(offers.function_cost(0.5).unwrap(), 0.001, 1e-12);
    assert_close(offers.machine_cost(0.5).unwrap(), 0.001, 1e-12);
    // A machine of 18 USD an hour is never cheaper: 0.0025 USD a request when full.
    assert_eq!(Offers { machine_usd_per_hour: 18.0, ..offers }.break_even_rate(), Ok(None));
    // Cold starts: exp(-300 x 0.01) of the calls, paid.
    let cold = Offers { cold_start: 20.0, ..offers };
    assert_close(cold.cold_share(0.01).unwrap(), (-3.0_f64).exp(), 1e-12);
    assert_close(cold.function_cost(0.01).unwrap(), 0.001 * (1.0 + 20.0 * (-3.0_f64).exp()), 1e-12);
    assert_close(cold.percentile(0.01, 0.99).unwrap(), 21.0, 1e-12);
    assert_close(cold.percentile(1.0, 0.99).unwrap(), 1.0, 1e-12);
    // Functions that stay warm for a second only are cold at that rate too: machines win earlier.
    assert!(Offers { keep_alive: 1.0, ..cold }.break_even_rate().unwrap().unwrap() < 0.2);
    assert_eq!(Offers { call: -1.0, ..offers }.break_even_rate().unwrap_err().field, "call");
}

#[test]
fn smaller_weights_are_counted_in_bits() {
    // INT4 in groups of 32 with a 16-bit scale: 4.5 bits, as llama.cpp's Q4_0.
    assert_close(bits_per_weight(4.0, 32.0, 16.0, Pruning::None).unwrap(), 4.5, 1e-12);
    // 2:4 of 16-bit weights: two values and two 2-bit indices for four weights: 36 bits of 64, 56.25 %.
    assert_close(bits_per_weight(16.0, 1.0, 0.0, Pruning::TwoOfFour).unwrap(), 9.0, 1e-12);
    assert_close(bits_per_weight(8.0, 1.0, 0.0, Pruning::Bitmap(0.5)).unwrap(), 5.0, 1e-12);
    // Half of INT8 weights as rows with columns are larger than all of them.
    assert!(bits_per_weight(8.0, 1.0, 0.0, Pruning::Columns(0.5)).unwrap() > 8.0);
    assert_close(rate_factor(Pruning::TwoOfFour, true), 2.0, 1e-12);
    assert_close(rate_factor(Pruning::Bitmap(0.9), true), 1.0, 1e-12);
    assert_eq!(bits_per_weight(4.0, 32.0, 16.0, Pruning::Bitmap(1.5)).unwrap_err().field, "share");
}

#[test]
fn a_compiled_step_loses_launches_and_passes() {
    // 400 kernels x 5 us + 2 GB / 2 TB/s + 4 ms = 7 ms. Half of them joined, gaps of 1 us: 0.2 + 0.5 + 4 = 4.7 ms.
    let eager = Kernels { count: 400.0, gap: 5e-6, between_bytes: 2e9, work: 4e-3 };
    assert_close(eager.seconds(2e12).unwrap(), 7e-3, 1e-12);
    let compiled = eager.compiled(200.0, 1e-6).unwrap();
    assert_close(compiled.seconds(2e12).unwrap(), 4.7e-3, 1e-12);
    assert_eq!(eager.compiled(500.0, 1e-6).unwrap_err().field, "fused");
}

#[test]
fn a_power_limit_slows_arithmetic_by_its_cube_root() {
    let device = Device { idle_watts: 5.0, full_watts: 29.0, flops: 1e13, bytes_per_second: 1e11 };
    // 1 GB and 2 GFLOP a token: memory binds at 100 tokens/s, at full power and at 8 W, where the cores run at half
    // their clock: (8 - 5) / 24 = 1/8.
    let full = device.decode(1e9, 2e9, 29.0).unwrap();
    assert_close(full.tokens_per_second, 100.0, 1e-12);
    let capped = device.decode(1e9, 2e9, 8.0).unwrap();
    assert_close(capped.frequency, 0.5, 1e-12);
    assert_close(capped.tokens_per_second, 100.0, 1e-12);
    assert_close(capped.tokens_per_joule, 12.5, 1e-12);
    // A hundred times the arithmetic binds, and halves.
    let heavy = device.decode(1e9, 2e11, 8.0).unwrap();
    assert!(heavy.bound_by_arithmetic);
    assert_close(heavy.tokens_per_second, 25.0, 1e-12);
    assert_close(battery_hours(50.0, 8.0).unwrap(), 6.25, 1e-12);
    assert_eq!(device.decode(1e9, 2e9, 5.0).unwrap_err().field, "limit_watts");
}

#[test]
fn every_function_refuses_what_is_no_number() {
    for bad in [f64::NAN, f64::INFINITY, -1.0] {
        assert!(waiting(1.0, bad, 1).is_err());
        assert!(largest_rate(1.0, 1, bad, 0.9).is_err());
        assert!(best(0.5, bad, &|_| 1.0).is_err());
        assert!(best(0.5, 0.1, &|_| bad).is_err());
        assert!(cold_start(bad, 1.0, 1.0, 1.0, 1.0).is_err());
        assert!(sinusoid(bad, 0.5).is_err());
        assert!(bits_per_weight(bad, 1.0, 0.0, Pruning::None).is_err());
        assert!(battery_hours(1.0, bad).is_err());
        let error = battery_hours(bad, 1.0).unwrap_err().to_string();
        assert!(error.contains("watt_hours") && error.contains("allowed"), "{error}");
    }
}
