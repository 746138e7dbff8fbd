//! `POST /api/v1/stores/{name}/<action>`: upgrade, suspend, resume, rollback, retry.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Path, Request as HttpRequest};
use axum::response::Response;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::app::App;
use super::auth::Signed;
use super::body::{JsonBody, MaybeBody};
use super::problem::Problem;
use super::stores::store_name;
use super::write::Write;
use crate::domain::StoreName;
use crate::domain::record::RetryMode;
use crate::domain::request::{Caller, Request};

/// The body of `upgrade`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(rename = "UpgradeRequest")]
pub(super) struct Upgrade {
    /// The chart version.
    version: String,
    /// Whether it may be an older one.
    #[serde(default)]
    allow_downgrade: bool,
}

/// The body of `rollback`, which may be left out.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RollbackRequest")]
pub(super) struct Rollback {
    /// A commit or a change of the store; without it the state before the newest.
    #[serde(default)]
    to: Option<String>,
}

/// The body of `retry`, which may be left out.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RetryRequest")]
pub(super) struct Retry {
    /// How much is tried again. Without it as much as the state needs: `reset` where Flux has given up and where the cluster
    /// is not seen, else `reconcile`.
    #[serde(default)]
    mode: Option<RetryMode>,
}

/// The body of what takes no parameter.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "EmptyRequest")]
pub(super) struct Nothing {}

/// A call of an action: which store, by whom, how.
pub(super) struct Call {
    app: Arc<App>,
    caller: Caller,
    store: StoreName,
    write: Write,
    body: JsonBody,
}

impl FromRequest<Arc<App>> for Call {
    type Rejection = Problem;

    async fn from_request(request: HttpRequest, app: &Arc<App>) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let Signed(caller) = Signed::from_request_parts(&mut parts, app).await?;
        let name = Path::<String>::from_request_parts(&mut parts, app).await;
        let Path(name) = name.map_err(|it| Problem::of_status(it.status()))?;
        let write = Write::from_request_parts(&mut parts, app).await?;
        let MaybeBody(body) =
            MaybeBody::from_request(HttpRequest::from_parts(parts, body), app).await?;
        Ok(Self {
            app: Arc::clone(app),
            caller,
            store: store_name(&name)?,
            write,
            body,
        })
    }
}

impl Call {
    /// Carries out what the body asks for.
    pub(super) async fn run<T: DeserializeOwned>(
        self,
        request: impl FnOnce(StoreName, T) -> Request,
    ) -> Result<Response, Problem> {
        let request = request(self.store, self.body.decode()?);
        let Self { app, caller, .. } = self;
        self.write
            .run(&app, caller, request, &self.body.bytes)
            .await
    }
}

/// `POST /api/v1/stores/{name}/upgrade`
pub(super) async fn upgrade(call: Call) -> Result<Response, Problem> {
    let asked = |store, it: Upgrade| Request::Upgrade {
        store,
        version: it.version,
        allow_downgrade: it.allow_downgrade,
    };
    call.run(asked).await
}

/// `POST /api/v1/stores/{name}/suspend`
pub(super) async fn suspend(call: Call) -> Result<Response, Problem> {
    call.run(|store, Nothing {}| Request::Suspend { store })
        .await
}

/// `POST /api/v1/stores/{name}/resume`
pub(super) async fn resume(call: Call) -> Result<Response, Problem> {
    call.run(|store, Nothing {}| Request::Resume { store })
        .await
}

/// `POST /api/v1/stores/{name}/rollback`
pub(super) async fn rollback(call: Call) -> Result<Response, Problem> {
    call.run(|store, Rollback { to }| Request::Rollback { store, to })
        .await
}

/// `POST /api/v1/stores/{name}/retry`
pub(super) async fn retry(call: Call) -> Result<Response, Problem> {
    call.run(|store, Retry { mode }| Request::Retry { store, mode })
        .await
}
