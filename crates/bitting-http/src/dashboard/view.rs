//! What pages show and how: a struct for each page with its template, and the parts that they share.
//!
//! Everything here takes rows and plain values and does no I/O. Parts with a meaning of their own (a moment, the face of a
//! key, a status) are types, so that they look and read the same wherever they stand; what is only markup is a macro in
//! `templates/dashboard/ui.html`.

mod cuts;
mod docs;
mod door;
mod face;
mod frame;
#[cfg(test)]
mod gallery;
mod links;
mod moment;
mod number;
mod pager;
mod status;
mod trouble;

pub(crate) use cuts::Cuts;
pub(crate) use docs::{DocsFile, DocsPage};
pub(crate) use door::{CodePage, Errand, JoinPage, KeptPage, SignInPage, SwitchPage, sign_in_at};
pub(crate) use face::{Environment, KeyFace};
pub(crate) use frame::{Brand, Frame, NavItem, Person, Place, Theme};
pub(crate) use links::{ApiLinks, link};
pub(crate) use moment::{Moment, ago, ahead};
pub(crate) use number::{plural, thousands};
pub(crate) use pager::Pager;
pub(crate) use status::{Status, Tone};
pub(crate) use trouble::{Trouble, TroublePage};
