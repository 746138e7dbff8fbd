//! What lies at a path of a commit, heads of people's pull requests and of their forks included.
//!
//! Facts: <https://docs.github.com/rest/repos/contents>. GitHub follows a symlink to a file without saying so, and sends no
//! content of files above 1 MB. Must not know: what a file means.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::call::{Call, encoded};
use super::{Forge, ForgeError};
use crate::domain::CommitId;
use crate::domain::forge::Priority;

/// What GitHub says where the commit itself is not there (yet).
const NO_COMMIT: &str = "No commit found";

/// What was found at a path of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Nothing.
    Nothing,
    /// A file with these bytes.
    File(Vec<u8>),
    /// Something else, or a file that is too large to be sent.
    Other,
}

#[derive(Deserialize)]
struct Item {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    sha: String,
    encoding: Option<String>,
    content: Option<String>,
}

/// A folder is answered by its items, a file by itself.
#[derive(Deserialize)]
#[serde(untagged)]
enum Shape {
    Folder(Vec<Item>),
    One(Item),
}

impl Forge {
    /// The file at a path of a commit.
    ///
    /// # Errors
    /// Any but `InDoubt`; `NotFound` where the commit is not there.
    pub async fn file(&self, path: &str, commit: &CommitId) -> Result<Content, ForgeError> {
        match self.contents(path, commit).await? {
            None => Ok(Content::Nothing),
            Some(Shape::Folder(_)) => Ok(Content::Other),
            Some(Shape::One(item)) => Ok(item.content()),
        }
    }

    /// The id of the Git object at a path of a commit: of a file's content, or of a whole folder. None where nothing is.
    ///
    /// # Errors
    /// Any but `InDoubt`; `NotFound` where the commit is not there.
    pub async fn object(
        &self,
        path: &str,
        commit: &CommitId,
    ) -> Result<Option<String>, ForgeError> {
        // A folder's own id is told by the folder above it.
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let found = match self.contents(folder, commit).await? {
            Some(Shape::Folder(items)) => items.into_iter().find(|it| it.name == name),
            Some(Shape::One(_)) | None => None,
        };
        Ok(found.map(|it| it.sha))
    }

    async fn contents(&self, path: &str, commit: &CommitId) -> Result<Option<Shape>, ForgeError> {
        let parts: Vec<String> = path.split('/').map(encoded).collect();
        let path = format!("/contents/{}", parts.join("/"));
        let path = format!("{}?ref={commit}", path.trim_end_matches('/'));
        let path = self.line().path(&path);
        match self.line().ask(Call::get(Priority::Poll, path)).await {
            Ok(shape) => Ok(Some(shape)),
            Err(ForgeError::NotFound(why)) if !why.contains(NO_COMMIT) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Item {
    fn content(self) -> Content {
        let base64 = self.encoding.as_deref() == Some("base64");
        let text = self.content.filter(|_| base64 && self.kind == "file");
        // GitHub breaks it into lines.
        let text = text.map(|it| it.replace(['\n', '\r'], ""));
        let bytes = text.and_then(|it| STANDARD.decode(it).ok());
        bytes.map_or(Content::Other, Content::File)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn only_what_was_sent_whole_is_a_file() {
        let item = |kind: &str, encoding: Value, content: Value| {
            let body = json!({"type": kind, "name": "a.yaml", "sha": "0", "size": 3,
                "encoding": encoding, "content": content});
            serde_json::from_value::<Item>(body)
                .expect("an item")
                .content()
        };
        let file = Content::File(b"a: b\nc: d\n".to_vec());
        for (kind, encoding, content, wanted) in [
            ("file", json!("base64"), json!("YTogYgpj\nOiBkCg==\n"), file),
            (
                "file",
                json!("base64"),
                json!(""),
                Content::File(Vec::new()),
            ),
            // more than 1 MB
            ("file", json!("none"), json!(""), Content::Other),
            ("file", json!("base64"), json!("%"), Content::Other),
            ("symlink", json!(null), json!(null), Content::Other),
            ("submodule", json!(null), json!(null), Content::Other),
        ] {
            assert_eq!(item(kind, encoding, content), wanted, "{kind}");
        }
    }

    #[test]
    fn a_folder_is_told_from_a_file() {
        let item = json!({"type": "dir", "name": "1.0.0", "sha": "f"});
        let read = |body: Value| serde_json::from_value::<Shape>(body).expect("a shape");
        assert!(matches!(read(json!([item])), Shape::Folder(items) if items[0].sha == "f"));
        assert!(matches!(read(item), Shape::One(_)));
    }
}
