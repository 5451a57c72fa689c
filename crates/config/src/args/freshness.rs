//! The field `freshnessSeconds`: how old a measurement may be.

use berth_engine::load;

use crate::fields::Fields;

pub(crate) const FIELD: &str = "freshnessSeconds";

/// Reads and validates the field.
pub(crate) fn read(fields: &Fields<'_>) -> i64 {
    let seconds = fields.int64(FIELD).unwrap_or(load::FRESHNESS_SECONDS);
    if seconds < 0 {
        fields.sink().invalid(&fields.at(FIELD), seconds, "not in valid range [0, inf)");
    }
    seconds
}
