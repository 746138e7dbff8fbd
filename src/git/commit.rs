//! A commit as Git stores it: its text, written, signed and read back.
//!
//! Must not know: references, where objects lie, what a message means.

use super::GitError;
use super::keyring::Claim;
use super::object::{ObjectId, TreeId};
use super::read::{self, Source};
use crate::domain::CommitId;

/// Who wrote or committed something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// As people read it.
    pub name: String,
    /// An e-mail address, or what stands for one.
    pub email: String,
}

impl Person {
    /// A person by name and e-mail address. What a commit's header cannot hold (`<`, `>`, control characters) is
    /// left out when it is written.
    pub fn new(name: impl Into<String>, email: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            email: email.into(),
        }
    }

    fn header(&self, time: i64) -> String {
        format!(
            "{} <{}> {time} +0000",
            header_text(&self.name),
            header_text(&self.email)
        )
    }
}

fn header_text(text: &str) -> String {
    let kept: String = text
        .chars()
        .filter(|c| !c.is_control() && !matches!(c, '<' | '>'))
        .collect();
    let kept = kept.trim();
    // `git fsck --strict` wants no empty name.
    if kept.is_empty() {
        "unknown".to_owned()
    } else {
        kept.to_owned()
    }
}

/// A commit as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitInfo {
    /// Its name.
    pub id: CommitId,
    /// Its root folder.
    pub tree: TreeId,
    /// What it follows: none for the first, several for a merge.
    pub parents: Vec<CommitId>,
    /// Who wrote it. Anybody can write anything here.
    pub author: Person,
    /// Who committed it. Anybody can write anything here.
    pub committer: Person,
    /// When it was committed, in seconds since the Unix epoch, by the committer's clock.
    pub time: i64,
    /// The whole message. Bytes that are not UTF-8 are shown as replacement characters.
    pub message: String,
}

/// What a new commit says.
pub(super) struct CommitText<'a> {
    pub(super) tree: ObjectId,
    pub(super) parent: Option<&'a CommitId>,
    pub(super) author: &'a Person,
    pub(super) committer: &'a Person,
    pub(super) time: i64,
    pub(super) message: &'a str,
}

impl CommitText<'_> {
    /// The header without a signature, and the message: what is signed is one after the other, with an empty line
    /// between.
    fn parts(&self) -> Result<(String, String), GitError> {
        if self.message.contains('\0') {
            return Err(GitError::BadCommit {
                rule: "its message must not hold a zero byte",
            });
        }
        if self.message.trim().is_empty() {
            return Err(GitError::BadCommit {
                rule: "its message is empty",
            });
        }
        let (tree, author, committer) = (
            self.tree,
            self.author.header(self.time),
            self.committer.header(self.time),
        );
        let parent = self
            .parent
            .map_or_else(String::new, |parent| format!("parent {parent}\n"));
        let header = format!("tree {tree}\n{parent}author {author}\ncommitter {committer}\n");
        Ok((header, format!("{}\n", self.message.trim_end_matches('\n'))))
    }

    /// The commit's bytes, signed by `sign`, which gets the unsigned bytes and gives the armoured signature.
    pub(super) fn signed<E>(
        &self,
        sign: impl FnOnce(&[u8]) -> Result<String, E>,
    ) -> Result<Vec<u8>, GitError>
    where
        GitError: From<E>,
    {
        let (header, message) = self.parts()?;
        let signature = sign(format!("{header}\n{message}").as_bytes())?;
        // A header's value goes on in lines that begin with a space.
        let signature = signature.trim_end().replace('\n', "\n ");
        Ok(format!("{header}gpgsig {signature}\n\n{message}").into_bytes())
    }
}

/// Reads a commit.
pub(super) fn read(source: &dyn Source, id: &CommitId) -> Result<CommitInfo, GitError> {
    Ok(parse(id, &read::commit(source, id)?, false)?.0)
}

/// What a commit's bytes say, and what claims to be its signature where that is wanted.
pub(super) fn parse(
    id: &CommitId,
    bytes: &[u8],
    signature: bool,
) -> Result<(CommitInfo, Option<Claim>), GitError> {
    let damaged = || GitError::NoObject {
        wanted: "commit",
        id: id.to_string(),
    };
    let parts = Parts::split(bytes).ok_or_else(damaged)?;
    let info = parts.info(id.clone()).ok_or_else(damaged)?;
    let claim = if signature { parts.claim() } else { None };
    Ok((info, claim))
}

/// Fingerprint (`SHA256:…`) of the SSH key that signed exactly this commit; `None` when no signature holds. Whether the
/// key is trusted is [`KeyRing::role`](super::KeyRing::role)'s question.
pub(super) fn signer(source: &dyn Source, id: &CommitId) -> Result<Option<String>, GitError> {
    let bytes = read::commit(source, id)?;
    let claim = Parts::split(&bytes).and_then(|parts| parts.claim());
    Ok(claim.and_then(|it| it.signer()))
}

/// A commit's bytes, cut at its seams.
struct Parts<'a> {
    /// Names and values, continuation lines joined by line feeds.
    headers: Vec<(String, String)>,
    message: &'a [u8],
    /// The bytes that a signature covers: everything but the signature's own header.
    unsigned: Vec<u8>,
}

impl<'a> Parts<'a> {
    fn split(bytes: &'a [u8]) -> Option<Self> {
        let end = bytes.windows(2).position(|pair| pair == b"\n\n")? + 1;
        let (head, message) = (&bytes[..end], &bytes[end + 1..]);
        let mut headers: Vec<(String, String)> = Vec::new();
        let mut unsigned = Vec::with_capacity(bytes.len());
        for line in head.split_inclusive(|byte| *byte == b'\n') {
            let text = String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(line));
            if let Some(more) = text.strip_prefix(' ') {
                let (_, value) = headers.last_mut()?;
                value.push('\n');
                value.push_str(more);
            } else {
                let (name, value) = text.split_once(' ').unwrap_or((&text, ""));
                headers.push((name.to_owned(), value.to_owned()));
            }
            if headers.last().is_some_and(|(name, _)| name != SIGNATURE) {
                unsigned.extend_from_slice(line);
            }
        }
        unsigned.extend_from_slice(&bytes[end..]);
        Some(Self {
            headers,
            message,
            unsigned,
        })
    }

    /// What the headers say. `None` when they are no commit's.
    fn info(&self, id: CommitId) -> Option<CommitInfo> {
        let mut parents = Vec::new();
        let (mut tree, mut author, mut committer) = (None, None, None);
        for (name, value) in &self.headers {
            match name.as_str() {
                "tree" if tree.is_none() => tree = Some(TreeId(ObjectId::from_hex(value)?)),
                "parent" => parents.push(ObjectId::from_hex(value)?.commit()),
                "author" if author.is_none() => author = Some(person(value)),
                "committer" if committer.is_none() => committer = Some(person(value)),
                _ => {}
            }
        }
        let (committer, time) = committer?;
        Some(CommitInfo {
            id,
            tree: tree?,
            parents,
            author: author?.0,
            committer,
            time,
            message: String::from_utf8_lossy(self.message).into_owned(),
        })
    }

    fn claim(&self) -> Option<Claim> {
        let mut signatures = self.headers.iter().filter(|(name, _)| name == SIGNATURE);
        match (signatures.next(), signatures.next()) {
            (Some((_, signature)), None) => Claim::read(signature, &self.unsigned),
            // Two signatures are nobody's: programs differ in which of them they would check.
            _ => None,
        }
    }
}

/// The header that holds a signature.
const SIGNATURE: &str = "gpgsig";

/// Reads `Name <e-mail> seconds zone`; what is missing is empty or 0.
fn person(text: &str) -> (Person, i64) {
    let (who, when) = text.rsplit_once('>').unwrap_or((text, ""));
    let (name, email) = who.split_once('<').unwrap_or((who, ""));
    let time = when
        .split_whitespace()
        .next()
        .and_then(|seconds| seconds.parse().ok());
    (Person::new(name.trim(), email.trim()), time.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_fit_into_a_header() {
        let odd = Person::new("Eve <root@x>\nparent 1", " ");
        assert_eq!(odd.header(5), "Eve root@xparent 1 <unknown> 5 +0000");
        assert_eq!(
            person("Ada L <a@x> 12 +0100"),
            (Person::new("Ada L", "a@x"), 12)
        );
        assert_eq!(person("nobody"), (Person::new("nobody", ""), 0));
    }

    #[test]
    fn a_signature_s_header_is_no_part_of_what_it_covers() {
        let bytes = b"tree 1\nauthor a\ngpgsig one\n two\nencoding x\n\nmessage\n\nmore\n";
        let parts = Parts::split(bytes).unwrap();
        assert_eq!(
            parts.unsigned,
            b"tree 1\nauthor a\nencoding x\n\nmessage\n\nmore\n"
        );
        assert_eq!(parts.message, b"message\n\nmore\n");
        assert_eq!(
            parts.headers[2],
            ("gpgsig".to_owned(), "one\ntwo".to_owned())
        );
        assert!(parts.claim().is_none());
    }
}
