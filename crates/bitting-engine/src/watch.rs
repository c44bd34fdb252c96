//! Looking whether what happens is as it should be.
//!
//! Requests are decided without any of this. What is refused is looked at when it is written down, about once a second and added
//! up ([`refusals`]); from where keys are used is held against what is known in the store, where it is written; and how much they are
//! used is compared with their past at the end of each hour ([`traffic`]).

mod episode;
mod refusals;
mod subject;
mod traffic;

pub(crate) use self::refusals::{RefusalWatch, Refusals};
pub(crate) use self::traffic::run;
