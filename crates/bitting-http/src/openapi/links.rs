//! Which operations go on from an answer.

use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::link::Link;
use utoipa::openapi::path::Operation;

/// An operation that answers with something that has an id, the status of that answer, and what can be done with it next.
const ONWARD: [(&str, &str, &[&str]); 6] = [
    ("createKey", "201", &["showKey", "updateKey", "rotateKey", "revokeKey"]),
    ("rotateKey", "201", &["showKey", "updateKey", "revokeKey"]),
    ("updateKey", "200", &["showKey", "updateKey", "revokeKey"]),
    ("revokeKey", "200", &["showKey"]),
    ("createWebhook", "201", &["showWebhook", "updateWebhook", "testWebhook", "deleteWebhook"]),
    ("createAccount", "201", &["showAccount", "updateAccount"]),
];

/// Adds the links of an operation. `of_some_api` says whether the path names the API.
pub(super) fn add(operation: &mut Operation, of_some_api: bool) {
    let own = operation.operation_id.as_deref();
    for (_, status, onward) in ONWARD.iter().filter(|(name, _, _)| Some(*name) == own) {
        let Some(RefOr::T(answer)) = operation.responses.responses.get_mut(*status) else { continue };
        for next in *onward {
            let mut link = Link::builder().operation_id(*next).parameter("id", "$response.body#/id");
            if of_some_api {
                link = link.parameter("api", "$request.path.api");
            }
            let has_tag = answer.headers.contains_key("ETag") && next.starts_with("update");
            if has_tag {
                link = link.parameter("header.If-Match", Value::from("$response.header.ETag"));
            }
            answer.links.insert((*next).to_owned(), link.build().into());
        }
    }
}
