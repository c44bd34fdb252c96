//! The rows of a sheet, JSON lines or CSV, as fields by their names.

use serde_json::{Map, Value};

use super::row::{GROUPS, UNKNOWN, is_field, shown_name};
use super::sheet::{RowProblem, SheetFormat};

/// One row and where it stands.
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) fields: Map<String, Value>,
}

/// Reads rows, with what is wrong with those that cannot be read at all.
pub(super) fn read(content: &[u8], format: SheetFormat) -> (Vec<Row>, Vec<RowProblem>) {
    let content = content.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(content);
    match format {
        SheetFormat::JsonLines => json_lines(content),
        SheetFormat::Csv => csv(content),
    }
}

fn json_lines(content: &[u8]) -> (Vec<Row>, Vec<RowProblem>) {
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    for (line, text) in (1..).zip(content.split(|&b| b == b'\n')) {
        if text.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice(text) {
            Ok(Value::Object(fields)) => rows.push(Row { line, fields }),
            Ok(_) => problems.push(unreadable(line, "it is no JSON object; write {\"hash\": …} with one key in each line")),
            Err(error) => problems.push(unreadable(line, &format!("it is no JSON: {}", place_in(&error)))),
        }
    }
    (rows, problems)
}

/// What is wrong and in which column. The line that the reader counts is always the first.
fn place_in(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or_default();
    format!("{what} in column {}", error.column())
}

fn csv(content: &[u8]) -> (Vec<Row>, Vec<RowProblem>) {
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(content);
    let head = match reader.headers() {
        Ok(head) => head.clone(),
        Err(error) => return (rows, vec![unreadable(1, &format!("the names of the columns cannot be read: {error}"))]),
    };
    for (position, name) in head.iter().enumerate() {
        if !is_field(name) && member(name).is_none() {
            problems.push(RowProblem { line: 1, field: shown_name(name, position), message: UNKNOWN.to_owned() });
        } else if head.iter().take(position).any(|before| before == name) {
            problems.push(RowProblem {
                line: 1,
                field: shown_name(name, position),
                message: "two columns have this name".to_owned(),
            });
        }
    }
    if !problems.is_empty() {
        return (rows, problems);
    }
    let mut lines = Lines { content, line: 1, at: 0 };
    for record in reader.records() {
        match record {
            Ok(record) => {
                let before = lines.line_of(record.position());
                if record.len() == head.len() {
                    rows.push(Row { line: before, fields: fields(&head, &record) });
                } else {
                    let message = format!("it has {} fields, and the first line names {}", record.len(), head.len());
                    problems.push(unreadable(before, &message));
                }
            }
            Err(error) => {
                let line = lines.line_of(error.position());
                problems.push(unreadable(line, "it is no text in UTF-8"));
            }
        }
    }
    (rows, problems)
}

/// Counts lines up to where rows begin. The reader's own count takes the end of the line before, and empty lines, for the
/// beginning of a row.
struct Lines<'c> {
    content: &'c [u8],
    line: u64,
    at: usize,
}

impl Lines<'_> {
    /// The line in which a row begins that comes after those that were asked about before.
    fn line_of(&mut self, position: Option<&csv::Position>) -> u64 {
        let byte = position.and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or(self.at);
        let rest = self.content.get(byte..).unwrap_or_default();
        let start = byte + rest.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        let passed = self.content.get(self.at..start).unwrap_or_default();
        self.line += passed.iter().map(|b| u64::from(*b == b'\n')).sum::<u64>();
        self.at = start.max(self.at);
        self.line
    }
}

/// What is empty is not said; `metadata.NAME` is a note of that name, and `limits.NAME` a number for that limit.
fn fields(head: &csv::StringRecord, record: &csv::StringRecord) -> Map<String, Value> {
    let (mut fields, mut groups): (Map<String, Value>, Map<String, Value>) = Default::default();
    for (name, text) in head.iter().zip(record).filter(|(_, text)| !text.is_empty()) {
        match member(name) {
            Some((group, member)) => {
                let group = groups.entry(group).or_insert_with(|| Map::new().into());
                group.as_object_mut().and_then(|group| group.insert(member.to_owned(), text.into()));
            }
            None => {
                fields.insert(name.to_owned(), text.into());
            }
        }
    }
    fields.extend(groups);
    fields
}

/// The field to whose object a column adds a member, and the member's name.
fn member(column: &str) -> Option<(&str, &str)> {
    column.split_once('.').filter(|(group, member)| GROUPS.contains(group) && !member.is_empty())
}

fn unreadable(line: u64, message: &str) -> RowProblem {
    RowProblem { line, field: String::new(), message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_of_csv_is_known_by_the_line_that_it_begins_in_whatever_its_quotes_hold() {
        let text = "hash,name,metadata.team\r\na,\"two\nlines, \"\"quoted\"\"\",blue\r\n\r\nb,,\r\nc,d\r\n";
        let (rows, problems) = csv(text.as_bytes());
        let read: Vec<_> = rows.iter().map(|row| (row.line, Value::from(row.fields.clone()).to_string())).collect();
        let first = r#"{"hash":"a","name":"two\nlines, \"quoted\"","metadata":{"team":"blue"}}"#;
        assert_eq!(read[0], (2, first.to_owned()));
        assert_eq!((read.len(), read[1].1.as_str()), (2, r#"{"hash":"b"}"#));
        assert_eq!((problems.len(), problems[0].message.as_str()), (1, "it has 2 fields, and the first line names 3"));
        assert_eq!((rows[1].line, problems[0].line), (5, 6));
    }

    #[test]
    fn a_column_for_each_note_and_each_limit_makes_an_object_of_them() {
        let (rows, problems) = csv(b"hash,limits.hour,metadata.team,limits.day\na,5,,7\nb,,blue,\nc,,,\n");
        let read: Vec<Value> = rows.into_iter().map(|row| row.fields.into()).collect();
        assert_eq!(read[0], json!({"hash": "a", "limits": {"hour": "5", "day": "7"}}));
        assert_eq!(read[1], json!({"hash": "b", "metadata": {"team": "blue"}}));
        assert_eq!((&read[2], problems.len()), (&json!({"hash": "c"}), 0));
        let (_, problems) = csv(b"hash,limits.,name.first,limits.hour,limits.hour\n");
        assert_eq!(problems.len(), 3);
    }

    #[test]
    fn columns_that_nobody_knows_or_that_are_there_twice_are_named_once() {
        let (rows, problems) = csv(b"hash,hashes,name,name\na,b,c,d\n");
        assert_eq!((rows.len(), problems.len()), (0, 2));
        assert_eq!((problems[0].field.as_str(), problems[1].field.as_str()), ("hashes", "name"));
    }

    #[test]
    fn lines_that_are_no_json_objects_are_named_and_empty_ones_are_passed_over() {
        let (rows, problems) = json_lines(b"{\"hash\":\"a\"}\n\n  \r\n[1]\n{\"hash\":\n\xff\n{}");
        assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), [1, 7]);
        assert_eq!(problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), [4, 5, 6]);
    }
}
