//! Telling others what happened.
