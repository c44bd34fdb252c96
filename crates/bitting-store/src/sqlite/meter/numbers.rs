//! Names and holders as numbers, given as they are first written.

use std::collections::HashMap;

use bitting_core::key::KeyId;
use rusqlite::{Connection, Params, Row};

use super::super::error::{damaged, unavailable};
use super::super::read::rows;
use crate::error::StoreError;
use crate::meter::{Holder, Whose};

/// The numbers that one transaction writes with. It asks for each of them once.
pub(super) struct Numbers<'a> {
    connection: &'a Connection,
    names: HashMap<&'a str, i64>,
    holders: HashMap<&'a Holder, i64>,
}

impl<'a> Numbers<'a> {
    pub(super) fn of(connection: &'a Connection) -> Self {
        Self { connection, names: HashMap::new(), holders: HashMap::new() }
    }

    /// A name's number, which it is given if it has none.
    pub(super) fn name(&mut self, name: &'a str) -> Result<i64, StoreError> {
        if let Some(&number) = self.names.get(name) {
            return Ok(number);
        }
        let number = match find_name(self.connection, name)? {
            Some(number) => number,
            None => insert(self.connection, "INSERT INTO meter_name (text) VALUES (?1)", [name])?,
        };
        self.names.insert(name, number);
        Ok(number)
    }

    /// A holder's number, which it is given if it has none.
    pub(super) fn holder(&mut self, holder: &'a Holder) -> Result<i64, StoreError> {
        if let Some(&number) = self.holders.get(holder) {
            return Ok(number);
        }
        let (api, environment) = (self.name(&holder.api)?, self.name(&holder.environment)?);
        let whose = whose_column(&holder.whose);
        let sql = "SELECT number FROM meter_holder WHERE api = ?1 AND whose = ?2 AND environment = ?3";
        let number = if let Some(number) = numbers(self.connection, sql, (api, &whose, environment))?.pop() {
            number
        } else {
            let sql = "INSERT INTO meter_holder (api, whose, environment) VALUES (?1, ?2, ?3)";
            insert(self.connection, sql, (api, whose, environment))?
        };
        self.holders.insert(holder, number);
        Ok(number)
    }
}

/// The number of a name, if it has one.
pub(super) fn find_name(connection: &Connection, name: &str) -> Result<Option<i64>, StoreError> {
    Ok(numbers(connection, "SELECT number FROM meter_name WHERE text = ?1", [name])?.pop())
}

/// The numbers of somebody of an API, in one environment or in each of them.
pub(super) fn find_holders(
    connection: &Connection,
    api: i64,
    whose: &Whose,
    environment: Option<&str>,
) -> Result<Vec<i64>, StoreError> {
    let whose = whose_column(whose);
    let Some(environment) = environment else {
        return numbers(connection, "SELECT number FROM meter_holder WHERE api = ?1 AND whose = ?2", (api, whose));
    };
    let sql = "SELECT number FROM meter_holder WHERE api = ?1 AND whose = ?2 \
               AND environment = (SELECT number FROM meter_name WHERE text = ?3)";
    numbers(connection, sql, (api, whose, environment))
}

pub(super) fn whose_column(whose: &Whose) -> Vec<u8> {
    match whose {
        Whose::Key(key) => [b"k".as_slice(), &key.to_bytes()].concat(),
        Whose::Account(account) => [b"a", account.as_str().as_bytes()].concat(),
        Whose::Api => Vec::new(),
    }
}

/// What [`whose_column`] has written.
pub(super) fn read_whose(column: &[u8]) -> Option<Whose> {
    match column.split_first() {
        None => Some(Whose::Api),
        Some((b'k', id)) => id.try_into().ok().map(|id| Whose::Key(KeyId::from_bytes(id))),
        Some((b'a', id)) => std::str::from_utf8(id).ok()?.parse().ok().map(Whose::Account),
        Some(_) => None,
    }
}

/// The name of an outcome.
pub(super) fn outcome(connection: &Connection, number: i64) -> Result<Box<str>, StoreError> {
    let read = |row: &Row<'_>| row.get::<_, Box<str>>(0).map_err(unavailable);
    let found = rows(connection, "SELECT text FROM meter_name WHERE number = ?1", [number], read)?.pop();
    found.ok_or_else(|| damaged("an outcome of usage", format!("{number} is no name's number")))
}

fn numbers(connection: &Connection, sql: &str, parameters: impl Params) -> Result<Vec<i64>, StoreError> {
    rows(connection, sql, parameters, |row| row.get(0).map_err(unavailable))
}

fn insert(connection: &Connection, sql: &str, values: impl Params) -> Result<i64, StoreError> {
    connection.prepare_cached(sql).and_then(|mut statement| statement.insert(values)).map_err(unavailable)
}
