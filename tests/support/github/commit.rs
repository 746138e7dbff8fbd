//! A commit as git stores it, read from its bytes.

/// Who and when, as a commit says it.
#[derive(Debug, Clone)]
pub(crate) struct Signature {
    pub(crate) name: String,
    pub(crate) email: String,
    /// Seconds since 1970.
    pub(crate) at: i64,
    /// As git writes it, such as `+0100`.
    pub(crate) zone: String,
}

/// A commit.
#[derive(Debug, Clone)]
pub(crate) struct Commit {
    pub(crate) id: String,
    pub(crate) tree: String,
    pub(crate) parents: Vec<String>,
    pub(crate) author: Signature,
    pub(crate) committer: Signature,
    pub(crate) message: String,
    /// The armoured signature, where it has one.
    pub(crate) signature: Option<String>,
    /// What the signature is over.
    pub(crate) payload: String,
}

impl Commit {
    /// Reads what `git cat-file commit` prints.
    pub(crate) fn parse(id: &str, raw: &str) -> Self {
        let (head, message) = raw.split_once("\n\n").unwrap_or((raw, ""));
        let mut commit = Self {
            id: id.to_owned(),
            tree: String::new(),
            parents: Vec::new(),
            author: Signature::parse(""),
            committer: Signature::parse(""),
            message: message.trim_end_matches('\n').to_owned(),
            signature: None,
            payload: String::new(),
        };
        let mut inside = false;
        for line in head.lines() {
            if let (true, Some(more), Some(signature)) =
                (inside, line.strip_prefix(' '), commit.signature.as_mut())
            {
                signature.push('\n');
                signature.push_str(more);
                continue;
            }
            inside = false;
            match line.split_once(' ') {
                Some(("tree", it)) => it.clone_into(&mut commit.tree),
                Some(("parent", it)) => commit.parents.push(it.to_owned()),
                Some(("author", it)) => commit.author = Signature::parse(it),
                Some(("committer", it)) => commit.committer = Signature::parse(it),
                Some(("gpgsig", it)) => {
                    commit.signature = Some(it.to_owned());
                    inside = true;
                    continue;
                }
                _ => {}
            }
            commit.payload.push_str(line);
            commit.payload.push('\n');
        }
        commit.payload.push('\n');
        commit.payload.push_str(message);
        commit
    }

    /// The first line of the message.
    pub(crate) fn title(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }

    /// The message below its first line.
    pub(crate) fn rest(&self) -> &str {
        let rest = self.message.split_once('\n').map_or("", |(_, it)| it);
        rest.trim_start_matches('\n')
    }
}

impl Signature {
    /// Reads `Name <email> seconds zone`.
    fn parse(line: &str) -> Self {
        let (name, rest) = line.split_once(" <").unwrap_or(("", line));
        let (email, rest) = rest.split_once("> ").unwrap_or(("", ""));
        let (at, zone) = rest.split_once(' ').unwrap_or(("0", "+0000"));
        Self {
            name: name.to_owned(),
            email: email.to_owned(),
            at: at.parse().unwrap_or(0),
            zone: zone.to_owned(),
        }
    }
}
