//! Go, with its standard library.

use super::{Call, Place, quoted, with_parameter};

/// A program that makes a GET request.
pub(super) fn get(Call { url, variable, place }: Call<'_>) -> String {
    let key = format!("os.Getenv({})", quoted(variable));
    let set = |call: String| (quoted(url), format!("\t{call}\n"));
    let (url, set) = match place {
        Place::Header { name, before } if before.is_empty() => set(format!("req.Header.Set({}, {key})", quoted(name))),
        Place::Header { name, before } => set(format!("req.Header.Set({}, {}+{key})", quoted(name), quoted(before))),
        Place::BasicUser => set(format!("req.SetBasicAuth({key}, \"\")")),
        Place::Query(name) => (format!("{}+{key}", quoted(&with_parameter(url, name))), String::new()),
        Place::Cookie(name) => set(format!("req.AddCookie(&http.Cookie{{Name: {}, Value: {key}}})", quoted(name))),
    };
    let failed = "\tif err != nil {\n\t\tlog.Fatal(err)\n\t}\n";
    format!(
        "package main\n\nimport (\n\t\"fmt\"\n\t\"io\"\n\t\"log\"\n\t\"net/http\"\n\t\"os\"\n)\n\nfunc main() {{\n\
         \treq, err := http.NewRequest(\"GET\", {url}, nil)\n{failed}{set}\
         \tres, err := http.DefaultClient.Do(req)\n{failed}\tdefer res.Body.Close()\n\
         \tbody, err := io.ReadAll(res.Body)\n{failed}\
         \tif res.StatusCode >= 400 {{\n\t\tlog.Fatalf(\"%s %s\", res.Status, body)\n\t}}\n\tfmt.Println(string(body))\n}}"
    )
}
