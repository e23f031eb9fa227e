//! How old a price is. Today is passed in: nothing here reads a clock.

use super::bill::Bill;
use super::error::EconomicsError;
use super::facts::EconomicFact;

/// A price older than this many days is flagged.
pub const STALE_AFTER_DAYS: i32 = 180;

/// Age of a price whose date may be a whole month, quarter or year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceAge {
    /// Days since the first day of the date: the oldest that the price may be. It decides.
    pub days: i32,
    /// Days since the last day of the date, at least 0: the youngest that it may be.
    pub least_days: i32,
    /// Older than [`STALE_AFTER_DAYS`].
    pub stale: bool,
}

/// A fact of a bill whose price is flagged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StalePrice {
    /// The fact.
    pub fact: &'static EconomicFact,
    /// Its age.
    pub age: PriceAge,
}

/// Age of a price of `priced_on` (2026, 2026-Q2, 2026-03 or 2026-03-14) on the day `today` (2026-03-14).
///
/// # Errors
/// A text is no such date, or the date begins after today.
pub fn price_age_days(priced_on: &str, today: &str) -> Result<PriceAge, EconomicsError> {
    let (first, last) = span(priced_on)?;
    let (now, end) = span(today)?;
    if now != end {
        return Err(EconomicsError::BadDate { text: today.to_owned() });
    }
    let days = now - first;
    if days < 0 {
        return Err(EconomicsError::DateInFuture { text: priced_on.to_owned(), today: today.to_owned() });
    }
    Ok(PriceAge { days, least_days: (now - last).max(0), stale: days > STALE_AFTER_DAYS })
}

/// The flagged prices of a bill on the day `today`; a visitor's own value has no age.
///
/// # Errors
/// `today` is not a date of the form 2026-03-14, or lies before a price.
pub fn stale_prices(bill: &Bill, today: &str) -> Result<Vec<StalePrice>, EconomicsError> {
    let mut stale = Vec::new();
    for used in bill.facts.iter().filter(|used| !used.overridden) {
        if let Some(priced_on) = used.fact.priced_on {
            let age = price_age_days(priced_on, today)?;
            if age.stale {
                stale.push(StalePrice { fact: used.fact, age });
            }
        }
    }
    Ok(stale)
}

/// First and last day of a date, as days since 1970-01-01.
fn span(text: &str) -> Result<(i32, i32), EconomicsError> {
    let bad = || EconomicsError::BadDate { text: text.chars().take(32).collect() };
    let mut parts = text.split('-');
    let year = digits(parts.next().unwrap_or_default(), 4).filter(|year| *year >= 1970).ok_or_else(bad)?;
    let (first, last) = match (parts.next(), parts.next(), parts.next()) {
        (None, ..) => (day_number(year, 1, 1), day_number(year + 1, 1, 1) - 1),
        (Some(part), None, _) => {
            let quarter = part.strip_prefix('Q').and_then(|part| digits(part, 1));
            let (month, months) = match quarter {
                Some(quarter @ 1..=4) => (quarter * 3 - 2, 3),
                Some(_) => return Err(bad()),
                None => (digits(part, 2).ok_or_else(bad)?, 1),
            };
            if !(1..=12).contains(&month) {
                return Err(bad());
            }
            (day_number(year, month, 1), day_number(year, month + months, 1) - 1)
        }
        (Some(month), Some(day), None) => {
            let month = digits(month, 2).filter(|month| (1..=12).contains(month)).ok_or_else(bad)?;
            let day = digits(day, 2).ok_or_else(bad)?;
            let length = day_number(year, month + 1, 1) - day_number(year, month, 1);
            if !(1..=length).contains(&day) {
                return Err(bad());
            }
            (day_number(year, month, day), day_number(year, month, day))
        }
        _ => return Err(bad()),
    };
    Ok((first, last))
}

/// A number of exactly so many digits.
fn digits(text: &str, count: usize) -> Option<i32> {
    (text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// Days since 1970-01-01 in the Gregorian calendar; month 13 and beyond run into the next year.
fn day_number(year: i32, month: i32, day: i32) -> i32 {
    let (year, month) = (year + (month - 1) / 12, (month - 1) % 12 + 1);
    // The year begins in March, so that the leap day is its last.
    let (shifted, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leaps = shifted / 4 - shifted / 100 + shifted / 400;
    // 719,468 days lie between 0000-03-01 and 1970-01-01; (153 m + 2) / 5 is the days of m months from March on.
    shifted * 365 + leaps + (153 * months + 2) / 5 + day - 1 - 719_468
}
