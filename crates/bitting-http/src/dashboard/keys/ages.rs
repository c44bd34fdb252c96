//! When the keys of an API ask for a decision.

use bitting_core::api::Api;
use bitting_store::Ages;

/// As the API's configuration has it.
pub(super) fn of(api: &Api) -> Ages {
    Ages::of(api)
}
