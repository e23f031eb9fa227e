//! What a bill is asked for: the work, and where it is done.

use super::error::EconomicsError;
use crate::units::HOURS_PER_YEAR;

/// What the accelerators do; it decides what an interruption costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Work {
    /// All accelerators work on one job: an interruption anywhere loses everything since the last checkpoint.
    Training {
        /// Useful hours from one checkpoint to the next.
        checkpoint_interval_hours: f64,
        /// Hours that writing a checkpoint stops the job.
        checkpoint_write_hours: f64,
    },
    /// Every instance answers requests by itself: an interruption costs its restart alone.
    Serving,
}

/// The work of a bill. GB is 10^9 bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Economics {
    /// What the accelerators do.
    pub work: Work,
    /// Accelerators that work at the same time.
    pub accelerators: u32,
    /// Useful hours of each of them in a year, 0 to 8,766; divided by 8,766 it is the utilisation.
    pub hours_per_year: f64,
    /// Years that the bill covers.
    pub years: f64,
    /// Average power of one accelerator while it works, watts, without its server.
    pub accelerator_watts: f64,
    /// Data kept all the time, GB.
    pub stored_gigabytes: f64,
    /// Data that the accelerators read from the store in a year, GB.
    pub read_gigabytes_per_year: f64,
    /// Data sent to users in a year, GB.
    pub moved_out_gigabytes_per_year: f64,
    /// Write requests to the store in a year.
    pub write_requests_per_year: f64,
    /// Read requests to the store in a year.
    pub read_requests_per_year: f64,
}

/// A place to rent, by parts of the facts' keys.
#[derive(Debug, Clone, PartialEq)]
pub struct Cloud {
    /// Accelerator, as in `rent.<accelerator>.<provider>.on-demand`.
    pub accelerator: String,
    /// Provider, as in `egress.<provider>.tier1.price`.
    pub provider: String,
    /// Object store, as in `storage.<store>.tier1.price`.
    pub store: String,
    /// Region of the grid, as in `carbon.<region>`.
    pub region: String,
}

/// Length of a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Term {
    /// One year.
    OneYear,
    /// Three years.
    ThreeYears,
}

/// How rented accelerators are paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purchase {
    /// By the hour.
    OnDemand,
    /// Every hour of whole terms, used or not.
    Reserved(Term),
    /// By the hour, at a lower price, with interruptions.
    Spot,
}

/// Where own servers stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// Space by the kW and month; electricity by the meter.
    Colocation,
    /// A building of one's own, written off over its life.
    OwnRoom,
}

/// How own hardware enters a bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteOff {
    /// All of it when it is bought, and again at the end of its life; what it is then worth comes back.
    Capex,
    /// All of it when it is bought, and again at the end of its life; nothing comes back. Against a rent this gives the
    /// time after which the money spent is earned back.
    Spent,
    /// Price less resale value at the end of life, in equal parts by year of life.
    Depreciation,
}

/// Own servers, by parts of the facts' keys.
#[derive(Debug, Clone, PartialEq)]
pub struct Owned {
    /// Server, as in `server.<server>.price`.
    pub server: String,
    /// Where they stand.
    pub room: Room,
    /// How they are paid.
    pub write_off: WriteOff,
    /// The power usage effectiveness counts cooling.
    pub cooling_in_pue: bool,
    /// Electricity tariff, as in `electricity.<tariff>`.
    pub tariff: String,
    /// Region of the grid, as in `carbon.<region>`.
    pub region: String,
    /// Line to the outside, gigabits per second.
    pub line_gigabits_per_second: f64,
}

/// Own servers and rented ones together.
#[derive(Debug, Clone, PartialEq)]
pub struct Hybrid {
    /// The own part.
    pub owned: Owned,
    /// Own accelerators.
    pub owned_accelerators: u32,
    /// The rented part.
    pub cloud: Cloud,
    /// How the rented part is paid.
    pub purchase: Purchase,
    /// Share of the useful hours that is done in the cloud.
    pub cloud_hours_share: f64,
    /// Share of the data (stored, and so read) that lies in the cloud.
    pub cloud_data_share: f64,
    /// A private line to the cloud instead of the internet.
    pub private_line: bool,
}

/// Where the work is done.
#[derive(Debug, Clone, PartialEq)]
pub enum Deployment {
    /// All of it rented.
    Cloud(Cloud, Purchase),
    /// All of it owned.
    OnPremises(Owned),
    /// Some of both.
    Hybrid(Hybrid),
}

/// A number of the input within its range; a NaN is in none.
pub(super) fn within(field: &str, value: f64, low: f64, high: f64) -> Result<(), EconomicsError> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(EconomicsError::OutOfRange { field: field.to_owned(), value, low, high })
}

impl Economics {
    /// The same work at this utilisation, 0 to 1, of every hour of a year.
    #[must_use]
    pub fn with_utilisation(self, utilisation: f64) -> Self {
        Self { hours_per_year: utilisation * HOURS_PER_YEAR, ..self }
    }

    /// Every field within its range.
    pub(super) fn check(&self) -> Result<(), EconomicsError> {
        if let Work::Training { checkpoint_interval_hours, checkpoint_write_hours } = self.work {
            within("checkpoint_interval_hours", checkpoint_interval_hours, 0.001, HOURS_PER_YEAR)?;
            within("checkpoint_write_hours", checkpoint_write_hours, 0.0, HOURS_PER_YEAR)?;
        }
        within("accelerators", f64::from(self.accelerators), 1.0, 10_000_000.0)?;
        within("hours_per_year", self.hours_per_year, 0.0, HOURS_PER_YEAR)?;
        within("years", self.years, 0.001, 50.0)?;
        within("accelerator_watts", self.accelerator_watts, 0.0, 100_000.0)?;
        for (field, value) in [
            ("stored_gigabytes", self.stored_gigabytes),
            ("read_gigabytes_per_year", self.read_gigabytes_per_year),
            ("moved_out_gigabytes_per_year", self.moved_out_gigabytes_per_year),
            ("write_requests_per_year", self.write_requests_per_year),
            ("read_requests_per_year", self.read_requests_per_year),
        ] {
            within(field, value, 0.0, 1e15)?;
        }
        Ok(())
    }
}

impl Deployment {
    /// Every number within its range.
    pub(super) fn check(&self) -> Result<(), EconomicsError> {
        let line =
            |owned: &Owned| within("line_gigabits_per_second", owned.line_gigabits_per_second, 0.001, 1e6);
        match self {
            Self::Cloud(..) => Ok(()),
            Self::OnPremises(owned) => line(owned),
            Self::Hybrid(hybrid) => {
                line(&hybrid.owned)?;
                within("owned_accelerators", f64::from(hybrid.owned_accelerators), 1.0, 10_000_000.0)?;
                within("cloud_hours_share", hybrid.cloud_hours_share, 0.0, 1.0)?;
                within("cloud_data_share", hybrid.cloud_data_share, 0.0, 1.0)
            }
        }
    }
}
