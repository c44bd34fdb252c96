//! What a change is about.

use bitting_core::account::AccountId;
use bitting_core::key::KeyId;
use bitting_core::member::{MemberId, TokenDigest};
use bitting_core::webhook::WebhookId;

use super::{Change, ImportedKey, NewAccount};

impl Change {
    /// The API that it is about.
    pub fn api(&self) -> &str {
        match self {
            Self::CreateAccount(NewAccount { api, .. })
            | Self::UpdateAccount { api, .. }
            | Self::UpdateKey { api, .. }
            | Self::RotateKey { api, .. }
            | Self::RenewKey { api, .. }
            | Self::RevokeKey { api, .. }
            | Self::ImportKeys { api, .. }
            | Self::RehashKey { api, .. }
            | Self::ReportLeak { api, .. }
            | Self::NoteLeakReport { api, .. }
            | Self::UpdateMember { api, .. }
            | Self::SignIn { api, .. }
            | Self::SignOut { api, .. }
            | Self::UpdateWebhook { api, .. }
            | Self::RotateWebhookSecret { api, .. }
            | Self::DisableWebhook { api, .. }
            | Self::DeleteWebhook { api, .. }
            | Self::LiftBan { api, .. } => api,
            Self::CreateWebhook(new) => &new.api,
            Self::CreateKey(new) => &new.api,
            Self::CreateMember(new) => &new.api,
        }
    }

    /// The key that it changes, which is there already.
    pub fn subject_key(&self) -> Option<KeyId> {
        match self {
            Self::UpdateKey { key, .. }
            | Self::RotateKey { key, .. }
            | Self::RenewKey { key, .. }
            | Self::RevokeKey { key, .. }
            | Self::RehashKey { key, .. }
            | Self::ReportLeak { key, .. } => Some(*key),
            _ => None,
        }
    }

    /// The key that it makes; those that it imports are [apart](Self::imported).
    pub fn new_key(&self) -> Option<KeyId> {
        match self {
            Self::CreateKey(new) => Some(new.id),
            Self::RotateKey { successor, .. } => Some(successor.id),
            _ => None,
        }
    }

    /// The keys that it imports.
    pub fn imported(&self) -> &[ImportedKey] {
        if let Self::ImportKeys { keys, .. } = self { keys } else { &[] }
    }

    /// The account whose row it may write, or that must be there; those of imported keys are [with them](Self::imported).
    pub fn account(&self) -> Option<&AccountId> {
        match self {
            Self::CreateAccount(new) => Some(&new.id),
            Self::UpdateAccount { account, .. } => Some(account),
            Self::CreateKey(new) => Some(&new.account),
            Self::CreateMember(new) => new.account.as_ref(),
            Self::CreateWebhook(new) => new.account.as_ref(),
            _ => None,
        }
    }

    /// The member that it changes, who is there already.
    pub fn subject_member(&self) -> Option<MemberId> {
        match self {
            Self::UpdateMember { member, .. } | Self::SignIn { member, .. } | Self::SignOut { member, .. } => Some(*member),
            _ => None,
        }
    }

    /// Whether it is about a webhook endpoint.
    pub fn is_of_webhooks(&self) -> bool {
        matches!(self, Self::CreateWebhook(_)) || self.subject_webhook().is_some()
    }

    /// The webhook endpoint that it changes, which is there already.
    pub fn subject_webhook(&self) -> Option<WebhookId> {
        match self {
            Self::UpdateWebhook { webhook, .. }
            | Self::RotateWebhookSecret { webhook, .. }
            | Self::DisableWebhook { webhook, .. }
            | Self::DeleteWebhook { webhook, .. } => Some(*webhook),
            _ => None,
        }
    }

    /// The link that it uses up.
    pub fn spends(&self) -> Option<TokenDigest> {
        match self {
            Self::UpdateMember { patch, .. } => patch.spends,
            Self::SignIn { session, .. } => session.spends,
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use bitting_core::key::Digest;
    use bitting_core::time::Timestamp;

    use super::*;
    use crate::change::Successor;

    #[test]
    fn a_rotation_changes_one_key_and_makes_another() {
        let id = |number| KeyId::new(Timestamp::from_millis(0), number);
        let successor = Successor { id: id(2), digest: Digest::from_bytes([2; 32]), prefix: String::new(), expires_at: None };
        let (api, old_ends_at, end_when_unused_for_s) = ("shop".to_owned(), None, None);
        let rotation = Change::RotateKey { api, key: id(1), successor, old_ends_at, end_when_unused_for_s };
        assert_eq!((rotation.subject_key(), rotation.new_key()), (Some(id(1)), Some(id(2))));
        let end = Change::RevokeKey { api: "shop".to_owned(), key: id(1) };
        assert_eq!((end.subject_key(), end.new_key()), (Some(id(1)), None));
    }
}
