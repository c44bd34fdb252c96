//! `upgrades`, `on_revoke` and `event_streams`: what goes on after an answer has begun.

use bitting_core::api::{EventTypes, MediaType, OnRevoke, Streams};
use bitting_core::route::{UpgradeProtocol, Upgrades};

use crate::config::section::Section;

pub(super) fn read(api: &Section<'_>) -> Streams {
    let on_revoke = api.choice("on_revoke", &[("cut", OnRevoke::Cut), ("finish", OnRevoke::Finish)]);
    let types = api.all_parsed::<MediaType>("event_streams");
    Streams {
        on_revoke: on_revoke.unwrap_or_default(),
        events: types.map_or_else(EventTypes::default, |types| EventTypes::new(types.into_iter().map(|each| each.value))),
    }
}

/// The protocols that an API or one of its routes allows; `None` where it says nothing.
pub(super) fn read_upgrades(section: &Section<'_>) -> Option<Upgrades> {
    let protocols = section.all_parsed::<UpgradeProtocol>("upgrades")?;
    Some(Upgrades::new(protocols.into_iter().map(|protocol| protocol.value)))
}
