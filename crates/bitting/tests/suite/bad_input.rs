//! What nobody should send, set or run: a clear answer each time, and the process lives on where it can.

mod http;
mod machine;
