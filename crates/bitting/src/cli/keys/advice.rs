//! What whoever makes a key may not have meant.

use bitting_core::rights::Need;
use bitting_core::route::{Access, Target};
use bitting_engine::ServedApi;
use bitting_store::KeyRow;

use crate::config::OWN_API;

/// Whether a key has nothing that a route could ask for, though every route that looks at keys asks for something.
pub(super) fn opens_nothing(api: &ServedApi, row: &KeyRow) -> bool {
    let has_something = row.role.is_some() || !row.permissions.is_empty() || !row.capabilities.is_empty();
    let routes = api.routes.rules().map(|(_, _, route)| route).chain([api.routes.default()]);
    let needs: Vec<&Need> = routes
        .filter(|route| route.target == Target::Upstream)
        .filter_map(|route| match &route.access {
            Access::Key(need) | Access::Optional(need) => Some(need),
            Access::Public | Access::Closed => None,
        })
        .collect();
    let all_need_something = !needs.is_empty() && needs.iter().all(|need| !need.is_empty());
    // Verifying names the API in its body, so its handler asks for the permission and not its route.
    !has_something && (all_need_something || &*api.name == OWN_API)
}
