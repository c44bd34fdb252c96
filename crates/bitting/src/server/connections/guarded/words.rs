//! Words for the refusals that hyper makes by itself, which have none.

/// No refusal of hyper's own is longer.
const LONGEST: usize = 200;

/// The same refusal with words, if it is one that hyper makes of a head that it cannot read.
pub(super) fn in_words(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() < LONGEST)?;
    let (status_line, headers) = text.strip_suffix("\r\n\r\n")?.split_once("\r\n")?;
    let is_own = |line: &str| ["connection: close", "content-length: 0"].contains(&line) || line.starts_with("date: ");
    if !headers.split("\r\n").all(is_own) {
        return None;
    }
    let words = match status_line.split(' ').nth(1)? {
        "400" | "505" => "This is no well-formed request, or one of a version of HTTP that is not spoken here.",
        "414" => "The address in the request is too long.",
        "431" => "The head of the request has more headers, or more bytes, than are read here.",
        _ => return None,
    };
    let kind = "content-type: text/plain; charset=utf-8\r\ncache-control: no-store";
    let length = words.len() + 1;
    Some(format!("{status_line}\r\nconnection: close\r\n{kind}\r\ncontent-length: {length}\r\n\r\n{words}\n").into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hyper_refuses_by_itself_gets_words_and_nothing_else_does() {
        let own = "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\ndate: x\r\n\r\n";
        let said = String::from_utf8(in_words(own.as_bytes()).unwrap()).unwrap();
        let (head, body) = said.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\n"), "{head}");
        assert!(head.ends_with(&format!("content-length: {}", body.len())), "{head}");
        for other in [
            "HTTP/1.1 400 Bad Request\r\nx-request-id: 1\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 3\r\n\r\nabc",
        ] {
            assert_eq!(in_words(other.as_bytes()), None, "{other}");
        }
    }
}
