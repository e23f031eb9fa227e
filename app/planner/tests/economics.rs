//! Bills of rented places, worked by hand. Own and hybrid places are in `economics_own.rs`.
//!
//! Every fact is pinned to the figure in the working, so that a newer price in the catalog changes no case. Amounts in
//! USD, one line of working per line of the bill; a working with more decimals is followed by its cents.

mod economics_support;

use economics_support::*;
use planner::economics::{Economics, Purchase, Term, Work};

/// Training, cloud on demand: 64 H100, 2,000 useful hours, one year.
#[test]
fn training_on_demand() {
    // hours: 64 x 2,000 = 128,000 useful, x 1.05 = 134,400 billed, 6,400 of them idle
    // cloud.accelerators: 134,400 h x 6.88 = 924,672.00
    // cloud.storage: (40,000 x 0.023) = 920 a month, x 12 = 11,040.00
    // cloud.writes: 2,000,000 / 1,000 x 0.005 x 1 y = 10.00
    // cloud.reads: 50,000,000 / 1,000 x 0.0004 x 1 y = 20.00
    // out: 1,200 GB / 12 = 100 GB a month
    // cloud.support: 935,742 x 0.03 = 28,072.26
    // cloud.staff: 64 / 100 x 0.2 x 180,000 x 1 y = 23,040.00
    // kWh: accelerators (129,920 h at 650 W x 1.4 = 0.91 kW) x 1.135 = 134,187.8720
    // kWh: storage 40 TB x 1.2 Wh x 8,766 h x 1 y / 1,000 x 1.135 = 477.5717
    // kWh: network 1,200 GB x 0.001 x 1 y = 1.2
    // total: 924,672.00 + 11,040.00 + 10.00 + 20.00 + 28,072.26 + 23,040.00 = 986,854.26
    // energy: 134,666.644 kWh; carbon: x 316 g / 1,000 = 42,554.659 kg
    let economics = Economics {
        work: training(1.0, 0.05),
        accelerators: 64,
        hours_per_year: 2000.0,
        years: 1.0,
        accelerator_watts: 650.0,
        stored_gigabytes: 40_000.0,
        read_gigabytes_per_year: 100_000.0,
        moved_out_gigabytes_per_year: 1200.0,
        write_requests_per_year: 2_000_000.0,
        read_requests_per_year: 50_000_000.0,
    };
    let bill = pinned_bill(&economics, &aws("h100-sxm", "s3-standard", Purchase::OnDemand));
    check(
        &bill,
        &[
            ("cloud.accelerators", 924_672.00),
            ("cloud.storage", 11_040.00),
            ("cloud.writes", 10.00),
            ("cloud.reads", 20.00),
            ("cloud.support", 28_072.26),
            ("cloud.staff", 23_040.00),
        ],
        986_854.26,
    );
    assert_near(bill.kilowatt_hours(), 134_666.644, 0.001);
    assert_near(bill.kilograms_co2e(), 42_554.659, 0.001);
}

/// Serving, cloud on demand: 16 H100 all year for two years; three tiers of storage, all five of egress.
#[test]
fn serving_on_demand() {
    // hours: 16 x 8,766 x 2 = 280,512 useful, x 1.05 = 294,537.6 billed
    // cloud.accelerators: 294,537.6 h x 6.88 = 2,026,418.688, 2,026,418.69
    // cloud.storage: (50,000 x 0.023 + 450,000 x 0.022 + 100,000 x 0.021) = 13,150 a month, x 24 =
    //   315,600.00
    // cloud.writes: 36,000,000 / 1,000 x 0.005 x 2 y = 360.00
    // cloud.reads: 1,200,000,000 / 1,000 x 0.0004 x 2 y = 960.00
    // out: 2,400,000 GB / 12 = 200,000 GB a month
    // cloud.egress: (100 x 0 + 9,900 x 0.09 + 40,000 x 0.085 + 100,000 x 0.07 + 50,000 x 0.05) = 13,791 a
    //   month, x 24 = 330,984.00
    // cloud.support: 2,674,322.688 x 0.03 = 80,229.68064, 80,229.68
    // cloud.staff: 16 / 100 x 0.2 x 180,000 x 2 y = 11,520.00
    // kWh: accelerators (284,719.68 h at 500 W x 1.4 = 0.7 kW) x 1.135 = 226,209.7858
    // kWh: storage 600 TB x 1.2 Wh x 8,766 h x 2 y / 1,000 x 1.135 = 14,327.1504
    // kWh: network 2,400,000 GB x 0.001 x 2 y = 4,800
    // total: 2,026,418.69 + 315,600.00 + 360.00 + 960.00 + 330,984.00 + 80,229.68 + 11,520.00 =
    //   2,766,072.37
    // energy: 245,336.936 kWh; carbon: x 316 g / 1,000 = 77,526.472 kg
    let economics = Economics {
        work: Work::Serving,
        accelerators: 16,
        hours_per_year: 8766.0,
        years: 2.0,
        accelerator_watts: 500.0,
        stored_gigabytes: 600_000.0,
        moved_out_gigabytes_per_year: 2_400_000.0,
        write_requests_per_year: 36_000_000.0,
        read_requests_per_year: 1_200_000_000.0,
        ..NO_DATA
    };
    let bill = pinned_bill(&economics, &aws("h100-sxm", "s3-standard", Purchase::OnDemand));
    check(
        &bill,
        &[
            ("cloud.accelerators", 2_026_418.69),
            ("cloud.storage", 315_600.00),
            ("cloud.writes", 360.00),
            ("cloud.reads", 960.00),
            ("cloud.egress", 330_984.00),
            ("cloud.support", 80_229.68),
            ("cloud.staff", 11_520.00),
        ],
        2_766_072.37,
    );
    assert_near(bill.kilowatt_hours(), 245_336.936, 0.001);
    assert_near(bill.kilograms_co2e(), 77_526.472, 0.001);
}

/// Serving, reserved for one year, kept for 18 months: two terms are paid.
#[test]
fn serving_reserved_one_year() {
    // terms: ceil(1.5 / 1) = 2; committed 32 x 8,766 x 2 = 561,024 h; useful 32 x 6,000 x 1.5 = 288,000 h,
    //   idle 273,024 h; price 6.88 x (1 - 0.375) = 4.3
    // cloud.accelerators: 561,024 h x 4.3 = 2,412,403.20
    // cloud.storage: (2,000 x 0.023) = 46 a month, x 18 = 828.00
    // cloud.writes: 1,000,000 / 1,000 x 0.005 x 1.5 y = 7.50
    // cloud.reads: 400,000,000 / 1,000 x 0.0004 x 1.5 y = 240.00
    // out: 60,000 GB / 12 = 5,000 GB a month
    // cloud.egress: (100 x 0 + 4,900 x 0.09) = 441 a month, x 18 = 7,938.00
    // cloud.support: 2,421,416.7 x 0.03 = 72,642.501000, 72,642.50
    // cloud.staff: 32 / 100 x 0.2 x 180,000 x 1.5 y = 17,280.00
    // kWh: accelerators (369,907.2 h at 550 W x 1.4 = 0.77 kW) x 1.135 = 323,280.3974
    // kWh: storage 2 TB x 1.2 Wh x 8,766 h x 1.5 y / 1,000 x 1.135 = 35.8179
    // kWh: network 60,000 GB x 0.001 x 1.5 y = 90
    // total: 2,412,403.20 + 828.00 + 7.50 + 240.00 + 7,938.00 + 72,642.50 + 17,280.00 = 2,511,339.20
    // energy: 323,406.215 kWh; carbon: x 316 g / 1,000 = 102,196.364 kg
    let economics = Economics {
        work: Work::Serving,
        accelerators: 32,
        hours_per_year: 6000.0,
        years: 1.5,
        accelerator_watts: 550.0,
        stored_gigabytes: 2000.0,
        moved_out_gigabytes_per_year: 60_000.0,
        write_requests_per_year: 1_000_000.0,
        read_requests_per_year: 400_000_000.0,
        ..NO_DATA
    };
    let bill = pinned_bill(&economics, &aws("h100-sxm", "s3-standard", Purchase::Reserved(Term::OneYear)));
    check(
        &bill,
        &[
            ("cloud.accelerators", 2_412_403.20),
            ("cloud.storage", 828.00),
            ("cloud.writes", 7.50),
            ("cloud.reads", 240.00),
            ("cloud.egress", 7938.00),
            ("cloud.support", 72_642.50),
            ("cloud.staff", 17_280.00),
        ],
        2_511_339.20,
    );
    assert_near(bill.kilowatt_hours(), 323_406.215, 0.001);
    assert_near(bill.kilograms_co2e(), 102_196.364, 0.001);
}

/// Training on H200, reserved for three years but needed for one: three years are paid.
#[test]
fn training_reserved_three_years() {
    // terms: ceil(1 / 3) = 1 of 3 years; committed 8 x 8,766 x 3 = 210,384 h; useful 32,000 h, idle 178,384
    //   h; price 7.912 x (1 - 0.5) = 3.956
    // cloud.accelerators: 210,384 h x 3.956 = 832,279.104, 832,279.10
    // cloud.storage: (10,000 x 0.0125) = 125 a month, x 12 = 1,500.00
    // cloud.writes: 100,000 / 1,000 x 0.01 x 1 y = 1.00
    // cloud.reads: 3,000,000 / 1,000 x 0.001 x 1 y = 3.00
    // cloud.retrieval: 50,000 GB x 0.01 x 1 y = 500.00
    // cloud.support: 834,283.104 x 0.03 = 25,028.49312, 25,028.49
    // cloud.staff: 8 / 100 x 0.2 x 180,000 x 1 y = 2,880.00
    // kWh: accelerators (85,515.2 h at 620 W x 1.4 = 0.868 kW) x 1.135 = 84,247.8647
    // kWh: storage 10 TB x 1.2 Wh x 8,766 h x 1 y / 1,000 x 1.135 = 119.3929
    // total: 832,279.10 + 1,500.00 + 1.00 + 3.00 + 500.00 + 25,028.49 + 2,880.00 = 862,191.59
    // energy: 84,367.258 kWh; carbon: x 316 g / 1,000 = 26,660.053 kg
    let economics = Economics {
        work: training(2.0, 0.1),
        accelerators: 8,
        hours_per_year: 4000.0,
        years: 1.0,
        accelerator_watts: 620.0,
        stored_gigabytes: 10_000.0,
        read_gigabytes_per_year: 50_000.0,
        write_requests_per_year: 100_000.0,
        read_requests_per_year: 3_000_000.0,
        ..NO_DATA
    };
    let bill = pinned_bill(&economics, &aws("h200", "s3-standard-ia", Purchase::Reserved(Term::ThreeYears)));
    check(
        &bill,
        &[
            ("cloud.accelerators", 832_279.10),
            ("cloud.storage", 1500.00),
            ("cloud.writes", 1.00),
            ("cloud.reads", 3.00),
            ("cloud.retrieval", 500.00),
            ("cloud.support", 25_028.49),
            ("cloud.staff", 2880.00),
        ],
        862_191.59,
    );
    assert_near(bill.kilowatt_hours(), 84_367.258, 0.001);
    assert_near(bill.kilograms_co2e(), 26_660.053, 0.001);
}

/// Training on spot: 256 H100 lose work between checkpoints (Daly 2006).
#[test]
fn training_on_spot() {
    // instances: 256 / 8 = 32; interruptions 32 x 0.005 = 0.16 an hour, one in 6.25 h
    // one interval: exp(0.16 x 0.25) = 1.0408107742; exp(0.16 x 0.55) - 1 = 0.0919881220; product / 0.16 =
    //   0.5983889282 h
    // billed per useful hour: 0.5983889282 / 0.5 = 1.1967778563; effective price 2.25 x 1.1967778563 =
    //   2.692750 USD
    // hours: 256 x 1,500 = 384,000 useful, x 1.1967778563 = 459,562.696822 billed, all of them busy
    // cloud.accelerators: 459,562.696822 h x 2.25 = 1,034,016.067850, 1,034,016.07
    // cloud.storage: (30,000 x 0.023) = 690 a month, x 12 = 8,280.00
    // cloud.support: 1,042,296.067850 x 0.03 = 31,268.882036, 31,268.88
    // cloud.staff: 256 / 100 x 0.2 x 180,000 x 1 y = 92,160.00
    // kWh: accelerators (459,562.696822 h at 680 W x 1.4 = 0.952 kW) x 1.135 = 496,566.6852
    // kWh: storage 30 TB x 1.2 Wh x 8,766 h x 1 y / 1,000 x 1.135 = 358.1788
    // total: 1,034,016.07 + 8,280.00 + 31,268.88 + 92,160.00 = 1,165,724.95
    // energy: 496,924.864 kWh; carbon: x 316 g / 1,000 = 157,028.257 kg
    let economics = Economics {
        work: training(0.5, 0.05),
        accelerators: 256,
        hours_per_year: 1500.0,
        years: 1.0,
        accelerator_watts: 680.0,
        stored_gigabytes: 30_000.0,
        ..NO_DATA
    };
    let bill = pinned_bill(&economics, &aws("h100-sxm", "s3-standard", Purchase::Spot));
    check(
        &bill,
        &[
            ("cloud.accelerators", 1_034_016.07),
            ("cloud.storage", 8280.00),
            ("cloud.support", 31_268.88),
            ("cloud.staff", 92_160.00),
        ],
        1_165_724.95,
    );
    assert_near(bill.kilowatt_hours(), 496_924.864, 0.001);
    assert_near(bill.kilograms_co2e(), 157_028.257, 0.001);
    assert_near(bill.rent_per_useful_hour.unwrap().0, 2.6927501767, 1e-9);
}

/// Serving on spot with no listed spot price: H200 at a discount; an interruption costs its restart alone.
#[test]
fn serving_on_spot() {
    // price: 7.912 x (1 - 0.575) = 3.3626; billed per useful hour: 1 + 0.005 x 0.25 = 1.00125; effective
    //   3.36680325 USD
    // hours: 24 x 5,000 x 2 = 240,000 useful, x 1.00125 = 240,300 billed
    // cloud.accelerators: 240,300 h x 3.3626 = 808,032.78
    // cloud.storage: (500 x 0.023) = 11.5 a month, x 24 = 276.00
    // cloud.writes: 500,000 / 1,000 x 0.005 x 2 y = 5.00
    // cloud.reads: 90,000,000 / 1,000 x 0.0004 x 2 y = 72.00
    // out: 24,000 GB / 12 = 2,000 GB a month
    // cloud.egress: (100 x 0 + 1,900 x 0.09) = 171 a month, x 24 = 4,104.00
    // cloud.support: 812,489.780000 x 0.03 = 24,374.693400, 24,374.69
    // cloud.staff: 24 / 100 x 0.2 x 180,000 x 2 y = 17,280.00
    // kWh: accelerators (240,300 h at 600 W x 1.4 = 0.84 kW) x 1.135 = 229,102.0200
    // kWh: storage 0.5 TB x 1.2 Wh x 8,766 h x 2 y / 1,000 x 1.135 = 11.9393
    // kWh: network 24,000 GB x 0.001 x 2 y = 48
    // total: 808,032.78 + 276.00 + 5.00 + 72.00 + 4,104.00 + 24,374.69 + 17,280.00 = 854,144.47
    // energy: 229,161.959 kWh; carbon: x 316 g / 1,000 = 72,415.179 kg
    let economics = Economics {
        work: Work::Serving,
        accelerators: 24,
        hours_per_year: 5000.0,
        years: 2.0,
        accelerator_watts: 600.0,
        stored_gigabytes: 500.0,
        moved_out_gigabytes_per_year: 24_000.0,
        write_requests_per_year: 500_000.0,
        read_requests_per_year: 90_000_000.0,
        ..NO_DATA
    };
    let bill = pinned_bill(&economics, &aws("h200", "s3-standard", Purchase::Spot));
    check(
        &bill,
        &[
            ("cloud.accelerators", 808_032.78),
            ("cloud.storage", 276.00),
            ("cloud.writes", 5.00),
            ("cloud.reads", 72.00),
            ("cloud.egress", 4104.00),
            ("cloud.support", 24_374.69),
            ("cloud.staff", 17_280.00),
        ],
        854_144.47,
    );
    assert_near(bill.kilowatt_hours(), 229_161.959, 0.001);
    assert_near(bill.kilograms_co2e(), 72_415.179, 0.001);
    assert_near(bill.rent_per_useful_hour.unwrap().0, 3.36680325, 1e-9);
}
