//! curl, in a POSIX shell.

use super::{Call, Place, Snippet, with_parameter};

/// Any request with a key.
pub(in crate::docs) struct Request<'r> {
    /// As in `POST`.
    pub(in crate::docs) method: &'r str,
    /// Where to, and with which key.
    pub(in crate::docs) call: Call<'r>,
    /// JSON to send.
    pub(in crate::docs) body: Option<String>,
}

/// A GET request.
pub(super) fn get(call: Call<'_>) -> String {
    lines(call, "curl", None)
}

/// Any request.
pub(in crate::docs) fn request(request: &Request<'_>) -> Snippet {
    let body = request.body.as_deref();
    // With a body curl sends POST by itself.
    let implied = if body.is_some() { "POST" } else { "GET" };
    let command = if request.method == implied { "curl".to_owned() } else { format!("curl -X {}", request.method) };
    Snippet::new("curl", "bash", lines(request.call, &command, body))
}

fn lines(Call { url, variable, place }: Call<'_>, command: &str, body: Option<&str>) -> String {
    let (url, option) = match place {
        Place::Header { name, before } => {
            (word(url), Some(format!("-H \"{}: {}${variable}\"", escaped(name), escaped(before))))
        }
        Place::BasicUser => (word(url), Some(format!("-u \"${variable}:\""))),
        Place::Query(name) => (format!("\"{}${variable}\"", with_parameter(url, name)), None),
        Place::Cookie(name) => (word(url), Some(format!("-b \"{}=${variable}\"", escaped(name)))),
    };
    let content_type = body.map(|_| "-H \"Content-Type: application/json\"".to_owned());
    let data = body.map(|body| format!("-d '{}'", body.replace('\'', "'\\''")));
    let options = [option, content_type, data].into_iter().flatten();
    std::iter::once(format!("{command} {url}")).chain(options).collect::<Vec<_>>().join(" \\\n  ")
}

/// Only an IPv6 address has characters that mean something to a shell.
fn word(url: &str) -> String {
    if url.contains('[') { format!("-g \"{url}\"") } else { url.to_owned() }
}

/// A text inside double quotes.
fn escaped(text: &str) -> String {
    let escape = |c: char| if matches!(c, '"' | '\\' | '$' | '`') { format!("\\{c}") } else { c.to_string() };
    text.chars().map(escape).collect()
}
