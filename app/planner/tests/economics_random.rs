//! Random inputs and overrides from the whole of their ranges: a bill or a sentence, never a NaN, and sums that hold.

#![allow(clippy::float_cmp, reason = "cents are whole, and what is equal is equal to the bit")]
#![allow(clippy::unwrap_used, reason = "a test that cannot build its case fails")]

mod economics_support;

use economics_support::*;
use planner::economics::{
    Deployment, ECONOMIC_FACTS, Economics, Overrides, Purchase, Room, Term, Work, WriteOff, bill,
    break_even_time, tornado,
};

/// SplitMix64 (Steele et al. 2014).
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of so many.
    fn below(&mut self, count: u64) -> u64 {
        self.bits() % count
    }

    /// From low to high; an end in one of eight.
    fn between(&mut self, low: f64, high: f64) -> f64 {
        match self.below(8) {
            0 => low,
            1 => high,
            _ => low + (high - low) * (self.bits() >> 11) as f64 / (1_u64 << 53) as f64,
        }
    }
}

fn economics(random: &mut Random) -> Economics {
    let work = match random.below(2) {
        0 => Work::Serving,
        _ => training(random.between(0.01, 100.0), random.between(0.0, 1.0)),
    };
    Economics {
        work,
        accelerators: u32::try_from(1 + random.below(4_096)).unwrap(),
        hours_per_year: random.between(0.0, 8_766.0),
        years: random.between(0.01, 20.0),
        accelerator_watts: random.between(0.0, 2_000.0),
        stored_gigabytes: random.between(0.0, 1e8),
        read_gigabytes_per_year: random.between(0.0, 1e8),
        moved_out_gigabytes_per_year: random.between(0.0, 1e8),
        write_requests_per_year: random.between(0.0, 1e12),
        read_requests_per_year: random.between(0.0, 1e12),
    }
}

fn place(random: &mut Random) -> Deployment {
    let purchases = [
        Purchase::OnDemand,
        Purchase::Spot,
        Purchase::Reserved(Term::OneYear),
        Purchase::Reserved(Term::ThreeYears),
    ];
    let purchase = purchases[random.below(4) as usize];
    let write_off = [WriteOff::Capex, WriteOff::Spent, WriteOff::Depreciation][random.below(3) as usize];
    let room = [Room::Colocation, Room::OwnRoom][random.below(2) as usize];
    match random.below(3) {
        0 => aws(["h100-sxm", "h200", "b200"][random.below(3) as usize], "s3-standard", purchase),
        1 => own(write_off, room, random.below(2) == 0, random.between(0.01, 400.0)),
        _ => {
            let owned = u32::try_from(1 + random.below(4_096)).unwrap();
            let (hours, data) = (random.between(0.0, 1.0), random.between(0.0, 1.0));
            hybrid(write_off, owned, purchase, hours, data, random.below(2) == 0)
        }
    }
}

fn overrides(random: &mut Random) -> Overrides {
    let mut overrides = Overrides::default();
    for row in ECONOMIC_FACTS {
        if random.below(3) == 0 {
            let (low, high) =
                if random.below(2) == 0 { row.allowed } else { row.range.unwrap_or(row.allowed) };
            overrides.set(row.key, random.between(low, high)).unwrap();
        }
    }
    overrides
}

#[test]
fn a_bill_or_a_sentence() {
    let mut written = 0;
    for index in 0..20_000_u64 {
        let mut random = Random(index);
        let (economics, place) = (economics(&mut random), place(&mut random));
        let own_values = if random.below(2) == 0 { Overrides::default() } else { overrides(&mut random) };
        let bill = match bill(&economics, &place, &own_values) {
            Ok(bill) => bill,
            Err(error) => {
                assert!(error.to_string().ends_with('.'), "{index}: {error}");
                continue;
            }
        };
        written += 1;
        let cents: f64 = bill.lines.iter().map(|line| line.amount.cents()).sum();
        assert!(cents.is_finite() && cents == bill.total().cents(), "{index}");
        assert!(bill.kilowatt_hours().is_finite() && bill.kilowatt_hours() >= 0.0, "{index}");
        assert!(bill.kilograms_co2e().is_finite() && bill.kilograms_co2e() >= 0.0, "{index}");
        let refunds = bill.lines.iter().filter(|line| line.amount.cents() < 0.0);
        assert!(refunds.into_iter().all(|line| line.id == "own.resale"), "{index}");
        assert!(bill.total().cents() >= 0.0, "{index}: hardware is never sold for more than it cost");
        let share = bill.owned_utilisation.unwrap_or(0.0);
        assert!((0.0..=1.0 + 1e-12).contains(&share), "{index}: {share}");
    }
    assert!(written > 8_000, "only {written} of 20,000 have a bill");
}

#[test]
fn sensitivity_and_break_even_never_fail_where_a_bill_stands() {
    for index in 0..60_u64 {
        let mut random = Random(index + 1_000_000);
        let (economics, one, other) = (economics(&mut random), place(&mut random), place(&mut random));
        let none = Overrides::default();
        let month = Economics { years: 1.0 / 12.0, ..economics };
        if let Ok(bill) = bill(&economics, &one, &none) {
            let bars = tornado(&economics, &one, &none).unwrap();
            assert!(bars.iter().all(|bar| bar.swing_usd >= 0.0), "{index}");
            assert!(bars.len() <= bill.facts.len());
        }
        if bill(&month, &one, &none).is_ok() && bill(&month, &other, &none).is_ok() {
            let found = break_even_time(&economics, &one, &other, &none, 10.0).unwrap();
            let mut last = found.cheaper_at_start;
            let mut at = found.range.0;
            for crossing in &found.crossings {
                assert!(crossing.cheaper_after != last && crossing.at >= at, "{index}: {}", found.sentence);
                (last, at) = (crossing.cheaper_after, crossing.at);
            }
        }
    }
}
