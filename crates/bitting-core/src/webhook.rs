//! Webhooks: where events may be sent ([`WebhookUrl`], [`Destinations`]), how each message is signed ([`SigningSecret`], by the
//! Standard Webhooks specification) and when one that was not taken is sent again ([`delay_after`]).

mod destination;
mod id;
mod schedule;
mod secret;
mod url;

pub use destination::{Destinations, InvalidDestination, Refused, UnfitAddress, unfit};
pub use id::{DeliveryId, InvalidDeliveryId, InvalidWebhookId, WebhookId};
pub use schedule::{MOST_TRIES, delay_after};
pub use secret::{InvalidSecret, SigningSecret};
pub use url::{InvalidUrl, WebhookHost, WebhookUrl};
