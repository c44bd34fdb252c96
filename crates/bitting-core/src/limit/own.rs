//! What keys say of their plan's limits, by the names of the limits: what can be said, and what can be handed on.

use std::collections::BTreeMap;

use super::{Limit, Plans};
use crate::name::NameId;

impl Plans {
    /// The limits of this name for which a key can have a number of its own, in whichever plan they are.
    pub fn of_keys<'p>(&'p self, name: &'p str) -> impl Iterator<Item = &'p Limit> {
        self.iter().flat_map(|plan| plan.by_scope().0).filter(move |limit| *limit.name == *name)
    }

    /// In what a key's own numbers exceed those of the key that hands them on, in words. Both keys have the same account, whose
    /// plan this is.
    ///
    /// A key that is held to a number hands on no more than that, nor the freedom from it. One that is held to its plan hands on
    /// no more than the plan has, where own numbers could be higher: what a plan does not have now, another may have tomorrow.
    pub fn excess(&self, plan: Option<NameId>, own: &BTreeMap<String, u64>, holder: &BTreeMap<String, u64>) -> Vec<String> {
        let mut excess = Vec::new();
        for (name, bound) in holder {
            match own.get(name) {
                Some(number) if number > bound => excess.push(format!("{name} {number}, above {bound}")),
                // What is no longer declared holds nobody, and could not be given to another key.
                None if self.of_keys(name).next().is_some() => excess.push(format!("{name} without the number {bound}")),
                Some(_) | None => {}
            }
        }
        if self.keys_may_exceed() {
            let in_plan = |name: &str| self.of(plan).by_scope().0.iter().find(|limit| *limit.name == *name);
            for (name, number) in own.iter().filter(|(name, _)| !holder.contains_key(*name)) {
                match in_plan(name) {
                    Some(limit) if *number <= limit.allowed => {}
                    Some(limit) => excess.push(format!("{name} {number}, above the plan's {}", limit.allowed)),
                    None => excess.push(format!("{name} {number}, which the plan does not have")),
                }
            }
        }
        excess
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::{LimitScope, LimitSpec, Pace, Period, Plan};
    use crate::name::{NameKind, Names};

    /// `free` allows 10 an hour and `paid` 100 an hour and 1,000 a day.
    fn plans(names: &Names, keys_may_exceed: bool) -> Plans {
        let limit = |name: &str, allowed, scope| {
            let pace = Pace::Window(Period::Hour);
            Limit::new(LimitSpec { name: name.into(), allowed, pace, scope, is_quota: false }, names).unwrap()
        };
        let all = limit("all", 500, LimitScope::Account);
        let free = Plan::new("free", vec![limit("hour", 10, LimitScope::Key), all.clone()], names);
        let day = limit("day", 1_000, LimitScope::Key);
        let paid = Plan::new("paid", vec![limit("hour", 100, LimitScope::Key), day, all], names);
        Plans::new(free, vec![paid], keys_may_exceed)
    }

    fn numbers(list: &[(&str, u64)]) -> BTreeMap<String, u64> {
        list.iter().map(|(name, number)| ((*name).to_owned(), *number)).collect()
    }

    #[test]
    fn a_key_held_to_a_number_hands_on_no_more_and_no_freedom_from_it() {
        let names = Names::default();
        for keys_may_exceed in [false, true] {
            let plans = plans(&names, keys_may_exceed);
            for (own, holder, excess) in [
                (numbers(&[]), numbers(&[]), vec![]),
                (numbers(&[("hour", 5)]), numbers(&[]), vec![]),
                (numbers(&[("hour", 5)]), numbers(&[("hour", 5)]), vec![]),
                (numbers(&[("hour", 6)]), numbers(&[("hour", 5)]), vec!["hour 6, above 5"]),
                (numbers(&[]), numbers(&[("hour", 5)]), vec!["hour without the number 5"]),
                (numbers(&[("hour", 5)]), numbers(&[("hour", 5), ("day", 7)]), vec!["day without the number 7"]),
                // A limit that is gone, or that is not each key's own, holds nobody.
                (numbers(&[]), numbers(&[("gone", 5), ("all", 5)]), vec![]),
                (numbers(&[("gone", 6)]), numbers(&[("gone", 5)]), vec!["gone 6, above 5"]),
                // Whoever was let above the plan hands that on.
                (numbers(&[("hour", 999)]), numbers(&[("hour", 999)]), vec![]),
            ] {
                assert_eq!(plans.excess(None, &own, &holder), excess, "{own:?} from {holder:?}, {keys_may_exceed}");
            }
        }
    }

    #[test]
    fn a_key_held_to_its_plan_hands_on_no_more_than_that_where_numbers_could_be_higher() {
        let names = Names::default();
        let paid = names.intern(NameKind::Plan, "paid");
        let (bounded, open) = (plans(&names, false), plans(&names, true));
        let none = numbers(&[]);
        let hour = numbers(&[("hour", 50)]);
        assert_eq!(bounded.excess(None, &hour, &none), Vec::<String>::new(), "it counts for no more than the plan's");
        assert_eq!(open.excess(None, &hour, &none), ["hour 50, above the plan's 10"]);
        assert_eq!(open.excess(Some(paid), &hour, &none), Vec::<String>::new());
        assert_eq!(open.excess(None, &numbers(&[("day", 5)]), &none), ["day 5, which the plan does not have"]);
        assert_eq!(open.excess(Some(paid), &numbers(&[("day", 1_000)]), &none), Vec::<String>::new());
    }
}
