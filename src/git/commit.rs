//! A commit as Git stores it: its text, written, signed and read back.
//!
//! Must not know: references, where objects lie, what a message means.

use super::GitError;
use super::handle::Handle;
use super::keyring;
use super::object::{ObjectId, TreeId};
use super::read::{self, Source};
use crate::domain::CommitId;

/// What a commit follows, from its bytes: the lines after the first.
fn parents(bytes: &[u8]) -> Vec<CommitId> {
    let lines = bytes.split(|byte| *byte == b'\n').skip(1);
    let named = lines.map_while(|line| std::str::from_utf8(line.strip_prefix(b"parent ")?).ok());
    let ids = named.filter_map(ObjectId::from_hex);
    ids.map(ObjectId::commit).collect()
}

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
    let bytes = read::commit(source, id)?;
    let info = Parts::split(&bytes).and_then(|parts| parts.info(id.clone()));
    info.ok_or_else(|| damaged(id))
}

fn damaged(id: &CommitId) -> GitError {
    GitError::NoObject {
        wanted: "commit",
        id: id.to_string(),
    }
}

/// Reads a commit and who signed it, as [`signer`] does.
pub(super) fn read_signed(
    source: &dyn Source,
    id: &CommitId,
) -> Result<(CommitInfo, Option<String>), GitError> {
    let bytes = read::commit(source, id)?;
    let parts = Parts::split(&bytes);
    let read = parts.and_then(|parts| Some((parts.info(id.clone())?, parts.signer())));
    read.ok_or_else(|| damaged(id))
}

/// Fingerprint (`SHA256:…`) of the SSH key that signed exactly this commit; `None` when no signature holds. Whether the
/// key is trusted is [`KeyRing::role`](super::KeyRing::role)'s question.
pub(super) fn signer(source: &dyn Source, id: &CommitId) -> Result<Option<String>, GitError> {
    let bytes = read::commit(source, id)?;
    Ok(Parts::split(&bytes).and_then(|parts| parts.signer()))
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

    fn signer(&self) -> Option<String> {
        let mut signatures = self.headers.iter().filter(|(name, _)| name == SIGNATURE);
        match (signatures.next(), signatures.next()) {
            (Some((_, signature)), None) => keyring::signer(signature, &self.unsigned),
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

/// The commits that `tip` reaches and `known` does not, parents before children.
pub(super) fn since(
    repo: &Handle<'_>,
    tip: &CommitId,
    known: Option<&CommitId>,
) -> Result<Vec<CommitId>, GitError> {
    match straight_line(repo, tip, known)? {
        Some(line) => Ok(line),
        None => walk(repo, tip, known),
    }
}

/// The same where one commit follows the other, which needs no search; `None` where there are merges.
fn straight_line(
    source: &dyn Source,
    tip: &CommitId,
    known: Option<&CommitId>,
) -> Result<Option<Vec<CommitId>>, GitError> {
    let mut line = Vec::new();
    let mut next = Some(tip.clone());
    while let Some(id) = next.take_if(|id| Some(&*id) != known) {
        let parents = parents(&read::commit(source, &id)?);
        if parents.len() > 1 || (parents.is_empty() && known.is_some()) {
            return Ok(None);
        }
        next = parents.into_iter().next();
        line.push(id);
    }
    line.reverse();
    Ok(Some(line))
}

fn walk(
    repo: &git2::Repository,
    tip: &CommitId,
    known: Option<&CommitId>,
) -> Result<Vec<CommitId>, GitError> {
    let failed = || GitError::library("walk the history", repo);
    let mut walk = repo.revwalk().map_err(failed())?;
    let order = git2::Sort::TOPOLOGICAL | git2::Sort::REVERSE;
    walk.set_sorting(order).map_err(failed())?;
    let missing = |id: &CommitId| GitError::NoCommit { id: id.clone() };
    walk.push(ObjectId::of_commit(tip).oid())
        .map_err(|_| missing(tip))?;
    if let Some(known) = known {
        walk.hide(ObjectId::of_commit(known).oid())
            .map_err(|_| missing(known))?;
    }
    let ids = walk.map(|id| id.map(|id| ObjectId::from_oid(id).commit()));
    ids.collect::<Result<_, _>>().map_err(failed())
}

/// How far back an ancestor is looked for along single parents before the history is searched.
const NEAR: usize = 64;

/// Whether `new` has `old` in its history.
pub(super) fn is_ancestor(
    repo: &Handle<'_>,
    old: &CommitId,
    new: &CommitId,
) -> Result<bool, GitError> {
    let mut at = new.clone();
    for _ in 0..NEAR {
        if at == *old {
            return Ok(true);
        }
        match parents(&read::commit(repo, &at)?).as_slice() {
            [] => return Ok(false),
            [parent] => at = parent.clone(),
            _ => break,
        }
    }
    read::commit(repo, old)?;
    let [old, at] = [old, &at].map(|commit| ObjectId::of_commit(commit).oid());
    let failed = GitError::library("walk the history", repo);
    Ok(old == at || repo.graph_descendant_of(at, old).map_err(failed)?)
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
        assert_eq!(parts.signer(), None);
    }
}
