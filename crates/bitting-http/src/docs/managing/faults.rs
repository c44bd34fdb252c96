//! What can be wrong with a request that manages keys. The words are made where the answers are made.

use bitting_core::api::Api;
use bitting_core::key::KeyId;
use bitting_core::rights::Excess;
use bitting_engine::CommitError;
use bitting_store::Refusal as Refused;

use crate::caller::no_such_key;
use crate::conditional::changed_meanwhile;
use crate::docs::refusal::{Cause, Situation};
use crate::docs::subject::Subject;
use crate::docs::text::Text;
use crate::fault::Fault;
use crate::guard::no_such_method;
use crate::json::{self, not_json, too_large};
use crate::management::sample_of_keys as sample;

/// One example of each reason.
pub(super) fn of_management<'a>(subject: &Subject<'a>) -> Vec<Situation<'a>> {
    let again = "Read the key again and decide anew.";
    let all = [
        (sample::nameless(), "a field is missing or wrong", "Send it as the table of fields says."),
        (Some(exceeding(subject.api)), "the key would exceed the one that asks", "Ask for less, or with a stronger key."),
        (
            Some(no_such_key(sample::ID)),
            "there is no such key, or it is not of the account and environment of the one that asks",
            "Compare the id with the list of keys.",
        ),
        (Some(no_such_method()), "the path is there, but not for this method", "The header `Allow` says for which."),
        (rotated(), "the key was rotated or changed meanwhile, or the account has as many keys as it may have", again),
        (Some(changed_meanwhile()), "`If-Match` names an older state of the key", again),
        (Some(too_large(json::LIMIT)), "the body is too large", "Send less."),
        (Some(not_json()), "the body says that it is no JSON", "Send an object, with `Content-Type: application/json`."),
        (
            Some(Refused::IdempotencyKeyReused.into()),
            "the `Idempotency-Key` was sent with another request before",
            "Take a new one for each request.",
        ),
    ];
    let told = all.into_iter().filter_map(|(fault, cause, cure)| {
        let fault = fault?;
        Some(Situation {
            reason: fault.reason,
            answer: subject.api.answer(fault.reason),
            needed: None,
            problem: Some(fault.detail),
            cause: Cause::Clause(Text::say(cause)),
            cures: vec![Text::say(cure)],
        })
    });
    told.collect()
}

/// Asking for the strongest right that there is.
fn exceeding(api: &Api) -> Fault {
    let permission = api.catalogue.permissions().last().map(|permission| ("permissions", permission.name.to_string()));
    let role = || api.catalogue.roles().last().map(|role| ("role", role.name.to_string()));
    let (field, what) = permission.or_else(role).unwrap_or(("expires_at", "never".to_owned()));
    CommitError::Exceeds(vec![Excess { field, what }]).into()
}

fn rotated() -> Option<Fault> {
    let id = |text: &str| text.parse::<KeyId>().ok();
    Some(Refused::AlreadyRotated(id(sample::ID)?, id(sample::SUCCESSOR)?).into())
}
