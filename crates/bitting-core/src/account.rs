//! Whoever owns keys.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::HeaderValue;
use serde::{Deserialize, Serialize};

use crate::limit::Book;
use crate::name::NameId;
use crate::record::Sequence;

/// An account's id: the API's own name for its customer, organisation or user. It is the operator's to choose, so that
/// the upstream can know it again.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct AccountId(Box<str>);

/// A text that is no account id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an account id: 1 to 128 letters, digits and any of . _ : @ / + = - are one")]
pub struct InvalidAccountId(Box<str>);

impl AccountId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountId {
    type Err = InvalidAccountId;

    fn from_str(text: &str) -> Result<Self, InvalidAccountId> {
        let usable = |b: u8| b.is_ascii_alphanumeric() || b"._:@/+=-".contains(&b);
        let fits = (1..=128).contains(&text.len()) && text.bytes().all(usable);
        if fits { Ok(Self(text.into())) } else { Err(InvalidAccountId(text.chars().take(128).collect())) }
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<AccountId> for String {
    fn from(id: AccountId) -> Self {
        id.0.into()
    }
}

impl TryFrom<String> for AccountId {
    type Error = InvalidAccountId;

    fn try_from(text: String) -> Result<Self, InvalidAccountId> {
        text.parse()
    }
}

/// What is remembered of an account, shared by all its keys, so that suspending it is one change.
#[derive(Debug)]
pub struct Account {
    id: AccountId,
    header: HeaderValue,
    /// The sequence number of the last change, shifted left by two; bit 0 is set while the account is enabled, bit 1 while
    /// it is not known whether a change took effect. One number, so that a reader never sees half a change.
    state: AtomicU64,
    /// The number of its plan's name and one more; zero if it has no plan.
    plan: AtomicU32,
    /// What is counted of it.
    book: Mutex<Book>,
}

/// Whether an account's keys are good at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountStanding {
    /// They are.
    Enabled,
    /// It is suspended.
    Disabled,
    /// A change was written, and whether it took effect is not known.
    InDoubt,
}

const ENABLED: u64 = 1;
const IN_DOUBT: u64 = 2;

impl Account {
    /// An account as a change left it, without a plan until [`apply`](Self::apply) names one.
    pub fn new(id: AccountId, enabled: bool, sequence: Sequence) -> Self {
        // Every character of an account id can stand in a header.
        let header = HeaderValue::from_str(id.as_str()).unwrap_or_else(|_| HeaderValue::from_static(""));
        let state = AtomicU64::new(sequence.0 << 2 | u64::from(enabled));
        Self { id, header, state, plan: AtomicU32::new(0), book: Mutex::default() }
    }

    /// Its id.
    pub fn id(&self) -> &AccountId {
        &self.id
    }

    /// Its id as a header.
    pub fn header(&self) -> &HeaderValue {
        &self.header
    }

    /// What is counted of it and of its keys. Whoever panicked with it in hand has counted too little at worst.
    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether its keys are good.
    pub fn standing(&self) -> AccountStanding {
        let state = self.state.load(Ordering::Acquire);
        match (state & IN_DOUBT != 0, state & ENABLED != 0) {
            (true, _) => AccountStanding::InDoubt,
            (false, true) => AccountStanding::Enabled,
            (false, false) => AccountStanding::Disabled,
        }
    }

    /// Its plan; `None` if it has none, so that the API's first holds.
    pub fn plan(&self) -> Option<NameId> {
        self.plan.load(Ordering::Acquire).checked_sub(1).map(NameId::from_number)
    }

    /// Takes over what a change left, unless a later change was taken over before; ends a doubt. Whoever calls this must do so
    /// for one change at a time, as the ring does under its lock: state and plan are two numbers.
    pub fn apply(&self, enabled: bool, plan: Option<NameId>, sequence: Sequence) {
        let next = sequence.0 << 2 | u64::from(enabled);
        let take = |current: u64| (sequence.0 >= current >> 2).then_some(next);
        // Refused only if a later change is there already.
        if self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, take).is_ok() {
            // Names are counted up from zero, and no process sees 2^32 of them.
            self.plan.store(plan.map_or(0, |plan| plan.number().saturating_add(1)), Ordering::Release);
        }
    }

    /// Refuses its keys until [`apply`](Self::apply) says what holds.
    pub fn doubt(&self) {
        self.state.fetch_or(IN_DOUBT, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::{NameKind, Names};

    #[test]
    fn a_later_change_wins_in_whatever_order_they_arrive() {
        let account = Account::new("acme".parse().unwrap(), true, Sequence(5));
        account.apply(false, None, Sequence(9));
        account.apply(true, None, Sequence(7));
        assert_eq!(account.standing(), AccountStanding::Disabled);
        account.apply(true, None, Sequence(10));
        assert_eq!(account.standing(), AccountStanding::Enabled);
    }

    #[test]
    fn a_plan_is_that_of_the_latest_change_and_can_be_taken_away() {
        let names = Names::default();
        let (free, paid) = (names.intern(NameKind::Plan, "free"), names.intern(NameKind::Plan, "paid"));
        let account = Account::new("acme".parse().unwrap(), true, Sequence(5));
        assert_eq!(account.plan(), None);
        account.apply(true, Some(free), Sequence(9));
        account.apply(true, Some(paid), Sequence(7));
        assert_eq!(account.plan(), Some(free), "the name whose number is zero too");
        account.apply(false, Some(paid), Sequence(10));
        assert_eq!(account.plan(), Some(paid));
        account.apply(false, None, Sequence(11));
        assert_eq!(account.plan(), None);
    }

    #[test]
    fn a_doubt_lasts_until_the_store_was_read_again() {
        let account = Account::new("acme".parse().unwrap(), true, Sequence(5));
        account.doubt();
        assert_eq!(account.standing(), AccountStanding::InDoubt);
        account.apply(true, None, Sequence(4));
        assert_eq!(account.standing(), AccountStanding::InDoubt);
        account.apply(true, None, Sequence(5));
        assert_eq!(account.standing(), AccountStanding::Enabled);
    }

    #[test]
    fn ids_that_could_not_stand_in_a_header_are_refused() {
        assert!("org:acme/team@eu+1=x-y_z.0".parse::<AccountId>().is_ok());
        for text in ["", "a b", "a,b", "a\n", "é", &"x".repeat(129)] {
            assert!(text.parse::<AccountId>().is_err(), "{text:?}");
        }
    }
}
