//! Which rule holds for a method and a path.
//!
//! The gateway forwards the raw path byte for byte, so what matters is what the *upstream* will make of it. A
//! [`RequestPath`] is a path with nothing in it that two servers could read differently, or it is refused. A
//! [`RouteTable`] then finds the first rule that matches, and refuses a path that would match another rule if the
//! upstream ignored case, a trailing slash and the like. Rewriting the path into a normal form was rejected: a
//! normal form is one more reading, and the one the upstream takes may be a third.

mod leniency;
mod method;
mod order;
mod path;
mod pattern;
mod table;
mod upgrades;

pub use leniency::Leniencies;
pub use method::{InvalidMethods, Methods};
pub use order::PatternOrder;
pub use path::{InvalidPath, RequestPath};
pub use pattern::{InvalidPattern, PathPattern};
pub use table::{Access, Route, RouteTable, Rule, Target};
pub use upgrades::{InvalidUpgrade, UpgradeProtocol, Upgrades};
