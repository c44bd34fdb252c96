//! An engine with one API, and the few words that tests speak with it.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bitting_core::account::AccountId;
use bitting_core::api::{Alerts, Api, Brand, Docs, Environment, Lifecycle, NewKeyDefaults, Policy, Streams, UpstreamTimeouts};
use bitting_core::dialect::{
    Answer, AnswerSpec, Answers, BodySpec, CredentialRules, Foreign, IdentityHeaders, Labels, LimitHeaders, Variables,
};
use bitting_core::key::{Alphabet, Checksum, EnvironmentPrefixes, KeyFormat, KeyFormatSpec, KeyId, PlaintextKey};
use bitting_core::limit::{Limit, LimitScope, LimitSpec, Pace, Period, Plan, Plans};
use bitting_core::name::{NameKind, Names};
use bitting_core::reason::Reason;
use bitting_core::rights::{CapabilitySpec, Catalogue, CatalogueSpec, Need, PermissionSpec, RoleSpec};
use bitting_core::route::{Access, Leniencies, Route, RouteTable, Rule, Target};
use bitting_core::time::Timestamp;
use bitting_engine::{
    Apis, ApisError, Clock, CommitError, Decision, Engine, EngineOptions, Inquiry, Issued, KeySpec, ManualClock, Presented,
    Scope,
};
use bitting_store::{Actor, Change, Committed, KeyPatch, NewAccount, OwnerLock, SqliteStore, Store, SwitchPatch};
use http::{HeaderValue, Method};

pub(crate) const START: i64 = 1_790_000_000_000;

/// An engine, its clock, and the folder of its store.
pub(crate) struct Fixture {
    pub(crate) engine: Arc<Engine>,
    pub(crate) clock: ManualClock,
    pub(crate) names: Arc<Names>,
    /// Makes the API anew for a restart.
    make: fn(&Names) -> Api,
    path: PathBuf,
    folder: Option<tempfile::TempDir>,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::through(|store| store).await
    }

    /// An engine whose store is wrapped.
    pub(crate) async fn through(wrap: impl FnOnce(Arc<dyn Store>) -> Arc<dyn Store>) -> Self {
        Self::of(wrap, |names| shop(names, &["clerk", "boss"])).await
    }

    /// An engine whose API has plans.
    pub(crate) async fn planned() -> Self {
        let planned = |names: &Names| Api { plans: plans(names, false), ..shop(names, &["clerk", "boss"]) };
        Self::of(|store| store, planned).await
    }

    /// An engine whose API's keys may have higher numbers than their plans.
    pub(crate) async fn exceeding() -> Self {
        let exceeding = |names: &Names| Api { plans: plans(names, true), ..shop(names, &["clerk", "boss"]) };
        Self::of(|store| store, exceeding).await
    }

    /// An engine of an API with a wrapped store.
    pub(crate) async fn of(wrap: impl FnOnce(Arc<dyn Store>) -> Arc<dyn Store>, make: fn(&Names) -> Api) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bitting.db");
        let clock = ManualClock::at(Timestamp::from_millis(START));
        let names = Arc::new(Names::default());
        let engine = start(&path, &clock, &names, wrap, make(&names)).await;
        Self { engine, clock, names, make, path, folder: Some(folder) }
    }

    /// Starts another engine on the store as a process would find it that follows one which was killed at this moment.
    pub(crate) async fn after_a_kill(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bitting.db");
        for suffix in ["", "-wal"] {
            let of = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
            std::fs::copy(of(&self.path), of(&path)).unwrap();
        }
        let (clock, names, make) = (self.clock.clone(), Arc::new(Names::default()), self.make);
        let engine = start(&path, &clock, &names, |store| store, make(&names)).await;
        Self { engine, clock, names, make, path, folder: Some(folder) }
    }

    /// Stops the engine and starts another on the same store.
    pub(crate) async fn restart(self) -> Self {
        self.restart_after(Duration::ZERO).await
    }

    /// The same, with some time between.
    pub(crate) async fn restart_after(mut self, time: Duration) -> Self {
        self.engine.stop().await;
        let (path, folder, clock, make) = (self.path.clone(), self.folder.take(), self.clock.clone(), self.make);
        drop(self);
        clock.advance(time);
        let names = Arc::new(Names::default());
        let engine = start(&path, &clock, &names, |store| store, make(&names)).await;
        Self { engine, clock, names, make, path, folder }
    }

    /// Makes a key of the API with a role, permissions and an expiry.
    pub(crate) async fn key(&self, spec: KeySpec) -> (PlaintextKey, KeyId) {
        let issued = self.issue(spec);
        let committed = self.commit(issued.change).await.unwrap();
        (issued.key, committed.keys[0].row.id)
    }

    /// Makes a key of an account, and the account if it is not there.
    pub(crate) async fn key_of(&self, account: &str, spec: KeySpec) -> (PlaintextKey, KeyId) {
        let id: AccountId = account.parse().unwrap();
        if self.engine.store().account("shop", &id).await.unwrap().is_none() {
            let account = NewAccount { api: "shop".into(), id: id.clone(), name: String::new(), plan: None };
            self.commit(Change::CreateAccount(account)).await.unwrap();
        }
        self.key(KeySpec { account: Some(id), ..spec }).await
    }

    /// Has a minute pass for the engine's tasks too, which must be on a paused clock, and waits until they have done what is due.
    pub(crate) async fn pass_a_minute(&self) {
        let minute = Duration::from_mins(1);
        self.clock.advance(minute);
        tokio::time::advance(minute).await;
        // What is due is done between two orders: the first may come before it, the second comes after.
        for _ in 0..2 {
            self.engine.write_usage_down().await.unwrap();
            tokio::task::yield_now().await;
        }
    }

    /// Makes a key that nobody knows of yet.
    pub(crate) fn issue(&self, spec: KeySpec) -> Issued {
        let apis = self.engine.apis();
        KeySpec { name: "test".into(), ..spec }.issue(apis.find("shop").unwrap(), self.clock.now()).unwrap()
    }

    pub(crate) async fn commit(&self, change: Change) -> Result<Committed, CommitError> {
        self.engine.commit(change, Actor::System, "req_test").await
    }

    /// "admitted", or the reason of the refusal.
    pub(crate) fn ask(&self, method: &Method, path: &str, key: &[u8]) -> String {
        let presented = Presented::Key(key);
        let client = Some(IpAddr::from([192, 0, 2, 1]).into());
        outcome(&self.engine.decide_now(&Inquiry { scope: Scope::Api("shop"), method, path, presented, client }).unwrap())
    }

    /// Asks for something that any good key may have.
    pub(crate) fn get(&self, key: &PlaintextKey) -> String {
        self.ask(&Method::GET, "/things", key.expose().as_bytes())
    }
}

pub(crate) fn outcome(decision: &Decision) -> String {
    match decision {
        Decision::Permit(_) => "admitted".to_owned(),
        Decision::Denial(denial) => denial.reason().to_string(),
        Decision::Preflight(..) => "preflight".to_owned(),
    }
}

pub(crate) fn revoke(key: KeyId) -> Change {
    Change::RevokeKey { api: "shop".into(), key }
}

pub(crate) fn patch(key: KeyId, patch: KeyPatch) -> Change {
    Change::UpdateKey { api: "shop".into(), key, patch: Box::new(patch) }
}

pub(crate) fn rename(key: KeyId, name: &str) -> Change {
    patch(key, KeyPatch { name: Some(name.into()), ..KeyPatch::default() })
}

pub(crate) fn switch(key: KeyId, capability: &str, on: bool) -> Change {
    let (list, none) = (vec![capability.to_owned()], Vec::new());
    let capabilities = if on { SwitchPatch { on: list, off: none } } else { SwitchPatch { on: none, off: list } };
    patch(key, KeyPatch { capabilities, ..KeyPatch::default() })
}

async fn start(
    path: &Path,
    clock: &ManualClock,
    names: &Arc<Names>,
    wrap: impl FnOnce(Arc<dyn Store>) -> Arc<dyn Store>,
    api: Api,
) -> Arc<Engine> {
    let store = wrap(Arc::new(SqliteStore::open(OwnerLock::acquire(path).unwrap()).unwrap()));
    let apis = apis(names, vec![api]).unwrap();
    Engine::start(EngineOptions { store, apis, clock: Arc::new(clock.clone()) }).await.unwrap()
}

/// APIs beside Bitting's own.
pub(crate) fn apis(names: &Arc<Names>, list: Vec<Api>) -> Result<Apis, Vec<ApisError>> {
    Apis::new(Arc::clone(names), list, api("bitting", names, &[]))
}

/// The API under test: one public path, one that anybody with a key may use, and one for each kind of right. Each role
/// includes those before it, and `boss` may write.
pub(crate) fn shop(names: &Names, roles: &[&str]) -> Api {
    api("shop", names, roles)
}

pub(crate) fn api(name: &str, names: &Names, roles: &[&str]) -> Api {
    let catalogue = catalogue(roles);
    let routes = routes(&catalogue, names);
    let environment = |name: &str| Environment {
        id: names.intern(NameKind::Environment, name),
        header: HeaderValue::from_str(name).unwrap(),
        name: name.into(),
        upstream: None,
    };
    Api {
        name: name.into(),
        id: names.intern(NameKind::Api, name),
        hosts: Vec::new(),
        path_prefix: None,
        format: format(name),
        credentials: CredentialRules { carriers: ["bearer".parse().unwrap()].into(), foreign: Foreign::Refuse },
        answers: Answers::new(answer).unwrap(),
        cors: None,
        identity: IdentityHeaders::default(),
        heads: bitting_core::api::HeadRules::default(),
        labels: Labels { title: name.into(), key_page: "".into(), create_key: "".into(), key_name: "".into() },
        limit_headers: LimitHeaders::default(),
        bans: None,
        leaks: bitting_core::api::LeakAction::default(),
        usage_retention: Duration::from_hours(24 * 40),
        event_retention: Duration::from_hours(24 * 90),
        alerts: Alerts::default(),
        plans: Plans::new(Plan::new("default", Vec::new(), names), Vec::new(), false),
        catalogue,
        routes,
        environments: vec![environment("live"), environment("test")],
        upstream: None,
        timeouts: UpstreamTimeouts::default(),
        streams: Streams::default(),
        new_key: NewKeyDefaults::default(),
        policy: Policy::default(),
        lifecycle: Lifecycle::default(),
        management_path: None,
        docs: Docs::default(),
        brand: Brand::default(),
    }
}

/// `free` allows each key 10 an hour; `paid` 100 an hour and 1,000 a day. The keys of an account share 500 an hour.
pub(crate) fn plans(names: &Names, keys_may_exceed: bool) -> Plans {
    let limit = |name: &str, allowed, period, scope| {
        let spec = LimitSpec { name: name.into(), allowed, pace: Pace::Window(period), scope, is_quota: false };
        Limit::new(spec, names).unwrap()
    };
    let shared = limit("shared", 500, Period::Hour, LimitScope::Account);
    let free = vec![limit("hour", 10, Period::Hour, LimitScope::Key), shared.clone()];
    let day = limit("day", 1_000, Period::Day, LimitScope::Key);
    let paid = vec![limit("hour", 100, Period::Hour, LimitScope::Key), day, shared];
    Plans::new(Plan::new("free", free, names), vec![Plan::new("paid", paid, names)], keys_may_exceed)
}

fn format(name: &str) -> KeyFormat {
    let prefix = |environment: &str| EnvironmentPrefixes {
        environment: environment.into(),
        prefixes: vec![format!("{name}_{environment}_").into()],
    };
    KeyFormat::new(KeyFormatSpec {
        environments: vec![prefix("live"), prefix("test")],
        alphabet: Alphabet::new(Alphabet::BASE62).unwrap(),
        checksum: Checksum::Crc32,
        length: 32,
    })
    .unwrap()
}

fn catalogue(roles: &[&str]) -> Catalogue {
    let permission = |name: &str| PermissionSpec { name: name.parse().unwrap(), means: Vec::new(), description: "".into() };
    let role = |(position, &name): (usize, &&str)| RoleSpec {
        name: name.into(),
        includes: roles[..position].iter().map(|&lower| lower.into()).collect(),
        permissions: if name == "boss" { vec!["things:write".parse().unwrap()] } else { Vec::new() },
        description: "".into(),
    };
    Catalogue::new(CatalogueSpec {
        permissions: vec![permission("things:read"), permission("things:write")],
        roles: roles.iter().enumerate().map(role).collect(),
        capabilities: vec![CapabilitySpec { name: "refunds".into(), label: "".into(), warning: "".into() }],
    })
    .unwrap()
}

fn routes(catalogue: &Catalogue, names: &Names) -> RouteTable {
    let need = |asked: &str| catalogue.need([asked], names).unwrap();
    let rule = |pattern: &str, access| Rule {
        methods: "*".parse().unwrap(),
        pattern: pattern.parse().unwrap(),
        route: Route::new(access, Target::Upstream),
    };
    let mut rules = vec![
        rule("/public", Access::Public),
        rule("/optional", Access::Optional(Need::default())),
        rule("/closed", Access::Closed),
        rule("/write", Access::Key(need("things:write"))),
        rule("/refunds", Access::Key(need("refunds"))),
    ];
    for (pattern, cost) in [("/free", 0), ("/dear", 5)] {
        let mut priced = rule(pattern, Access::Key(Need::default()));
        priced.route.cost = cost;
        rules.push(priced);
    }
    // A role that is not declared cannot be asked for.
    if catalogue.role("boss").is_ok() {
        rules.push(rule("/boss", Access::Key(need("boss"))));
    }
    let default = Route::new(Access::Key(Need::default()), Target::Upstream);
    RouteTable::new(rules, default, Leniencies::NONE)
}

fn answer(reason: Reason) -> Result<Answer, bitting_core::dialect::AnswerError> {
    Answer::new(AnswerSpec {
        status: reason.default_status(),
        content_type: HeaderValue::from_static("text/plain"),
        challenge: None,
        headers: Vec::new(),
        body: BodySpec::Text(reason.name().into()),
        variables: Variables::default(),
    })
}
