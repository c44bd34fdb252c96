//! What a key may do: permissions, roles and capabilities.
//!
//! All three become numbers in one sorted list on the record, its [`Grants`]. What a route asks for becomes a [`Need`]:
//! for each thing asked, the sorted list of all numbers that would satisfy it, wildcards, aliases and higher roles
//! included. Then a check is the meeting of two short sorted lists, the same for all three kinds. Evaluating patterns at
//! the request was rejected: it is slower, and a pattern's meaning would be spread over the request path.

mod catalogue;
mod grants;
mod mandate;
mod permission;

pub use catalogue::{CapabilitySpec, Catalogue, CatalogueError, CatalogueSpec, PermissionSpec, RoleSpec, UnknownRight};
pub use grants::{Clause, Grants, Need};
pub use mandate::{Excess, Mandate};
pub use permission::{InvalidPermission, Permission};
