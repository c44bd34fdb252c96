//! Python, with `requests`.

use super::{Call, Place, quoted};

/// A GET request.
pub(super) fn get(Call { url, variable, place }: Call<'_>) -> String {
    let key = format!("os.environ[{}]", quoted(variable));
    let argument = match place {
        Place::Header { name, before } if before.is_empty() => format!("headers={{{}: {key}}}", quoted(name)),
        Place::Header { name, before } => format!("headers={{{}: {} + {key}}}", quoted(name), quoted(before)),
        Place::BasicUser => format!("auth=({key}, \"\")"),
        Place::Query(name) => format!("params={{{}: {key}}}", quoted(name)),
        Place::Cookie(name) => format!("cookies={{{}: {key}}}", quoted(name)),
    };
    format!(
        "import os\n\nimport requests\n\nresponse = requests.get(\n    {},\n    {argument},\n)\nresponse.raise_for_status()\n\
         print(response.text)",
        quoted(url)
    )
}
