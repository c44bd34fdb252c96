//! Whoever is signed in, and how far they may see.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Redirect, Response};
use bitting_core::account::AccountId;
use bitting_core::key::KeyId;
use bitting_core::member::{MemberId, Token};
use bitting_core::time::Timestamp;
use bitting_core::webhook::WebhookId;
use bitting_engine::{Admission, CommitError, Engine, ServedApi};
use bitting_store::{
    Actor, Change, Committed, Conditions, EventFilter, KeyRow, ListedWebhook, MemberRow, Origin, SessionRow, Store,
};
use http::request::Parts;
use http::{HeaderMap, StatusCode};

use super::setback::Setback;
use super::view::rights::capitalised;
use super::view::{ApiLinks, Frame, Person, Place, Theme, Trouble};
use super::{brand, cookie};
use crate::service::Shared;

/// Somebody who is signed in. A handler that takes one is not reached by anybody else.
pub(crate) struct Visitor {
    pub(crate) shared: Shared,
    /// Who.
    pub(crate) member: MemberRow,
    /// Since when and where.
    pub(crate) session: SessionRow,
    /// What each of their forms sends back.
    pub(super) form_token: Token,
    pub(super) admission: Admission,
    theme: Theme,
}

/// Somebody whose page asks by itself, whether or not they look at it. That does not count as being there, and whoever is not
/// signed in any more is told so in a word, since no page would be seen.
pub(crate) struct Watcher(pub(crate) Visitor);

/// How often it is kept when somebody was last there.
const TOUCH: Duration = Duration::from_mins(1);

impl FromRequestParts<Shared> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Response> {
        match Self::of(&parts.headers, &parts.extensions, shared).await {
            Ok(Some(visitor)) => Ok(visitor),
            Ok(None) => {
                let next = parts.uri.path_and_query().map_or("/", |path| path.as_str());
                Err(Redirect::to(&super::door::sign_in_at(next)).into_response())
            }
            Err(setback) => Err(setback.for_nobody(shared, &parts.headers)),
        }
    }
}

impl FromRequestParts<Shared> for Watcher {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Response> {
        match Visitor::found(&parts.headers, &parts.extensions, shared).await {
            Ok(Some(visitor)) => Ok(Self(visitor)),
            Ok(None) => Err(StatusCode::UNAUTHORIZED.into_response()),
            Err(setback) => Err(setback.for_nobody(shared, &parts.headers)),
        }
    }
}

impl Visitor {
    /// Whoever a request's cookie says it is; `None` if it says nothing that holds.
    pub(super) async fn of(
        headers: &HeaderMap,
        extensions: &http::Extensions,
        shared: &Shared,
    ) -> Result<Option<Self>, Setback> {
        let found = Self::found(headers, extensions, shared).await?;
        if let Some(visitor) = &found
            && visitor.now().since(visitor.session.seen_at) >= TOUCH
        {
            visitor.store().touch_session(visitor.session.digest, visitor.now()).await?;
        }
        Ok(found)
    }

    /// The same, and nobody notes that they were there.
    async fn found(headers: &HeaderMap, extensions: &http::Extensions, shared: &Shared) -> Result<Option<Self>, Setback> {
        let Some(token) = cookie::read(headers, shared.reception.is_secure()) else { return Ok(None) };
        Self::holding(&token, headers, extensions, shared).await
    }

    /// Whoever holds the token of a session; `None` if it is none, or has ended.
    pub(super) async fn holding(
        token: &Token,
        headers: &HeaderMap,
        extensions: &http::Extensions,
        shared: &Shared,
    ) -> Result<Option<Self>, Setback> {
        let admission = extensions.get::<Admission>().cloned().ok_or(Trouble::NotFound)?;
        let (engine, now) = (&shared.engine, shared.engine.now());
        let idle = shared.reception.settings.idle;
        let Some((session, member)) = engine.store().session(token.digest(), idle, now).await? else { return Ok(None) };
        let (form_token, theme) = (token.derived("form"), theme_of(headers));
        Ok(Some(Self { shared: shared.clone(), member: member.row, session, form_token, admission, theme }))
    }

    /// Of the events of an API those that they may see.
    pub(crate) fn events(&self) -> EventFilter {
        EventFilter { account: self.account().cloned(), ..EventFilter::default() }
    }

    /// How many of them want something and were not read.
    async fn unread(&self, api: &str) -> Result<usize, Setback> {
        let since = Some(self.store().read_up_to(self.member.id, api).await?);
        let filter = EventFilter { urgent: true, since, ..self.events() };
        Ok(self.store().count_events(api, filter, Frame::MOST_UNREAD + 1).await?)
    }

    /// What stands around a page for which nothing more could be read.
    pub(super) fn bare_frame(&self) -> Frame {
        super::door::frame_in(self.theme, &self.shared, None)
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.shared.engine
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.shared.engine.store()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.shared.engine.now()
    }

    /// Whether they run the APIs.
    pub(crate) fn is_operator(&self) -> bool {
        self.member.is_operator()
    }

    /// The account beyond which they see nothing; `None` for operators.
    pub(crate) fn account(&self) -> Option<&AccountId> {
        self.member.account.as_ref()
    }

    /// An API that they may see.
    pub(crate) fn api(&self, name: &str) -> Result<Arc<ServedApi>, Trouble> {
        let apis = self.engine().apis();
        let found = apis.protected().iter().find(|api| &*api.name == name);
        found.filter(|api| self.is_operator() || *api.name == *self.member.api).cloned().ok_or(Trouble::NotFound)
    }

    /// A key that they may see. Somebody else's is not there.
    pub(crate) async fn key(&self, api: &ServedApi, id: &str) -> Result<KeyRow, Setback> {
        let id: KeyId = id.parse().map_err(|_| Trouble::NotFound)?;
        let row = self.store().key(&api.name, id).await?;
        let is_theirs = |row: &KeyRow| self.account().is_none_or(|account| *account == row.account);
        Ok(row.filter(is_theirs).ok_or(Trouble::NotFound)?)
    }

    /// A webhook endpoint that they may see: developers those of their own account, and not those of operators.
    pub(crate) async fn webhook(&self, api: &ServedApi, id: &str) -> Result<ListedWebhook, Setback> {
        let id: WebhookId = id.parse().map_err(|_| Trouble::NotFound)?;
        let listed = self.store().webhook(&api.name, id).await?;
        let is_theirs = |listed: &ListedWebhook| self.is_operator() || listed.row.account.as_ref() == self.account();
        Ok(listed.filter(is_theirs).ok_or(Trouble::NotFound)?)
    }

    /// Somebody else whom they may see: operators everybody, developers those of their own account.
    pub(crate) async fn colleague(&self, id: &str) -> Result<MemberRow, Setback> {
        let id: MemberId = id.parse().map_err(|_| Trouble::NotFound)?;
        let row = self.store().member(id).await?.map(|member| member.row);
        let is_seen = |row: &MemberRow| self.is_operator() || self.is_colleague(row);
        Ok(row.filter(is_seen).ok_or(Trouble::NotFound)?)
    }

    /// Whether somebody is of the same account, or both are operators.
    pub(crate) fn is_colleague(&self, row: &MemberRow) -> bool {
        row.api == self.member.api && row.account == self.member.account
    }

    /// Makes a change in their name.
    pub(crate) async fn submit(&self, change: Change, conditions: Conditions) -> Result<Committed, CommitError> {
        self.engine().submit(change, self.origin(), conditions).await
    }

    /// Who asks for a change, and from where.
    pub(super) fn origin(&self) -> Origin {
        Origin {
            actor: Actor::Member(self.member.id),
            request_id: self.admission.request_id.as_str().to_owned(),
            address: Some(self.admission.client),
        }
    }

    /// What stands around their pages; `None` is for pages of no API.
    pub(crate) async fn frame(&self, api: Option<&ServedApi>, place: Place) -> Result<Frame, Setback> {
        let apis = self.engine().apis();
        let own = apis.find(&self.member.api).filter(|_| !self.is_operator());
        let api = api.or(own.map(|api| &**api));
        let configured = api.map(|api| &**api);
        let (mut account, mut plan) = (None, None);
        if let (Some(id), Some(api)) = (self.account(), api) {
            let row = self.store().account(&api.name, id).await?;
            let has_plans = api.plans.iter().any(|plan| !plan.limits().is_empty());
            plan = row.as_ref().and_then(|row| row.plan.clone()).or_else(|| Some(api.plans.fallback().name.to_string()));
            plan = plan.filter(|_| has_plans).map(|plan| capitalised(&plan));
            account = Some(row.map_or_else(|| id.to_string(), |row| row.called().to_owned()));
        }
        let unread = match configured {
            Some(api) => self.unread(&api.name).await?,
            None => 0,
        };
        let person = Person { name: self.member.name.clone(), email: self.member.email.clone(), account, plan };
        Ok(Frame {
            brand: brand::of(&apis, configured),
            api: api.map(|api| ApiLinks::new(&api.name)),
            place,
            person: Some(person),
            csrf: self.form_token.expose().to_owned(),
            support: brand::support(configured),
            docs: brand::docs(configured, true),
            theme: self.theme,
            unread,
        })
    }
}

/// The theme that somebody has chosen.
pub(super) fn theme_of(headers: &HeaderMap) -> Theme {
    let cookies = headers.get_all(http::header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    match pairs.filter(|(name, _)| *name == super::THEME_COOKIE).map(|(_, value)| value).next() {
        Some("dark") => Theme::Dark,
        Some("light") => Theme::Light,
        _ => Theme::System,
    }
}
