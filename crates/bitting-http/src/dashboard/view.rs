//! What pages show and how: a struct for each page with its template, and the parts that they share.
//!
//! Everything here takes rows and plain values and does no I/O. Parts with a meaning of their own (a moment, the face of a
//! key, a status) are types, so that they look and read the same wherever they stand; what is only markup is a macro in
//! `templates/dashboard/ui.html`.

mod accounts;
mod actors;
mod audit;
mod bans;
mod chart;
mod cuts;
mod docs;
mod door;
mod events;
mod face;
mod frame;
#[cfg(test)]
mod gallery;
mod gauge;
mod home;
mod keys;
mod limit;
mod links;
mod members;
mod moment;
mod number;
mod pager;
mod refusal;
pub(crate) mod rights;
mod sample;
mod standing;
mod status;
mod trouble;
mod usage;
mod webhooks;
mod words;
mod you;

pub(crate) use accounts::{AccountForm, AccountLine, AccountPage, AccountsPage, NewAccountPage};
pub(crate) use actors::Actors;
pub(crate) use audit::{AuditLine, AuditPage, AuditQuery};
pub(crate) use bans::{BanLine, BansPage};
pub(crate) use chart::{Chart, Tally};
pub(crate) use cuts::Cuts;
pub(crate) use docs::{DocsFile, DocsPage};
pub(crate) use door::{CodePage, Errand, JoinPage, KeptPage, SignInPage, SwitchPage, sign_in_at};
pub(crate) use events::{EventCounts, EventLine, EventOf, EventView, EventsAsked, EventsPage, counted};
pub(crate) use face::{Environment, KeyFace};
pub(crate) use frame::{Brand, Frame, Person, Place, Theme};
pub(crate) use gauge::Gauge;
pub(crate) use home::{ApiLine, HomePage};
pub(crate) use keys::{
    ActionOn, ActionPage, Counts, EmptyPage, FormPurpose, KeyAction, KeyForm, KeyFormPage, KeyLine, KeyPage, KeyPageParts,
    KeysPage, KeysPageParts, LineOf, ListAsked, MadePage, OVERLAPS, Order, View,
};
pub(crate) use limit::{limit_of, limit_words};
pub(crate) use links::{ApiLinks, link, with_query};
pub(crate) use members::{
    LeftBehind, LinkMadePage, MemberLine, MembersPage, Whose, called, may_invite, may_make_link, may_remove_second_factor,
};
pub(crate) use moment::{Moment, ago, ahead};
pub(crate) use number::{plural, thousands};
pub(crate) use pager::Pager;
pub(crate) use refusal::{Refusal, RefusalLine};
pub(crate) use rights::RightsSummary;
pub(crate) use sample::Sample;
pub(crate) use standing::{Cure, Standing};
pub(crate) use status::{Status, Tone};
pub(crate) use trouble::{Trouble, TroublePage};
pub(crate) use usage::{Share, UsageAsked, UsagePage};
pub(crate) use webhooks::{
    DeliveriesOf, DeliveryLine, DeliveryPage, OldSecret, SecretPage, WebhookDraft, WebhookFormPage, WebhookLine, WebhookPage,
    WebhookWhich, WebhooksPage,
};
pub(crate) use words::Words;
pub(crate) use you::{SecondFactorPage, SessionLine, YouPage};
