//! What is done with an endpoint in one step.

use std::time::Duration;

use axum::response::{IntoResponse, Redirect, Response};
use bitting_core::webhook::DeliveryId;
use bitting_engine::{CommitError, InvalidChange, SignedWith};
use bitting_store::{Change, Conditions, Refusal, WebhookPatch};
use http::StatusCode;

use crate::dashboard::address::Path;
use crate::dashboard::setback::answered;
use crate::dashboard::submission::Submission;
use crate::dashboard::view::{ApiLinks, Moment, OldSecret, Place, SecretPage, Trouble, with_query};
use crate::dashboard::{once, respond};

/// Which endpoint of which API.
type Named = Path<(String, String)>;

/// How long messages may be signed with two secrets.
const OVERLAPS: [Duration; 3] = [Duration::ZERO, Duration::from_hours(24), Duration::from_hours(24 * 7)];

/// `POST …/switch`
pub(in crate::dashboard) async fn switch(Path((api, id)): Named, Submission { visitor, fields }: Submission) -> Response {
    answered(&visitor, async {
        let api = visitor.api(&api)?;
        let row = visitor.webhook(&api, &id).await?.row;
        let (enabled, done) = match fields.text("on") {
            "yes" => (true, "on"),
            "no" => (false, "off"),
            _ => return Err(Trouble::Unreadable.into()),
        };
        let patch = Box::new(WebhookPatch { enabled: Some(enabled), ..WebhookPatch::default() });
        let change = Change::UpdateWebhook { api: api.name.to_string(), webhook: row.id, patch };
        visitor.submit(change, Conditions::default()).await?;
        let page = ApiLinks::new(&api.name).webhook(row.id);
        Ok(Redirect::to(&with_query(&page, &[("done", Some(done))])).into_response())
    })
    .await
}

/// `POST …/rotate`: another secret, shown once.
pub(in crate::dashboard) async fn rotate(Path((api, id)): Named, Submission { visitor, fields }: Submission) -> Response {
    answered(&visitor, async {
        let api = visitor.api(&api)?;
        let row = visitor.webhook(&api, &id).await?.row;
        let (links, now) = (ApiLinks::new(&api.name), visitor.now());
        let overlap = fields.chosen("overlap", &OVERLAPS).ok_or(Trouble::Unreadable)?;
        let conditions = once::conditions(&visitor, &format!("rotate {}", row.id), &fields)?;
        let made = match SignedWith::rotated(&api.name, row.id, overlap, now) {
            Ok(made) => made,
            Err(InvalidChange::Fields(_)) => return Err(Trouble::Unreadable.into()),
            Err(InvalidChange::Entropy(_)) => return Err(Trouble::Unavailable.into()),
        };
        let page = links.webhook(row.id);
        if visitor.submit(made.change, conditions).await?.replayed {
            return Ok(Redirect::to(&with_query(&page, &[("done", Some("shown"))])).into_response());
        }
        let old = if overlap.is_zero() { OldSecret::Ended } else { OldSecret::Until(Moment::full(now.plus(overlap))) };
        let frame = visitor.frame(Some(&api), Place::Webhooks).await?;
        let (url, secret, list) = (row.url.to_string(), made.secret.expose(), links.webhooks());
        Ok(respond(StatusCode::OK, &SecretPage { frame, url, secret, page, list, old: Some(old) }))
    })
    .await
}

/// `POST …/test`: leads to what comes of it.
pub(in crate::dashboard) async fn test(Path((api, id)): Named, Submission { visitor, .. }: Submission) -> Response {
    answered(&visitor, async {
        let api = visitor.api(&api)?;
        let webhook = visitor.webhook(&api, &id).await?.row.id;
        let sent = match visitor.engine().test_webhook(&api.name, webhook).await {
            Err(CommitError::Refused(Refusal::TooManyTests(..))) => {
                let page = ApiLinks::new(&api.name).webhook(webhook);
                return Ok(Redirect::to(&with_query(&page, &[("done", Some("many"))])).into_response());
            }
            sent => sent?.ok_or(Trouble::NotFound)?,
        };
        let page = ApiLinks::new(&api.name).delivery(webhook, sent.id);
        Ok(Redirect::to(&with_query(&page, &[("done", Some("sent"))])).into_response())
    })
    .await
}

/// `POST …/deliveries/{delivery}`: sends it again, or now.
pub(in crate::dashboard) async fn send_again(
    Path((api, id, delivery)): Path<(String, String, String)>,
    Submission { visitor, .. }: Submission,
) -> Response {
    answered(&visitor, async {
        let api = visitor.api(&api)?;
        let webhook = visitor.webhook(&api, &id).await?.row.id;
        let delivery: DeliveryId = delivery.parse().map_err(|_| Trouble::NotFound)?;
        let sent = visitor.engine().resend(&api.name, webhook, delivery).await?.ok_or(Trouble::NotFound)?;
        let page = ApiLinks::new(&api.name).delivery(webhook, sent.id);
        Ok(Redirect::to(&with_query(&page, &[("done", Some("sent"))])).into_response())
    })
    .await
}

/// `POST …/delete`
pub(in crate::dashboard) async fn delete(Path((api, id)): Named, Submission { visitor, .. }: Submission) -> Response {
    answered(&visitor, async {
        let api = visitor.api(&api)?;
        let webhook = visitor.webhook(&api, &id).await?.row.id;
        let change = Change::DeleteWebhook { api: api.name.to_string(), webhook };
        visitor.submit(change, Conditions::default()).await?;
        Ok(Redirect::to(&ApiLinks::new(&api.name).webhooks()).into_response())
    })
    .await
}
