//! What concerns the whole fleet: clusters, plans, engines, people's commits without effect, and vouching for them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;

use super::app::App;
use super::auth::Signed;
use super::body::JsonBody;
use super::params::{Paging, Params};
use super::problem::Problem;
use crate::domain::CommitId;
use crate::domain::view::{ClusterView, EngineView, Foreign, Page, PlanView};

/// `GET /api/v1/clusters`
pub(super) async fn clusters(
    State(app): State<Arc<App>>,
    Signed(_): Signed,
    params: Params,
) -> Result<Json<Page<ClusterView>>, Problem> {
    paged(params, app.fleet.clusters())
}

/// `GET /api/v1/plans`: what a plan costs and gives, and the engines that offer it.
pub(super) async fn plans(
    State(app): State<Arc<App>>,
    Signed(_): Signed,
    params: Params,
) -> Result<Json<Page<PlanView>>, Problem> {
    let policy = app.fleet.policy();
    let plans = policy.plans.iter();
    paged(
        params,
        plans.map(|(name, it)| PlanView::of(name, it)).collect(),
    )
}

/// `GET /api/v1/engines`: the versions that may be chosen, and what a merchant may set.
pub(super) async fn engines(
    State(app): State<Arc<App>>,
    Signed(_): Signed,
    params: Params,
) -> Result<Json<Page<EngineView>>, Problem> {
    let policy = app.fleet.policy();
    let engines = policy.engines.iter();
    paged(
        params,
        engines.map(|(name, it)| EngineView::of(name, it)).collect(),
    )
}

/// `GET /api/v1/foreign`
pub(super) async fn foreign(
    State(app): State<Arc<App>>,
    Signed(_): Signed,
    params: Params,
) -> Result<Json<Page<Foreign>>, Problem> {
    paged(params, app.fleet.foreign())
}

/// What is vouched for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "VouchRequest")]
pub(super) struct Vouch {
    /// A commit of published main.
    commit: CommitId,
}

/// `POST /api/v1/vouch`: an admin accepts a person's commit.
pub(super) async fn vouch(
    State(app): State<Arc<App>>,
    Signed(caller): Signed,
    params: Params,
    body: JsonBody,
) -> Result<StatusCode, Problem> {
    params.finish()?;
    let Vouch { commit } = body.decode()?;
    app.fleet.vouch(&caller, &commit).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// One page of a list that is small and in memory. Its cursor is the place in the list.
fn paged<T>(mut params: Params, items: Vec<T>) -> Result<Json<Page<T>>, Problem> {
    let Paging { limit, cursor } = params.paging();
    let start = cursor.map(|text| text.parse::<usize>());
    if let Some(Err(_)) = start {
        params.wrong("cursor", "is none of this list; begin again without one");
    }
    params.finish()?;
    Ok(Json(slice(
        items,
        start.and_then(Result::ok).unwrap_or(0),
        limit,
    )))
}

fn slice<T>(items: Vec<T>, start: usize, limit: usize) -> Page<T> {
    let end = start.saturating_add(limit);
    let next = (end < items.len()).then(|| end.to_string());
    Page {
        items: items.into_iter().skip(start).take(limit).collect(),
        next,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_meet_without_gap_or_overlap() {
        let first = slice(vec![1, 2, 3], 0, 2);
        assert_eq!(
            (first.items, first.next.as_deref()),
            (vec![1, 2], Some("2"))
        );
        let second = slice(vec![1, 2, 3], 2, 2);
        assert_eq!((second.items, second.next), (vec![3], None));
        assert_eq!(slice(vec![1], usize::MAX, 2).items, Vec::<i32>::new());
    }
}
