//! The keys of the demo, and the requests to try with them.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use bitting_core::key::PlaintextKey;
use bitting_core::member::Token;
use bitting_engine::{Clock as _, Engine, Entropy, Guest, KeySpec, WallClock};
use bitting_store::{Actor, Change, NewAccount};
use serde_json::{Value, json};

use super::{EXAMPLES, Ports};
use crate::config::OWN_API;
use crate::failure::Failure;

/// What is printed.
pub(super) struct Tour {
    ports: Ports,
    stops: Vec<Stop>,
    operator: PlaintextKey,
    people: Vec<SignIn>,
}

/// Somebody who can sign in to the dashboard.
struct SignIn {
    /// What they see there.
    sees: &'static str,
    email: &'static str,
    password: String,
}

/// One API and the requests to try.
struct Stop {
    name: &'static str,
    title: String,
    port: u16,
    requests: Vec<Request>,
}

/// A line to paste, and what comes of it.
struct Request {
    outcome: &'static str,
    line: String,
    /// What the line does not show.
    why: Option<&'static str>,
}

impl Request {
    fn new(outcome: &'static str, line: String) -> Self {
        Self { outcome, line, why: None }
    }

    fn because(self, why: &'static str) -> Self {
        Self { why: Some(why), ..self }
    }
}

const TITLE: Style = Style::new().bold();
const QUIET: Style = Style::new().dimmed();
const ADMITTED: Style = AnsiColor::Green.on_default();
const REFUSED: Style = AnsiColor::Red.on_default();
const FORBIDDEN: Style = AnsiColor::Yellow.on_default();

/// The owner of all keys of the demo.
const ACCOUNT: &str = "acme";

/// Makes an account and keys for each API.
pub(super) async fn prepare(engine: &Arc<Engine>, ports: Ports) -> Result<Tour, Failure> {
    let mut stops = Vec::new();
    for (position, (name, _)) in EXAMPLES.iter().enumerate() {
        make_account(engine, name).await?;
        let host = format!("http://{name}.localhost:{}", ports.gateway);
        let requests = requests(engine, name, &host).await?;
        let apis = engine.apis();
        let title = apis.find(name).map_or_else(|| (*name).to_owned(), |api| api.labels.title.to_string());
        stops.push(Stop { name, title, port: ports.of(position), requests });
    }
    let permissions = Some(vec!["verify".parse().map_err(Failure::other)?]);
    let operator = make_key(engine, "bitting", KeySpec { permissions, ..KeySpec::default() }).await?;
    let people = vec![
        sign_in(engine, "operator@example.com", "Olga Operator", OWN_API, "all five APIs, as their operator").await?,
        sign_in(engine, "dev@acme.example", "Dev Anand", "product-api", "the keys of Acme, a customer of Product API").await?,
    ];
    Ok(Tour { ports, stops, operator, people })
}

/// Somebody with a password that opens nothing but the demo.
async fn sign_in(
    engine: &Arc<Engine>,
    email: &'static str,
    name: &str,
    api: &str,
    sees: &'static str,
) -> Result<SignIn, Failure> {
    let mut random = [0; 32];
    Entropy.fill(&mut random).map_err(Failure::other)?;
    let password: String = Token::new(random).expose().chars().filter(char::is_ascii_alphanumeric).take(16).collect();
    let account = if api == OWN_API { None } else { Some(ACCOUNT.parse().map_err(Failure::other)?) };
    let guest = Guest { api: api.to_owned(), account, name: name.to_owned(), email: Some(email.to_owned()) };
    bitting_http::welcome(engine, guest, password.clone()).await.map_err(Failure::other)?;
    Ok(SignIn { sees, email, password })
}

/// A request that is admitted, one that is refused, one that is forbidden; in the words of each document.
async fn requests(engine: &Arc<Engine>, name: &str, host: &str) -> Result<Vec<Request>, Failure> {
    let plain = KeySpec { account: Some(ACCOUNT.parse().map_err(Failure::other)?), ..KeySpec::default() };
    let key = make_key(engine, name, plain.clone()).await?;
    let key = key.expose();
    Ok(match name {
        "backboard" => {
            let elsewhere = vec!["203.0.113.0/24".to_owned()].try_into().map_err(Failure::other)?;
            let bound = make_key(engine, name, KeySpec { allowed_addresses: Some(elsewhere), ..plain }).await?;
            let line = |key: &str| format!("curl -i {host}/api/assistants -H 'X-API-Key: {key}'");
            vec![
                Request::new("admitted", line(key)),
                Request::new("refused", line("not-a-key")),
                Request::new("forbidden", line(bound.expose())).because("a key that may only be used from another address"),
            ]
        }
        "backbone" => {
            let reader = Some(vec!["models:read".parse().map_err(Failure::other)?]);
            let reader = make_key(engine, name, KeySpec { permissions: reader, ..plain }).await?;
            let body = r#"{"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello!"}]}"#;
            let streamed = body.replace("\"gpt-4o\",", "\"gpt-4o\", \"stream\": true,");
            let line = |key: &str, body: &str| {
                format!(
                    "curl -iN {host}/api/v1/chat/completions -H 'Authorization: Bearer {key}' \
                     -H 'Content-Type: application/json' -d '{body}'"
                )
            };
            vec![
                Request::new("admitted", line(key, body)),
                Request::new("admitted", line(key, &streamed)),
                Request::new("refused", line("sk_your_api_key", body)),
                Request::new("forbidden", line(reader.expose(), body)),
            ]
        }
        "launchboard" => {
            let line = |options: &str, key: &str| {
                format!("curl -i {options}{host}/api/v1/stakeholders -H 'Authorization: Bearer {key}'")
            };
            vec![
                Request::new("admitted", line("", key)),
                Request::new("refused", line("", "pg_live_0000")),
                Request::new("forbidden", line("-X DELETE ", key)),
            ]
        }
        "product-api" => {
            let sandbox = make_key(engine, name, KeySpec { environment: Some("test".to_owned()), ..plain }).await?;
            let line = |options: &str, key: &str| format!("curl -i {options}{host}/v1/tasks -H 'Authorization: Bearer {key}'");
            vec![
                Request::new("admitted", line("", key)),
                Request::new("admitted", line("", sandbox.expose())),
                Request::new("refused", format!("curl -i {host}/v1/tasks -H 'Authorization: {key}'")),
                Request::new("forbidden", line("-X POST ", key)),
            ]
        }
        _ => {
            let trader = make_key(engine, name, KeySpec { capabilities: vec!["trading".to_owned()], ..plain }).await?;
            let order = |key: &str| format!("curl -i -X POST {host}/v1/orders -H 'Authorization: Bearer {key}'");
            vec![
                Request::new("admitted", format!("curl -i '{host}/v1/listings?api_key={key}'")),
                Request::new("admitted", order(trader.expose())),
                Request::new("refused", format!("curl -i {host}/v1/listings")),
                Request::new("forbidden", order(key)),
            ]
        }
    })
}

async fn make_account(engine: &Arc<Engine>, api: &str) -> Result<(), Failure> {
    let id = ACCOUNT.parse().map_err(Failure::other)?;
    if engine.store().account(api, &id).await?.is_none() {
        let new = NewAccount { api: api.to_owned(), id, name: "Acme Corporation".to_owned(), plan: None };
        engine.commit(Change::CreateAccount(new), Actor::System, "demo").await?;
    }
    Ok(())
}

async fn make_key(engine: &Arc<Engine>, api: &str, spec: KeySpec) -> Result<PlaintextKey, Failure> {
    let apis = engine.apis();
    let api = apis.find(api).ok_or_else(|| Failure::new(format!("there is no API {api:?}")))?;
    let issued = KeySpec { name: "demo".to_owned(), ..spec }.issue(api, WallClock.now())?;
    engine.commit(issued.change, Actor::System, "demo").await?;
    Ok(issued.key)
}

impl Tour {
    /// Prints it, with the keys in the clear: they open nothing but the demo.
    pub(super) fn print(&self, json: bool, kept: Option<&Path>) -> Result<(), Failure> {
        let mut out = anstream::stdout().lock();
        let text = if json { format!("{:#}", self.as_json()) } else { self.as_text(kept) };
        writeln!(out, "{text}").and_then(|()| out.flush()).map_err(Failure::other)
    }

    fn as_text(&self, kept: Option<&Path>) -> String {
        let service = format!("http://127.0.0.1:{}", self.ports.service());
        let mut lines = vec!["Five APIs, one binary. Ctrl-C stops the demo.".to_owned()];
        lines.push(format!("\n{TITLE}Dashboard{TITLE:#}  {service}  {QUIET}open it in a browser and sign in{QUIET:#}"));
        for SignIn { sees, email, password } in &self.people {
            lines.push(format!("  {email:21} {password}  {QUIET}sees {sees}{QUIET:#}"));
        }
        lines.push("\nPaste a line into another terminal.".to_owned());
        for stop in &self.stops {
            let gateway = format!("http://{}.localhost:{}", stop.name, self.ports.gateway);
            lines.push(format!(
                "\n{TITLE}{}{TITLE:#}  {gateway}  {QUIET}and http://127.0.0.1:{}{QUIET:#}",
                stop.title, stop.port
            ));
            for Request { outcome, line, why } in &stop.requests {
                let style = match *outcome {
                    "admitted" => ADMITTED,
                    "refused" => REFUSED,
                    _ => FORBIDDEN,
                };
                lines.push(format!("  {style}{outcome:9}{style:#}  {line}"));
                // On a line of its own: not every shell takes comments at its prompt.
                lines.extend(why.map(|why| format!("  {:9}  {QUIET}({why}){QUIET:#}", "")));
            }
        }
        lines.push(format!("\n{TITLE}Bitting{TITLE:#}  {service}  {QUIET}the service listener{QUIET:#}"));
        lines.push(format!("  {QUIET}verify{QUIET:#}     {}", self.verify_line(&service)));
        lines.push(format!("  {QUIET}metrics{QUIET:#}    curl {service}/metrics"));
        if let Some(folder) = kept {
            lines.push(format!(
                "\nThe store and the configuration stay in {}; serve.sh there serves them again, before upstreams that you\n\
                 start yourself: {}.",
                folder.display(),
                self.ports.upstreams()
            ));
        }
        lines.join("\n")
    }

    fn verify_line(&self, service: &str) -> String {
        let asked = json!({"api": "csboard", "method": "GET", "path": "/v1/listings", "key": "csb_pub_not_a_key"});
        format!(
            "curl -i {service}/v1/verify -H 'Authorization: Bearer {}' -H 'Content-Type: application/json' -d '{asked}'",
            self.operator.expose()
        )
    }

    fn as_json(&self) -> Value {
        let stop = |stop: &Stop| {
            let requests = stop.requests.iter().map(|request| json!({"outcome": request.outcome, "line": request.line}));
            json!({
                "api": stop.name,
                "title": stop.title,
                "gateway": format!("http://{}.localhost:{}", stop.name, self.ports.gateway),
                "address": format!("http://127.0.0.1:{}", stop.port),
                "requests": requests.collect::<Vec<_>>(),
            })
        };
        json!({
            "apis": self.stops.iter().map(stop).collect::<Vec<_>>(),
            "service": format!("http://127.0.0.1:{}", self.ports.service()),
            "operator_token": self.operator.expose(),
            "people": self.people.iter().map(|person| json!({"email": person.email, "password": person.password})).collect::<Vec<_>>(),
        })
    }
}
