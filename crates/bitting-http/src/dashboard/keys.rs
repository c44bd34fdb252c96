//! `/apis/{api}/keys`: where keys are made, seen, changed and ended.
//!
//! Developers see the keys of their own account and operators those of all. A key that somebody may not see is not there for them.
//! Every change comes with what its author has seen or with a token that counts once, so that a stale page and a second click
//! change nothing that nobody wants.

mod change;
mod create;
mod draft;
mod list;
mod live;
mod makers;
mod show;
mod steps;
mod subject;

pub(crate) use draft::{Access, Bounds, Expiry, FieldErrors, KeyDraft, Preset, lasting, limit_field, networks, sentence};

pub(super) use change::{change, edit};
pub(super) use create::{ask, create};
pub(super) use list::{REMOVED, list};
pub(super) use live::{any as live, one as live_one};
pub(super) use makers::named as actors;
pub(super) use show::show;
pub(super) use steps::{ask_extend, ask_revoke, ask_rotate, ask_switch, extend, revoke, rotate, switch};
