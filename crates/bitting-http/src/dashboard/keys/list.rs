//! `…/keys`: the list.

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bitting_core::account::AccountId;
use bitting_core::api::Api;
use bitting_engine::{ServedApi, renewal};
use bitting_store::{
    Ages, KeyFilter, KeyRow, KeyStatus, LastUse, Overview, OverviewKey, OverviewPlace, OverviewQuery, Page, Part, SortBy,
    View as StoredView,
};
use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::create::empty_form;
use super::makers;
use crate::dashboard::address::{Path, Query};
use crate::dashboard::respond;
use crate::dashboard::setback::{Setback, answered};
use crate::dashboard::view::{
    ApiLinks, Counts, EmptyPage, KeyLine, KeysPage, KeysPageParts, LineOf, ListAsked, Order, Pager, Place, Sample, View,
    plural, thousands,
};
use crate::dashboard::visitor::Visitor;

/// Stands for all members who may no longer sign in, where a maker is asked for.
pub(in crate::dashboard) const REMOVED: &str = "removed";

/// How many keys stand on a page.
const LINES: usize = 20;

/// What the address of the list says.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(in crate::dashboard) struct Asked {
    q: String,
    view: String,
    env: String,
    sort: String,
    account: String,
    created_by: String,
    after: String,
    before: String,
}

/// `GET /apis/{api}/keys`
pub(in crate::dashboard) async fn list(visitor: Visitor, Path(api): Path<String>, Query(asked): Query<Asked>) -> Response {
    answered(&visitor, async {
        let api = visitor.api(&api)?;
        let shown = asked.shown(&visitor, &api);
        let part = match &shown.made_by {
            Some(maker) => of_maker(&visitor, &api, maker, &asked).await?,
            None => overview(&visitor, &api, &shown, &asked).await?,
        };
        let links = ApiLinks::new(&api.name);
        let form = empty_form(&visitor, &api, shown.account.as_deref().unwrap_or_default(), "#").await?;
        if part.is_first_steps && !visitor.is_operator() && !shown.is_narrowed() {
            let frame = visitor.frame(Some(&api), Place::Keys).await?;
            let live = Some(format!("{}/live", links.keys()));
            let sample = Sample::new(&api, &first_prefix(&api), None);
            let page = EmptyPage::new(frame, &api, form, sample.text.to_string(), live);
            return Ok(respond(StatusCode::OK, &page));
        }
        let shown_keys = lines(&visitor, &api, &links, &part.keys).await?;
        let made_by = match &shown.made_by {
            // Who has made nothing that may be seen here has no name here.
            Some(maker) if maker == REMOVED => Some("members who were removed".to_owned()),
            Some(maker) if shown_keys.is_empty() => Some(maker.clone()),
            Some(maker) => Some(crate::dashboard::members::maker(&visitor, maker).await?),
            None => None,
        };
        let frame = visitor.frame(Some(&api), Place::Keys).await?;
        let to =
            |part: &str, place: &Option<String>| place.as_deref().map(|place| shown.link_to(&links.keys(), part, Some(place)));
        let (previous, next) = (to("before", &part.previous), to("after", &part.next));
        let pager = Pager { part: part.words, previous, next };
        let parts = KeysPageParts {
            asked: shown,
            counts: part.counts,
            lines: shown_keys,
            pager,
            form,
            has_accounts: visitor.is_operator(),
            made_by,
        };
        Ok(respond(StatusCode::OK, &KeysPage::new(frame, &api, parts)))
    })
    .await
}

impl Asked {
    /// What is shown: what the address says, as far as it means something to whoever asks.
    fn shown(&self, visitor: &Visitor, api: &Api) -> ListAsked {
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let is_known = |name: &String| api.environments.iter().any(|environment| *environment.name == **name);
        ListAsked {
            search: self.q.trim().chars().take(200).collect(),
            view: View::read(&self.view),
            environment: given(&self.env).filter(is_known),
            order: Order::read(&self.sort),
            account: given(&self.account).filter(|_| visitor.is_operator()),
            made_by: given(&self.created_by),
        }
    }
}

/// A part of the list, as it was read.
struct Listed {
    keys: Vec<OverviewKey>,
    counts: Counts,
    /// Which part it is, in words.
    words: String,
    previous: Option<String>,
    next: Option<String>,
    /// Whether there is no key at all.
    is_first_steps: bool,
}

async fn overview(visitor: &Visitor, api: &Api, shown: &ListAsked, asked: &Asked) -> Result<Listed, Setback> {
    let named = shown.account.as_deref().map(str::parse::<AccountId>);
    let account = match (visitor.account(), named) {
        (Some(own), _) => Some(own.clone()),
        (None, Some(Ok(named))) => Some(named),
        // What can be no account's id has no keys.
        (None, Some(Err(_))) => return Ok(Listed::nothing()),
        (None, None) => None,
    };
    let part = match (place(&asked.after), place(&asked.before)) {
        (Some(place), _) => Part::After(place),
        (None, Some(place)) => Part::Before(place),
        (None, None) => Part::First,
    };
    let query = OverviewQuery {
        api: api.name.to_string(),
        account,
        environment: shown.environment.clone(),
        search: Some(shown.search.clone()).filter(|text| !text.is_empty()),
        view: stored_view(shown.view),
        sort: stored_order(shown.order).usual(),
        part,
        limit: LINES,
        ages: Ages::of(api),
        now: visitor.now(),
    };
    let found = visitor.store().overview(query).await?;
    Ok(Listed::of(found, shown.view))
}

/// The keys that one member or key has made, newest first.
async fn of_maker(visitor: &Visitor, api: &Api, maker: &str, asked: &Asked) -> Result<Listed, Setback> {
    let (creator, creator_removed) = if maker == REMOVED { (None, true) } else { (Some(maker.to_owned()), false) };
    let filter = KeyFilter { account: visitor.account().cloned(), creator, creator_removed, ..KeyFilter::default() };
    let page = Page { after: place(&asked.after), limit: LINES + 1 };
    let mut rows = visitor.store().keys(&api.name, filter.clone(), page).await?;
    let has_more = rows.len() > LINES;
    rows.truncate(LINES);
    let next = rows.last().filter(|_| has_more).and_then(|last| written(&filter.cursor(last)));
    let uses = visitor.store().last_uses(rows.iter().map(|row| row.id).collect()).await?;
    let (ages, now) = (Ages::of(api), visitor.now());
    let key = |row: KeyRow| {
        let last_use = uses.iter().find(|last| last.key == row.id).copied();
        let state = bitting_store::KeyState::of(&row, last_use.map(|last| last.at), &ages, now);
        OverviewKey { row, last_use, state }
    };
    let keys: Vec<OverviewKey> = rows.into_iter().map(key).collect();
    let words = plural(keys.len() as u64, "key");
    Ok(Listed { keys, words, next, ..Listed::nothing() })
}

impl Listed {
    fn nothing() -> Self {
        let (keys, counts, words) = (Vec::new(), Counts::default(), String::new());
        Self { keys, counts, words, previous: None, next: None, is_first_steps: false }
    }

    fn of(found: Overview, view: View) -> Self {
        let Overview { keys, counts, skipped, previous, next } = found;
        let count = |view| Some(counts.of(view).to_string());
        let all = counts.of(stored_view(view));
        let words = match (skipped, keys.len() as u64) {
            (_, 0) => String::new(),
            (Some(skipped), number) => format!("{}–{} of {all}", thousands(skipped + 1), thousands(skipped + number)),
            (None, _) => format!("{all} keys"),
        };
        Self {
            words,
            is_first_steps: counts.all.number == 0,
            counts: Counts {
                all: count(StoredView::All),
                attention: count(StoredView::Attention),
                unused: count(StoredView::Unused),
                revoked: count(StoredView::Revoked),
            },
            previous: previous.as_ref().and_then(written::<OverviewPlace>),
            next: next.as_ref().and_then(written::<OverviewPlace>),
            keys,
        }
    }
}

async fn lines(visitor: &Visitor, api: &ServedApi, links: &ApiLinks, keys: &[OverviewKey]) -> Result<Vec<KeyLine>, Setback> {
    let actors = makers::of(visitor, keys.iter().map(|key| &key.row)).await?;
    let (ages, now) = (Ages::of(api), visitor.now());
    let mut accounts = std::collections::BTreeMap::new();
    for key in keys {
        if !accounts.contains_key(&key.row.account) {
            let row = visitor.store().account(&api.name, &key.row.account).await?;
            accounts.insert(key.row.account.clone(), row);
        }
    }
    let mut predecessors = std::collections::HashMap::new();
    for old in keys.iter().filter_map(|key| key.row.replaces) {
        if let Some(row) = visitor.store().key(&api.name, old).await? {
            let last_use = visitor.store().last_uses(vec![old]).await?.pop();
            predecessors.insert(old, (row, last_use));
        }
    }
    let line = |key: &OverviewKey| {
        let account = accounts.get(&key.row.account).and_then(Option::as_ref);
        let called = account.map_or(key.row.account.as_str(), |row| row.called());
        let last_use: Option<&LastUse> = key.last_use.as_ref();
        let predecessor = key.row.replaces.and_then(|old| predecessors.get(&old));
        KeyLine::new(LineOf {
            api,
            row: &key.row,
            last_use,
            is_account_enabled: account.is_none_or(|row| row.enabled),
            account: visitor.is_operator().then_some(called),
            actors: &actors,
            links,
            ages: &ages,
            predecessor: predecessor.map(|(row, last_use)| (row, last_use.as_ref())),
            renews: key.row.status(now) == KeyStatus::Active && renewal(api, &key.row, account).is_ok(),
            now,
        })
    };
    Ok(keys.iter().map(line).collect())
}

/// How keys of the environment that is chosen first begin, with dots for the rest.
fn first_prefix(api: &Api) -> String {
    let first = super::draft::safest_environment(api);
    let prefixes = api.format.environments().iter().find(|known| *known.environment == *first);
    format!("{}…", prefixes.and_then(|known| known.prefixes.first()).map_or("", |prefix| prefix))
}

fn stored_view(view: View) -> StoredView {
    match view {
        View::All => StoredView::All,
        View::Attention => StoredView::Attention,
        View::Unused => StoredView::Unused,
        View::Revoked => StoredView::Revoked,
    }
}

fn stored_order(order: Order) -> SortBy {
    match order {
        Order::Name => SortBy::Name,
        Order::Created => SortBy::Created,
        Order::LastUsed => SortBy::LastUsed,
        Order::Expires => SortBy::Expires,
    }
}

/// A place in a list as an address says it. What is none is no place, so the list begins.
fn place<P: DeserializeOwned>(text: &str) -> Option<P> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

fn written<P: serde::Serialize>(place: &P) -> Option<String> {
    serde_json::to_vec(place).ok().map(|json| URL_SAFE_NO_PAD.encode(json))
}
