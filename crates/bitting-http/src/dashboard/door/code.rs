//! `/sign-in/second-factor`: the code that follows the password.

use axum::extract::State;
use axum::response::Response;
use bitting_core::member::Token;
use bitting_store::SignInWay;
use http::StatusCode;

use super::{Arrival, enter, errand, frame, sign_in};
use crate::dashboard::attempts::Tried;
use crate::dashboard::code::step_of;
use crate::dashboard::respond;
use crate::dashboard::setback::Setback;
use crate::dashboard::submission::DoorForm;
use crate::dashboard::view::{CodePage, Trouble};
use crate::service::Shared;

/// `POST /sign-in/second-factor`
pub(in crate::dashboard) async fn give_code(State(shared): State<Shared>, form: DoorForm) -> Response {
    match attempt(&shared, &form).await {
        Ok(response) => response,
        Err(setback) => setback.for_nobody(&shared, &form.headers),
    }
}

async fn attempt(shared: &Shared, form: &DoorForm) -> Result<Response, Setback> {
    let DoorForm { fields, headers, extensions } = form;
    let (reception, now, client) = (&shared.reception, shared.engine.now(), super::client(extensions)?);
    let errand = errand(fields);
    let half_way = Token::presented(fields.text("half_way"));
    let found = half_way.and_then(|token| reception.half_way.who(&token, now).map(|(id, proof)| (token, id, proof)));
    let Some((token, id, proof)) = found else {
        // It took too long, or was wrong too often: from the beginning.
        return Ok(sign_in::page(shared, headers, StatusCode::UNAUTHORIZED, errand, String::new(), false));
    };
    let member = shared.engine.store().member(id).await?.ok_or(Trouble::Stale)?;
    // Codes are guessed like passwords, and whoever guesses them has the password already.
    let begun = reception.attempts.begin(Tried::Code(id), client, now);
    let attempt = begun.map_err(|again_at| Trouble::TooMany { again_at })?;
    let step = member.second_factor.as_ref().and_then(|factor| step_of(factor, fields.text("code"), now));
    let again = |errand| {
        let frame = frame(shared, headers, None);
        let page = CodePage { frame, errand, half_way: token.expose().to_owned(), has_failed: true };
        respond(StatusCode::UNAUTHORIZED, &page)
    };
    if step.is_none() {
        return Ok(again(errand));
    }
    let email = member.row.email.clone().unwrap_or_default();
    let (member, way, proof) = (member.row, SignInWay::Password, Some(proof));
    let arrival = Arrival { shared, headers, extensions, member, way, spends: None, step, proof };
    match enter(arrival, errand.clone()).await {
        Err(setback) if setback.is_used_code() => Ok(again(errand)),
        entered => {
            reception.half_way.leave(&token);
            attempt.succeeded();
            reception.attempts.forget(Tried::email(&email));
            entered
        }
    }
}
