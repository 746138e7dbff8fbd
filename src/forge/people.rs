//! Who may do what at the forge. Must not know: roles of ours.

use hyper::StatusCode;
use serde::Deserialize;

use super::call::{Call, encoded};
use super::shapes::User;
use super::{Forge, ForgeError};
use crate::domain::forge::{Account, Priority};

#[derive(Deserialize)]
struct Granted {
    permission: String,
}

impl Forge {
    /// Whether an account may write to the repository. Nobody's account may not.
    ///
    /// # Errors
    /// Any but `InDoubt` and `NotFound`.
    pub async fn may_write(&self, login: &str) -> Result<bool, ForgeError> {
        let path = format!("/collaborators/{}/permission", encoded(login));
        let call = Call::get(Priority::Merge, self.line().path(&path));
        let answer = self.line().call(&call).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(false);
        }
        let granted: Granted = answer.good(&call.name())?.parsed(&call.name(), false)?;
        // "maintain" comes as "write", "triage" as "read".
        Ok(["admin", "write"].contains(&granted.permission.as_str()))
    }

    /// The account with a login, if there is one.
    ///
    /// # Errors
    /// Any but `InDoubt` and `NotFound`.
    pub async fn account(&self, login: &str) -> Result<Option<Account>, ForgeError> {
        let path = format!("/users/{}", encoded(login));
        let call = Call::get(Priority::Merge, path);
        let answer = self.line().call(&call).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let user: User = answer.good(&call.name())?.parsed(&call.name(), false)?;
        Ok(Some(user.into()))
    }

    /// The account numbers of a team's members; the team by its slug.
    ///
    /// # Errors
    /// Any but `InDoubt`.
    pub async fn team(&self, slug: &str) -> Result<Vec<u64>, ForgeError> {
        let line = self.line();
        let list = format!("/orgs/{}/teams/{}/members", line.slug.owner, encoded(slug));
        let members = |page: Vec<User>| page.into_iter().map(|it| it.id).collect();
        line.list(Priority::Merge, &list, members).await
    }
}
