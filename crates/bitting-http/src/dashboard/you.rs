//! `/you`: one's own sessions, password and second factor.

use axum::response::{IntoResponse, Redirect, Response};
use bitting_engine::{CommitError, Entropy};
use bitting_store::{Change, Conditions, MemberPatch, PasswordHash, SecondFactor, Sessions};
use http::StatusCode;

use super::attempts::Tried;
use super::code::{Enrolment, SECRET};
use super::password::{Password, SHORTEST};
use super::respond;
use super::setback::{Setback, answered};
use super::submission::Submission;
use super::view::{Place, SecondFactorPage, SessionLine, Trouble, YouPage, link};
use super::visitor::Visitor;

/// What is wrong with what somebody has typed, or what was done.
#[derive(Default)]
struct Remarks {
    password: Option<String>,
    new_password: Option<String>,
    factor: Option<String>,
    done: Option<&'static str>,
}

/// `GET /you`
pub(super) async fn show(visitor: Visitor) -> Response {
    answered(&visitor, page(&visitor, StatusCode::OK, Remarks::default())).await
}

async fn page(visitor: &Visitor, status: StatusCode, remarks: Remarks) -> Result<Response, Setback> {
    let (idle, now) = (visitor.shared.reception.settings.idle, visitor.now());
    let sessions = visitor.store().sessions(visitor.member.id, idle, now).await?;
    let page = YouPage {
        frame: visitor.frame(None, Place::You).await?,
        // What was just changed is shown as it is now.
        member: visitor.store().member(visitor.member.id).await?.ok_or(Trouble::NotFound)?.row,
        sessions: sessions.iter().map(|row| SessionLine::new(row, &visitor.session, now)).collect(),
        password_error: remarks.password,
        new_password_error: remarks.new_password,
        factor_error: remarks.factor,
        done: remarks.done.map(str::to_owned),
        shortest: SHORTEST,
    };
    Ok(respond(status, &page))
}

/// `POST /you/sessions`: signs out elsewhere, in one place or everywhere.
pub(super) async fn end_sessions(Submission { visitor, fields }: Submission) -> Response {
    answered(&visitor, async {
        let (idle, now) = (visitor.shared.reception.settings.idle, visitor.now());
        let sessions = if fields.text("session") == "others" {
            Sessions::AllBut(visitor.session.digest)
        } else {
            let rows = visitor.store().sessions(visitor.member.id, idle, now).await?;
            let is_meant = |handle: &str| handle == fields.text("session");
            let found = rows.iter().find(|row| is_meant(&SessionLine::new(row, &visitor.session, now).handle));
            Sessions::One(found.ok_or(Trouble::NotFound)?.digest)
        };
        let change = Change::SignOut { api: visitor.member.api.clone(), member: visitor.member.id, sessions };
        visitor.submit(change, Conditions::default()).await?;
        Ok(Redirect::to(link::YOU).into_response())
    })
    .await
}

/// `POST /you/password`
pub(super) async fn change_password(Submission { visitor, fields }: Submission) -> Response {
    answered(&visitor, async {
        let wrong = StatusCode::UNPROCESSABLE_ENTITY;
        let proof = match prove(&visitor, fields.text("password")).await? {
            Ok(proof) => Some(proof),
            Err(remark) => return page(&visitor, wrong, Remarks { password: Some(remark), ..Remarks::default() }).await,
        };
        let password = Password::new(fields.text("new_password").to_owned());
        if let Some(weak) = password.weakness(visitor.member.email.as_deref().unwrap_or_default()) {
            return page(&visitor, wrong, Remarks { new_password: Some(weak), ..Remarks::default() }).await;
        }
        let password = Some(visitor.shared.reception.hasher.hash(password).await?);
        change(&visitor, MemberPatch { password, proof, ..MemberPatch::default() }).await?;
        let done = Some("Your password was changed, and you were signed out everywhere else.");
        page(&visitor, StatusCode::OK, Remarks { done, ..Remarks::default() }).await
    })
    .await
}

/// `GET /you/second-factor`
pub(super) async fn offer_second_factor(visitor: Visitor) -> Response {
    answered(&visitor, async {
        if visitor.member.has_second_factor || !visitor.member.has_password {
            return Ok(Redirect::to(link::YOU).into_response());
        }
        let mut secret = [0; SECRET];
        Entropy.fill(&mut secret).map_err(|_| Trouble::Unavailable)?;
        enrol(&visitor, &secret, StatusCode::OK, Unproven::default()).await
    })
    .await
}

/// What is wrong with what somebody has typed to begin with codes.
#[derive(Default)]
struct Unproven {
    code: Option<String>,
    password: Option<String>,
}

async fn enrol(visitor: &Visitor, secret: &[u8], status: StatusCode, wrong: Unproven) -> Result<Response, Setback> {
    let frame = visitor.frame(None, Place::You).await?;
    let enrolment = enrolment(visitor, secret, &frame.brand.title)?;
    let (secret, link, square) = (enrolment.secret(), enrolment.link(), enrolment.square());
    let Unproven { code: error, password: password_error } = wrong;
    Ok(respond(status, &SecondFactorPage { frame, secret, link, square, error, password_error }))
}

fn enrolment(visitor: &Visitor, secret: &[u8], title: &str) -> Result<Enrolment, Trouble> {
    let person = visitor.member.email.as_deref().unwrap_or(&visitor.member.name);
    Enrolment::new(secret, title, person).ok_or(Trouble::Unreadable)
}

/// `POST /you/second-factor`: begins to ask for codes, or ends it.
pub(super) async fn set_second_factor(Submission { visitor, fields }: Submission) -> Response {
    answered(&visitor, async {
        if fields.text("remove") == "yes" {
            let proof = match prove(&visitor, fields.text("password")).await? {
                Ok(proof) => Some(proof),
                Err(remark) => {
                    let remarks = Remarks { factor: Some(remark), ..Remarks::default() };
                    return page(&visitor, StatusCode::UNPROCESSABLE_ENTITY, remarks).await;
                }
            };
            change(&visitor, MemberPatch { second_factor: Some(None), proof, ..MemberPatch::default() }).await?;
            let done = Some("No code is asked for any more.");
            return page(&visitor, StatusCode::OK, Remarks { done, ..Remarks::default() }).await;
        }
        if visitor.member.has_second_factor {
            return Err(Trouble::Stale.into());
        }
        if !visitor.member.has_password {
            return Err(Trouble::Forbidden.into());
        }
        let secret = Enrolment::read(fields.text("secret")).ok_or(Trouble::Unreadable)?;
        let again = StatusCode::UNPROCESSABLE_ENTITY;
        // Whoever finds a browser open would lock its owner out with codes of their own.
        let proof = match prove(&visitor, fields.text("password")).await? {
            Ok(proof) => Some(proof),
            Err(remark) => return enrol(&visitor, &secret, again, Unproven { password: Some(remark), code: None }).await,
        };
        let step = enrolment(&visitor, &secret, "")?.step(fields.text("code"), visitor.now());
        let Some(last_step) = step else {
            let remark =
                "This is not the code of the secret above. Wait for the next one, and see that the phone's clock is right.";
            return enrol(&visitor, &secret, again, Unproven { code: Some(remark.to_owned()), password: None }).await;
        };
        let factor = SecondFactor { secret, last_step };
        change(&visitor, MemberPatch { second_factor: Some(Some(factor)), proof, ..MemberPatch::default() }).await?;
        let done = Some("A code is asked for from now on, after the password.");
        page(&visitor, StatusCode::OK, Remarks { done, ..Remarks::default() }).await
    })
    .await
}

/// What is kept of the password that somebody gives once more, or what is wrong with it. Here too nobody tries for ever.
async fn prove(visitor: &Visitor, password: &str) -> Result<Result<PasswordHash, String>, Setback> {
    let (reception, now, client) = (&visitor.shared.reception, visitor.now(), visitor.admission.client);
    let begun = reception.attempts.begin(Tried::Password(visitor.member.id), client, now);
    let attempt = begun.map_err(|again_at| Trouble::TooMany { again_at })?;
    let judged = attempt.judged(async {
        let kept = visitor.store().member(visitor.member.id).await?.and_then(|member| member.password);
        let is_right = reception.hasher.verify(Password::new(password.to_owned()), kept.clone()).await?;
        Ok::<_, Setback>(kept.filter(|_| is_right))
    });
    let (attempt, proof) = judged.await?;
    let Some(kept) = proof else {
        return Ok(Err("This is not your password.".to_owned()));
    };
    attempt.succeeded();
    Ok(Ok(kept))
}

async fn change(visitor: &Visitor, patch: MemberPatch) -> Result<(), CommitError> {
    let patch = Box::new(MemberPatch { keeps: Some(visitor.session.digest), ..patch });
    let change = Change::UpdateMember { api: visitor.member.api.clone(), member: visitor.member.id, patch };
    visitor.submit(change, Conditions::default()).await.map(drop)
}
