//! What can change about people, and what each change does.

use bitting_core::account::AccountId;
use bitting_core::member::{MemberId, TokenDigest};
use bitting_core::record::Sequence;
use bitting_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::effect::{Effect, Found, RowWrite, Write};
use super::{Committed, Entry, Refusal};
use crate::member::{LinkPurpose, LinkRow, MemberRow, PasswordHash, SecondFactor, SessionRow, SignInWay, StoredMember};

/// A new member.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewMember {
    /// The API whose account's developer it is; Bitting's own for an operator.
    pub api: String,
    /// The account; `None` for an operator.
    #[serde(default)]
    pub account: Option<AccountId>,
    /// The public id.
    pub id: MemberId,
    /// What they are called; empty if they shall say it themselves.
    #[serde(default)]
    pub name: String,
    /// In small letters; `None` if they shall say it themselves, or have none.
    #[serde(default)]
    pub email: Option<String>,
    /// Whether the API's own site sends them.
    #[serde(default)]
    pub is_portal: bool,
    /// The link with which they come.
    pub link: NewLink,
}

/// New values for a member. What is `None` stays.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MemberPatch {
    /// What they are called.
    pub name: Option<String>,
    /// Their e-mail address, in small letters.
    pub email: Option<String>,
    /// Whether they may sign in. Whoever may not is signed out at once.
    pub enabled: Option<bool>,
    /// What is kept of a new password. Whoever was signed in with the old one is signed out, and all links are withdrawn.
    pub password: Option<PasswordHash>,
    /// What codes are made of from now on; `Some(None)` asks for none. Sessions end and links are withdrawn as with a password.
    #[serde(deserialize_with = "super::present")]
    pub second_factor: Option<Option<SecondFactor>>,
    /// A link to give to them, in place of those for the same purpose.
    pub link: Option<NewLink>,
    /// The link with which they make the change.
    pub spends: Option<TokenDigest>,
    /// The session that stays if others end.
    pub keeps: Option<TokenDigest>,
    /// What was kept of the password that they gave for the change. If another one is kept by now, the change is refused.
    pub proof: Option<PasswordHash>,
}

/// A one-time link, without its secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewLink {
    /// What is kept of its secret.
    pub digest: TokenDigest,
    /// For what.
    pub purpose: LinkPurpose,
    /// From then on it opens nothing.
    pub expires_at: Timestamp,
}

/// A session, without its id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewSession {
    /// What is kept of its id.
    pub digest: TokenDigest,
    /// How they have signed in.
    pub way: SignInWay,
    /// When it ends whatever happens.
    pub expires_at: Timestamp,
    /// What the browser calls itself.
    pub agent: String,
    /// The link that it was opened with.
    #[serde(default)]
    pub spends: Option<TokenDigest>,
    /// The time step of the code that was given. One that was used before is refused.
    #[serde(default)]
    pub step: Option<u64>,
    /// What was kept of the password that they gave or have just chosen. Nobody comes in if another one is kept by now, nor
    /// without a step if a code is asked for by now. Whom the API's own site sends gives none.
    #[serde(default)]
    pub proof: Option<PasswordHash>,
}

/// Some of a member's sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sessions {
    /// This one.
    One(TokenDigest),
    /// All but this one.
    AllBut(TokenDigest),
    /// All.
    All,
}

/// The most sessions of a member. One more ends the oldest: a script that signs in for each request would fill the store.
const MOST_SESSIONS: u32 = 50;

impl Entry {
    pub(super) fn create_member(&self, new: &NewMember, found: &Found, sequence: Sequence) -> Result<Effect, Refusal> {
        if found.member.is_some() {
            return Err(Refusal::MemberExists);
        }
        if let (Some(account), None) = (&new.account, &found.account) {
            return Err(Refusal::NoSuchAccount(account.clone()));
        }
        let row = MemberRow {
            id: new.id,
            api: new.api.clone(),
            account: new.account.clone(),
            name: new.name.clone(),
            email: new.email.clone(),
            is_portal: new.is_portal,
            has_password: false,
            has_second_factor: false,
            enabled: true,
            created_at: self.at,
            created_by: self.origin.actor.to_string(),
            updated_at: self.at,
            sequence,
        };
        let (subject, after) = (row.id.to_string(), json!(row));
        let rows = vec![
            RowWrite::NewMember(StoredMember { row, password: None, second_factor: None }),
            RowWrite::NewLink(link_row(&new.link, new.id)),
        ];
        Ok(Effect::Write(Write { rows, action: "member.created", subject, before: Value::Null, after }))
    }

    pub(super) fn update_member(
        &self,
        id: MemberId,
        patch: &MemberPatch,
        found: Found,
        sequence: Sequence,
    ) -> Result<Effect, Refusal> {
        let old = found.member.ok_or(Refusal::NoSuchMember(id))?;
        if patch.spends.is_some() && found.link.is_none_or(|link| link.member != id || link.expires_at <= self.at) {
            return Err(Refusal::LinkSpent);
        }
        if patch.proof.is_some() && patch.proof != old.password {
            return Err(Refusal::Changed(id.to_string()));
        }
        let invites = patch.link.as_ref().is_some_and(|link| link.purpose == LinkPurpose::Invitation);
        if invites && old.password.is_some() {
            // They have joined since; a link would let its maker choose another password for them.
            return Err(Refusal::Changed(id.to_string()));
        }
        if old.row.is_operator() && patch.enabled == Some(false) && !found.has_other_operator {
            return Err(Refusal::LastOperator);
        }
        let mut new = old.clone();
        patch.apply(&mut new);
        let mut rows = Vec::new();
        if patch.enabled == Some(false) {
            rows.push(RowWrite::EndedSessions(id, Sessions::All));
            rows.push(RowWrite::WithdrawnLinks(id, None));
        } else if patch.password.is_some() || patch.second_factor.is_some() {
            rows.push(RowWrite::EndedSessions(id, patch.keeps.map_or(Sessions::All, Sessions::AllBut)));
            // Whoever made a link for themselves before would come back with it.
            rows.push(RowWrite::WithdrawnLinks(id, None));
        }
        rows.extend(patch.spends.map(RowWrite::SpentLink));
        if old.row.is_operator() && !old.row.has_password && new.row.has_password {
            rows.push(RowWrite::WithdrawnSetUpLinks);
        }
        if let Some(link) = &patch.link {
            rows.push(RowWrite::WithdrawnLinks(id, Some(link.purpose)));
            rows.push(RowWrite::NewLink(link_row(link, id)));
        }
        if new == old && rows.is_empty() {
            return Ok(Effect::Unchanged(Committed { members: vec![old.row.clone()], ..Committed::empty(old.row.sequence) }));
        }
        (new.row.updated_at, new.row.sequence) = (self.at, sequence);
        let write = Write {
            action: patch.action(&old),
            subject: id.to_string(),
            before: json!(old.row),
            after: json!(new.row),
            rows: std::iter::once(RowWrite::ChangedMember(new)).chain(rows).collect(),
        };
        Ok(Effect::Write(write))
    }

    pub(super) fn sign_in(&self, id: MemberId, session: &NewSession, found: Found) -> Result<Effect, Refusal> {
        let mut member = found.member.ok_or(Refusal::NoSuchMember(id))?;
        if !member.row.enabled {
            return Err(Refusal::MemberDisabled);
        }
        if session.spends.is_some() && found.link.is_none_or(|link| link.member != id || link.expires_at <= self.at) {
            return Err(Refusal::LinkSpent);
        }
        // Between reading the password and this lies the slow work of comparing it, and with a code as long as a person takes.
        let owes_code = member.second_factor.is_some() && session.step.is_none();
        if session.way != SignInWay::Portal && (session.proof.is_none() || session.proof != member.password || owes_code) {
            return Err(Refusal::Changed(id.to_string()));
        }
        let mut rows: Vec<RowWrite> = session.spends.map(RowWrite::SpentLink).into_iter().collect();
        if let (Some(step), Some(factor)) = (session.step, &mut member.second_factor) {
            if step <= factor.last_step {
                return Err(Refusal::CodeUsed);
            }
            factor.last_step = step;
            rows.push(RowWrite::ChangedMember(member.clone()));
        }
        let row = SessionRow {
            digest: session.digest,
            member: id,
            way: session.way,
            created_at: self.at,
            seen_at: self.at,
            expires_at: session.expires_at,
            address: self.origin.address.map(|address| address.to_string()),
            agent: session.agent.clone(),
        };
        let after = json!({"way": row.way, "agent": row.agent, "expires_at": row.expires_at});
        rows.push(RowWrite::EndedOldSessions(id, MOST_SESSIONS - 1));
        rows.push(RowWrite::NewSession(row));
        let write = Write { rows, action: "member.signed_in", subject: id.to_string(), before: Value::Null, after };
        Ok(Effect::Write(write))
    }
}

pub(super) fn sign_out(id: MemberId, sessions: Sessions, found: &Found) -> Result<Effect, Refusal> {
    if found.member.is_none() {
        return Err(Refusal::NoSuchMember(id));
    }
    let which = match sessions {
        Sessions::One(_) => "one",
        Sessions::AllBut(_) => "all others",
        Sessions::All => "all",
    };
    let rows = vec![RowWrite::EndedSessions(id, sessions)];
    let after = json!({"sessions": which});
    Ok(Effect::Write(Write { rows, action: "member.signed_out", subject: id.to_string(), before: Value::Null, after }))
}

fn link_row(link: &NewLink, member: MemberId) -> LinkRow {
    LinkRow { digest: link.digest, purpose: link.purpose, member, expires_at: link.expires_at }
}

impl MemberPatch {
    fn apply(&self, member: &mut StoredMember) {
        let Self { name, email, enabled, password, second_factor, .. } = self;
        if let Some(name) = name {
            member.row.name.clone_from(name);
        }
        member.row.email = email.clone().or_else(|| member.row.email.take());
        member.row.enabled = enabled.unwrap_or(member.row.enabled);
        member.password = password.clone().or_else(|| member.password.take());
        if let Some(factor) = second_factor {
            member.second_factor.clone_from(factor);
        }
        member.describe();
    }

    /// What happened, in the word that says most.
    fn action(&self, old: &StoredMember) -> &'static str {
        match self {
            Self { enabled: Some(false), .. } => "member.disabled",
            Self { enabled: Some(true), .. } if !old.row.enabled => "member.enabled",
            Self { password: Some(_), .. } if old.password.is_none() => "member.joined",
            Self { password: Some(_), .. } => "member.password_changed",
            Self { second_factor: Some(Some(_)), .. } => "member.second_factor_added",
            Self { second_factor: Some(None), .. } => "member.second_factor_removed",
            Self { link: Some(_), .. } => "member.link_made",
            _ => "member.updated",
        }
    }
}
