//! The rules of one API, in order.

use std::sync::Arc;

use http::Method;

use super::{InvalidPath, Leniencies, Methods, PathPattern, PatternOrder, RequestPath, Upgrades};
use crate::api::UpstreamTimeouts;
use crate::dialect::Answer;
use crate::rights::Need;

/// Rules in the order of the configuration, and the route of everything that no rule names.
#[derive(Debug)]
pub struct RouteTable {
    order: PatternOrder,
    /// Methods and route of the pattern at the same position.
    rules: Box<[(Methods, Arc<Route>)]>,
    default: Arc<Route>,
}

/// A method and path pattern, and the route for what matches.
#[derive(Debug)]
pub struct Rule {
    /// The methods that it covers.
    pub methods: Methods,
    /// The paths that it covers.
    pub pattern: PathPattern,
    /// What holds there.
    pub route: Route,
}

/// What holds for a request that falls to a rule.
#[derive(Debug, Clone)]
pub struct Route {
    /// Who may pass.
    pub access: Access,
    /// The route's own answer for a missing right, instead of the dialect's.
    pub denied: Option<Answer>,
    /// Whether `%2F` in the path is data for the upstream here.
    pub encoded_slash_is_data: bool,
    /// Who answers.
    pub target: Target,
    /// What a request takes from each limit; zero is free.
    pub cost: u64,
    /// How long to wait for the upstream, instead of what holds for the API.
    pub timeouts: Option<Box<UpstreamTimeouts>>,
    /// The most bytes that the body of a request may have, where the upstream answers.
    pub body_limit: u64,
    /// What its connection may be upgraded to, where the upstream answers.
    pub upgrades: Upgrades,
    /// What usage is counted under, as in `GET /v1/tasks/*`. The table says it.
    pub label: Arc<str>,
}

/// Who may pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Everybody; a credential is removed and not looked at.
    Public,
    /// Everybody without a credential; a credential must be good and meet the need.
    Optional(Need),
    /// Only a good key that meets the need.
    Key(Need),
    /// Nobody: the answer is `not_found`.
    Closed,
}

/// Who answers an admitted request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The protected API.
    Upstream,
    /// Bitting: what it knows of the presented key.
    Whoami,
    /// Bitting: that it is there.
    Health,
    /// Bitting: the management of keys by keys.
    Management,
    /// Bitting: what is left of the key's limits.
    RateLimit,
}

impl Route {
    /// A route of cost 1, with nothing special about it and no upgrades.
    pub fn new(access: Access, target: Target) -> Self {
        let (denied, upgrades, timeouts) = (None, Upgrades::none(), None);
        let (encoded_slash_is_data, cost, body_limit, label) = (false, 1, u64::MAX, "".into());
        Self { access, denied, encoded_slash_is_data, target, cost, timeouts, body_limit, upgrades, label }
    }
}

impl RouteTable {
    /// What usage of paths that no rule names is counted under.
    pub const OTHERS: &str = "*";

    /// A table of rules, of which the first that matches wins.
    pub fn new(rules: Vec<Rule>, default: Route, told_apart: Leniencies) -> Self {
        let (mut patterns, mut routes) = (Vec::new(), Vec::new());
        for Rule { methods, pattern, mut route } in rules {
            route.label = format!("{methods} {}", pattern.as_str()).into();
            patterns.push(pattern);
            routes.push((methods, Arc::new(route)));
        }
        let default = Route { label: Self::OTHERS.into(), ..default };
        Self { order: PatternOrder::new(patterns, told_apart), rules: routes.into(), default: Arc::new(default) }
    }

    /// Every route in order, with the methods and the pattern that lead to it.
    pub fn rules(&self) -> impl Iterator<Item = (&Methods, &PathPattern, &Route)> {
        self.rules.iter().zip(self.order.patterns()).map(|((methods, route), pattern)| (methods, pattern, &**route))
    }

    /// What holds where no rule matches.
    pub fn default(&self) -> &Route {
        &self.default
    }

    /// The route that a request falls to.
    ///
    /// # Errors
    /// The path has an encoded slash where none is taken as data, or a lenient server would see another rule's path in it.
    pub fn find(&self, method: &Method, path: &RequestPath<'_>) -> Result<&Arc<Route>, InvalidPath> {
        let covers = |rule: usize| self.rules[rule].0.cover(method);
        let route = |rule: Option<usize>| rule.map_or(&self.default, |rule| &self.rules[rule].1);
        if path.encoded_slash && !route(self.order.position(path, covers)).encoded_slash_is_data {
            return Err(InvalidPath::EncodedSlash);
        }
        Ok(route(self.order.unambiguous_position(path, covers)?))
    }
}

#[cfg(test)]
mod tests;
