//! The file `packed-refs`: all references of a repository in one text (gitrepository-layout(5), git-pack-refs(1)).
//!
//! One file, renamed into place, moves any number of references in one step. Must not know: files, locks. Pure.

use std::collections::BTreeMap;

/// What the first line says of a file in which every tag shows what it points to.
const HEADER: &str = "# pack-refs with: peeled fully-peeled sorted \n";
/// The first line where that is not so.
const PLAIN_HEADER: &str = "# pack-refs with: sorted \n";

/// Every packed reference, by its full name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PackedRefs {
    peeled: bool,
    refs: BTreeMap<Vec<u8>, Packed>,
}

/// One packed reference, as the file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Packed {
    id: Vec<u8>,
    /// The line that says what a tag points to.
    peeled: Option<Vec<u8>>,
}

impl PackedRefs {
    /// Reads the file's text. `None` when it is none: a line that is no reference.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let lines = text.split(|byte| *byte == b'\n');
        let mut this = Self {
            peeled: text.is_empty(),
            refs: BTreeMap::new(),
        };
        let mut last: Option<Vec<u8>> = None;
        for line in lines.filter(|line| !line.is_empty()) {
            match line[0] {
                b'#' => this.peeled = line.windows(12).any(|part| part == b"fully-peeled"),
                b'^' => {
                    let tag = this.refs.get_mut(last.as_ref()?)?;
                    tag.peeled = Some(line.to_vec());
                }
                _ => {
                    let space = line.iter().position(|byte| *byte == b' ')?;
                    let (id, name) = (line[..space].to_vec(), line[space + 1..].to_vec());
                    if id.len() < 40 || !id.iter().all(u8::is_ascii_hexdigit) || name.is_empty() {
                        return None;
                    }
                    this.refs.insert(name.clone(), Packed { id, peeled: None });
                    last = Some(name);
                }
            }
        }
        // A file without its last line feed was torn.
        (text.is_empty() || text.ends_with(b"\n")).then_some(this)
    }

    /// The text of the file.
    pub(super) fn text(&self) -> Vec<u8> {
        let header = if self.peeled { HEADER } else { PLAIN_HEADER };
        let mut text = header.as_bytes().to_vec();
        for (name, packed) in &self.refs {
            text.extend_from_slice(&packed.id);
            text.push(b' ');
            text.extend_from_slice(name);
            text.push(b'\n');
            if let Some(peeled) = &packed.peeled {
                text.extend_from_slice(peeled);
                text.push(b'\n');
            }
        }
        text
    }

    /// What a reference points to, in hex.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let packed = self.refs.get(name.as_bytes())?;
        std::str::from_utf8(&packed.id).ok()
    }

    /// Makes a reference point to a commit, given in hex.
    pub(super) fn set(&mut self, name: &str, id: &str) {
        let packed = Packed {
            id: id.as_bytes().to_vec(),
            peeled: None,
        };
        self.refs.insert(name.as_bytes().to_vec(), packed);
    }

    /// Takes a reference out.
    pub(super) fn remove(&mut self, name: &str) {
        self.refs.remove(name.as_bytes());
    }

    /// Names and what they point to, where the name begins with `prefix`. A name that is not UTF-8 is none of ours.
    pub(super) fn with_prefix(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        let prefix = prefix.as_bytes();
        self.refs
            .range(prefix.to_vec()..)
            .take_while(move |(name, _)| name.starts_with(prefix))
            .filter_map(|(name, packed)| {
                let name = std::str::from_utf8(name).ok()?;
                Some((name, std::str::from_utf8(&packed.id).ok()?))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "1111111111111111111111111111111111111111";
    const TWO: &str = "2222222222222222222222222222222222222222";

    #[test]
    fn what_git_wrote_stays_and_ours_is_added_in_order() {
        let text = format!("{HEADER}{ONE} refs/heads/main\n{ONE} refs/tags/v1\n^{TWO}\n");
        let mut refs = PackedRefs::parse(text.as_bytes()).unwrap();
        assert_eq!(refs.text(), text.as_bytes());
        refs.set("refs/heads/deploy/local", TWO);
        refs.set("refs/heads/main", TWO);
        let text = format!(
            "{HEADER}{TWO} refs/heads/deploy/local\n{TWO} refs/heads/main\n{ONE} refs/tags/v1\n^{TWO}\n"
        );
        assert_eq!(refs.text(), text.as_bytes());
        let heads: Vec<_> = refs.with_prefix("refs/heads/").collect();
        assert_eq!(
            heads,
            [("refs/heads/deploy/local", TWO), ("refs/heads/main", TWO)]
        );
        refs.remove("refs/heads/main");
        assert_eq!(refs.get("refs/heads/main"), None);
        // a file that does not say so may hold tags without what they point to
        let old = format!("{ONE} refs/tags/v1\n");
        let old = PackedRefs::parse(old.as_bytes()).unwrap().text();
        assert!(old.starts_with(PLAIN_HEADER.as_bytes()));
    }

    #[test]
    fn a_torn_file_is_no_file() {
        for torn in [
            "x",
            &ONE[..20],
            &format!("{ONE} refs/heads/main"),
            &format!("^{ONE}\n"),
        ] {
            assert_eq!(PackedRefs::parse(torn.as_bytes()), None, "{torn}");
        }
        assert!(PackedRefs::parse(b"").is_some_and(|refs| refs.text() == HEADER.as_bytes()));
    }
}
