//! How much keys may do, and how their holders learn of it.

use bitting_core::dialect::{ResetFormat, Standing};
use bitting_core::limit::{Limit, LimitScope, Pace, Period, Plan, Reading};
use bitting_core::reason::Reason;
use bitting_core::route::{Access, Target};
use bitting_core::time::Timestamp;
use http::{HeaderMap, HeaderName};

use super::snippet::{Call, Snippet, for_shell, patient};
use super::subject::Subject;
use super::text::Text;
use super::{Block, Column, Section, Table, writing};
use crate::json;
use crate::standing::LimitsView;

/// The moment of the answers that are shown, 2026-10-14T10:40:41Z, in milliseconds since 1970.
const SHOWN_AT_MS: i64 = 1_791_974_441_000;

/// `None` if nothing is limited.
pub(super) fn section(subject: &Subject<'_>) -> Option<Section> {
    let plans = &subject.api.plans;
    if plans.are_empty() {
        return None;
    }
    let mut blocks = match plans.iter().collect::<Vec<_>>()[..] {
        [only] => vec![Block::List(only.limits().iter().map(|limit| Text::say(&alone(limit))).collect())],
        _ => vec![Block::Table(by_plan(subject))],
    };
    blocks.push(Block::Paragraph(Text::paragraph(how_it_counts(subject))));
    blocks.extend(costs(subject));
    blocks.extend(told(subject));
    blocks.extend(over_the_limit(subject));
    Some(Section::new("Limits", blocks))
}

/// A limit as a line of its own.
fn alone(limit: &Limit) -> String {
    let whose = match limit.scope {
        LimitScope::Key => "for each key",
        LimitScope::Account => "for all keys of an account together",
        LimitScope::Api => "for all keys together",
    };
    let requests = if limit.allowed == 1 { "request" } else { "requests" };
    let even = match limit.pace {
        Pace::Window(_) => String::new(),
        Pace::Bucket { burst, .. } => format!(", evenly, and at most {} at once", writing::number(burst)),
    };
    format!("{} {requests} {} {whose}{even}", writing::number(limit.allowed), writing::pace(&limit.pace))
}

/// A row for each plan, a column for each limit.
fn by_plan(subject: &Subject<'_>) -> Table {
    let plans = &subject.api.plans;
    let mut kinds: Vec<&Limit> = Vec::new();
    for limit in plans.iter().flat_map(Plan::limits) {
        if !kinds.iter().any(|known| is_same(known, limit)) {
            kinds.push(limit);
        }
    }
    let custom = |plan: &Plan| subject.api.docs.custom_plans.contains(&plan.name);
    let cell = |plan: &Plan, kind: &Limit| match plan.limits().iter().find(|limit| is_same(limit, kind)) {
        _ if custom(plan) => Text::say("custom"),
        None => Text::say("no limit"),
        Some(limit) => match limit.pace {
            Pace::Window(_) => Text::say(&writing::number(limit.allowed)),
            Pace::Bucket { burst, .. } => {
                Text::say(&format!("{}, at most {} at once", writing::number(limit.allowed), writing::number(burst)))
            }
        },
    };
    let head = kinds.iter().map(|kind| {
        let shared = match kind.scope {
            LimitScope::Key => "",
            LimitScope::Account => ", all keys of the account",
            LimitScope::Api => ", all keys of the API",
        };
        Column { title: format!("Requests {}{shared}", writing::pace(&kind.pace)), numeric: true }
    });
    let rows = plans.iter().map(|plan| {
        let name = Text::say(&writing::capitalised(&plan.name));
        std::iter::once(name).chain(kinds.iter().map(|kind| cell(plan, kind))).collect()
    });
    let plan = Column { title: "Plan".to_owned(), numeric: false };
    Table { head: std::iter::once(plan).chain(head).collect(), rows: rows.collect() }
}

/// Whether two limits can stand in one column.
fn is_same(one: &Limit, other: &Limit) -> bool {
    let same_time = match (one.pace, other.pace) {
        (Pace::Bucket { per_ms: one, .. }, Pace::Bucket { per_ms: other, .. }) => one == other,
        (one, other) => one == other,
    };
    one.id == other.id && one.scope == other.scope && same_time
}

fn how_it_counts(subject: &Subject<'_>) -> Vec<Text> {
    let plans = &subject.api.plans;
    let limits = || plans.iter().flat_map(Plan::limits);
    let mut sentences = Vec::new();
    if plans.iter().count() > 1 && limits().all(|limit| limit.scope == LimitScope::Key) {
        sentences.push(Text::say("Each key counts by itself."));
    }
    if !subject.api.docs.custom_plans.is_empty() {
        sentences.push(Text::say("Custom numbers are agreed with each customer."));
    }
    let windows = Period::ALL.into_iter().filter(|period| limits().any(|limit| limit.pace == Pace::Window(*period)));
    let windows: Vec<Text> = windows.map(|period| Text::say(&format!("each full {}", period.name()))).collect();
    if !windows.is_empty() {
        sentences.push(Text::say("Counting begins anew with ").then(Text::listed(windows, "and")).and(", in UTC."));
    }
    sentences.push(Text::say("A request that is refused takes nothing."));
    let own = if plans.keys_may_exceed() { "other" } else { "lower" };
    sentences.push(Text::say(&format!("A key can have {own} numbers of its own.")));
    sentences
}

/// Calls that take more or less than one request.
fn costs(subject: &Subject<'_>) -> Vec<Block> {
    let routes = &subject.api.routes;
    let keyed = |access: &Access| matches!(access, Access::Key(_) | Access::Optional(_));
    let takes = |cost: u64| match cost {
        0 => Text::say("nothing"),
        cost => Text::say(&format!("{} requests", writing::number(cost))),
    };
    let odd = routes.rules().filter(|(_, _, route)| route.cost != 1 && keyed(&route.access));
    let mut rows: Vec<[Text; 2]> =
        odd.map(|(methods, pattern, route)| [Text::of_code(writing::call(methods, pattern)), takes(route.cost)]).collect();
    let others = routes.default();
    if others.cost != 1 && keyed(&others.access) {
        rows.push([Text::say("Every other call that no line of the table of calls names"), takes(others.cost)]);
    }
    if rows.is_empty() {
        return Vec::new();
    }
    let intro = Text::say("A call takes one request of each limit, except these:");
    vec![Block::Paragraph(intro), Block::Table(Table::new(["Call", "Takes"], rows))]
}

/// The headers and the path that tell what is left.
fn told(subject: &Subject<'_>) -> Vec<Block> {
    let headers = &subject.api.limit_headers;
    let Some(plan) = shown_plan(subject) else { return Vec::new() };
    let readings = readings(plan);
    let standing = Standing { plan, readings: &readings, refused: None, now: Timestamp::from_millis(SHOWN_AT_MS) };
    let mut sent = HeaderMap::new();
    headers.write(&standing, &mut sent);
    let mut blocks = Vec::new();
    if !sent.is_empty() {
        blocks.push(Block::Paragraph(Text::say("Every answer to a good key tells where it stands, refusals included:")));
        blocks.push(Block::Code(Snippet::new("Headers", "http", lines(&sent))));
        blocks.push(Block::List(meanings(subject, plan)));
    }
    let rule = subject.api.routes.rules().find(|(_, _, route)| route.target == Target::RateLimit);
    if let Some((_, pattern, _)) = rule {
        let url = format!("{}{}", subject.base, pattern.as_str());
        let view = LimitsView::of(Some(&standing), headers);
        blocks.extend([
            Block::Paragraph(Text::of_code(format!("GET {}", pattern.as_str())).and(" tells the same, and costs nothing:")),
            Block::Code(for_shell(Call { url: &url, ..subject.call() })),
            Block::Code(Snippet::new("Answer", "json", json::pretty(&view))),
        ]);
    }
    blocks
}

/// The plan of accounts that have none, if its numbers mean something.
fn shown_plan<'s>(subject: &'s Subject<'_>) -> Option<&'s Plan> {
    let plans = &subject.api.plans;
    let telling = |plan: &&Plan| !plan.limits().is_empty() && !subject.api.docs.custom_plans.contains(&plan.name);
    plans.iter().find(telling).or_else(|| plans.iter().find(|plan| !plan.limits().is_empty()))
}

/// What limits would say after a few requests.
fn readings(plan: &Plan) -> Vec<Reading> {
    let now = Timestamp::from_millis(SHOWN_AT_MS);
    let reading = |limit: &Limit| {
        let capacity = limit.pace.capacity(limit.allowed);
        let reset = match limit.pace {
            Pace::Window(period) => period.around(now).1,
            Pace::Bucket { .. } => now.plus(limit.pace.length()),
        };
        Reading { allowed: limit.allowed, remaining: capacity - capacity.div_ceil(66), reset }
    };
    plan.limits().iter().map(reading).collect()
}

fn lines(headers: &HeaderMap) -> String {
    let line = |(name, value): (&HeaderName, &http::HeaderValue)| {
        format!("{}: {}", writing::header(name), value.to_str().unwrap_or_default())
    };
    headers.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What each header says.
fn meanings(subject: &Subject<'_>, plan: &Plan) -> Vec<Text> {
    let headers = &subject.api.limit_headers;
    let named = |name: &Option<HeaderName>, meaning: &str| {
        name.as_ref().map(|name| Text::of_code(writing::header(name)).and(&format!(": {meaning}")))
    };
    let reset = match headers.reset_format {
        ResetFormat::Unix => "when all of it is free again, in seconds since 1970 (UTC).",
        ResetFormat::Seconds => "in how many seconds all of it is free again.",
        ResetFormat::Rfc3339 => "when all of it is free again (UTC).",
    };
    let mut meanings: Vec<Text> = [
        named(&headers.limit, "what the limit allows."),
        named(&headers.remaining, "how much of it is left."),
        named(&headers.reset, reset),
    ]
    .into_iter()
    .flatten()
    .collect();
    let shown = headers.shows.as_deref().and_then(|name| plan.limits().iter().find(|limit| *limit.name == *name));
    if let (false, [first, _, ..]) = (meanings.is_empty(), plan.limits()) {
        let which = writing::pace(&shown.unwrap_or(first).pace);
        meanings.push(Text::say(&format!("These are about the requests {which}, or about the limit that refused.")));
    }
    if headers.standard {
        let text =
            "`RateLimit-Policy`: every limit by its name, with what it allows (`q`) and for how many seconds it counts (`w`).";
        meanings.push(Text::say(text));
        let text = "`RateLimit`: what is left of each (`r`), and in how many seconds all of it is free again (`t`).";
        meanings.push(Text::say(text));
    }
    meanings
}

/// What to do when a limit refuses, in words and as code.
fn over_the_limit(subject: &Subject<'_>) -> Vec<Block> {
    let status = |reason| super::refusal::status(subject.api, reason).as_u16();
    let limited = status(Reason::RateLimited);
    let text = format!(
        "Over a limit the answer is {limited} with `Retry-After`: whoever waits so many seconds is let through, if nobody else \
         used the same limit meanwhile. Ask again after that, and after growing pauses where no time is named:"
    );
    let mut waits = vec![limited, status(Reason::QuotaExceeded), status(Reason::StoreUnavailable)];
    if subject.api.plans.iter().flat_map(Plan::limits).all(|limit| !limit.is_quota) {
        waits.remove(1);
    }
    waits.dedup();
    let code = patient(&subject.base, &subject.sample, subject.call(), &waits);
    vec![Block::Heading("Over the limit".to_owned()), Block::Paragraph(Text::say(&text)), Block::Code(code)]
}
