//! Laws of bills that hold for every case: sums, ranges, overrides, break-even, sensitivity, ages.

#![allow(clippy::float_cmp, reason = "cents are whole, and what is equal is equal to the bit")]

mod economics_support;

use economics_support::*;
use planner::economics::{
    ECONOMIC_FACTS, EconomicFact, Economics, EconomicsError, Overrides, Purchase, Room, Side, Term, Work,
    WriteOff, best_checkpoint_interval_hours, bill, break_even_time, break_even_utilisation,
    cheapest_placement, fact, price_age_days, spot_outcome, stale_prices, tornado,
};

fn work() -> Economics {
    Economics {
        work: training(1.0, 0.05),
        accelerators: 64,
        hours_per_year: 4_000.0,
        years: 3.0,
        accelerator_watts: 650.0,
        stored_gigabytes: 60_000.0,
        read_gigabytes_per_year: 100_000.0,
        moved_out_gigabytes_per_year: 12_000.0,
        write_requests_per_year: 1e6,
        read_requests_per_year: 1e7,
    }
}

fn places() -> [planner::economics::Deployment; 7] {
    [
        aws("h100-sxm", "s3-standard", Purchase::OnDemand),
        aws("h100-sxm", "s3-standard", Purchase::Reserved(Term::OneYear)),
        aws("h100-sxm", "s3-standard", Purchase::Reserved(Term::ThreeYears)),
        aws("h100-sxm", "s3-standard", Purchase::Spot),
        own(WriteOff::Capex, Room::Colocation, true, 10.0),
        own(WriteOff::Depreciation, Room::OwnRoom, false, 10.0),
        hybrid(WriteOff::Capex, 48, Purchase::Spot, 0.4, 0.3, true),
    ]
}

#[test]
fn lines_add_up_to_the_total_to_the_cent() {
    for place in places() {
        for accelerators in [1, 7, 64, 1_001] {
            let economics = Economics { accelerators, hours_per_year: 1_234.567, ..work() };
            let Ok(bill) = bill(&economics, &place, &Overrides::default()) else {
                // 48 own accelerators cannot do the share of 1,001, and hundreds of instances interrupt too often.
                assert_eq!(accelerators, 1_001);
                continue;
            };
            let cents: f64 = bill.lines.iter().map(|line| line.amount.cents()).sum();
            assert_eq!(cents, bill.total().cents());
            assert_eq!(cents, cents.round());
            let mut ids: Vec<_> = bill.lines.iter().map(|line| line.id).collect();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), bill.lines.len(), "an id occurs twice");
        }
    }
}

#[test]
fn the_catalog_is_well_formed() {
    assert!(ECONOMIC_FACTS.len() > 150);
    for row in ECONOMIC_FACTS {
        assert_eq!(fact(row.key).unwrap(), row);
        assert!(row.value >= row.allowed.0 && row.value <= row.allowed.1, "{}", row.key);
        assert!(!row.assumption || row.range.is_some(), "{} has no range", row.key);
        let money = row.unit.starts_with("USD") && row.key != "staff.salary";
        if money && !row.assumption {
            assert!(row.priced_on.is_some(), "{} has no date", row.key);
        }
        if let Some(priced_on) = row.priced_on {
            price_age_days(priced_on, "2026-11-23").unwrap();
        }
    }
}

#[test]
fn idle_own_machines_cost_and_idle_rented_ones_do_not() {
    let idle = Economics { hours_per_year: 0.0, ..work() };
    let own = bill(&idle, &places()[4], &pinned()).unwrap();
    assert!(own.line("own.electricity").usd().0 > 0.0);
    assert_eq!(own.owned_utilisation, Some(0.0));
    assert_eq!(own.per_useful_hour(), None);
    let rented = bill(&idle, &places()[0], &pinned()).unwrap();
    assert_eq!(rented.line("cloud.accelerators").cents(), 0.0);
    let busy = bill(&work(), &places()[4], &pinned()).unwrap();
    let busier = bill(&Economics { hours_per_year: 8_000.0, ..work() }, &places()[4], &pinned()).unwrap();
    assert!(busier.per_useful_hour().unwrap().0 < busy.per_useful_hour().unwrap().0);
}

#[test]
fn a_hybrid_of_nothing_rented_is_the_own_site_and_a_bigger_share_moves_the_hours() {
    let own_bill = bill(&work(), &own(WriteOff::Capex, Room::Colocation, true, 10.0), &pinned()).unwrap();
    let all_own = hybrid(WriteOff::Capex, 64, Purchase::OnDemand, 0.0, 0.0, false);
    let hybrid_bill = bill(&work(), &all_own, &pinned()).unwrap();
    assert_eq!(hybrid_bill.total(), own_bill.total());
    assert!((hybrid_bill.kilowatt_hours() - own_bill.kilowatt_hours()).abs() < 1e-6);
    // Data gravity: the hours in the cloud and the data at home cost more line than both in one place.
    let apart =
        bill(&work(), &hybrid(WriteOff::Capex, 64, Purchase::OnDemand, 0.5, 1.0, false), &pinned()).unwrap();
    let near =
        bill(&work(), &hybrid(WriteOff::Capex, 64, Purchase::OnDemand, 0.5, 0.0, false), &pinned()).unwrap();
    assert!(apart.line("cloud.egress").usd().0 > near.line("cloud.egress").usd().0 + 1_000.0);
}

#[test]
fn spot_without_interruptions_costs_the_checkpoints_alone_and_with_many_never_finishes() {
    let none = spot_outcome(training(1.0, 0.1), 4.0, 0.0, 0.5).unwrap();
    assert_near(none.billed_per_useful_hour, 1.1, 1e-12);
    assert_eq!(none.hours_between_interruptions, None);
    let few = spot_outcome(training(1.0, 0.1), 4.0, 1e-9, 0.5).unwrap();
    assert_near(few.billed_per_useful_hour, 1.1, 1e-6);
    let many = spot_outcome(training(1.0, 0.1), 4_000.0, 1.0, 0.5);
    assert!(matches!(many, Err(EconomicsError::NeverFinishes { .. })));
    // The interval of Young's formula beats both a third and thrice of it.
    let best = best_checkpoint_interval_hours(0.05, 1.0 / 0.04);
    let at =
        |interval| spot_outcome(training(interval, 0.05), 8.0, 0.005, 0.25).unwrap().billed_per_useful_hour;
    assert!(at(best) < at(best / 3.0) && at(best) < at(best * 3.0));
}

#[test]
fn bad_numbers_are_refused_by_name() {
    let place = &places()[6];
    for bad in [f64::NAN, f64::INFINITY, -1.0, 1e300] {
        let inputs = [
            ("hours_per_year", Economics { hours_per_year: bad, ..work() }),
            ("years", Economics { years: bad, ..work() }),
            ("accelerator_watts", Economics { accelerator_watts: bad, ..work() }),
            ("stored_gigabytes", Economics { stored_gigabytes: bad, ..work() }),
            ("read_gigabytes_per_year", Economics { read_gigabytes_per_year: bad, ..work() }),
            ("moved_out_gigabytes_per_year", Economics { moved_out_gigabytes_per_year: bad, ..work() }),
            ("write_requests_per_year", Economics { write_requests_per_year: bad, ..work() }),
            ("read_requests_per_year", Economics { read_requests_per_year: bad, ..work() }),
            ("checkpoint_interval_hours", Economics { work: training(bad, 0.1), ..work() }),
            ("checkpoint_write_hours", Economics { work: training(1.0, bad), ..work() }),
        ];
        for (field, economics) in inputs {
            let error = bill(&economics, place, &Overrides::default()).unwrap_err();
            assert!(error.to_string().starts_with(field), "{error}");
            assert!(error.to_string().contains(" from "), "{error}");
        }
        for (field, place) in [
            ("cloud_hours_share", hybrid(WriteOff::Capex, 48, Purchase::Spot, bad, 0.3, true)),
            ("cloud_data_share", hybrid(WriteOff::Capex, 48, Purchase::Spot, 0.3, bad, true)),
            ("line_gigabits_per_second", own(WriteOff::Capex, Room::Colocation, true, bad)),
        ] {
            let error = bill(&work(), &place, &Overrides::default()).unwrap_err();
            assert!(error.to_string().starts_with(field), "{error}");
        }
        assert!(Overrides::default().set("pue.own", bad).is_err());
    }
    let zero = bill(&Economics { accelerators: 0, ..work() }, place, &Overrides::default()).unwrap_err();
    assert!(zero.to_string().starts_with("accelerators is 0"), "{zero}");
    let unknown = bill(&work(), &aws("abacus", "s3-standard", Purchase::OnDemand), &pinned()).unwrap_err();
    let message = unknown.to_string();
    assert!(
        message.contains("rent.abacus.aws.on-demand\". Allowed are rent.a100-40gb.aws.on-demand"),
        "{message}"
    );
    let few =
        bill(&work(), &hybrid(WriteOff::Capex, 8, Purchase::Spot, 0.1, 0.3, true), &pinned()).unwrap_err();
    assert!(matches!(few, EconomicsError::TooFewOwned { accelerators: 8, .. }));
    let full = bill(&work(), &own(WriteOff::Capex, Room::Colocation, true, 0.002), &pinned()).unwrap_err();
    assert!(matches!(full, EconomicsError::LineFull { .. }));
}

#[test]
fn overrides_enter_every_calculation_and_travel_in_a_link() {
    let mut overrides = Overrides::default();
    overrides.set("rent.h100-sxm.aws.on-demand", 1.0).unwrap();
    overrides.set("pue.aws", 1.5).unwrap();
    overrides.set("energy.network", 1e-7).unwrap();
    let text = overrides.encode();
    assert_eq!(text, "energy.network~1e-7_pue.aws~1.5_rent.h100-sxm.aws.on-demand~1.0");
    assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)));
    assert_eq!(Overrides::decode(&text).unwrap(), overrides);
    let changed = bill(&work(), &places()[0], &overrides).unwrap();
    let useful = 64.0 * 4_000.0 * 3.0;
    assert_near(changed.line("cloud.accelerators").usd().0, useful * 1.05, 0.01);
    assert!(
        changed.facts.iter().any(|used| used.fact.key == "pue.aws" && used.overridden && used.value == 1.5)
    );
    for bad in [
        "x",
        "pue.aws~",
        "pue.aws~NaN",
        "pue.aws~inf",
        "pue.aws~0.5",
        "nothing~1.0",
        "_",
        "pue.aws~2~3",
        "pue.aws~1.5_pue.aws~1.6",
        "pue.aws~ 1.5",
        &"pue.aws~1.5_".repeat(9_000),
    ] {
        assert!(Overrides::decode(bad).is_err(), "{bad:.40}");
    }
    assert_eq!(Overrides::decode("").unwrap(), Overrides::default());
}

#[test]
fn every_fact_can_be_overridden_and_comes_back_from_the_link() {
    type End = fn(&EconomicFact) -> f64;
    let ends: [End; 3] = [|row| row.allowed.0, |row| row.allowed.1, |row| row.value / 3.0];
    for end in ends {
        for chunk in ECONOMIC_FACTS.chunks(100) {
            let mut overrides = Overrides::default();
            for row in chunk {
                overrides.set(row.key, end(row).max(row.allowed.0)).unwrap();
            }
            assert_eq!(Overrides::decode(&overrides.encode()).unwrap(), overrides);
        }
    }
}

#[test]
fn a_bill_reads_no_fact_around_the_overrides() {
    // Each fact of a bill moves the bill or its energy when it is overridden; what cannot move it is named.
    let work = Economics { years: 5.0, ..work() };
    for place in places() {
        let base = bill(&work, &place, &Overrides::default()).unwrap();
        for used in &base.facts {
            let mut overrides = Overrides::default();
            let moved = if used.value == 0.0 { used.fact.allowed.1 / 2.0 } else { used.value * 0.9 };
            overrides.set(used.fact.key, moved.max(used.fact.allowed.0)).unwrap();
            let other = bill(&work, &place, &overrides).unwrap();
            let same = other.total() == base.total()
                && other.kilowatt_hours() == base.kilowatt_hours()
                && other.kilograms_co2e() == base.kilograms_co2e();
            // Instances are whole numbers, and of tiers the work fills the first alone: `serving_on_demand` fills all.
            let whole =
                used.fact.key == "cloud.accelerators-per-instance" || used.fact.key.ends_with(".size");
            assert!(!same || whole, "{} changes nothing", used.fact.key);
        }
    }
}

#[test]
fn break_even_over_time_is_where_the_bills_meet() {
    let rented = &places()[0];
    let own = &own(WriteOff::Spent, Room::Colocation, true, 10.0);
    let economics = Economics { hours_per_year: 7_000.0, ..work() };
    let found = break_even_time(&economics, own, rented, &pinned(), 5.0).unwrap();
    assert_eq!(found.cheaper_at_start, Side::Second);
    assert_eq!(found.crossings.len(), 1, "{}", found.sentence);
    assert_eq!(found.crossings[0].cheaper_after, Side::First);
    let at = Economics { years: found.crossings[0].at, ..economics };
    let gap = bill(&at, own, &pinned()).unwrap().total().usd().0
        - bill(&at, rented, &pinned()).unwrap().total().usd().0;
    assert!(gap.abs() < 0.1, "{gap}");
    assert!(found.sentence.contains("years on the first deployment is cheaper"), "{}", found.sentence);
}

#[test]
fn break_even_utilisation_agrees_with_the_closed_form() {
    // Without data, staff, support, lines and idle power both bills are straight lines of the hours:
    // on demand 8 x 8,766 x u x 6.88 x 1.05 = 506,604.67 u (8 accelerators, one year),
    // own: 310,000 x 1.11 x (1 - 0.67) = 113,553 for hardware sold after a year, 310,000 x 0.1 = 31,000 support,
    //   10.2 x 217.3 x 12 = 26,597.52 colocation; electricity 8 x 8,766 x u x 0.7 x 1.4 x 1.58 x 0.0806 = 8,752.16 u.
    // (113,553 + 31,000 + 26,597.52) / (506,604.67 - 8,752.16) = 171,150.52 / 497,852.51 = 0.343777.
    let mut overrides = pinned();
    for key in ["idle.power-share", "staff.own", "staff.cloud", "line.price", "cloud.support.share"] {
        overrides.set(key, 0.0).unwrap();
    }
    let economics = Economics { work: Work::Serving, accelerators: 8, accelerator_watts: 700.0, ..NO_DATA };
    let hours = 8.0 * 8_766.0;
    let fixed = 310_000.0 * 1.11 * 0.33 + 31_000.0 + 10.2 * 217.3 * 12.0;
    let expected = fixed / (hours * 6.88 * 1.05 - hours * 0.7 * 1.4 * 1.58 * 0.0806);
    assert_near(expected, 0.343_777, 1e-6);
    let found = break_even_utilisation(&economics, &places()[4], &places()[0], &overrides).unwrap();
    assert_eq!((found.cheaper_at_start, found.crossings.len()), (Side::Second, 1));
    assert_near(found.crossings[0].at, expected, 1e-6);
}

#[test]
fn break_even_says_when_there_is_none_and_where_a_range_ends() {
    let mut cheap = pinned();
    cheap.set("rent.h100-sxm.aws.on-demand", 0.01).unwrap();
    let none = break_even_time(&work(), &places()[4], &places()[0], &cheap, 5.0).unwrap();
    assert!(none.crossings.is_empty());
    assert!(none.sentence.starts_with("There is no break-even"), "{}", none.sentence);
    let same = break_even_time(&work(), &places()[0], &places()[0], &cheap, 5.0).unwrap();
    assert_eq!((same.cheaper_at_start, same.crossings.len()), (Side::Equal, 0));
    // 32 own accelerators do at most 32 / (64 x 0.8) of the hours.
    let small = hybrid(WriteOff::Capex, 32, Purchase::OnDemand, 0.2, 0.3, false);
    let short = break_even_utilisation(&work(), &small, &places()[0], &pinned()).unwrap();
    assert_near(short.range.1, 0.625, 1.0 / 240.0);
    assert!(break_even_time(&work(), &small, &small, &cheap, f64::NAN).is_err());
}

#[test]
fn the_tornado_holds_every_assumption_of_the_bill_and_each_bar_is_a_bill() {
    for place in places() {
        let base = bill(&work(), &place, &Overrides::default()).unwrap();
        let bars = tornado(&work(), &place, &Overrides::default()).unwrap();
        let with_range = base.facts.iter().filter(|used| used.fact.range.is_some()).count();
        assert_eq!(bars.len(), with_range);
        assert!(base.facts.iter().filter(|used| used.fact.assumption).count() >= 8);
        assert!(bars.windows(2).all(|pair| pair[0].swing_usd >= pair[1].swing_usd));
        for bar in &bars {
            let mut low = Overrides::default();
            low.set(bar.fact.key, bar.low).unwrap();
            assert_eq!(bar.at_low, bill(&work(), &place, &low).ok().map(|bill| bill.total()));
        }
    }
    // By hand: 64 x 4,000 x 3 = 768,000 h x 1.05; from 3.90 to 6.88 USD is 2,403,072.00, with 3 % support 2,475,164.16.
    let bars = tornado(&work(), &places()[0], &pinned()).unwrap();
    let rent = bars.iter().find(|bar| bar.fact.key == "rent.h100-sxm.aws.on-demand").unwrap();
    assert_near(rent.swing_usd, 2_475_164.16, 0.011);
}

#[test]
fn ages_of_prices() {
    let age =
        |text: &str| price_age_days(text, "2026-11-23").map(|age| (age.days, age.least_days, age.stale));
    // From 14 March: 17 days of March, 30, 31, 30, 31, 31, 30, 31 to the end of October, 23 of November = 254.
    assert_eq!(age("2026-03-14"), Ok((254, 254, true)));
    assert_eq!(age("2026-03"), Ok((267, 237, true)));
    assert_eq!(age("2026"), Ok((326, 0, true)));
    assert_eq!(age("2026-Q4"), Ok((53, 0, false)));
    // 2024-04-01 to 2026-04-01 is 730 days, to 23 November 236 more; the quarter ends 90 days after its first day.
    assert_eq!(age("2024-Q2"), Ok((966, 876, true)));
    assert_eq!(age("2024-02-29"), Ok((998, 998, true)));
    // The flag: 180 days before is 27 May.
    assert_eq!(age("2026-05-27"), Ok((180, 180, false)));
    assert_eq!(age("2026-05-26"), Ok((181, 181, true)));
    assert_eq!(price_age_days("1970-01-01", "1970-01-01").unwrap().days, 0);
    assert_eq!(price_age_days("2000-02-29", "2100-03-01").unwrap().days, 36_525);
    for bad in [
        "",
        "26",
        "2026-13",
        "2026-00",
        "2026-02-29",
        "2026-Q5",
        "2026-Q0",
        "2026-3",
        "2026-03-14-1",
        "today",
        "2026-03-",
        "+026",
        "2026-Q2-01",
        "9999999999",
        "1969",
    ] {
        assert!(age(bad).is_err(), "{bad}");
    }
    assert!(matches!(age("2026-12"), Err(EconomicsError::DateInFuture { .. })));
    assert!(price_age_days("2026", "2026-11").is_err());
}

#[test]
fn a_bill_names_its_stale_prices_and_a_price_of_ones_own_has_no_age() {
    let mut overrides = Overrides::default();
    let before = stale_prices(&bill(&work(), &places()[0], &overrides).unwrap(), "2026-11-23").unwrap();
    assert!(before.iter().any(|stale| stale.fact.key == "rent.h100-sxm.aws.on-demand"));
    overrides.set("rent.h100-sxm.aws.on-demand", 5.0).unwrap();
    let after = stale_prices(&bill(&work(), &places()[0], &overrides).unwrap(), "2026-11-23").unwrap();
    assert_eq!(after.len() + 1, before.len());
}

#[test]
fn the_cheapest_placement_beats_every_other_and_follows_the_price() {
    let planner::economics::Deployment::Hybrid(mut place) =
        hybrid(WriteOff::Capex, 64, Purchase::OnDemand, 0.5, 0.5, false)
    else {
        unreachable!("a hybrid is a hybrid")
    };
    // The own machines are there and paid: the cloud only adds.
    let home = cheapest_placement(&work(), &place, &pinned()).unwrap();
    assert_eq!((home.cloud_hours_share, home.cloud_data_share), (0.0, 0.0));
    // 16 own accelerators of 64 do at most 16 x 8,766 of 64 x 4,000 hours, 0.548: 0.452 must go, on the grid 0.5.
    place.owned_accelerators = 16;
    let forced = cheapest_placement(&work(), &place, &pinned()).unwrap();
    assert_eq!(forced.cloud_hours_share, 0.5);
    let mut free = pinned();
    free.set("rent.h100-sxm.aws.on-demand", 0.0).unwrap();
    let away = cheapest_placement(&work(), &place, &free).unwrap();
    assert!(away.cloud_hours_share >= 0.5 && away.total < forced.total);
}
