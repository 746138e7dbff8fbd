//! The line of a record that is at fault, for people who look at a pull request's files.
//!
//! A record is block-style YAML that people write: its lines are searched by key and indentation, as a reader does. What
//! cannot be told apart that way, such as keys inside one line, stays at the line that holds it. Must not know: what is
//! wrong.

/// The line, counted from 1, of the field that a JSON pointer (RFC 6901) names; of the nearest field above it where the
/// text does not have it.
pub fn of_pointer(text: &str, pointer: &str) -> u32 {
    let lines: Vec<Line<'_>> = text.lines().map(Line::read).collect();
    let (mut at, mut inside) = (None, 0..lines.len());
    for part in pointer.split('/').skip(1) {
        let key = part.replace("~1", "/").replace("~0", "~");
        let Some(found) = child(&lines, inside, &key) else {
            break;
        };
        inside = found + 1..end_of(&lines, found);
        at = Some(found);
    }
    number(at.unwrap_or(0))
}

/// The line, counted from 1, that a sentence about a YAML text names (`line 3: …`); the first where it names none.
pub fn of_sentence(sentence: &str) -> u32 {
    let after = sentence.split("line ").skip(1);
    let mut numbers = after.filter_map(|it| {
        let digits = it.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse::<u32>().ok()
    });
    numbers.next().unwrap_or(1).max(1)
}

/// One line as far as its place in the document goes.
struct Line<'a> {
    /// How far its content is from the left.
    indent: usize,
    /// Whether it begins an item of a list.
    item: bool,
    /// What it says, without the mark of an item.
    content: &'a str,
}

impl<'a> Line<'a> {
    fn read(line: &'a str) -> Self {
        let content = line.trim_start_matches(' ');
        let indent = line.len() - content.len();
        let item = content == "-" || content.starts_with("- ");
        let content = content.strip_prefix("- ").unwrap_or(content);
        Self {
            indent,
            item,
            content: content.trim(),
        }
    }

    /// Whether it is empty or a comment.
    fn says_nothing(&self) -> bool {
        self.content.is_empty() && !self.item || self.content.starts_with('#')
    }

    fn is_field(&self, key: &str) -> bool {
        let rest = ["", "\"", "'"].into_iter().find_map(|quote| {
            let key = format!("{quote}{key}{quote}");
            self.content.strip_prefix(key.as_str())
        });
        rest.is_some_and(|it| it.starts_with(':'))
    }
}

/// The line of a child among some lines: of a field by its key, of an item by its place.
fn child(lines: &[Line<'_>], inside: std::ops::Range<usize>, key: &str) -> Option<usize> {
    let places = || inside.clone().filter(|at| !lines[*at].says_nothing());
    let least = places().map(|at| lines[at].indent).min()?;
    let mut children = places().filter(|at| lines[*at].indent == least);
    if let Ok(place) = key.parse::<usize>()
        && lines[places().next()?].item
    {
        return children.filter(|at| lines[*at].item).nth(place);
    }
    children.find(|at| lines[*at].is_field(key))
}

/// Where the lines below one end. A list may stand as far left as its key.
fn end_of(lines: &[Line<'_>], at: usize) -> usize {
    let own = &lines[at];
    let below =
        |it: &Line<'_>| it.indent > own.indent || (it.item && !own.item && it.indent == own.indent);
    let rest = lines.iter().enumerate().skip(at + 1);
    let mut rest = rest.filter(|(_, it)| !it.says_nothing());
    rest.find(|(_, it)| !below(it))
        .map_or(lines.len(), |(end, _)| end)
}

fn number(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = "\
# a shop
apiVersion: fleetwright.dev/v1
kind: Store
metadata:
  name: a-shop

spec:
  plan: small
  values:
    # not this one: title
    plan: none of the plans
    \"shop/title\": x
    list:
    - a
    - b: 1
      c: 2
  extraHosts: [a.example.com, b.example.com]
  volumes: {plan: 1Gi}
  host: a.example.com
";

    #[test]
    fn a_field_is_found_by_where_it_stands() {
        for (pointer, line) in [
            ("", 1),
            ("/kind", 3),
            ("/metadata/name", 5),
            ("/spec", 7),
            ("/spec/plan", 8),
            ("/spec/values/plan", 11),
            ("/spec/values/shop~1title", 12),
            ("/spec/values/list/1", 15),
            ("/spec/host", 19),
            // what is not there, or is inside one line, is where it would be
            ("/metadata/uid", 4),
            ("/spec/engine", 7),
            ("/spec/values/title", 9),
            ("/spec/extraHosts/1", 17),
            ("/spec/volumes/plan", 18),
            ("/nothing", 1),
        ] {
            assert_eq!(of_pointer(RECORD, pointer), line, "{pointer}");
        }
        assert_eq!(of_pointer("", "/spec/plan"), 1);
    }

    #[test]
    fn a_parsers_own_line_is_taken() {
        for (sentence, line) in [
            ("line 3: spec.plan: unknown field", 3),
            ("did not find expected ',' or ']' at line 12 column 4", 12),
            ("duplicate key on line one, then line 7, column 1", 7),
            ("is no UTF-8 text", 1),
            ("line 0: nothing", 1),
        ] {
            assert_eq!(of_sentence(sentence), line, "{sentence}");
        }
    }
}
