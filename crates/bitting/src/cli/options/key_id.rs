//! The id of a key on the command line.

use std::ffi::OsStr;

use bitting_core::key::KeyId;
use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Command, Error};

/// Reads an id, and does not repeat what is none, as clap would: it may be the key itself, and standard error is often kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyIdParser;

impl TypedValueParser for KeyIdParser {
    type Value = KeyId;

    fn parse_ref(&self, command: &Command, _: Option<&Arg>, value: &OsStr) -> Result<KeyId, Error> {
        let wrong = || {
            let message = "that is not a key id (key_ and 26 characters); `bitting keys list` shows ids\n";
            Error::raw(ErrorKind::ValueValidation, message).with_cmd(command)
        };
        value.to_str().and_then(|text| text.parse().ok()).ok_or_else(wrong)
    }
}
