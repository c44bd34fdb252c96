//! Members who are in from the beginning, without a link: for the demo.

use bitting_core::member::MemberId;
use bitting_engine::{CommitError, Engine, Guest, InvalidChange, Invitation};
use bitting_store::{Actor, Change, MemberPatch};

use super::password::{Hasher, Password};

/// Why somebody is not in.
#[derive(Debug, thiserror::Error)]
pub enum NotWelcomed {
    /// The change was not made.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The password could not be hashed.
    #[error("the password could not be hashed")]
    Password,
}

/// Lets somebody sign in with an e-mail address and a password. Whoever has the address already gets the password.
///
/// # Errors
/// If the store cannot be read or written, or somebody of another account has the address.
pub async fn welcome(engine: &Engine, guest: Guest, password: String) -> Result<(), NotWelcomed> {
    let hash = Hasher::default().hash(Password::new(password)).await.map_err(|_| NotWelcomed::Password)?;
    let api = guest.api.clone();
    let email = guest.email.clone().unwrap_or_default().to_lowercase();
    let known = engine.store().member_by_email(&email).await.map_err(|error| CommitError::Store(error.into()))?;
    let member: Option<MemberId> = if let Some(member) = known {
        Some(member.row.id)
    } else {
        let made = Invitation::of(guest, engine.now()).map_err(|error| CommitError::from(InvalidChange::from(error)))?;
        engine.commit(made.change, Actor::System, "demo").await?.members.first().map(|member| member.id)
    };
    if let Some(member) = member {
        let patch = Box::new(MemberPatch { password: Some(hash), ..MemberPatch::default() });
        engine.commit(Change::UpdateMember { api, member, patch }, Actor::System, "demo").await?;
    }
    Ok(())
}
