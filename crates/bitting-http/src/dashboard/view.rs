//! What pages show and how: a struct for each page with its template, and the parts that they share.
//!
//! Everything here takes rows and plain values and does no I/O. Parts with a meaning of their own (a moment, the face of a
//! key, a status) are types, so that they look and read the same wherever they stand; what is only markup is a macro in
//! `templates/dashboard/ui.html`.

mod actors;
mod chart;
mod cuts;
mod face;
mod frame;
#[cfg(test)]
mod gallery;
mod gauge;
mod keys;
mod links;
mod moment;
mod number;
mod pager;
mod refusal;
pub(crate) mod rights;
mod sample;
mod standing;
mod status;
mod trouble;

pub(crate) use actors::Actors;
pub(crate) use chart::{Chart, Outcome, Tally};
pub(crate) use cuts::Cuts;
pub(crate) use face::{Environment, KeyFace};
pub(crate) use frame::{Brand, Frame, NavItem, Person, Place, Theme};
pub(crate) use gauge::Gauge;
pub(crate) use keys::{
    AccountFilter, ActionForm, ActionOn, ActionPage, Counts, EmptyPage, FormPurpose, KeyAction, KeyForm, KeyFormPage, KeyLine,
    KeyPage, KeyPageParts, KeysPage, KeysPageParts, LineOf, ListAsked, MadePage, OVERLAPS, Order, View,
};
pub(crate) use links::{ApiLinks, link};
pub(crate) use moment::{Moment, ago, ahead};
pub(crate) use number::{plural, thousands};
pub(crate) use pager::Pager;
pub(crate) use refusal::{Refusal, RefusalLine, reason_words};
pub(crate) use rights::RightsSummary;
pub(crate) use standing::{Cure, Standing};
pub(crate) use status::{Status, Tone};
pub(crate) use trouble::{Trouble, TroublePage};
