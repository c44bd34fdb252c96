//! Keys: what people type about them, and what becomes of it.

mod draft;

pub(crate) use draft::{Access, Bounds, Expiry, FieldErrors, KeyDraft, Preset, lasting, limit_field, networks};
