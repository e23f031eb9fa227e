//! What the cases worked by hand share: the pinned facts, short forms of places, and the check.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot build its case fails")]

use planner::economics::{
    Bill, Cloud, Deployment, Economics, Hybrid, Overrides, Owned, Purchase, Room, Work, WriteOff, bill,
};

/// Every fact that a case reads.
pub const PINNED: &[(&str, f64)] = &[
    ("carbon.aws-eu-west-1", 316.0),
    ("cloud.accelerators-per-instance", 8.0),
    ("cloud.billed-per-useful", 1.05),
    ("cloud.support.share", 0.03),
    ("colocation.price", 217.3),
    ("cooling.extra", 0.3),
    ("egress.aws.tier1.price", 0.0),
    ("egress.aws.tier1.size", 100.0),
    ("egress.aws.tier2.price", 0.09),
    ("egress.aws.tier2.size", 9900.0),
    ("egress.aws.tier3.price", 0.085),
    ("egress.aws.tier3.size", 40_000.0),
    ("egress.aws.tier4.price", 0.07),
    ("egress.aws.tier4.size", 100_000.0),
    ("egress.aws.tier5.price", 0.05),
    ("electricity.us", 0.0806),
    ("energy.network", 0.001),
    ("energy.ssd", 1.2),
    ("gravity.miss-share", 0.5),
    ("host.power-factor", 1.4),
    ("idle.power-share", 0.3),
    ("line.price", 500.0),
    ("network.share", 0.11),
    ("plan.data", 1.0),
    ("plan.hours", 1.0),
    ("plan.power", 1.0),
    ("private-line.egress", 0.02),
    ("private-line.port", 164.2),
    ("pue.aws", 1.135),
    ("pue.own", 1.58),
    ("rent.h100-sxm.aws.on-demand", 6.88),
    ("rent.h100-sxm.aws.spot", 2.25),
    ("rent.h200.aws.on-demand", 7.912),
    ("resale.yearly-loss", 0.33),
    ("reserved.1y.discount", 0.375),
    ("reserved.3y.discount", 0.5),
    ("room.build", 11_700.0),
    ("room.life", 15.0),
    ("room.upkeep", 0.03),
    ("server.hgx-h100.accelerators", 8.0),
    ("server.hgx-h100.kilowatts", 10.2),
    ("server.hgx-h100.price", 310_000.0),
    ("server.life", 5.0),
    ("spot.discount", 0.575),
    ("spot.interruptions", 0.005),
    ("spot.restart-hours", 0.25),
    ("staff.cloud", 0.2),
    ("staff.own", 0.5),
    ("staff.salary", 180_000.0),
    ("storage.own.price", 0.008),
    ("storage.s3-standard-ia.read", 0.001),
    ("storage.s3-standard-ia.retrieval", 0.01),
    ("storage.s3-standard-ia.tier1.price", 0.0125),
    ("storage.s3-standard-ia.write", 0.01),
    ("storage.s3-standard.read", 0.0004),
    ("storage.s3-standard.retrieval", 0.0),
    ("storage.s3-standard.tier1.price", 0.023),
    ("storage.s3-standard.tier1.size", 50_000.0),
    ("storage.s3-standard.tier2.price", 0.022),
    ("storage.s3-standard.tier2.size", 450_000.0),
    ("storage.s3-standard.tier3.price", 0.021),
    ("storage.s3-standard.write", 0.005),
    ("support.yearly-share", 0.1),
];

/// An idle place without data: what a case does not name.
pub const NO_DATA: Economics = Economics {
    work: Work::Serving,
    accelerators: 1,
    hours_per_year: 0.0,
    years: 1.0,
    accelerator_watts: 0.0,
    stored_gigabytes: 0.0,
    read_gigabytes_per_year: 0.0,
    moved_out_gigabytes_per_year: 0.0,
    write_requests_per_year: 0.0,
    read_requests_per_year: 0.0,
};

pub fn training(checkpoint_interval_hours: f64, checkpoint_write_hours: f64) -> Work {
    Work::Training { checkpoint_interval_hours, checkpoint_write_hours }
}

pub fn aws_place(accelerator: &str, store: &str) -> Cloud {
    Cloud {
        accelerator: accelerator.into(),
        provider: "aws".into(),
        store: store.into(),
        region: "aws-eu-west-1".into(),
    }
}

pub fn aws(accelerator: &str, store: &str, purchase: Purchase) -> Deployment {
    Deployment::Cloud(aws_place(accelerator, store), purchase)
}

pub fn own_place(write_off: WriteOff, room: Room, cooling_in_pue: bool, line: f64) -> Owned {
    Owned {
        server: "hgx-h100".into(),
        room,
        write_off,
        cooling_in_pue,
        tariff: "us".into(),
        region: "aws-eu-west-1".into(),
        line_gigabits_per_second: line,
    }
}

pub fn own(write_off: WriteOff, room: Room, cooling_in_pue: bool, line: f64) -> Deployment {
    Deployment::OnPremises(own_place(write_off, room, cooling_in_pue, line))
}

pub fn hybrid(
    write_off: WriteOff,
    owned_accelerators: u32,
    purchase: Purchase,
    cloud_hours_share: f64,
    cloud_data_share: f64,
    private_line: bool,
) -> Deployment {
    Deployment::Hybrid(Hybrid {
        owned: own_place(write_off, Room::Colocation, true, 10.0),
        owned_accelerators,
        cloud: aws_place("h100-sxm", if private_line { "s3-standard-ia" } else { "s3-standard" }),
        purchase,
        cloud_hours_share,
        cloud_data_share,
        private_line,
    })
}

pub fn pinned() -> Overrides {
    let mut overrides = Overrides::default();
    for (key, value) in PINNED {
        overrides.set(key, *value).unwrap();
    }
    overrides
}

/// The bill from pinned facts alone.
pub fn pinned_bill(economics: &Economics, deployment: &Deployment) -> Bill {
    let bill = bill(economics, deployment, &pinned()).unwrap();
    for used in &bill.facts {
        assert!(used.overridden, "{} is not pinned", used.fact.key);
    }
    bill
}

/// Every line, and no other, to the cent; the total to the cent.
pub fn check(bill: &Bill, lines: &[(&str, f64)], total: f64) {
    for (id, expected) in lines {
        assert_near_named(id, bill.line(id).usd().0, *expected, 0.001);
    }
    let ids: Vec<_> = bill.lines.iter().map(|line| line.id).collect();
    assert_eq!(ids, lines.iter().map(|line| line.0).collect::<Vec<_>>());
    assert_near_named("total", bill.total().usd().0, total, 0.001);
}

pub fn assert_near(value: f64, expected: f64, tolerance: f64) {
    assert_near_named("value", value, expected, tolerance);
}

fn assert_near_named(name: &str, value: f64, expected: f64, tolerance: f64) {
    assert!((value - expected).abs() <= tolerance, "{name}: {value} instead of {expected}");
}
