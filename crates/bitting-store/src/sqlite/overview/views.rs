//! The keys of a view, as SQLite finds them in the indexes of a whole API.

use rusqlite::types::ToSql;

use super::super::listing::Conditions;
use super::Question;
use crate::overview::{Horizon, View};

/// One way to some keys of a view. Those of different ways are different.
pub(super) struct Way {
    index: &'static str,
    conditions: Conditions,
}

impl Way {
    fn new(question: &Question<'_>, index: &'static str) -> Self {
        let mut conditions = Conditions::default();
        conditions.and("o.api = ?", question.query.api.clone());
        conditions.and_if("o.environment = ?", question.query.environment.clone());
        Self { index, conditions }
    }

    fn of_working(question: &Question<'_>, index: &'static str) -> Self {
        let mut way = Self::new(question, index);
        way.conditions.texts.push("o.standing = 2".to_owned());
        way
    }
}

/// The ways to all keys of a view, each along an index that holds all that it asks.
pub(super) fn ways(question: &Question<'_>, view: View) -> Vec<Way> {
    const BY_USE: &str = "key_overview_by_use";
    let Horizon { now, unused_since, expiring_until, .. } = question.horizon;
    match view {
        View::All => vec![Way::new(question, BY_USE)],
        View::Revoked => {
            let mut revoked = Way::new(question, BY_USE);
            revoked.conditions.texts.push("o.standing = 0".to_owned());
            vec![revoked]
        }
        View::Unused => {
            let never = ("o.used_at <= ?", question.horizon.never_used_until());
            let long_ago = ("o.used_at >= 0 AND o.used_at <= ?", unused_since);
            let way = |(text, until)| {
                let mut way = Way::of_working(question, BY_USE);
                way.conditions.and(text, until);
                way.conditions.and("o.expires_at > ?", now);
                way
            };
            [never, long_ago].map(way).into()
        }
        View::Attention => {
            let mut overdue = Way::of_working(question, "key_overview_by_creation");
            overdue.conditions.and("o.created_at <= ?", question.horizon.overdue_at_most());
            overdue.conditions.and("o.expires_at > ?", now);
            overdue.conditions.texts.push("o.replaced = 0".to_owned());
            overdue.conditions.and_overdue(&question.horizon, "");
            let mut expiring = Way::of_working(question, "key_overview_by_end");
            expiring.conditions.and("o.expires_at > ?", now);
            expiring.conditions.and("o.expires_at <= ?", expiring_until);
            expiring.conditions.and_overdue(&question.horizon, "o.replaced = 1 OR NOT ");
            let mut replaced = Way::of_working(question, "key_overview_replaced");
            replaced.conditions.texts.push("o.replaced = 1".to_owned());
            replaced.conditions.and("o.expires_at > ?", expiring_until);
            vec![overdue, expiring, replaced]
        }
    }
}

/// Account and key of all keys to which these ways lead, at most so many.
pub(super) fn along(ways: Vec<Way>, limit: i64) -> (String, Vec<Box<dyn ToSql>>) {
    let mut values = Vec::new();
    let mut selects = Vec::with_capacity(ways.len());
    for Way { index, conditions } in ways {
        let texts = conditions.texts.join(" AND ");
        selects.push(format!("SELECT o.account, o.key FROM key_overview AS o INDEXED BY {index} WHERE {texts}"));
        values.extend(conditions.values);
    }
    values.push(Box::new(limit));
    (format!("{} LIMIT ?", selects.join(" UNION ALL ")), values)
}

impl Conditions {
    /// That a key is in a view, whichever way it was found.
    pub(super) fn and_in(&mut self, view: View, horizon: &Horizon) {
        match view {
            View::All => {}
            View::Revoked => self.texts.push("o.standing = 0".to_owned()),
            View::Unused => {
                self.and("o.standing = 2 AND o.expires_at > ?", horizon.now);
                self.values.extend([horizon.never_used_until(), horizon.unused_since].map(|ms| Box::new(ms) as Box<dyn ToSql>));
                self.texts.push("(o.used_at <= ? OR o.used_at >= 0 AND o.used_at <= ?)".to_owned());
            }
            View::Attention => {
                self.and("o.standing = 2 AND o.expires_at > ?", horizon.now);
                self.values.push(Box::new(horizon.expiring_until));
                self.and_overdue(horizon, "o.replaced = 1 OR o.expires_at <= ? OR ");
            }
        }
    }

    /// That a key is overdue at the age of its environment, or what comes before that.
    fn and_overdue(&mut self, horizon: &Horizon, before: &str) {
        let mut cases = String::new();
        for (environment, overdue) in &horizon.overdue_of {
            self.values.push(Box::new(environment.clone()));
            self.values.push(Box::new(*overdue));
            cases.push_str("WHEN ? THEN ? ");
        }
        let text = if cases.is_empty() { "?".to_owned() } else { format!("CASE o.environment {cases}ELSE ? END") };
        self.and(format!("({before}o.created_at <= {text})"), horizon.overdue_elsewhere);
    }
}
