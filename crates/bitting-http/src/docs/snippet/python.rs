//! Python, with `requests`.

use super::{Call, Place, quoted, with_parameter};

/// A GET request.
pub(super) fn get(Call { url, variable, place }: Call<'_>) -> String {
    let key = format!("os.environ[{}]", quoted(variable));
    let arguments = match place {
        Place::Header { name, before } if before.is_empty() => {
            format!("{},\n    headers={{{}: {key}}},", quoted(url), quoted(name))
        }
        Place::Header { name, before } => {
            format!("{},\n    headers={{{}: {} + {key}}},", quoted(url), quoted(name), quoted(before))
        }
        Place::BasicUser => format!("{},\n    auth=({key}, \"\"),", quoted(url)),
        Place::Query(name) => format!("{} + {key},", quoted(&with_parameter(url, name))),
        Place::Cookie(name) => format!("{},\n    cookies={{{}: {key}}},", quoted(url), quoted(name)),
    };
    format!(
        "import os\n\nimport requests\n\nresponse = requests.get(\n    {arguments}\n)\nresponse.raise_for_status()\n\
         print(response.text)"
    )
}
