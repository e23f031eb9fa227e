//! What an own site costs, whether its machines work or stand idle.
//!
//! ```text
//! servers      = ceil(accelerators / accelerators of a server)
//! IT energy    = (busy hours + idle hours x idle share) x power x host factor, idle = all hours of what was bought - busy
//! electricity  = IT energy x (power usage effectiveness + cooling outside it) x tariff
//! ```

use super::bill::{MONTHS_PER_YEAR, Sheet};
use super::error::EconomicsError;
use super::facts::Reader;
use super::input::{Economics, Owned, Room, WriteOff};
use crate::units::HOURS_PER_YEAR;

/// What is asked of the own site in a year.
pub(super) struct OwnedUse {
    pub(super) accelerators: f64,
    pub(super) useful_hours_per_year: f64,
    pub(super) stored_gigabytes: f64,
    pub(super) line_gigabytes_per_year: f64,
}

/// Adds the lines of an own site; its utilisation, 0 to 1.
pub(super) fn charge(
    plan: &Economics,
    place: &Owned,
    usage: &OwnedUse,
    reader: &mut Reader<'_>,
    sheet: &mut Sheet,
) -> Result<f64, EconomicsError> {
    let key = format!("server.{}", place.server);
    let per_server = reader.get(&format!("{key}.accelerators"))?;
    let servers = (usage.accelerators / per_server).ceil();
    hardware(plan, place, servers * reader.get(&format!("{key}.price"))?, reader, sheet)?;
    space(plan, place, servers * reader.get(&format!("{key}.kilowatts"))?, reader, sheet)?;
    let bought = servers * per_server;
    energy(plan, place, bought, usage, reader, sheet)?;
    let operators = reader.get("staff.own")? * bought / 100.0;
    let staff = operators * reader.get("staff.salary")? * plan.years;
    sheet.charge("own.staff", "Staff for the own part", staff);
    let stored = reader.get("storage.own.price")? * usage.stored_gigabytes * MONTHS_PER_YEAR * plan.years;
    sheet.charge("own.storage", "Own storage", stored);
    line(plan, place, usage, reader, sheet)?;
    Ok(usage.useful_hours_per_year / (bought * HOURS_PER_YEAR))
}

fn hardware(
    plan: &Economics,
    place: &Owned,
    servers: f64,
    reader: &mut Reader<'_>,
    sheet: &mut Sheet,
) -> Result<(), EconomicsError> {
    let network = servers * reader.get("network.share")?;
    let life = reader.get("server.life")?;
    let kept =
        if place.write_off == WriteOff::Spent { 0.0 } else { 1.0 - reader.get("resale.yearly-loss")? };
    let (bought, sold) = match place.write_off {
        WriteOff::Spent => ((plan.years / life).ceil(), 0.0),
        WriteOff::Capex => {
            let generations = (plan.years / life).ceil();
            let last = plan.years - (generations - 1.0) * life;
            (generations, (generations - 1.0) * libm::pow(kept, life) + libm::pow(kept, last))
        }
        WriteOff::Depreciation => (plan.years / life, libm::pow(kept, life) * plan.years / life),
    };
    sheet.charge("own.servers", "Servers", servers * bought);
    sheet.charge("own.network", "Switches and cables", network * bought);
    sheet.charge("own.resale", "Resale of servers and switches", -(servers + network) * sold);
    let support = servers * reader.get("support.yearly-share")? * plan.years;
    sheet.charge("own.support", "Support contract", support);
    Ok(())
}

fn space(
    plan: &Economics,
    place: &Owned,
    kilowatts: f64,
    reader: &mut Reader<'_>,
    sheet: &mut Sheet,
) -> Result<(), EconomicsError> {
    match place.room {
        Room::Colocation => {
            let rent = reader.get("colocation.price")? * kilowatts * MONTHS_PER_YEAR * plan.years;
            sheet.charge("own.colocation", "Colocation", rent);
        }
        Room::OwnRoom => {
            let built = reader.get("room.build")? * kilowatts;
            let share = plan.years / reader.get("room.life")?;
            sheet.charge("own.room", "Room, written off", built * share);
            let upkeep = built * reader.get("room.upkeep")? * plan.years;
            sheet.charge("own.upkeep", "Upkeep of the room", upkeep);
        }
    }
    Ok(())
}

fn energy(
    plan: &Economics,
    place: &Owned,
    bought: f64,
    usage: &OwnedUse,
    reader: &mut Reader<'_>,
    sheet: &mut Sheet,
) -> Result<(), EconomicsError> {
    let tariff = reader.get(&format!("electricity.{}", place.tariff))?;
    let grid = reader.get(&format!("carbon.{}", place.region))?;
    let effectiveness = reader.get("pue.own")?;
    let busy = usage.useful_hours_per_year * plan.years;
    let idle = (bought * HOURS_PER_YEAR * plan.years - busy).max(0.0);
    let kilowatts = plan.accelerator_watts * reader.get("host.power-factor")? / 1_000.0;
    let working = busy * kilowatts;
    let waiting = idle * reader.get("idle.power-share")? * kilowatts;
    // Wh per TB and hour: GB / 1,000 gives TB, and Wh / 1,000 gives kWh.
    let stored = usage.stored_gigabytes * reader.get("energy.ssd")? * HOURS_PER_YEAR * plan.years / 1e6;
    let equipment = working + waiting + stored;
    sheet.charge("own.electricity", "Electricity of the equipment", equipment * tariff);
    let overhead = equipment * (effectiveness - 1.0);
    sheet.charge("own.overhead", "Electricity that the building adds", overhead * tariff);
    let outside = if place.cooling_in_pue { 0.0 } else { reader.get("cooling.extra")? };
    sheet.charge("own.cooling", "Electricity of cooling", equipment * outside * tariff);
    let all = effectiveness + outside;
    sheet.draw("Own accelerators, working", working * all, grid);
    sheet.draw("Own accelerators, idle", waiting * all, grid);
    sheet.draw("Own storage", stored * all, grid);
    let moved = usage.line_gigabytes_per_year * reader.get("energy.network")? * plan.years;
    sheet.draw("Data over the line", moved, grid);
    Ok(())
}

fn line(
    plan: &Economics,
    place: &Owned,
    usage: &OwnedUse,
    reader: &mut Reader<'_>,
    sheet: &mut Sheet,
) -> Result<(), EconomicsError> {
    let gigabits_per_second = place.line_gigabits_per_second;
    // GB x 8 gives gigabits.
    let hours = usage.line_gigabytes_per_year * 8.0 / gigabits_per_second / 3_600.0;
    if hours > HOURS_PER_YEAR {
        return Err(EconomicsError::LineFull { hours, gigabits_per_second });
    }
    let rent = reader.get("line.price")? * gigabits_per_second * MONTHS_PER_YEAR * plan.years;
    sheet.charge("own.line", "Line to the outside", rent);
    Ok(())
}
