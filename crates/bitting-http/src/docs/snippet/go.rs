//! Go, with its standard library.

use super::{Call, Place, quoted};

/// A program that makes a GET request.
pub(super) fn get(Call { url, variable, place }: Call<'_>) -> String {
    let key = format!("os.Getenv({})", quoted(variable));
    let sent = match place {
        Place::Header { name, before } if before.is_empty() => format!("req.Header.Set({}, {key})", quoted(name)),
        Place::Header { name, before } => format!("req.Header.Set({}, {}+{key})", quoted(name), quoted(before)),
        Place::BasicUser => format!("req.SetBasicAuth({key}, \"\")"),
        Place::Query(name) => format!("req.URL.RawQuery = url.Values{{{}: {{{key}}}}}.Encode()", quoted(name)),
        Place::Cookie(name) => format!("req.AddCookie(&http.Cookie{{Name: {}, Value: {key}}})", quoted(name)),
    };
    let imports: &[&str] = match place {
        Place::Query(_) => &["fmt", "io", "log", "net/http", "net/url", "os"],
        _ => &["fmt", "io", "log", "net/http", "os"],
    };
    let imports = imports.join("\"\n\t\"");
    let failed = "\tif err != nil {\n\t\tlog.Fatal(err)\n\t}\n";
    format!(
        "package main\n\nimport (\n\t\"{imports}\"\n)\n\nfunc main() {{\n\treq, err := http.NewRequest(\"GET\", {}, nil)\n{failed}\
         \t{sent}\n\tres, err := http.DefaultClient.Do(req)\n{failed}\tdefer res.Body.Close()\n\
         \tbody, err := io.ReadAll(res.Body)\n{failed}\
         \tif res.StatusCode >= 400 {{\n\t\tlog.Fatalf(\"%s %s\", res.Status, body)\n\t}}\n\tfmt.Println(string(body))\n}}",
        quoted(url)
    )
}
