//! JavaScript, with `fetch`: Node 18 and later, Deno, Bun.

use super::{Call, Place, Snippet, escaped_name, quoted, with_parameter};

/// A GET request.
pub(super) fn get(Call { url, variable, place }: Call<'_>) -> String {
    let key = format!("process.env.{variable}");
    let sent = match place {
        Place::Query(name) => {
            format!("const response = await fetch({} + {key});", quoted(&with_parameter(url, name)))
        }
        _ => format!("const response = await fetch({}, {{\n  headers: {{ {} }},\n}});", quoted(url), header(place, &key)),
    };
    format!(
        "{sent}\nif (!response.ok) {{\n  throw new Error(`${{response.status}} ${{await response.text()}}`);\n}}\n\
         console.log(await response.text());"
    )
}

/// A function that asks again when it is told to wait, and a call of it. `waits` are the statuses that ask for patience and
/// come before anything was done.
pub(in crate::docs) fn patient(base: &str, path: &str, Call { variable, place, .. }: Call<'_>, waits: &[u16]) -> Snippet {
    let (parameter, headers) = match place {
        Place::Query(name) => {
            let name = escaped_name(name);
            (format!(" + (path.includes(\"?\") ? \"&\" : \"?\") + `{name}=${{key}}`"), "options.headers".to_owned())
        }
        _ => (String::new(), format!("{{ ...options.headers, {} }}", header(place, "key"))),
    };
    let address = format!("  const url = {} + path{parameter};\n", quoted(base));
    let waits = waits.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
    let code = format!(
        "const key = process.env.{variable};\n\
         if (!key) {{\n  throw new Error(\"{variable} is not set\");\n}}\n\n\
         async function call(path, options = {{}}) {{\n{address}\
         \x20 for (let attempt = 1; ; attempt += 1) {{\n\
         \x20   const response = await fetch(url, {{ ...options, headers: {headers} }});\n\
         \x20   if (response.ok) {{\n      return response;\n    }}\n\
         \x20   const seconds = Number(response.headers.get(\"Retry-After\")) || 2 ** attempt;\n\
         \x20   if (![{waits}].includes(response.status) || seconds > 60 || attempt === 5) {{\n\
         \x20     throw new Error(`${{response.status}} ${{await response.text()}}`);\n    }}\n\
         \x20   await new Promise((resolve) => setTimeout(resolve, seconds * 1000));\n\
         \x20 }}\n}}\n\n\
         const response = await call({});\nconsole.log(await response.text());",
        quoted(path)
    );
    Snippet::new("JavaScript", "javascript", code)
}

/// A property of an object of headers.
fn header(place: &Place, key: &str) -> String {
    match place {
        Place::Header { name, before } if before.is_empty() => format!("{}: {key}", property(name)),
        Place::Header { name, before } => format!("{}: `{}${{{key}}}`", property(name), escaped(before)),
        Place::BasicUser => format!("Authorization: `Basic ${{btoa(`${{{key}}}:`)}}`"),
        Place::Cookie(name) => format!("Cookie: `{}=${{{key}}}`", escaped(name)),
        // It is no header.
        Place::Query(_) => String::new(),
    }
}

fn property(name: &str) -> String {
    if name.chars().all(|c| c.is_ascii_alphabetic()) { name.to_owned() } else { quoted(name) }
}

/// A text inside backticks.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('`', "\\`").replace('$', "\\$")
}
