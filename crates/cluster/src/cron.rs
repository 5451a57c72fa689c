//! Schedules of CronJobs: five fields, in UTC.
//!
//! Upstream: `github.com/robfig/cron/v3` (`ParseStandard`, `SpecSchedule.Next`).

use berth_model::UnixSeconds;

/// A schedule: for each field the values that it allows, as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Both the day of the month and the weekday are given: one of them is enough.
    either_day: bool,
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/// No schedule pauses longer: the 29th of February.
const LONGEST_PAUSE_DAYS: i64 = 9 * 366;

impl Schedule {
    /// Reads `*/5 * * * *` or `@daily`; `None` if it is something else, or has a time zone.
    pub fn parse(text: &str) -> Option<Self> {
        let text = match text {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            text => text,
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else { return None };
        let is_any = |field: &str| field.starts_with(['*', '?']);
        let weekdays = values(weekday, 0, 7, &WEEKDAYS, 0)?;
        Some(Self {
            minutes: values(minute, 0, 59, &[], 0)?,
            hours: values(hour, 0, 23, &[], 0)?,
            days: values(day, 1, 31, &[], 0)?,
            months: values(month, 1, 12, &MONTHS, 1)?,
            // Sunday is 0 and 7.
            weekdays: (weekdays | (weekdays >> 7)) & 0x7f,
            either_day: !is_any(day) && !is_any(weekday),
        })
    }

    /// The first time of the schedule after a time.
    pub fn next_after(&self, time: UnixSeconds) -> Option<UnixSeconds> {
        let first = time.div_euclid(60) + 1;
        let first_day = first.div_euclid(24 * 60);
        let mut minute_of_day = first.rem_euclid(24 * 60);
        for day in first_day..first_day + LONGEST_PAUSE_DAYS {
            if self.has_day(day) {
                for minute in minute_of_day..24 * 60 {
                    if has(self.hours, minute / 60) && has(self.minutes, minute % 60) {
                        return Some((day * 24 * 60 + minute) * 60);
                    }
                }
            }
            minute_of_day = 0;
        }
        None
    }

    /// Whether the schedule has times on a day, given in days since the Unix epoch.
    fn has_day(&self, days: i64) -> bool {
        let (month, day) = month_and_day(days);
        let weekday = (days + 4).rem_euclid(7); // the epoch was a Thursday
        let (by_day, by_weekday) = (has(self.days, day), has(self.weekdays, weekday));
        let fits = if self.either_day { by_day || by_weekday } else { by_day && by_weekday };
        has(self.months, month) && fits
    }
}

fn has(bits: u64, value: i64) -> bool {
    bits >> value & 1 == 1
}

/// Month and day of the Gregorian calendar.
fn month_and_day(days: i64) -> (i64, i64) {
    // Years begin in March here, so that the leap day is the last one.
    let days = days + 719_468;
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    (if month < 10 { month + 3 } else { month - 9 }, day)
}

/// The values of a field as bits.
fn values(field: &str, min: u32, max: u32, names: &[&str], first_name: u32) -> Option<u64> {
    let number = |text: &str| {
        let named = names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let value = match named {
            Some(at) => u32::try_from(at).ok()? + first_name,
            None => text.parse().ok()?,
        };
        (min..=max).contains(&value).then_some(value)
    };
    let mut bits = 0;
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse::<u32>().ok().filter(|step| *step > 0)?),
            None => (part, 1),
        };
        let has_step = part.contains('/');
        let (first, last) = match range.split_once('-') {
            _ if matches!(range, "*" | "?") => (min, max),
            Some((first, last)) => (number(first)?, number(last)?),
            None => {
                let first = number(range)?;
                (first, if has_step { max } else { first })
            }
        };
        if first > last {
            return None;
        }
        bits |= (first..=last).step_by(step as usize).fold(0_u64, |bits, value| bits | 1 << value);
    }
    Some(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-01T00:00:00Z, a Thursday.
    const NEW_YEAR: UnixSeconds = 1_767_225_600;

    #[test]
    fn the_next_time_of_a_schedule() {
        let (minute, hour, day) = (60, 3_600, 86_400);
        let cases = [
            ("*/5 * * * *", 0, 5 * minute),
            ("*/5 * * * *", 5 * minute - 1, 5 * minute),
            ("0 * * * *", 0, hour),
            ("30 2 * * *", 0, 2 * hour + 30 * minute),
            ("30 2 * * *", 3 * hour, day + 2 * hour + 30 * minute),
            ("@daily", 0, day),
            ("0 0 * * mon", 0, 4 * day),
            ("0 0 * * 7", 0, 3 * day),
            ("0 0 1 * *", 0, 31 * day),
            ("0 0 1 mar *", 0, 59 * day),
            ("0 9-17/4 * * *", 10 * hour, 13 * hour),
            ("15,45 * * * *", 20 * minute, 45 * minute),
            ("0 0 31 * fri", 0, day),
            ("0 0 29 2 *", 0, 789 * day),
        ];
        for (text, after, expected) in cases {
            let schedule = Schedule::parse(text).unwrap();
            let next = schedule.next_after(NEW_YEAR + after).map(|at| at - NEW_YEAR);
            assert_eq!(next, Some(expected), "{text} after {after}");
        }
    }

    #[test]
    fn what_is_no_schedule_is_refused_and_a_day_that_never_comes_has_no_next_time() {
        for text in
            ["", "* * * *", "60 * * * *", "5-1 * * * *", "*/0 * * * *", "x * * * *", "TZ=UTC * * * * *"]
        {
            assert_eq!(Schedule::parse(text), None, "{text}");
        }
        assert_eq!(Schedule::parse("0 0 31 2 *").unwrap().next_after(NEW_YEAR), None);
    }
}
