//! What concerns the whole fleet: clusters, plans, engines, people's commits without effect, and vouching for them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::Deserialize;

use super::app::App;
use super::auth::Signed;
use super::body::JsonBody;
use super::params::{Paging, Params};
use super::problem::Problem;
use crate::domain::CommitId;
use crate::domain::orphan::Orphan;
use crate::domain::view::{ClusterView, EngineView, Foreign, Page, PlanView};

/// What a cursor of ours begins with, before it is encoded.
const CURSOR: &str = "after ";

/// `GET /api/v1/clusters`
pub(super) async fn clusters(
    State(app): State<Arc<App>>,
    Signed(_): Signed,
    params: Params,
) -> Result<Json<Page<ClusterView>>, Problem> {
    paged(params, app.fleet.clusters(), |it| it.name.to_string())
}

/// `GET /api/v1/plans`: what a plan costs and gives, and the engines that offer it.
pub(super) async fn plans(
    State(app): State<Arc<App>>,
    Signed(_): Signed,
    params: Params,
) -> Result<Json<Page<PlanView>>, Problem> {
    let policy = app.fleet.policy();
    let plans = policy.plans.iter();
    let plans = plans.map(|(name, it)| PlanView::of(name, it)).collect();
    paged(params, plans, |it: &PlanView| it.name.clone())
}

/// `GET /api/v1/engines`: the versions that may be chosen, and what a merchant may set.
pub(super) async fn engines(
    State(app): State<Arc<App>>,
    Signed(_): Signed,
    params: Params,
) -> Result<Json<Page<EngineView>>, Problem> {
    let policy = app.fleet.policy();
    let engines = policy.engines.iter();
    let engines = engines.map(|(name, it)| EngineView::of(name, it)).collect();
    paged(params, engines, |it: &EngineView| it.name.clone())
}

/// `GET /api/v1/foreign`
pub(super) async fn foreign(
    State(app): State<Arc<App>>,
    Signed(_): Signed,
    params: Params,
) -> Result<Json<Page<Foreign>>, Problem> {
    paged(params, app.fleet.foreign(), |it| it.path.clone())
}

/// `GET /api/v1/orphans`
pub(super) async fn orphans(
    State(app): State<Arc<App>>,
    Signed(_): Signed,
    params: Params,
) -> Result<Json<Page<Orphan>>, Problem> {
    let key = |it: &Orphan| format!("{}/{}/{:?}", it.cluster, it.store, it.reason);
    paged(params, app.fleet.orphans(), key)
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

/// One page of a list that is small and in memory. Its cursor names the last item of the page before, so that what comes
/// and goes between two pages shifts nothing.
fn paged<T>(
    mut params: Params,
    items: Vec<T>,
    key: impl Fn(&T) -> String,
) -> Result<Json<Page<T>>, Problem> {
    let Paging { limit, cursor } = params.paging();
    let start = cursor.map_or(Some(0), |it| start(&items, &it, &key));
    if start.is_none() {
        params.wrong("cursor", "is none of this list; begin again without one");
    }
    params.finish()?;
    Ok(Json(slice(items, start.unwrap_or(0), limit, &key)))
}

/// The place behind the item that a cursor names. Of one that is gone only a sorted list knows where it was.
fn start<T>(items: &[T], cursor: &str, key: &impl Fn(&T) -> String) -> Option<usize> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let name = String::from_utf8(bytes).ok()?;
    let name = name.strip_prefix(CURSOR)?;
    let there = items.iter().position(|it| key(it) == name);
    let sorted = || items.is_sorted_by_key(key);
    match there {
        Some(place) => Some(place + 1),
        None => sorted().then(|| items.partition_point(|it| key(it).as_str() < name)),
    }
}

fn slice<T>(items: Vec<T>, start: usize, limit: usize, key: &impl Fn(&T) -> String) -> Page<T> {
    let more = items.len() > start.saturating_add(limit);
    let items: Vec<T> = items.into_iter().skip(start).take(limit).collect();
    let last = items.last().filter(|_| more);
    Page {
        next: last.map(|it| URL_SAFE_NO_PAD.encode(format!("{CURSOR}{}", key(it)))),
        items,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(
        items: &[&'static str],
        cursor: Option<&str>,
    ) -> Option<(Vec<&'static str>, Option<String>)> {
        let key = |it: &&str| (*it).to_owned();
        let start = cursor.map_or(Some(0), |it| start(items, it, &key))?;
        let page = slice(items.to_vec(), start, 2, &key);
        Some((page.items, page.next))
    }

    #[test]
    fn pages_meet_whatever_comes_and_goes_between_them() {
        let (first, next) = page(&["b", "d", "f"], None).expect("a page");
        assert_eq!(first, ["b", "d"]);
        let next = next.expect("there is more");
        let then = |items: &[&'static str]| page(items, Some(&next)).map(|it| it.0);
        assert_eq!(then(&["b", "d", "f"]), Some(vec!["f"]));
        assert_eq!(
            then(&["a", "b", "c", "d", "f"]),
            Some(vec!["f"]),
            "some came"
        );
        assert_eq!(then(&["a", "e", "f"]), Some(vec!["e", "f"]), "it went");
        assert_eq!(then(&["f", "d", "b"]), Some(vec!["b"]), "in another order");
        assert_eq!(then(&["f", "b"]), None, "and there it went");
        assert_eq!(page(&["b", "d"], None).and_then(|it| it.1), None);
        for bad in ["", "2", "x", "Yg"] {
            assert_eq!(page(&["b"], Some(bad)), None, "{bad}");
        }
    }
}
