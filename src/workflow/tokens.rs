//! API tokens at work: who a token stands for, and making, listing and revoking them.
//!
//! The journal keeps hashes; here they lie in memory, moved together with the journal, so that a revoked token is refused
//! from the moment its revocation is answered. The admin token of the data folder is in memory alone: the file says which
//! it is, and no call of the API can take it away. Must not know: routes, or which role a call needs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use subtle::ConstantTimeEq;
use tokio_util::sync::CancellationToken;
use ulid::Ulid;

use super::Fleet;
use super::core::{Core, lock};
use super::start::{new_token, token_hash};
use crate::domain::request::{Caller, Refusal, Role};
use crate::domain::token::{Denied, Token, TokenRequest};
use crate::domain::view::{Condition, IssuerCheck, Page};
use crate::domain::{Owner, TokenId};
use crate::journal::{Journal, JournalError, KeptToken};
use crate::oidc::Issuer;

/// How long a token that has run out is still listed.
const REMEMBERED: jiff::SignedDuration = jiff::SignedDuration::from_hours(30 * 24);
/// The name that the token of the data folder goes by.
const ADMIN: &str = "admin";

/// Every token that is known.
pub(super) struct Tokens {
    /// The hash of the data folder's.
    admin: String,
    known: RwLock<Known>,
    /// Held from the look at what is there until journal and memory have changed.
    changing: Mutex<()>,
}

/// By the first digits of their hashes: finding the place tells nothing of use about a token, and whole hashes are then
/// compared in constant time.
type Known = HashMap<String, Vec<KeptToken>>;

impl Tokens {
    /// The tokens of the journal, and the one of the data folder.
    pub(super) fn load(journal: &Journal, admin: &str) -> Result<Self, JournalError> {
        let mut known = Known::new();
        for kept in journal.tokens()? {
            put(&mut known, kept);
        }
        Ok(Self {
            admin: token_hash(admin),
            known: RwLock::new(known),
            changing: Mutex::new(()),
        })
    }

    fn caller(&self, text: &str, now: jiff::Timestamp) -> Result<Caller, Denied> {
        let offered = token_hash(text);
        let same = |hash: &str| bool::from(hash.as_bytes().ct_eq(offered.as_bytes()));
        if same(&self.admin) {
            return Ok(admin());
        }
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let near = known.get(start_of(&offered)).map_or(&[][..], Vec::as_slice);
        match near.iter().find(|it| same(&it.hash)).map(|it| &it.token) {
            Some(token) if !token.has_expired(now) => Ok(token.caller()),
            Some(token) => Err(Denied::Unknown(format!(
                "the token {} expired at {:.0}; ask an admin for a new one",
                token.name, token.expires_at
            ))),
            None => Err(unknown()),
        }
    }

    /// In order of creation.
    fn all(&self) -> Vec<Token> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<Token> = known
            .values()
            .flatten()
            .map(|it| it.token.clone())
            .collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    }

    /// Takes a token in, or none, and lets others go.
    fn change(&self, new: Option<KeptToken>, gone: &[TokenId]) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, near| {
            near.retain(|it| !gone.contains(&it.token.id));
            !near.is_empty()
        });
        if let Some(kept) = new {
            put(&mut known, kept);
        }
    }
}

fn put(known: &mut Known, kept: KeptToken) {
    let place = known.entry(start_of(&kept.hash).to_owned());
    place.or_default().push(kept);
}

fn start_of(hash: &str) -> &str {
    hash.get(..16).unwrap_or(hash)
}

impl Fleet {
    /// Whom a token stands for: one of ours, or an ID token of the issuer that is trusted.
    ///
    /// # Errors
    /// Why its bearer is not let in.
    pub async fn authenticate(&self, token: &str) -> Result<Caller, Denied> {
        let (core, now) = (&self.0.core, Core::now());
        match (core.tokens.caller(token, now), &core.issuer) {
            // Only a JWT has dots.
            (Err(Denied::Unknown(_)), Some(issuer)) if token.contains('.') => {
                issuer.authenticate(token, now).await
            }
            (ours, _) => ours,
        }
    }

    /// Makes a token. What is returned beside it is its text, which is kept nowhere. Blocks until it is on disk.
    ///
    /// # Errors
    /// Fields that are wrong, or a name that is taken.
    pub fn create_token(
        &self,
        by: &Caller,
        request: &TokenRequest,
    ) -> Result<(Token, String), Refusal> {
        let (core, now) = (&self.0.core, Core::now());
        let _alone = lock(&core.tokens.changing);
        let id = new_id();
        let token = request.accept(id, by, now)?;
        let all = core.tokens.all();
        let same = |it: &&Token| it.name == token.name && !it.has_expired(now);
        if token.name.as_str() == ADMIN || all.iter().any(|it| same(&it)) {
            let text = format!(
                "there is a token {} already; revoke it, or choose another name",
                token.name
            );
            return Err(Refusal::Conflict(text));
        }
        let replaced = |it: &&Token| {
            let long_gone = it
                .expires_at
                .saturating_add(REMEMBERED)
                .is_ok_and(|at| at <= now);
            it.name == token.name || long_gone
        };
        let gone: Vec<TokenId> = all
            .iter()
            .filter(replaced)
            .map(|it| it.id.clone())
            .collect();
        let text = new_token();
        let kept = KeptToken {
            hash: token_hash(&text),
            token,
        };
        core.journal
            .put_token(&kept, &gone)
            .map_err(|it| unavailable(&it))?;
        let token = kept.token.clone();
        core.tokens.change(Some(kept), &gone);
        tracing::info!(
            token.id = %token.id, token.name = %token.name, token.role = ?token.role, token.owner = %token.owner,
            token.expires_at = %token.expires_at, caller = by.subject, "Token {} made", token.name
        );
        Ok((token, text))
    }

    /// Tokens in order of creation, those that have run out lately included. The one of the data folder is no part of it.
    pub fn tokens(&self, limit: usize, cursor: Option<&str>) -> Page<Token> {
        let mut items = self.0.core.tokens.all();
        items.retain(|it| cursor.is_none_or(|cursor| it.id.as_str() > cursor));
        let more = items.len() > limit;
        items.truncate(limit);
        let last = items.last().map(|it| it.id.to_string());
        Page {
            items,
            next: last.filter(|_| more),
        }
    }

    /// One of them.
    pub fn token(&self, id: &TokenId) -> Option<Token> {
        let all = self.0.core.tokens.all();
        all.into_iter().find(|it| it.id == *id)
    }

    /// Revokes a token: when this returns, nobody gets in with it. Blocks until that is on disk. False when there is none.
    ///
    /// # Errors
    /// When the journal cannot be written; then the token is still good.
    pub fn revoke_token(&self, by: &Caller, id: &TokenId) -> Result<bool, Refusal> {
        let core = &self.0.core;
        let _alone = lock(&core.tokens.changing);
        let Some(token) = self.token(id) else {
            return Ok(false);
        };
        core.journal.drop_token(id).map_err(|it| unavailable(&it))?;
        core.tokens.change(None, std::slice::from_ref(id));
        tracing::info!(
            token.id = %token.id, token.name = %token.name, caller = by.subject, "Token {} revoked", token.name
        );
        Ok(true)
    }
}

/// Keeps an issuer's keys fresh until the token is cancelled. An issuer that is down holds nothing up.
pub(super) async fn follow_issuer(core: Arc<Core>, stop: CancellationToken) {
    let Some(issuer) = &core.issuer else { return };
    loop {
        let turn = async {
            issuer.renew(Core::now()).await;
            tokio::time::sleep(issuer.next_look()).await;
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = turn => {}
        }
    }
}

/// What `/api/health` says of an issuer, and whether it is well. Before the first answer nothing is wrong yet.
pub(super) fn issuer_health(issuer: &Issuer) -> IssuerCheck {
    let status = issuer.status();
    IssuerCheck {
        status: Condition::of(status.problem.is_none()),
        message: status.problem,
        keys: status.keys,
        fetched_at: status.fetched_at,
    }
}

fn new_id() -> TokenId {
    let text = Ulid::new().to_string();
    text.parse().expect("a ULID is a token id")
}

fn admin() -> Caller {
    let owner: Owner = ADMIN.parse().expect("a plain word is an owner");
    Caller {
        subject: format!("token:{ADMIN}"),
        role: Role::Admin,
        owner,
    }
}

fn unknown() -> Denied {
    Denied::Unknown("the token is not known; ask an admin for a new one".to_owned())
}

fn unavailable(error: &JournalError) -> Refusal {
    Refusal::Unavailable(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn token(id: &str, name: &str, ends: i64) -> Token {
        Token {
            id: id.parse().expect("a ULID"),
            name: name.parse().expect("a label"),
            role: Role::Viewer,
            owner: "a".parse().expect("an owner"),
            created_at: Timestamp::UNIX_EPOCH,
            created_by: "token:admin".to_owned(),
            expires_at: Timestamp::from_second(ends).expect("a time"),
        }
    }

    #[test]
    fn what_is_kept_is_found_after_a_start_and_what_was_revoked_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Journal::open(&folder.path().join("journal.redb")).expect("a journal");
        let ids = ["01ARZ3NDEKTSV4RRFFQ69G5FAV", "01ARZ3NDEKTSV4RRFFQ69G5FAW"];
        for (id, name) in ids.iter().zip(["one", "two"]) {
            let kept = KeptToken {
                hash: token_hash(&format!("fwt_{name}")),
                token: token(id, name, 100),
            };
            journal.put_token(&kept, &[]).expect("kept");
        }
        let tokens = Tokens::load(&journal, "fwt_admin").expect("loaded");
        let at = |second| Timestamp::from_second(second).expect("a time");
        let who = |text: &str, second| tokens.caller(text, at(second)).map(|it| it.subject);
        assert_eq!(who("fwt_one", 99), Ok("token:one".to_owned()));
        assert_eq!(who("fwt_two", 0), Ok("token:two".to_owned()));
        assert_eq!(who("fwt_admin", 1_000), Ok("token:admin".to_owned()));
        assert!(who("fwt_one", 100).is_err_and(|it| it.to_string().contains("expired")));
        assert_eq!(who("fwt_three", 0), Err(unknown()));
        assert_eq!(who("", 0), Err(unknown()));

        let one = ids[0].parse().expect("a ULID");
        journal.drop_token(&one).expect("dropped");
        tokens.change(None, std::slice::from_ref(&one));
        assert_eq!(who("fwt_one", 0), Err(unknown()));
        let again = Tokens::load(&journal, "fwt_admin").expect("loaded");
        assert_eq!(again.all(), tokens.all());
        assert_eq!(again.all().len(), 1);
    }
}
