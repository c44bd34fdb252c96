//! The keys of a whole API, of which there may be millions.

use bitting_core::key::KeyId;
use rusqlite::types::ToSql;
use rusqlite::{Connection, Row, params_from_iter};

use super::super::error::unavailable;
use super::super::listing::Conditions;
use super::super::read::{rows, sql_limit};
use super::views::{along, ways};
use super::{Answer, Question, VITALS, beginning, each_face};
use crate::error::StoreError;
use crate::overview::{COUNTED, Count, Counts, Face as _, OverviewPlace, Part, Selected, Selection, SortBy, SortValue, View};

pub(super) fn find(connection: &Connection, question: &Question<'_>) -> Result<Answer, StoreError> {
    if let Some(text) = question.search
        && is_rare(connection, question, text)?
    {
        return few(connection, question, beginning_so(question, text, None)).map(Answer::from);
    }
    if let Some(environment) = &question.query.environment
        && count_in(connection, question, environment)? <= COUNTED
    {
        return few(connection, question, of_environment(question, environment)).map(Answer::from);
    }
    let counts = match question.search {
        Some(text) => sampled(connection, question, text)?,
        None => counted(connection, question)?,
    };
    if question.search.is_none() && question.query.view != View::All && counts.of(question.query.view).is_exact {
        let (members, mut values) = along(ways(question, question.query.view), i64::MAX);
        let sql = format!(
            "SELECT {VITALS}, o.name, '' FROM ({members}) AS m CROSS JOIN key_overview AS o \
             ON o.api = ? AND o.account = m.account AND o.key = m.key"
        );
        values.push(Box::new(question.query.api.clone()));
        let (selected, _) = few(connection, question, (sql, values))?;
        return Ok((selected, counts).into());
    }
    many(connection, question, counts)
}

/// The column after those of a face, for the beginning of the key as it is shown.
const PREFIX: usize = 8;

type Statement = (String, Vec<Box<dyn ToSql>>);

/// Chooses among the keys that a statement finds, all of which are looked at.
fn few(connection: &Connection, question: &Question<'_>, (sql, values): Statement) -> Result<(Selected, Counts), StoreError> {
    let mut selection = Selection::new(&question.wanted, &question.horizon);
    let environment = question.query.environment.as_deref();
    each_face(connection, &sql, values, |face| {
        if let Some(text) = question.search {
            let begins = |name: &[u8]| name.get(..text.len()).is_some_and(|name| name.eq_ignore_ascii_case(text.as_bytes()));
            if !begins(face.name()?.as_bytes()) && !face.text(PREFIX)?.starts_with(text) {
                return Ok(());
            }
        }
        match environment {
            Some(environment) if face.environment()? != environment => Ok(()),
            _ => selection.offer(face),
        }
    })?;
    Ok(selection.finish())
}

const TO_FACE: &str = "CROSS JOIN key_overview AS o ON o.api = k.api AND o.account = k.account AND o.key = k.id";

/// The keys whose name or shown beginning begins so, at most so many of either.
fn beginning_so(question: &Question<'_>, text: &str, limit: Option<usize>) -> Statement {
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    let limit = sql_limit(limit.unwrap_or(usize::MAX));
    let mut ids = |column: &str, index: &str, and: &str| {
        let (from, until) = beginning(text);
        values.extend([question.query.api.clone(), from, until].map(|text| Box::new(text) as Box<dyn ToSql>));
        values.push(Box::new(limit));
        format!(
            "SELECT * FROM (SELECT id FROM api_key INDEXED BY {index} \
             WHERE api = ? AND {column} >= ? AND {column} < ? {and} LIMIT ?)"
        )
    };
    let by_name = ids("name COLLATE NOCASE", "api_key_by_name", "");
    let by_prefix = ids("prefix", "api_key_by_prefix", "");
    // A key that is found both ways counts once.
    let sql = format!(
        "SELECT {VITALS}, o.name, k.prefix FROM ({by_name} UNION {by_prefix}) AS m CROSS JOIN api_key AS k ON k.id = m.id {TO_FACE}"
    );
    (sql, values)
}

fn of_environment(question: &Question<'_>, environment: &str) -> Statement {
    let sql = format!(
        "SELECT {VITALS}, o.name, k.prefix FROM api_key AS k INDEXED BY api_key_by_environment {TO_FACE} \
         WHERE k.api = ? AND k.environment = ?"
    );
    (sql, vec![Box::new(question.query.api.clone()), Box::new(environment.to_owned())])
}

/// Up to so many keys that are found by a search are all looked at, unless they are so great a part of all that going through a list
/// until a part is full is sooner done.
const SEARCHED: usize = 30_000;

/// Whether the keys that begin so are best all looked at.
fn is_rare(connection: &Connection, question: &Question<'_>, text: &str) -> Result<bool, StoreError> {
    let found = count_beginning(connection, question, text)?;
    if found <= COUNTED || found > SEARCHED {
        return Ok(found <= COUNTED);
    }
    let sql = "SELECT 1 FROM api_key INDEXED BY api_key_by_api WHERE api = ? LIMIT ?";
    let values: Vec<Box<dyn ToSql>> = vec![Box::new(question.query.api.clone()), Box::new(sql_limit(10 * found))];
    Ok(count(connection, sql, values)? == 10 * found)
}

/// How many keys begin so, by name or as they are shown; some may be counted twice.
fn count_beginning(connection: &Connection, question: &Question<'_>, text: &str) -> Result<usize, StoreError> {
    let (from, until) = beginning(text);
    let mut sum = 0;
    for (column, index) in [("name COLLATE NOCASE", "api_key_by_name"), ("prefix", "api_key_by_prefix")] {
        let sql = format!("SELECT 1 FROM api_key INDEXED BY {index} WHERE api = ? AND {column} >= ? AND {column} < ? LIMIT ?");
        let texts = [question.query.api.clone(), from.clone(), until.clone()];
        let mut values: Vec<Box<dyn ToSql>> = texts.map(|text| Box::new(text) as Box<dyn ToSql>).into();
        values.push(Box::new(sql_limit(SEARCHED + 1)));
        sum += count(connection, &sql, values)?;
    }
    Ok(sum)
}

fn count_in(connection: &Connection, question: &Question<'_>, environment: &str) -> Result<usize, StoreError> {
    let sql = "SELECT 1 FROM api_key INDEXED BY api_key_by_environment WHERE api = ? AND environment = ? LIMIT ?";
    let values: Vec<Box<dyn ToSql>> =
        vec![Box::new(question.query.api.clone()), Box::new(environment.to_owned()), Box::new(sql_limit(COUNTED + 1))];
    count(connection, sql, values)
}

fn count(connection: &Connection, sql: &str, values: Vec<Box<dyn ToSql>>) -> Result<usize, StoreError> {
    let read = |row: &Row<'_>| row.get::<_, i64>(0).map_err(unavailable);
    let found = rows(connection, &format!("SELECT count(*) FROM ({sql})"), params_from_iter(values), read)?.pop();
    Ok(usize::try_from(found.unwrap_or_default()).unwrap_or_default())
}

/// The counts of all views, as far as they are counted.
fn counted(connection: &Connection, question: &Question<'_>) -> Result<Counts, StoreError> {
    let count = |view| {
        let (sql, values) = along(ways(question, view), sql_limit(COUNTED + 1));
        count(connection, &sql, values).map(Count::capped)
    };
    let all = match &question.query.environment {
        // It was found to have more than are counted.
        Some(_) => Count::capped(COUNTED + 1),
        None => count(View::All)?,
    };
    Ok(Counts { all, attention: count(View::Attention)?, unused: count(View::Unused)?, revoked: count(View::Revoked)? })
}

/// So many keys are looked at for that.
const SAMPLE: usize = 1_000;

/// The counts among the first keys that are found by a search that finds more than are counted: there are at least so many.
fn sampled(connection: &Connection, question: &Question<'_>, text: &str) -> Result<Counts, StoreError> {
    let (_, Counts { all, attention, unused, revoked }) =
        few(connection, question, beginning_so(question, text, Some(SAMPLE)))?;
    let [all, attention, unused, revoked] = [all, attention, unused, revoked].map(|count| Count { is_exact: false, ..count });
    Ok(Counts { all, attention, unused, revoked })
}

/// Reads a list in its order until a part is full. There is much of what is looked for, so that is soon.
fn many(connection: &Connection, question: &Question<'_>, counts: Counts) -> Result<Answer, StoreError> {
    let limit = question.wanted.limit;
    let mut places = match question.wanted.sort.by {
        SortBy::Name => by_name(connection, question)?,
        by => {
            let mut places = Vec::new();
            // Those that work, those that do not for now and those that never will again are three lists.
            for standing in standings(question.query.view) {
                places.extend(by_number(connection, question, by, *standing)?);
            }
            places.sort_by(|one, other| question.wanted.walk(one, other));
            places
        }
    };
    let has_more = places.len() > limit;
    places.truncate(limit);
    let (has_previous, has_next) = match question.wanted.part {
        Part::First => (false, has_more),
        Part::After(_) => (true, has_more),
        Part::Before(_) => (has_more, true),
    };
    if let Part::Before(_) = question.wanted.part {
        places.reverse();
    }
    let skipped = (question.wanted.part == Part::First).then_some(0);
    Ok(Answer { places, skipped, has_previous, has_next, counts })
}

fn standings(view: View) -> &'static [i64] {
    match view {
        View::All => &[0, 1, 2],
        View::Revoked => &[0],
        View::Attention | View::Unused => &[2],
    }
}

fn by_number(
    connection: &Connection,
    question: &Question<'_>,
    by: SortBy,
    standing: i64,
) -> Result<Vec<OverviewPlace>, StoreError> {
    let (column, index) = match by {
        SortBy::Created | SortBy::Name => ("created_at", "key_overview_by_creation"),
        SortBy::LastUsed => ("used_at", "key_overview_by_use"),
        SortBy::Expires => ("expires_at", "key_overview_by_end"),
    };
    let mut conditions = Conditions::default();
    conditions.and("o.api = ?", question.query.api.clone());
    conditions.and("o.standing = ?", standing);
    let order = conditions.and_beyond(question, column, "key");
    let from = format!("SELECT key, {column} FROM key_overview AS o INDEXED BY {index}");
    let read = |row: &Row<'_>| row.get(1).map(SortValue::Number).map_err(unavailable);
    walk(connection, question, (&from, conditions, &order), read)
}

fn by_name(connection: &Connection, question: &Question<'_>) -> Result<Vec<OverviewPlace>, StoreError> {
    let mut conditions = Conditions::default();
    conditions.and("k.api = ?", question.query.api.clone());
    let order = conditions.and_beyond(question, "k.name COLLATE NOCASE", "k.id");
    let from = format!("SELECT k.id, k.name FROM api_key AS k INDEXED BY api_key_by_name {TO_FACE}");
    let read = |row: &Row<'_>| row.get(1).map(SortValue::Text).map_err(unavailable);
    walk(connection, question, (&from, conditions, &order), read)
}

/// The keys that come next, one more than are wanted.
fn walk(
    connection: &Connection,
    question: &Question<'_>,
    (from, mut conditions, order): (&str, Conditions, &str),
    read: impl Fn(&Row<'_>) -> Result<SortValue, StoreError>,
) -> Result<Vec<OverviewPlace>, StoreError> {
    conditions.and_if("o.environment = ?", question.query.environment.clone());
    conditions.and_in(question.query.view, &question.horizon);
    if let Some(text) = question.search {
        let (from, until) = beginning(text);
        let texts = [&from, &until, &from, &until].map(|text| Box::new(text.clone()) as Box<dyn ToSql>);
        conditions.values.extend(texts);
        conditions.texts.push(
            "(o.name COLLATE NOCASE >= ? AND o.name COLLATE NOCASE < ? OR EXISTS \
             (SELECT 1 FROM api_key AS shown WHERE shown.id = o.key AND shown.prefix >= ? AND shown.prefix < ?))"
                .to_owned(),
        );
    }
    let (rest, values) = conditions.ordered(order, question.wanted.limit.saturating_add(1));
    rows(connection, &format!("{from} {rest}"), params_from_iter(values), |row| {
        let key = row.get(0).map(KeyId::from_bytes).map_err(unavailable)?;
        Ok(OverviewPlace { value: read(row)?, key })
    })
}

impl Conditions {
    /// That a key comes after the place that the part begins at, in the direction in which it is read, which this returns.
    fn and_beyond(&mut self, question: &Question<'_>, column: &str, id: &str) -> String {
        let is_falling = question.wanted.is_falling();
        if let Some(OverviewPlace { value, key }) = question.wanted.part.place() {
            self.values.push(match value {
                SortValue::Number(number) => Box::new(*number),
                SortValue::Text(text) => Box::new(text.clone()),
            });
            let sign = if is_falling { '<' } else { '>' };
            self.and(format!("({column}, {id}) {sign} (?, ?)"), key.to_bytes());
        }
        let direction = if is_falling { "DESC" } else { "ASC" };
        format!("{column} {direction}, {id} {direction}")
    }
}
