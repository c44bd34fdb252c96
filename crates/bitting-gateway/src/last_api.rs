//! Which API a connection was used for last, for whoever has to say what became of it.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use bitting_engine::ServedApi;

/// The API of the last request on a connection that was let through.
#[derive(Debug, Clone, Default)]
pub struct LastApi(Arc<ArcSwapOption<ServedApi>>);

impl LastApi {
    /// Its name.
    pub fn name(&self) -> Option<String> {
        self.0.load().as_ref().map(|api| api.name.to_string())
    }

    /// A request for it was let through. Mostly it is the same as before, and nothing is written.
    pub(crate) fn note(&self, api: &Arc<ServedApi>) {
        if !self.0.load().as_ref().is_some_and(|last| Arc::ptr_eq(last, api)) {
            self.0.store(Some(Arc::clone(api)));
        }
    }
}
