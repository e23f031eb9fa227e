//! Bills of own and hybrid places, worked by hand. Rented places are in `economics.rs`.
//!
//! Every fact is pinned to the figure in the working, so that a newer price in the catalog changes no case. Amounts in
//! USD, one line of working per line of the bill; a working with more decimals is followed by its cents.

mod economics_support;

use economics_support::*;
use planner::economics::{Economics, Purchase, Room, Work, WriteOff};

/// Training on premises: 60 H100 in eight servers, bought outright, colocation, three years.
#[test]
fn training_on_premises() {
    // servers: 60 / 8 = 8; 8 x 310,000 = 2,480,000; switches 11 % = 272,800
    // bought 1 time(s); worth after the last 3 y: 0.67^3; share sold 0.300763000000
    // own.servers: 2,480,000 x 1 = 2,480,000.00
    // own.network: 272,800 x 1 = 272,800.00
    // own.resale: -(2,480,000 + 272,800) x 0.300763000000 = -827,940.386400, -827,940.39
    // own.support: 2,480,000 x 0.1 x 3 y = 744,000.00
    // own.colocation: 8 x 10.2 kW = 81.6 kW x 217.3 x 12 x 3 y = 638,340.48
    // hours: busy 1,260,000; idle 64 x 8,766 x 3 - 1,260,000 = 423,072; power 700 W x 1.4 = 0.98 kW
    // IT kWh: working 1,260,000 x 0.98 = 1,234,800; idle 423,072 x 0.3 x 0.98 = 124,383.168; storage 200 TB
    //   x 1.2 Wh x 8,766 h x 3 y / 1,000 = 6,311.52
    // own.electricity: 1,365,494.688 kWh x 0.0806 = 110,058.871853, 110,058.87
    // own.overhead: 1,365,494.688 kWh x 0.58 x 0.0806 = 63,834.145675, 63,834.15
    // own.staff: 64 / 100 x 0.5 x 180,000 x 3 y = 172,800.00
    // own.storage: 200,000 GB x 0.008 x 12 x 3 y = 57,600.00
    // own.line: 10 Gbps x 500 x 12 x 3 y = 180,000.00
    // kWh: site 1,365,494.688 x 1.58 = 2,157,481.6070
    // kWh: line 36,000 GB x 0.001 x 3 y = 108
    // total: 2,480,000.00 + 272,800.00 + (-827,940.39) + 744,000.00 + 638,340.48 + 110,058.87 + 63,834.15 +
    //   172,800.00 + 57,600.00 + 180,000.00 = 3,891,493.11
    // energy: 2,157,589.607 kWh; carbon: x 316 g / 1,000 = 681,798.316 kg
    let economics = Economics {
        work: training(1.0, 0.05),
        accelerators: 60,
        hours_per_year: 7000.0,
        years: 3.0,
        accelerator_watts: 700.0,
        stored_gigabytes: 200_000.0,
        read_gigabytes_per_year: 500_000.0,
        moved_out_gigabytes_per_year: 36_000.0,
        ..NO_DATA
    };
    let bill = pinned_bill(&economics, &own(WriteOff::Capex, Room::Colocation, true, 10.0));
    check(
        &bill,
        &[
            ("own.servers", 2_480_000.00),
            ("own.network", 272_800.00),
            ("own.resale", -827_940.39),
            ("own.support", 744_000.00),
            ("own.colocation", 638_340.48),
            ("own.electricity", 110_058.87),
            ("own.overhead", 63_834.15),
            ("own.staff", 172_800.00),
            ("own.storage", 57_600.00),
            ("own.line", 180_000.00),
        ],
        3_891_493.11,
    );
    assert_near(bill.kilowatt_hours(), 2_157_589.607, 0.001);
    assert_near(bill.kilograms_co2e(), 681_798.316, 0.001);
}

/// Serving on premises: 16 H100, depreciation over five years, own room, cooling outside the PUE, four years.
#[test]
fn serving_on_premises() {
    // servers: 16 / 8 = 2; 2 x 310,000 = 620,000; switches 11 % = 68,200
    // written off: 4 / 5 = 0.8; share sold: 0.67^5 x 0.8 = 0.108010008560
    // own.servers: 620,000 x 0.8 = 496,000.00
    // own.network: 68,200 x 0.8 = 54,560.00
    // own.resale: -(620,000 + 68,200) x 0.108010008560 = -74,332.487891, -74,332.49
    // own.support: 620,000 x 0.1 x 4 y = 248,000.00
    // room: 2 x 10.2 kW = 20.4 kW x 11,700 = 238,680
    // own.room: 238,680 x 4 / 15 = 63,648.00
    // own.upkeep: 238,680 x 0.03 x 4 y = 28,641.60
    // hours: busy 512,000; idle 16 x 8,766 x 4 - 512,000 = 49,024; power 450 W x 1.4 = 0.63 kW
    // IT kWh: working 512,000 x 0.63 = 322,560; idle 49,024 x 0.3 x 0.63 = 9,265.536; storage 5 TB x 1.2 Wh
    //   x 8,766 h x 4 y / 1,000 = 210.384
    // own.electricity: 332,035.92 kWh x 0.0806 = 26,762.095152, 26,762.10
    // own.overhead: 332,035.92 kWh x 0.58 x 0.0806 = 15,522.015188, 15,522.02
    // own.cooling: 332,035.92 kWh x 0.3 x 0.0806 = 8,028.628546, 8,028.63
    // own.staff: 16 / 100 x 0.5 x 180,000 x 4 y = 57,600.00
    // own.storage: 5,000 GB x 0.008 x 12 x 4 y = 1,920.00
    // own.line: 2 Gbps x 500 x 12 x 4 y = 48,000.00
    // kWh: site 332,035.92 x 1.88 = 624,227.5296
    // kWh: line 120,000 GB x 0.001 x 4 y = 480
    // total: 496,000.00 + 54,560.00 + (-74,332.49) + 248,000.00 + 63,648.00 + 28,641.60 + 26,762.10 +
    //   15,522.02 + 8,028.63 + 57,600.00 + 1,920.00 + 48,000.00 = 974,349.86
    // energy: 624,707.530 kWh; carbon: x 316 g / 1,000 = 197,407.579 kg
    let economics = Economics {
        work: Work::Serving,
        accelerators: 16,
        hours_per_year: 8000.0,
        years: 4.0,
        accelerator_watts: 450.0,
        stored_gigabytes: 5000.0,
        moved_out_gigabytes_per_year: 120_000.0,
        ..NO_DATA
    };
    let bill = pinned_bill(&economics, &own(WriteOff::Depreciation, Room::OwnRoom, false, 2.0));
    check(
        &bill,
        &[
            ("own.servers", 496_000.00),
            ("own.network", 54_560.00),
            ("own.resale", -74_332.49),
            ("own.support", 248_000.00),
            ("own.room", 63_648.00),
            ("own.upkeep", 28_641.60),
            ("own.electricity", 26_762.10),
            ("own.overhead", 15_522.02),
            ("own.cooling", 8028.63),
            ("own.staff", 57_600.00),
            ("own.storage", 1920.00),
            ("own.line", 48_000.00),
        ],
        974_349.86,
    );
    assert_near(bill.kilowatt_hours(), 624_707.53, 0.001);
    assert_near(bill.kilograms_co2e(), 197_407.579, 0.001);
}

/// Training hybrid over the internet: 32 own H100 and a quarter of the hours on demand; 40 % of the data in the cloud.
#[test]
fn training_hybrid() {
    // hours a year: 40 x 5,000 = 200,000; cloud 50,000, own 150,000 (4,687.5 each of 32)
    // crossing: 600,000 GB x 0.5 missed = 300,000; into the cloud x 0.25 x 0.6 = 45,000; out of it x 0.75 x
    //   0.4 = 90,000
    // users: 24,000 x 0.25 = 6,000 from the cloud, 18,000 from the site; line 18,000 + 45,000 + 90,000 =
    //   153,000; internet 6,000 + 90,000 = 96,000
    // servers: 32 / 8 = 4; 4 x 310,000 = 1,240,000; switches 11 % = 136,400
    // bought 1 time(s); worth after the last 2 y: 0.67^2; share sold 0.448900000000
    // own.servers: 1,240,000 x 1 = 1,240,000.00
    // own.network: 136,400 x 1 = 136,400.00
    // own.resale: -(1,240,000 + 136,400) x 0.448900000000 = -617,865.96
    // own.support: 1,240,000 x 0.1 x 2 y = 248,000.00
    // own.colocation: 4 x 10.2 kW = 40.8 kW x 217.3 x 12 x 2 y = 212,780.16
    // hours: busy 300,000; idle 32 x 8,766 x 2 - 300,000 = 261,024; power 680 W x 1.4 = 0.952 kW
    // IT kWh: working 300,000 x 0.952 = 285,600; idle 261,024 x 0.3 x 0.952 = 74,548.4544; storage 60 TB x
    //   1.2 Wh x 8,766 h x 2 y / 1,000 = 1,262.304
    // own.electricity: 361,410.7584 kWh x 0.0806 = 29,129.707127, 29,129.71
    // own.overhead: 361,410.7584 kWh x 0.58 x 0.0806 = 16,895.230134, 16,895.23
    // own.staff: 32 / 100 x 0.5 x 180,000 x 2 y = 57,600.00
    // own.storage: 60,000 GB x 0.008 x 12 x 2 y = 11,520.00
    // own.line: 10 Gbps x 500 x 12 x 2 y = 120,000.00
    // kWh: site 361,410.7584 x 1.58 = 571,028.9983
    // kWh: line 153,000 GB x 0.001 x 2 y = 306.0000
    // cloud hours: 50,000 x 2 = 100,000 useful, x 1.05 = 105,000 billed; 40 x 0.25 = 10 accelerators
    // cloud.accelerators: 105,000 h x 6.88 = 722,400.00
    // cloud.storage: (40,000 x 0.023) = 920 a month, x 24 = 22,080.00
    // cloud.writes: 400,000 / 1,000 x 0.005 x 2 y = 4.00
    // cloud.reads: 8,000,000 / 1,000 x 0.0004 x 2 y = 6.40
    // out: 96,000 GB / 12 = 8,000 GB a month
    // cloud.egress: (100 x 0 + 7,900 x 0.09) = 711 a month, x 24 = 17,064.00
    // cloud.support: 761,554.4 x 0.03 = 22,846.632000, 22,846.63
    // cloud.staff: 10 / 100 x 0.2 x 180,000 x 2 y = 7,200.00
    // kWh: accelerators (101,500 h at 680 W x 1.4 = 0.952 kW) x 1.135 = 109,672.7800
    // kWh: storage 40 TB x 1.2 Wh x 8,766 h x 2 y / 1,000 x 1.135 = 955.1434
    // kWh: network 96,000 GB x 0.001 x 2 y = 192.0000
    // total: 1,240,000.00 + 136,400.00 + (-617,865.96) + 248,000.00 + 212,780.16 + 29,129.71 + 16,895.23 +
    //   57,600.00 + 11,520.00 + 120,000.00 + 722,400.00 + 22,080.00 + 4.00 + 6.40 + 17,064.00 + 22,846.63 +
    //   7,200.00 = 2,246,060.17
    // energy: 682,154.922 kWh; carbon: x 316 g / 1,000 = 215,560.955 kg
    let economics = Economics {
        work: training(1.0, 0.05),
        accelerators: 40,
        hours_per_year: 5000.0,
        years: 2.0,
        accelerator_watts: 680.0,
        stored_gigabytes: 100_000.0,
        read_gigabytes_per_year: 600_000.0,
        moved_out_gigabytes_per_year: 24_000.0,
        write_requests_per_year: 1_000_000.0,
        read_requests_per_year: 20_000_000.0,
    };
    let bill = pinned_bill(&economics, &hybrid(WriteOff::Capex, 32, Purchase::OnDemand, 0.25, 0.4, false));
    check(
        &bill,
        &[
            ("own.servers", 1_240_000.00),
            ("own.network", 136_400.00),
            ("own.resale", -617_865.96),
            ("own.support", 248_000.00),
            ("own.colocation", 212_780.16),
            ("own.electricity", 29_129.71),
            ("own.overhead", 16_895.23),
            ("own.staff", 57_600.00),
            ("own.storage", 11_520.00),
            ("own.line", 120_000.00),
            ("cloud.accelerators", 722_400.00),
            ("cloud.storage", 22_080.00),
            ("cloud.writes", 4.00),
            ("cloud.reads", 6.40),
            ("cloud.egress", 17_064.00),
            ("cloud.support", 22_846.63),
            ("cloud.staff", 7200.00),
        ],
        2_246_060.17,
    );
    assert_near(bill.kilowatt_hours(), 682_154.922, 0.001);
    assert_near(bill.kilograms_co2e(), 215_560.955, 0.001);
}

/// Serving hybrid over a private line: 16 own H100, three tenths of the hours on spot; infrequent-access store.
#[test]
fn serving_hybrid() {
    // hours a year: 20 x 7,000 = 140,000; cloud 42,000, own 98,000 (6,125 each of 16)
    // crossing: 90,000 GB x 0.5 missed = 45,000; into the cloud x 0.3 x 0.5 = 6,750; out of it x 0.7 x 0.5
    //   = 15,750 over the private line
    // users: 14,400 from the cloud, 33,600 from the site; line 33,600 + 6,750 + 15,750 = 56,100
    // servers: 16 / 8 = 2; 2 x 310,000 = 620,000; switches 11 % = 68,200
    // written off: 3 / 5 = 0.6; share sold: 0.67^5 x 0.6 = 0.081007506420
    // own.servers: 620,000 x 0.6 = 372,000.00
    // own.network: 68,200 x 0.6 = 40,920.00
    // own.resale: -(620,000 + 68,200) x 0.081007506420 = -55,749.365918, -55,749.37
    // own.support: 620,000 x 0.1 x 3 y = 186,000.00
    // own.colocation: 2 x 10.2 kW = 20.4 kW x 217.3 x 12 x 3 y = 159,585.12
    // hours: busy 294,000; idle 16 x 8,766 x 3 - 294,000 = 126,768; power 500 W x 1.4 = 0.7 kW
    // IT kWh: working 294,000 x 0.7 = 205,800; idle 126,768 x 0.3 x 0.7 = 26,621.28; storage 4 TB x 1.2 Wh
    //   x 8,766 h x 3 y / 1,000 = 126.2304
    // own.electricity: 232,547.5104 kWh x 0.0806 = 18,743.329338, 18,743.33
    // own.overhead: 232,547.5104 kWh x 0.58 x 0.0806 = 10,871.131016, 10,871.13
    // own.staff: 16 / 100 x 0.5 x 180,000 x 3 y = 43,200.00
    // own.storage: 4,000 GB x 0.008 x 12 x 3 y = 1,152.00
    // own.line: 10 Gbps x 500 x 12 x 3 y = 180,000.00
    // kWh: site 232,547.5104 x 1.58 = 367,425.0664
    // kWh: line 56,100 GB x 0.001 x 3 y = 168.3000
    // hybrid.port: 164.2 x 10 Gbps x 12 x 3 y = 59,112.00
    // hybrid.egress: 15,750 GB x 0.02 x 3 y = 945.00
    // cloud hours: 42,000 x 3 = 126,000 useful, x (1 + 0.005 x 0.25) = 126,157.5 billed; 20 x 0.3 = 6
    //   accelerators
    // cloud.accelerators: 126,157.5 h x 2.25 = 283,854.375000, 283,854.38
    // cloud.storage: (4,000 x 0.0125) = 50 a month, x 36 = 1,800.00
    // cloud.writes: 100,000 / 1,000 x 0.01 x 3 y = 3.00
    // cloud.reads: 15,000,000 / 1,000 x 0.001 x 3 y = 45.00
    // cloud.retrieval: 29,250 GB x 0.01 x 3 y = 877.50
    // out: 14,400 GB / 12 = 1,200 GB a month
    // cloud.egress: (100 x 0 + 1,100 x 0.09) = 99 a month, x 36 = 3,564.00
    // cloud.support: 290,143.875000 x 0.03 = 8,704.316250, 8,704.32
    // cloud.staff: 6 / 100 x 0.2 x 180,000 x 3 y = 6,480.00
    // kWh: accelerators (126,157.5 h at 500 W x 1.4 = 0.7 kW) x 1.135 = 100,232.1338
    // kWh: storage 4 TB x 1.2 Wh x 8,766 h x 3 y / 1,000 x 1.135 = 143.2715
    // kWh: network 14,400 GB x 0.001 x 3 y = 43.2
    // total: 372,000.00 + 40,920.00 + (-55,749.37) + 186,000.00 + 159,585.12 + 18,743.33 + 10,871.13 +
    //   43,200.00 + 1,152.00 + 180,000.00 + 59,112.00 + 945.00 + 283,854.38 + 1,800.00 + 3.00 + 45.00 +
    //   877.50 + 3,564.00 + 8,704.32 + 6,480.00 = 1,322,107.41
    // energy: 468,011.972 kWh; carbon: x 316 g / 1,000 = 147,891.783 kg
    let economics = Economics {
        work: Work::Serving,
        accelerators: 20,
        hours_per_year: 7000.0,
        years: 3.0,
        accelerator_watts: 500.0,
        stored_gigabytes: 8000.0,
        read_gigabytes_per_year: 90_000.0,
        moved_out_gigabytes_per_year: 48_000.0,
        write_requests_per_year: 200_000.0,
        read_requests_per_year: 30_000_000.0,
    };
    let bill = pinned_bill(&economics, &hybrid(WriteOff::Depreciation, 16, Purchase::Spot, 0.3, 0.5, true));
    check(
        &bill,
        &[
            ("own.servers", 372_000.00),
            ("own.network", 40_920.00),
            ("own.resale", -55_749.37),
            ("own.support", 186_000.00),
            ("own.colocation", 159_585.12),
            ("own.electricity", 18_743.33),
            ("own.overhead", 10_871.13),
            ("own.staff", 43_200.00),
            ("own.storage", 1152.00),
            ("own.line", 180_000.00),
            ("hybrid.port", 59_112.00),
            ("hybrid.egress", 945.00),
            ("cloud.accelerators", 283_854.38),
            ("cloud.storage", 1800.00),
            ("cloud.writes", 3.00),
            ("cloud.reads", 45.00),
            ("cloud.retrieval", 877.50),
            ("cloud.egress", 3564.00),
            ("cloud.support", 8704.32),
            ("cloud.staff", 6480.00),
        ],
        1_322_107.41,
    );
    assert_near(bill.kilowatt_hours(), 468_011.972, 0.001);
    assert_near(bill.kilograms_co2e(), 147_891.783, 0.001);
    assert_near(bill.rent_per_useful_hour.unwrap().0, 2.2528125, 1e-9);
}

/// Training on premises for seven years: the servers are bought twice.
#[test]
fn training_on_premises_replaced() {
    // servers: 8 / 8 = 1; 1 x 310,000 = 310,000; switches 11 % = 34,100
    // bought 2 time(s); worth after the last 2 y: 0.67^2, and of 1 earlier: 0.67^5; share sold
    //   0.583912510700
    // own.servers: 310,000 x 2 = 620,000.00
    // own.network: 34,100 x 2 = 68,200.00
    // own.resale: -(310,000 + 34,100) x 0.583912510700 = -200,924.294932, -200,924.29
    // own.support: 310,000 x 0.1 x 7 y = 217,000.00
    // own.colocation: 1 x 10.2 kW = 10.2 kW x 217.3 x 12 x 7 y = 186,182.64
    // hours: busy 336,000; idle 8 x 8,766 x 7 - 336,000 = 154,896; power 700 W x 1.4 = 0.98 kW
    // IT kWh: working 336,000 x 0.98 = 329,280; idle 154,896 x 0.3 x 0.98 = 45,539.424
    // own.electricity: 374,819.424 kWh x 0.0806 = 30,210.445574, 30,210.45
    // own.overhead: 374,819.424 kWh x 0.58 x 0.0806 = 17,522.058433, 17,522.06
    // own.staff: 8 / 100 x 0.5 x 180,000 x 7 y = 50,400.00
    // own.line: 1 Gbps x 500 x 12 x 7 y = 42,000.00
    // kWh: site 374,819.424 x 1.58 = 592,214.6899
    // total: 620,000.00 + 68,200.00 + (-200,924.29) + 217,000.00 + 186,182.64 + 30,210.45 + 17,522.06 +
    //   50,400.00 + 42,000.00 = 1,030,590.86
    // energy: 592,214.690 kWh; carbon: x 316 g / 1,000 = 187,139.842 kg
    let economics = Economics {
        work: training(1.0, 0.05),
        accelerators: 8,
        hours_per_year: 6000.0,
        years: 7.0,
        accelerator_watts: 700.0,
        ..NO_DATA
    };
    let bill = pinned_bill(&economics, &own(WriteOff::Capex, Room::Colocation, true, 1.0));
    check(
        &bill,
        &[
            ("own.servers", 620_000.00),
            ("own.network", 68_200.00),
            ("own.resale", -200_924.29),
            ("own.support", 217_000.00),
            ("own.colocation", 186_182.64),
            ("own.electricity", 30_210.45),
            ("own.overhead", 17_522.06),
            ("own.staff", 50_400.00),
            ("own.line", 42_000.00),
        ],
        1_030_590.86,
    );
    assert_near(bill.kilowatt_hours(), 592_214.69, 0.001);
    assert_near(bill.kilograms_co2e(), 187_139.842, 0.001);
}
