//! One-time links: made with the change that makes them known, like keys.

use std::time::Duration;

use bitting_core::account::AccountId;
use bitting_core::member::{MemberId, Token};
use bitting_core::time::Timestamp;
use bitting_store::{Change, LinkPurpose, MemberPatch, MemberRow, NewLink, NewMember};

use crate::entropy::{Entropy, EntropyError};

/// A one-time link that was made and the change that makes it known. It must not be given to anybody before the change is
/// committed.
#[derive(Debug)]
pub struct Invitation {
    /// The link's secret in the clear, to be shown once.
    pub token: Token,
    /// What to commit.
    pub change: Change,
    /// From then on it opens nothing.
    pub expires_at: Timestamp,
}

/// Somebody who shall come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guest {
    /// The API whose account's developer they are; Bitting's own for an operator.
    pub api: String,
    /// The account; `None` for an operator.
    pub account: Option<AccountId>,
    /// What they are called, if that is known.
    pub name: String,
    /// Their e-mail address, if that is known. Its letters are made small.
    pub email: Option<String>,
}

/// How long somebody has who was invited.
const INVITED: Duration = Duration::from_hours(24 * 7);

/// How long somebody has to choose another password.
const RESET: Duration = Duration::from_hours(24);

/// How long it takes to be sent from one site to another, slow networks included.
const PORTAL: Duration = Duration::from_mins(5);

impl Invitation {
    /// Invites somebody, who will choose a password.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn of(guest: Guest, now: Timestamp) -> Result<Self, EntropyError> {
        Self::of_new(guest, LinkPurpose::Invitation, now)
    }

    /// Lets somebody in for the first time whom the API's own site sends and knows by this name.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn of_visitor(api: &str, account: AccountId, name: &str, now: Timestamp) -> Result<Self, EntropyError> {
        let guest = Guest { api: api.to_owned(), account: Some(account), name: name.to_owned(), email: None };
        Self::of_new(guest, LinkPurpose::Portal, now)
    }

    /// Another link for somebody who is known: to choose a password, or to come in if it is the API's own site that sends them.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn again(member: &MemberRow, now: Timestamp) -> Result<Self, EntropyError> {
        let purpose = match member {
            MemberRow { is_portal: true, .. } => LinkPurpose::Portal,
            MemberRow { has_password: true, .. } => LinkPurpose::Reset,
            MemberRow { .. } => LinkPurpose::Invitation,
        };
        let (token, link) = make(purpose, now)?;
        let expires_at = link.expires_at;
        let patch = Box::new(MemberPatch { link: Some(link), ..MemberPatch::default() });
        let change = Change::UpdateMember { api: member.api.clone(), member: member.id, patch };
        Ok(Self { token, change, expires_at })
    }

    fn of_new(guest: Guest, purpose: LinkPurpose, now: Timestamp) -> Result<Self, EntropyError> {
        let (token, link) = make(purpose, now)?;
        let expires_at = link.expires_at;
        let Guest { api, account, name, email } = guest;
        let change = Change::CreateMember(Box::new(NewMember {
            api,
            account,
            id: MemberId::new(now, Entropy.random()?),
            name,
            email: email.map(|email| email.trim().to_lowercase()),
            is_portal: purpose == LinkPurpose::Portal,
            link,
        }));
        Ok(Self { token, change, expires_at })
    }
}

fn make(purpose: LinkPurpose, now: Timestamp) -> Result<(Token, NewLink), EntropyError> {
    let mut random = [0; 32];
    Entropy.fill(&mut random)?;
    let token = Token::new(random);
    let life = match purpose {
        LinkPurpose::Invitation => INVITED,
        LinkPurpose::Reset => RESET,
        LinkPurpose::Portal => PORTAL,
    };
    let link = NewLink { digest: token.digest(), purpose, expires_at: now.plus(life) };
    Ok((token, link))
}
