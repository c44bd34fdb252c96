//! The pages of keys.

mod action;
mod form;
mod key;
mod line;
mod list;
mod made;

pub(crate) use action::{ActionOn, ActionPage, KeyAction, OVERLAPS};
pub(crate) use form::{FormPurpose, KeyForm, KeyFormPage};
pub(crate) use key::{KeyPage, KeyPageParts};
pub(crate) use line::{KeyLine, LineOf};
pub(crate) use list::{Counts, EmptyPage, KeysPage, KeysPageParts, ListAsked, Order, View};
pub(crate) use made::MadePage;
