//! What can change about accounts.

use bitting_core::account::AccountId;
use serde::{Deserialize, Serialize};

use super::present;

/// A new account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewAccount {
    /// The API's name.
    pub api: String,
    /// Its id.
    pub id: AccountId,
    /// A name for people.
    pub name: String,
    /// Its plan; `None` is the API's first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
}

/// New values for an account. What is `None` stays; where a value can be absent, `Some(None)` removes it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountPatch {
    /// A name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its plan.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub plan: Option<Option<String>>,
    /// Whether its keys are good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}
