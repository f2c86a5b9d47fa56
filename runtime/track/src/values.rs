//! Reading the values that have a form of their own: dates, addresses, codes, zones.

pub(crate) mod contact;
pub(crate) mod country;
pub(crate) mod currency;
pub mod date;
pub(crate) mod language;
pub(crate) mod zone;
