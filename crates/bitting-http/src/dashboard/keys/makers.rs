//! Who made keys, by name.

use bitting_core::key::KeyId;
use bitting_core::member::MemberId;
use bitting_store::KeyRow;

use crate::dashboard::setback::Setback;
use crate::dashboard::view::{Actors, called};
use crate::dashboard::visitor::Visitor;

/// The names of whoever made some keys, each looked up once.
pub(super) async fn of<'k>(visitor: &Visitor, rows: impl IntoIterator<Item = &'k KeyRow>) -> Result<Actors, Setback> {
    named(visitor, rows.into_iter().map(|row| (&*row.api, &*row.created_by)).collect()).await
}

/// The names of actors, each with the API where it did something.
pub(in crate::dashboard) async fn named(visitor: &Visitor, mut makers: Vec<(&str, &str)>) -> Result<Actors, Setback> {
    let mut actors = Actors::default();
    makers.sort_unstable();
    makers.dedup();
    for (api, maker) in makers {
        if let Ok(id) = maker.parse::<MemberId>() {
            if let Some(member) = visitor.store().member(id).await? {
                let name = called(&member.row);
                // Whoever left may have left keys behind.
                let removed = if member.row.enabled { name.to_owned() } else { format!("{name} (removed)") };
                actors.member(maker, &removed);
            }
        } else if let Ok(id) = maker.parse::<KeyId>()
            && let Some(key) = visitor.store().key(api, id).await?
        {
            actors.key(maker, &key.name);
        }
    }
    Ok(actors)
}
